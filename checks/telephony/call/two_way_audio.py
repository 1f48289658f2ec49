"""Two-way audio: who hears whom, asked again and again in one call, each time with fresh nonces.

Every challenge has a turn of its own, so that an answer to one is never taken for an answer to
another.
"""

from __future__ import annotations

import asyncio
import random

from checks.contract import Failed
from checks.telephony.audio import nonce
from checks.telephony.call.commands import in_time, stand
from checks.telephony.call.feature_steps import DECIDE_SECONDS, HEARING_SECONDS
from checks.telephony.call.leg import Phone


class Hearing:
    """Challenges for the phones of one attempt."""

    def __init__(self) -> None:
        self._random = random.SystemRandom()
        # Far from the turns that the agent's proof uses in the same call.
        self._turn = 100
        """far from those of whoever else challenges in the same call"""
        self.said: list[nonce.Nonce] = []
        """what was said so far"""

    async def both(
        self, one: Phone, other: Phone, within: float = HEARING_SECONDS
    ) -> tuple[bool, bool]:
        """Both speak at the same time; whether `other` heard `one`, and `one` heard `other`."""
        self._turn += 1
        ours, theirs = nonce.make(self._random), nonce.make(self._random)
        self.said += [ours, theirs]
        one.order("challenge", say=ours, expect=theirs, within=within, turn=self._turn)
        other.order("challenge", say=theirs, expect=ours, within=within, turn=self._turn)
        at_other, at_one = await asyncio.gather(
            self._heard(other, within), self._heard(one, within)
        )
        for phone in (one, other):
            phone.order("hush")
        return at_other, at_one

    async def speak(
        self, speaker: Phone, *listeners: Phone, within: float = HEARING_SECONDS
    ) -> list[bool]:
        """One says a nonce; whether each of the listeners heard it.

        Without listeners it is said for `within` seconds, for a recorder.
        """
        self._turn += 1
        words = nonce.make(self._random)
        self.said.append(words)
        speaker.order("challenge", say=words, turn=self._turn)
        for phone in listeners:
            phone.order("challenge", expect=words, within=within, turn=self._turn)
        if listeners:
            found = await asyncio.gather(*(self._heard(phone, within) for phone in listeners))
        # Without listeners it is said for a recorder, which needs the whole time.
        else:
            found = []
            await stand(speaker, within)
        speaker.order("hush")
        return list(found)

    async def _heard(self, phone: Phone, within: float) -> bool:
        names = ("challenge-heard", "challenge-not-heard", "no-media")
        told = await in_time(phone, *names, within=within + DECIDE_SECONDS, turn=self._turn)
        return told.name == "challenge-heard"


def hold_to(heard: tuple[bool, bool], one: str, other: str) -> None:
    """Both must have heard each other. Raises Failed."""
    at_other, at_one = heard
    if at_other and at_one:
        return
    if at_one:
        raise Failed(
            f"one-way-to-{other}",
            f"the {one} hears the {other}, the {other} does not hear the {one}",
        )
    if at_other:
        raise Failed(
            f"one-way-to-{one}", f"the {other} hears the {one}, the {one} does not hear the {other}"
        )
    raise Failed("dead-air", f"neither the {one} nor the {other} hears the other")
