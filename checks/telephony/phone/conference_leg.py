"""One call of a conference. Only for its child process (conference.py)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import pjsua2 as pj

from checks.telephony.audio.recording import Recording
from checks.telephony.phone.callbacks import DTMF
from checks.telephony.phone.engine_trouble import kept_by
from checks.telephony.phone.keypad import Keypad
from checks.telephony.sip.sdp_offer import with_usual_events


class InRoom(Protocol):
    """What a leg tells the conference."""

    broken: Exception | None
    folder: Path
    tell: Callable[..., None]

    @property
    def legs(self) -> Mapping[str, Leg]: ...
    def connect(self, leg: Leg) -> None: ...
    def join(self, leg: Leg) -> None: ...
    def leave(self, leg: Leg) -> None: ...


class Log(pj.LogWriter):  # type: ignore[misc]
    """Takes the engine's log, and throws it away: nothing in it is of use to anybody."""

    def write(self, entry: Any) -> None:
        """Nothing."""


kept = kept_by("room")


class Leg(pj.Call):  # type: ignore[misc]
    """One call of the conference."""

    def __init__(self, room: InRoom, account: Any, name: str, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.room, self.name = room, name
        self.sound: Any = None
        self.recording: Recording | None = None
        self.joined = self.over = self.is_link = self.is_caller = False
        self.collector: Collector | None = None
        self.digits = ""
        self.keypad: Keypad | None = None
        self.players: list[Any] = []
        self._recorder: Any = None

    @kept
    def onCallState(self, _parameter: Any) -> None:  # noqa: N802 - the engine's name
        info = self.getInfo()
        if info.state != pj.PJSIP_INV_STATE_DISCONNECTED or self.over:
            return
        self.over = True
        self.room.leave(self)
        self.room.tell(
            "leg-ended", leg=self.name, code=info.lastStatusCode, phrase=info.lastReason,
            answered=self.sound is not None,
        )  # fmt: skip

    @kept
    def onCallMediaState(self, _parameter: Any) -> None:  # noqa: N802
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self._hears(self.getAudioMedia(index))

    @kept
    def onCallSdpCreated(self, parameter: Any) -> None:  # noqa: N802
        if not parameter.remSdp.wholeSdp:
            parameter.sdp.wholeSdp = with_usual_events(parameter.sdp.wholeSdp)

    @kept
    def onDtmfDigit(self, parameter: Any) -> None:  # noqa: N802
        if parameter.method in DTMF.values():
            self.digits += parameter.digit

    @kept
    def onCallTransferRequest(self, parameter: Any) -> None:  # noqa: N802
        """Nobody in a conference has us call elsewhere: the engine would, unless it is refused."""
        parameter.statusCode, parameter.newCall = pj.PJSIP_SC_FORBIDDEN, None

    @kept
    def onCallReplaceRequest(self, parameter: Any) -> None:  # noqa: N802
        parameter.statusCode, parameter.newCall = pj.PJSIP_SC_FORBIDDEN, None

    def _hears(self, sound: Any) -> None:
        first, self.sound = self.sound is None, sound
        if self._recorder is None:
            path = self.room.folder / f".leg-{len(self.room.legs)}-{id(self)}.wav"
            self._recorder = pj.AudioMediaRecorder()
            self._recorder.createRecorder(str(path))
            self.recording = Recording(path, time.monotonic())
        sound.startTransmit(self._recorder)
        # After a re-INVITE the sound is a new port of the bridge.
        if self.joined:
            self.room.connect(self)
        if first:
            self.room.tell("leg-answered", leg=self.name)
        if self.is_link and not self.joined:
            self.room.join(self)


class Collector:
    """Waits for several keys in a row, as events (RFC 4733, INFO): a number that somebody knows."""

    def __init__(self, leg: Leg, order: Mapping[str, Any]) -> None:
        """The order: `count` keys at most, `within` seconds, and a `turn` that the answer
        repeats.
        """
        self._leg, self._order, self._began = leg, order, len(leg.digits)
        self._deadline = time.monotonic() + order["within"]

    def attend(self) -> bool:
        """Look at what has come; whether it is all there, or the time is up."""
        came, hash_, _ = self._leg.digits[self._began :].partition("#")
        whole = len(came) >= self._order["count"] or bool(hash_)
        if not whole and time.monotonic() < self._deadline and not self._leg.over:
            return False
        digits = came[: self._order["count"]]
        self._leg.room.tell("digits", leg=self._leg.name, digits=digits, turn=self._order["turn"])
        return True


class Ear:
    """What a keypad listens at: one leg, whose name its answers carry."""

    def __init__(self, leg: Leg, recording: Recording) -> None:
        self.recording = recording
        self.tell: Callable[..., None] = functools.partial(leg.room.tell, leg=leg.name)
