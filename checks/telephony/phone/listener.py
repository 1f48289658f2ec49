"""Listening in a call while it runs: for a prompt (prompt_listener.py), for a nonce, or for
whatever there is. Only for child processes.

What is there instead is told as a code: silent, comfort-noise,
wrong-prompt (it was X), unknown-prompt, not-heard (a part of it), and, after a press, dtmf-ignored
(the last prompt again, or silence still); false-answer:busy and the like (a tone of the network
after the answer, before anything else was heard), later tone:busy; fax, voicemail, music-on-hold,
frozen, looped, noise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from checks.telephony.audio import classification, examination, nonce, nonce_sound, prompt, sound
from checks.telephony.audio.recording import Recording
from checks.telephony.audio.sound import RATE
from checks.telephony.phone import prompt_naming
from checks.telephony.phone.prompt_listener import LAG_SECONDS, Prompt

if TYPE_CHECKING:
    from checks.telephony.phone.sip_watch import Tell

# The engine writes four times a second: reading more often finds nothing new.
_READ_EVERY_SECONDS = 0.05
# A prompt that was heard may end this much later than reckoned: jitter buffers stretch sound.
_TAIL = round(0.2 * RATE)
# Jitter buffers and the far end's own frames: what is on its way when a digit is pressed.
_BUFFERED = round(0.5 * RATE)
_BEFORE = 2 * RATE
# Less sound than this may be a click of the switch.
_SOME_SECONDS = 1.0
# Sound that may be an answer: speech (unknown), music, a voicemail's greeting.
_GOOD = ("unknown", "music", "voicemail")


class Listening(Protocol):
    """One thing that is listened for."""

    def attend(self) -> bool:
        """Look at what has come so far; whether it is decided."""


class Nonce:
    """Listening for the far side's nonce."""

    def __init__(self, ear: CallListener, order: Mapping[str, Any]) -> None:
        self._ear = ear
        self._turn: int = order.get("turn", 0)
        """which of several challenges of one call it is"""
        self._own, self._began = order.get("say"), time.monotonic()
        # Only what is heard from now on can be an answer to this challenge.
        self._listener = nonce_sound.Listener(
            order["expect"], ear.recording.position_at(self._began)
        )
        self._deadline = self._began + order["within"]

    def attend(self) -> bool:
        """Look at what has come; whether it was heard, or its time is up."""
        samples = self._ear.recording.samples
        if (found := self._listener.hear(samples)) is not None:
            self._ear.heard_to(len(samples), len(samples))
            self._ear.tell(
                "challenge-heard",
                began=self._ear.recording.time_of(found.position),
                turn=self._turn,
            )
            return True
        if time.monotonic() < self._deadline + LAG_SECONDS:
            return False
        best, instead = self._listener.best(), self._instead()
        self._ear.tell(
            "challenge-not-heard", best=best, of=nonce.LENGTH, turn=self._turn, instead=instead
        )
        return True

    def _instead(self) -> str | None:
        """Whose nonce came in its stead: our own ("echo"), or somebody else's ("another")."""
        begin, samples = self._ear.recording.position_at(self._began), self._ear.recording.samples
        # An echo is looked for first: our own nonce would also pass as somebody's.
        if self._own and nonce_sound.Listener(self._own, begin).hear(samples) is not None:
            return "echo"
        return "another" if self._listener.somebody() else None


class Sound:
    """Waiting for sound that is no tone of failure."""

    def __init__(self, ear: CallListener, order: Mapping[str, Any]) -> None:
        self._ear, self._order = ear, order
        self._deadline = time.monotonic() + order["within"]
        self._next_look = 0

    def attend(self) -> bool:
        """Whether there was some, or its time is up."""
        samples = self._ear.since_answer(self._order)
        over = time.monotonic() >= self._deadline + LAG_SECONDS
        # Classifying a growing recording is worth it four times a second.
        if not over and len(samples) < self._next_look:
            return False
        self._next_look = len(samples) + RATE // 4
        sounds = float(sound.active(samples).sum()) * sound.FRAME_SECONDS >= _SOME_SECONDS
        good = (
            sounds and classification.nature_of(samples, self._order.get("country")).kind in _GOOD
        )
        if good or over:
            self._ear.tell("sound", found=good)
        return good or over


class CallListener:
    """Reads the growing recordings and serves whoever is listening."""

    def __init__(self, tell: Tell, recording: Recording, said: Recording) -> None:
        self.tell, self.recording, self.said = tell, recording, said
        self.mark = 0
        """listen from here: what came before has been accounted for"""
        self.something_heard = False
        """whether a prompt or a nonce was"""
        self._quiet_from = self._over_at = 0
        """from here, what was heard before should be over"""
        self._listening: list[Listening] = []
        self._next_read = 0.0

    def listen_for(self, order: Mapping[str, Any]) -> None:
        """Begin to listen for a prompt: step, references (any will do), within, and what
        `what_is_heard` takes.
        """
        self._listening.append(Prompt(self, order))

    def listen_for_nonce(self, order: Mapping[str, Any]) -> None:
        """Begin to listen for a nonce: expect, within."""
        self._listening.append(Nonce(self, order))

    def listen_for_digits(self, digits: Listening) -> None:
        """Begin to listen for digits."""
        self._listening.append(digits)

    def await_sound(self, order: Mapping[str, Any]) -> None:
        """Begin to wait for sound: within, answered_at, country."""
        self._listening.append(Sound(self, order))

    def attend(self) -> bool:
        """Read on, and decide what can be decided; whether it was time to."""
        now = time.monotonic()
        if now < self._next_read:
            return False
        self._next_read = now + _READ_EVERY_SECONDS
        self.recording.refresh()
        self.said.refresh()
        self._listening = [one for one in self._listening if not one.attend()]
        return True

    def since_answer(
        self, order: Mapping[str, Any], side: Recording | None = None
    ) -> sound.Samples:
        """What was heard (or said) since the answer; all of it when there was none."""
        # Early media before the answer is another thing than what was answered.
        recording = side or self.recording
        answered = order.get("answered_at")
        return recording.samples[0 if answered is None else recording.position_at(answered) :]

    def examine(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The whole call so far, since the answer: what `examination.examine` finds."""
        return examination.examine(*self.so_far(order), order.get("country"))

    async def examine_beside(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What `examine` finds, computed in a thread: this one carries the call's packets."""
        # numpy lets the interpreter go: the loop serves packets meanwhile.
        return await asyncio.to_thread(
            examination.examine, *self.so_far(order), order.get("country")
        )

    def figures(self) -> dict[str, float]:
        """The measures of what was heard."""
        return examination.figures_of(*self.so_far({}))

    async def figures_beside(self) -> dict[str, float]:
        """The measures of what was heard, computed in a thread."""
        return await asyncio.to_thread(examination.figures_of, *self.so_far({}))

    def so_far(self, order: Mapping[str, Any]) -> tuple[sound.Samples, sound.Samples]:
        """What was heard and said since the answer, up to now."""
        self.recording.refresh()
        self.said.refresh()
        return self.since_answer(order), self.since_answer(order, self.said)

    def turn_page(self) -> None:
        """From now on only what comes now counts (a digit was pressed)."""
        self.mark = self.recording.position_at(time.monotonic())
        # What was said just before the digit may still be in the buffers; a prompt that is broken
        # off by it, and does not stop, is looked for by `_beyond`.
        self._quiet_from = min(max(self.mark, self._quiet_from), self.mark + _BUFFERED)

    def heard_to(self, position: int, over_at: int) -> None:
        """A prompt was recognised up to a position and should be over at another."""
        self.something_heard = True
        self.mark, self._over_at = position, over_at + _TAIL
        self._quiet_from = max(position, self._over_at)

    def what_is_heard(
        self, order: Mapping[str, Any], awaited: str, wanted: Collection[str] = ()
    ) -> tuple[str, str]:
        """A code and words for the sound since the last thing heard. The order may hold: previous
        (the prompt before a press), others (paths of known prompts), answered_at (monotonic) and
        country.
        """
        previous: str | None = order.get("previous")
        begin = self._beyond(previous)
        samples = self.recording.samples[begin:]
        # Silence after a digit: an IVR that did not take it waits for it still.
        if sound.is_silent(samples) and previous is not None and previous:
            if (begin - self._quiet_from) > RATE:
                text = f"{Path(previous).name} went on or came again after the digit"
                return "dtmf-ignored", text
            return "dtmf-ignored", "nothing new and then silence after the digit"
        known = [*order.get("others", ()), *([previous] if previous else [])]
        if not sound.is_silent(samples) and (name := prompt_naming.known(samples, known, wanted)):
            if previous and name == Path(previous).name:
                return "dtmf-ignored", f"{name} went on or came again after the digit"
            return "wrong-prompt", f"it was {name}, {awaited} awaited"
        answered = order.get("answered_at")
        if answered is not None:
            samples = samples[max(0, self.recording.position_at(answered) - begin) :]
        code, text = prompt_naming.named(
            samples, order.get("country"), answered is not None, self.something_heard
        )
        return code, f"{text}, {awaited} awaited"

    def _beyond(self, previous: str | None) -> int:
        """Where the prompt that a digit has broken off, or that came again, is over."""
        old = prompt_naming.readable(previous) if previous else None
        if old is None:
            return self._quiet_from
        # From before the digit on: the little that is left of a prompt is known by what it follows.
        begin = max(0, self.mark - _BEFORE)
        match = prompt.Hearing(old, begin).hear(self.recording.samples)
        if match.windows < 2 or match.ends <= self.mark:
            return self._quiet_from
        # A last word of less than a window belongs to it.
        ended = match.ends + prompt.WINDOW + _TAIL >= self._over_at
        return max(self._quiet_from, self._over_at if ended else match.ends + _TAIL)
