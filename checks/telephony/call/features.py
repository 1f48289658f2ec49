"""Call control in a call that stands: each feature used as an agent would, and proven at the other
side's ear.

stage      fault codes
on-hold    timeout, sip:NNN, no-music, not-silent, still-heard            the re-INVITE, and what
           the other hears
resume     timeout, sip:NNN, one-way-to-WHOM, dead-air
mute       still-heard, one-way-to-WHOM      unmute   one-way-to-WHOM, dead-air
dtmf       digits-lost, digits-differ, no-telephone-event
caller-id  wrong-caller-id, no-caller-id
consult, transfer, conference                                             see transfer.py
in all     early-hang-up, not-done (our own engine could not)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.commands import change, in_time, press, stand
from checks.telephony.call.feature_steps import (
    CallerId,
    Collect,
    Conference,
    Feature,
    Mute,
    OnHold,
    Transfer,
)
from checks.telephony.call.leg import Phone
from checks.telephony.call.legs import Legs
from checks.telephony.call.transfer import Handover
from checks.telephony.call.two_way_audio import Hearing, hold_to
from checks.telephony.sip.caller_id import is_it, number_of

# Until what was said before has left the jitter buffers at both ends.
_SETTLE_SECONDS = 0.6
# For one digit to be sent (160 ms, with its pause) and taken.
_KEY_SECONDS = 0.3
# Of the time on hold that music sounds, at the least: music on hold has pauses, and announcements
# between.
_ACTIVE_SHARE = 0.3


@dataclass(slots=True)
class Talkers:
    """Who is in the talk just now, on our side of the world; a transfer changes it."""

    caller: Phone
    agent: Phone | None

    def of(self, by: str) -> tuple[Phone, Phone | None, str, str]:
        """Who acts, the other side, and the names of both. Raises CannotTell."""
        if by == "caller":
            return self.caller, self.agent, "caller", "agent"
        if self.agent is None:
            raise CannotTell("the agent's phone was not started")
        return self.agent, self.caller, "agent", "caller"


class Features:
    """Runs the steps of call control, and proves each of them."""

    def __init__(self, trace: Trace, parties: Legs, dtmf: str) -> None:
        """`dtmf` is how digits are sent where a step does not say it."""
        self._trace, self._parties, self._dtmf = trace, parties, dtmf
        self.hearing = Hearing()

    async def take(self, step: Feature, talkers: Talkers) -> None:
        """Do what the step says, and prove it. Raises Failed, CannotTell."""
        try:
            await self._take(step, talkers)
        except Failed as fault:
            # A phone of ours that died says nothing of the far end.
            for name, phone in self._parties.legs.items():
                if phone.broken is not None:
                    raise CannotTell(
                        f"engine error: {name}: {phone.broken}; it saw {fault}"
                    ) from fault
            raise

    async def _take(self, step: Feature, talkers: Talkers) -> None:
        match step:
            case OnHold():
                await self._on_hold(step, talkers)
            case Mute():
                await self._mute(step, talkers)
            case Collect():
                await self._digits(step, talkers)
            case CallerId():
                self._caller_id(step, talkers)
            case Transfer():
                handover = Handover(self._trace, self._parties, self.hearing)
                talkers.caller, talkers.agent = await handover.transfer(
                    step, talkers.caller, talkers.agent
                )
            case Conference() if talkers.agent is not None:
                handover = Handover(self._trace, self._parties, self.hearing)
                talkers.agent = await handover.conference(
                    step, talkers.caller, talkers.agent, self._dtmf
                )

    # --- hold

    async def _on_hold(self, step: OnHold, talkers: Talkers) -> None:
        holder, other, who, whom = talkers.of(step.by)
        with self._trace.stage("on-hold"):
            held = await change(holder, "hold", "held", step.within)
            # RFC 3264 section 8.4: the answer to sendonly is recvonly, or inactive; some PBXs
            # answer sendrecv all the same.
            self._trace.note(f"on hold: the far end answered {held['far_direction']}")
            if other is None:
                await stand(holder, step.on_hold)
            else:
                await self._held(step, holder, other, f"the {whom}", held.at)
        with self._trace.stage("resume"):
            await change(holder, "resume", "media", step.within)
            if other is not None:
                hold_to(await self.hearing.both(holder, other), who, whom)

    async def _held(self, step: OnHold, holder: Phone, other: Phone, whom: str, at: float) -> None:
        """What the other hears, and that the holder does not hear the other any more. Monotonic
        time is the same in every process, so `at` of the one phone counts for the other.
        """
        began = self._trace.elapsed()
        await stand(other, min(_SETTLE_SECONDS, step.on_hold / 3))
        # The holder must not hear the other: a PBX that keeps bridging would let the customer
        # overhear.
        (heard,) = await self.hearing.speak(other, holder, within=max(1.5, step.on_hold / 2))
        await stand(other, max(0.0, step.on_hold - (self._trace.elapsed() - began)))
        since = len(other.events)
        # What was said before the hold still stands in the jitter buffer of the other side.
        other.order("sample", since=at + _SETTLE_SECONDS)
        found = await in_time(other, "sampled", "no-media", since=since)
        words = f"{whom} heard, while on hold: {found.facts.get('words', 'nothing')}"
        self._trace.note(words)
        if heard:
            raise Failed(
                "still-heard", f"{whom} is still heard by the one who has put the call on hold"
            )
        sounds = (
            found.facts.get("active_seconds", 0.0)
            >= _ACTIVE_SHARE * found.facts.get("seconds", 0.0)
            > 0
        )
        if step.hears == "music" and not sounds:
            raise Failed("no-music", words)
        if step.hears == "silence" and sounds:
            raise Failed("not-silent", words)

    # --- mute

    async def _mute(self, step: Mute, talkers: Talkers) -> None:
        speaker, other, who, whom = talkers.of(step.by)
        if other is None:
            raise CannotTell("there is nobody of ours at the other side to hear it")
        with self._trace.stage("mute"):
            await self._switch(step, speaker, on=True)
            at_other, at_speaker = await self.hearing.both(speaker, other, within=step.mute)
            # A mute that also cuts the other direction would look like a dead call to the agent.
            if at_other:
                raise Failed(
                    "still-heard", f"the {who} is muted, and the {whom} still hears the {who}"
                )
            if not at_speaker:
                raise Failed(
                    f"one-way-to-{whom}", f"the {who} is muted, and does not hear the {whom} either"
                )
        with self._trace.stage("unmute"):
            await self._switch(step, speaker, on=False)
            hold_to(await self.hearing.both(speaker, other), who, whom)

    async def _switch(self, step: Mute, speaker: Phone, on: bool) -> None:
        if step.code:
            # A feature code is heard by the platform: its answer is the silence that follows.
            await press(speaker, step.code, self._dtmf)
            await stand(speaker, _KEY_SECONDS * len(step.code) + _SETTLE_SECONDS)
            return
        since = len(speaker.events)
        speaker.order("control", what="mute", on=on)
        await in_time(speaker, "muted" if on else "unmuted", since=since)
        await stand(speaker, _SETTLE_SECONDS)

    # --- digits and numbers

    async def _digits(self, step: Collect, talkers: Talkers) -> None:
        sender, receiver, _, whom = talkers.of(step.by)
        if receiver is None:
            raise CannotTell("there is nobody of ours at the other side to receive digits")
        with self._trace.stage("dtmf"):
            since = len(receiver.events)
            method = step.method or self._dtmf
            await press(sender, step.collect, method)
            try:
                async with asyncio.timeout(_KEY_SECONDS * len(step.collect) + step.within):
                    # RFC 4733 section 2.5.1.4: the end packet is sent three times; a switch that
                    # counts each makes one digit three.
                    while len(digits_since(receiver, since)) < len(step.collect):
                        await stand(receiver, 0.05)
            except TimeoutError:
                came = digits_since(receiver, since)
                code = "digits-differ" if came else "digits-lost"
                raise Failed(
                    code, f"the {whom} received {came or 'none'} of {step.collect} ({method})"
                ) from None
            # A digit that arrives twice arrives late: the end of the event is repeated.
            await stand(receiver, _KEY_SECONDS)
            if (came := digits_since(receiver, since)) != step.collect:
                raise Failed(
                    "digits-differ",
                    f"the {whom} received {came} instead of {step.collect} ({method})",
                )

    def _caller_id(self, step: CallerId, talkers: Talkers) -> None:
        if talkers.agent is None:
            raise CannotTell("the agent's phone was not started")
        with self._trace.stage("caller-id"):
            check_caller_id(self._trace, step.caller_id, step.header, talkers.agent)


def check_caller_id(trace: Trace, expected: str, header: str, called: Phone) -> None:
    """Whether a phone that was called was shown the right number. Raises Failed."""
    rung = called.seen("incoming")
    shown: dict[str, list[str]] = rung.facts.get("identities", {}) if rung else {}
    # RFC 3325: a trusted network asserts the identity, whatever From shows; Remote-Party-ID is its
    # older draft.
    names = (
        ("p-asserted-identity", "remote-party-id", "from") if header == "presented" else (header,)
    )
    name = next((name for name in names if shown.get(name)), None)
    if name is None:
        raise Failed("no-caller-id", f"no {' nor '.join(names)} header")
    numbers = [number_of(value) for value in shown[name]]
    trace.note(f"caller ID: {', '.join(number or 'none' for number in numbers)} in {name}")
    if not any(is_it(number, expected) for number in numbers):
        raise Failed(
            "wrong-caller-id",
            f"{name} shows {', '.join(map(repr, numbers))}, expected {expected!r}",
        )


def digits_since(phone: Phone, since: int) -> str:
    """The digits that came after the first `since` events."""
    return "".join(event["digit"] for event in phone.events[since:] if event.name == "dtmf")
