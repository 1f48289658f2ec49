"""Listening for the digits that the far side sends: as events (RFC 4733) or as sound (ITU-T
Q.23).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from checks.telephony.audio.dtmf import Tones
from checks.telephony.phone.listener import CallListener


class Digits:
    """Listening for digits of the far side: events, as `events()` gives all that came so far, or
    tones.
    """

    def __init__(
        self, ear: CallListener, order: Mapping[str, Any], events: Callable[[], str]
    ) -> None:
        self._ear, self._order, self._events = ear, order, events
        # Digits of earlier steps must not count for this one.
        self._began = len(events())
        self._tones = Tones(ear.recording.position_at(time.monotonic()))
        self._deadline = time.monotonic() + order["within"]

    def attend(self) -> bool:
        """Look at what has come; whether the digits were heard, or their time is up."""
        expected: str = self._order["expect"]
        told = {
            "as events": self._events()[self._began :],
            "as tones": self._tones.hear(self._ear.recording.samples),
        }
        # Contained, not equal: a tone of the far end may be read as a digit before ours begins.
        how = next((how for how, digits in told.items() if expected in digits), None)
        if how is None and time.monotonic() < self._deadline:
            return False
        if how is None:
            self._ear.tell("digits-not-heard", got=max(told.values(), key=len)[-40:])
        # The longer of both shows best what was lost.
        else:
            self._ear.heard_to(len(self._ear.recording.samples), len(self._ear.recording.samples))
            self._ear.tell("digits-heard", how=how)
        return True
