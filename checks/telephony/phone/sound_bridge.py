"""The sound of a telephone on pjsua2: players say WAV files into the call, recorders keep what is
heard and said. Only for the child process of a call leg.
"""

from __future__ import annotations

import time
import wave
from pathlib import Path
from typing import Any

import pjsua2 as pj

from checks.telephony.phone.call_control import Changing


class Sounding(Changing):
    """The part of a handset that says and hears. `media_at` is when the recordings began
    (monotonic seconds).
    """

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__()
        self.heard_file, self.said_file = (
            folder / f".{name}-heard.wav",
            folder / f".{name}-said.wav",
        )
        self._silence_file = folder / f".{name}-silence.wav"
        self.media_at: float | None = None
        self._said: Any = None
        self._heard: Any = None

    @property
    def has_media(self) -> bool:
        """Whether sound can be said and heard."""
        return self._sound is not None and not self.ended

    def play(self, path: Path, again: bool) -> None:
        """Say a WAV into the call, once or over and over."""
        self._players.append(self._player(path, again))
        # Muted: the recording holds what would have been said, the call does not get it.
        for sink in (self._said,) if self._muted else (self._said, self._sound):
            self._players[-1].startTransmit(sink)

    def hush(self) -> None:
        """Stop everything that is being played but the silence."""
        # The first player is the silence, which keeps both recordings going.
        for player in self._players[1:]:
            for sink in (self._sound, self._said):
                player.stopTransmit(sink)
        del self._players[1:]

    def _connect_sound(self) -> None:
        """Connect a call that has sound (again) with its recorder and its players."""
        # A resumed call goes on in the same recording.
        if self._heard is None:
            self._begin_recording()
        self._sound.startTransmit(self._heard)
        for player in self._players[: 1 if self._muted else None]:
            player.startTransmit(self._sound)

    def _begin_recording(self) -> None:
        self._heard, self._said = pj.AudioMediaRecorder(), pj.AudioMediaRecorder()
        self._heard.createRecorder(str(self.heard_file))
        self._said.createRecorder(str(self.said_file))
        self.media_at = time.monotonic()
        _write_silence(self._silence_file)
        self._players.append(self._player(self._silence_file, again=True))
        # The silence makes both recordings go on while a call is on hold.
        for sink in (self._said, self._heard):
            self._players[0].startTransmit(sink)

    @staticmethod
    def _player(path: Path, again: bool) -> Any:
        player = pj.AudioMediaPlayer()
        player.createPlayer(str(path), 0 if again else pj.PJMEDIA_FILE_NO_LOOP)
        return player


def _write_silence(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        # One second, which the player repeats.
        file.writeframes(bytes(2 * 8000))
