"""What one listens for in a call while it runs: a prompt, a nonce, or simply what there is. Only for child processes.

A prompt is decided as soon as enough of it was heard, else when its time is up; one that has begun in time is let
speak. What is there instead is told as a code: silent, wrong-prompt (it was X), unknown-prompt, not-heard (a part of
it), and, after a press, dtmf-ignored (the last prompt again, or silence still).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.telephony import challenge, nonce, prompt, sound, tones
from checks.telephony.recording import Recording
from checks.telephony.sound import RATE

if TYPE_CHECKING:
    from checks.telephony.handset import Tell  # not at run time: other engines than pjsua2 have an ear too

_LAG_SECONDS = 0.35
"""how far the recording may be behind the call"""
_READ_EVERY_SECONDS = 0.05
_TAIL = round(0.2 * RATE)
"""a prompt that was heard may end this much later than reckoned"""
_SOME = 0.25


@lru_cache(maxsize=32)
def reference(path: str) -> prompt.Reference:
    """A prompt to look for, read once. Raises OSError, ValueError, wave.Error."""
    return prompt.Reference.read(Path(path))


class Prompt:
    """Listening for one prompt."""

    def __init__(self, ear: Ear, order: Mapping[str, Any]) -> None:
        self._ear, self._order = ear, order
        self._reference = reference(order["reference"])
        self._hearing = prompt.Hearing(self._reference, ear.mark)
        self._began = time.monotonic()
        self._deadline = self._began + order["within"]

    def attend(self) -> bool:
        """Whether it is decided."""
        match = self._hearing.hear(self._ear.recording.samples)
        begins = self._ear.recording.time_of(match.begins)
        if match.whole and begins <= self._deadline:
            self._ear.heard_to(match.ends, match.begins + self._reference.length)
            self._ear.tell("heard", step=self._order["step"], seconds=max(0.0, begins - self._began), **_figures(match))
            return True
        if time.monotonic() < self._deadline + _LAG_SECONDS or self._under_way(match):
            return False
        code, text = self._instead(match)
        self._ear.tell("not-heard", step=self._order["step"], code=code, text=text, **_figures(match))
        return True

    def _under_way(self, match: prompt.Match) -> bool:
        """It began in time, was there until a moment ago, and may still be saying the rest."""
        recording = self._ear.recording
        recent = len(recording.samples) - match.ends < 1.5 * RATE
        last = recording.time_of(match.begins + self._reference.length) + 1.0
        return match.windows >= 2 and recent and time.monotonic() < last

    def _instead(self, match: prompt.Match) -> tuple[str, str]:
        code, text = self._ear.what_is_there(
            self._order.get("previous"), self._order.get("others", ()), self._reference.name
        )
        if code == "unknown-prompt" and match.coverage >= _SOME:
            return "not-heard", f"only {match.coverage:.0%} of {self._reference.name}"
        return code, text


class Nonce:
    """Listening for the far side's nonce."""

    def __init__(self, ear: Ear, order: Mapping[str, Any]) -> None:
        self._ear = ear
        self._listener = challenge.Listener(order["expect"], ear.recording.position_at(time.monotonic()))
        self._deadline = time.monotonic() + order["within"]

    def attend(self) -> bool:
        """Whether it is decided."""
        samples = self._ear.recording.samples
        if (found := self._listener.hear(samples)) is not None:
            self._ear.heard_to(len(samples), len(samples))
            self._ear.tell("challenge-heard", began=self._ear.recording.time_of(found))
            return True
        if time.monotonic() < self._deadline + _LAG_SECONDS:
            return False
        self._ear.tell("challenge-not-heard", best=self._listener.best(), of=nonce.LENGTH)
        return True


class Ear:
    """Reads the growing recordings and serves whoever is listening."""

    def __init__(self, tell: Tell, recording: Recording, said: Recording) -> None:
        self.tell, self.recording, self.said = tell, recording, said
        self.mark = 0
        """listen from here: what came before has been accounted for"""
        self._quiet_from = 0
        """from here, what was heard before should be over"""
        self._listening: list[Prompt | Nonce] = []
        self._next_read = 0.0

    def listen_for(self, order: Mapping[str, Any]) -> None:
        """Begin to listen for a prompt: step, reference, within, others, previous (the last prompt, after a press)."""
        self._listening.append(Prompt(self, order))

    def listen_for_nonce(self, order: Mapping[str, Any]) -> None:
        """Begin to listen for a nonce: expect, within."""
        self._listening.append(Nonce(self, order))

    def attend(self) -> None:
        """Read on, and decide what can be decided."""
        now = time.monotonic()
        if now < self._next_read:
            return
        self._next_read = now + _READ_EVERY_SECONDS
        self.recording.refresh()
        self.said.refresh()
        self._listening = [one for one in self._listening if not one.attend()]

    def turn_page(self) -> None:
        """From now on only what comes now counts (a digit was pressed)."""
        self.mark = self.recording.position_at(time.monotonic())
        self._quiet_from = max(self.mark, self._quiet_from)

    def heard_to(self, position: int, over_at: int) -> None:
        """A prompt was recognised up to a position and should be over at another."""
        self.mark, self._quiet_from = position, max(position, over_at + _TAIL)

    def what_is_there(self, previous: str | None, others: tuple[str, ...], wanted: str) -> tuple[str, str]:
        """A code and words for the sound since the last thing heard."""
        samples = self.recording.samples[self._quiet_from :]
        if sound.is_silent(samples):
            if previous:
                return "dtmf-ignored", "nothing new and then silence after the digit"
            return "silent", f"no sound for {len(samples) / RATE:.1f} s, {wanted} awaited"
        known = [*others, *([previous] if previous else [])]
        references = [reference(path) for path in dict.fromkeys(known) if Path(path).name != wanted]
        name = prompt.closest(samples, 0, references)
        if name is not None and previous and name == Path(previous).name:
            return "dtmf-ignored", f"{name} went on or came again after the digit"
        if name is not None:
            return "wrong-prompt", f"it was {name}, {wanted} awaited"
        return "unknown-prompt", f"{_described(samples)}, {wanted} awaited"


def _described(samples: sound.Samples) -> str:
    level = sound.active_level_dbm0(samples)
    if frequencies := tones.tone_in(samples):
        return f"{tones.in_words(frequencies)} at {level:.0f} dBm0"
    if (frozen := sound.frozen_seconds(samples)) >= 0.5:
        return f"one 20 ms frame repeated for {frozen:.1f} s"
    return f"sound at {level:.0f} dBm0 that is none of the script's prompts"


def _figures(match: prompt.Match) -> dict[str, float]:
    return {"coverage": round(match.coverage, 3), "score": round(match.score, 3)}
