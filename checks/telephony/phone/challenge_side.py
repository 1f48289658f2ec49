"""One side of a challenge, in the process of a call leg.

It says its nonce and its digits, and listens for the other side's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from checks.telephony.audio.dtmf import sound_of as sound_of_digits
from checks.telephony.audio.nonce_sound import sound_of
from checks.telephony.audio.sound import write_wav
from checks.telephony.phone.digits_listener import Digits
from checks.telephony.phone.handset import Handset
from checks.telephony.phone.keypad import Keypad
from checks.telephony.phone.listener import CallListener
from checks.telephony.phone.timing import Stopwatch


class Side:
    """Of a call that has sound. `stopwatch` wants to look every millisecond while it is there."""

    def __init__(
        self, handset: Handset, ear: CallListener, tell: Callable[..., None], scratch: Path
    ) -> None:
        """`scratch`: what the names of its files begin with."""
        self._handset, self._ear, self._tell, self._scratch = handset, ear, tell, scratch
        self.stopwatch: Stopwatch | None = None

    def challenge(self, command: dict[str, Any]) -> None:
        """Say a nonce, listen for one, or both; `timed` tells when both were."""
        if "say" in command:
            path = self._path("nonce")
            write_wav(path, sound_of(command["say"]))
            # The nonce repeats until it is hushed: the other side may begin to listen at any
            # moment.
            self._handset.play(path, again=True)
        if "expect" in command:
            self._ear.listen_for_nonce(command)
        if command.get("timed"):
            ear, buffered_ms = self._ear, self._handset.buffered_ms
            self.stopwatch = Stopwatch(command, ear.said, ear.recording, buffered_ms, self._tell)

    def await_digits(self, command: dict[str, Any]) -> None:
        """Listen for the other's digits: expect, within."""
        handset = self._handset
        self._ear.listen_for_digits(Digits(self._ear, command, lambda: handset.digits))

    def await_key(self, command: dict[str, Any]) -> None:
        """Wait for a key that a person presses: keys, within, turn."""
        handset = self._handset
        self._ear.listen_for_digits(Keypad(self._ear, command, lambda: handset.digits))

    def press(self, digits: str, method: str) -> None:
        """Send DTMF as events, or as tones ("in-band"). Raises pjsua2.Error."""
        if method != "in-band":
            self._handset.press(digits, method)
            return
        path = self._path("digits")
        write_wav(path, sound_of_digits(digits))
        # Digits are said once: a repeated digit would be a second one.
        self._handset.play(path, again=False)

    def attend(self) -> None:
        """Once the recordings were read on."""
        if self.stopwatch is not None and self.stopwatch.attend():
            self.stopwatch = None

    def _path(self, what: str) -> Path:
        return self._scratch.with_name(f"{self._scratch.name}-{what}.wav")
