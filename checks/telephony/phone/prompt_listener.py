"""Listening for one prompt in a call while it runs. Only for child processes.

A prompt is decided as soon as enough of it was heard, or at its end where that is wanted; else when
its time is up. One that has begun in time may go on to its end.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from checks.telephony.audio import prompt, sound
from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import RATE
from checks.telephony.phone import prompt_naming

if TYPE_CHECKING:
    from checks.telephony.phone.sip_watch import Tell

# How far the recording may be behind the call: the engine writes 4096 bytes, 256 ms, at a time.
LAG_SECONDS = 0.35
# A quarter of the prompt is no chance: then it was cut short, not another.
_SOME = 0.25
# Of the end of a prompt: a packet that is lost there takes two windows with it.
_LAST_SECONDS = 0.6
# What jitter buffers and the recording's own lag add to a prompt's length.
_LATE_SECONDS = 1.5


class Ear(Protocol):
    """Who hears the call: listener.py."""

    tell: Tell
    recording: Recording
    mark: int

    def heard_to(self, position: int, over_at: int) -> None: ...
    def what_is_heard(
        self, order: Mapping[str, Any], awaited: str, wanted: Collection[str] = ()
    ) -> tuple[str, str]: ...


class Prompt:
    """Listening for one prompt."""

    def __init__(self, ear: Ear, order: Mapping[str, Any]) -> None:
        self._ear, self._order = ear, order
        self._hearings = [
            prompt.Hearing(prompt_naming.reference(path), ear.mark)
            for path in order.get("references") or [order["reference"]]
        ]
        self._began = time.monotonic()
        self._deadline = self._began + order["within"]

    def attend(self) -> bool:
        """Look at what has come; whether it was heard, or its time is up."""
        matches = [hearing.hear(self._ear.recording.samples) for hearing in self._hearings]
        best = max(
            range(len(matches)), key=lambda index: (matches[index].whole, matches[index].coverage)
        )
        match, heard = matches[best], self._hearings[best].reference
        begins = self._ear.recording.time_of(match.begins)
        # A prompt that began in time counts, however long it is.
        if match.whole and begins <= self._deadline:
            return self._heard(match, heard, begins)
        # The deadline has a lag: the recording is behind the call.
        if time.monotonic() < self._deadline + LAG_SECONDS or self._under_way(match, heard):
            return False
        code, text = self._instead(match, heard)
        self._tell("not-heard", match, heard, code=code, text=text)
        return True

    def _heard(self, match: prompt.Match, heard: prompt.Reference, begins: float) -> bool:
        recording = self._ear.recording
        over = time.monotonic() > recording.time_of(match.begins + heard.length) + _LATE_SECONDS
        missing = (heard.sounds_to - match.reached) / RATE
        if self._order.get("to_the_end") and missing > _LAST_SECONDS:
            if not over:
                return False
            text = f"{heard.name} broke off {missing:.1f} s before its end"
            self._tell("not-heard", match, heard, code="broken-off", text=text)
            return True
        self._ear.heard_to(match.ends, match.begins + heard.length)
        waited = max(0.0, begins - self._began)
        level = sound.active_level_dbm0(recording.samples[max(0, match.begins) : match.ends])
        self._tell("heard", match, heard, seconds=waited, began=begins, level_dbm0=round(level, 1))
        return True

    def _tell(self, event: str, match: prompt.Match, heard: prompt.Reference, **facts: Any) -> None:
        figures = {"coverage": round(match.coverage, 3), "score": round(match.score, 3)}
        self._ear.tell(event, step=self._order["step"], reference=heard.name, **facts, **figures)

    def _under_way(self, match: prompt.Match, heard: prompt.Reference) -> bool:
        """It began in time, was there until a moment ago, and may still be saying the rest."""
        recording = self._ear.recording
        # A pause within a prompt may last a second; 1.5 s without a hit, and it is over.
        recent = len(recording.samples) - match.ends < 1.5 * RATE
        last = recording.time_of(match.begins + heard.length) + 1.0
        return match.windows >= 2 and recent and time.monotonic() < last

    def _instead(self, match: prompt.Match, heard: prompt.Reference) -> tuple[str, str]:
        wanted = [hearing.reference.name for hearing in self._hearings]
        code, text = self._ear.what_is_heard(self._order, " or ".join(wanted), wanted)
        if code == "unknown-prompt" and match.coverage >= _SOME:
            return "not-heard", f"only {match.coverage:.0%} of {heard.name}"
        return code, text
