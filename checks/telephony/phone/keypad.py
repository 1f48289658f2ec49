"""Waiting for a person to press a key: as an event (RFC 4733, INFO) or as sound (ITU-T Q.23). Only
for child processes.

A key that is taken for pressed acknowledges a ticket, so that nothing but a key may pass for one: a
greeting of an answering machine must not (ITU-T Q.24 calls that talk-off).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from checks.telephony.audio.dtmf import Tones
from checks.telephony.audio.recording import Recording

# A finger rests on a key for 100 ms and more. Of 9 windows with a step of 10 ms the tone fills 90
# ms at least, with hardly anything beside it: speech holds no two tones so clean for so long.
_WINDOWS, _PURE = 9, 0.85


class Ear(Protocol):
    """Where a person is listened to: a call's listener, or a leg of a conference."""

    @property
    def recording(self) -> Recording: ...
    @property
    def tell(self) -> Callable[..., None]: ...


class Keypad:
    """Waiting for the first of some keys, from now on; `events()` gives all events that came so
    far.
    """

    def __init__(self, ear: Ear, order: Mapping[str, Any], events: Callable[[], str]) -> None:
        """The order: `keys` that count, `within` seconds, and a `turn` that the answer repeats."""
        self._ear, self._order, self._events = ear, order, events
        self._began = len(events())
        begin = ear.recording.position_at(time.monotonic())
        self._tones = Tones(begin, least_windows=_WINDOWS, pure=_PURE)
        self._deadline = time.monotonic() + order["within"]

    def attend(self) -> bool:
        """Look at what has come; whether one was pressed, or its time is up."""
        ways = {
            "as an event": self._events()[self._began :],
            "as a tone": self._tones.hear(self._ear.recording.samples),
        }
        for how, digits in ways.items():
            # Another key is a slip of the finger: the one that counts may follow.
            if pressed := next((one for one in digits if one in self._order["keys"]), ""):
                self._ear.tell("key", digit=pressed, how=how, turn=self._order["turn"])
                return True
        if time.monotonic() < self._deadline:
            return False
        self._ear.tell("no-key", turn=self._order["turn"])
        return True
