"""Handing a call over, and taking a third one in: with our own accounts at every end, so that all
of it can be heard.

    transferor             far end                    target (ours)
    (attended: hold, INVITE to the target, both hear each other)      stage consult
    REFER ------------------>                                         stage transfer
    <--------- 202, NOTIFY 100
                             INVITE or re-INVITE ------->  rings, is answered
    <--------- NOTIFY 200 (message/sipfrag, RFC 3515)
    the transferred side and the target hear each other

stage       fault codes
consult     sip:NNN, timeout, not-registered, not-rung, not-answered, dead-air, one-way-to-WHOM
transfer    sip:NNN (the REFER was refused, or the NOTIFY said so), timeout (no NOTIFY of the
            outcome), not-registered, not-rung, not-answered, dead-air, one-way-to-WHOM
conference  the same, and not-heard (who does not hear whom)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.commands import change, in_time, press
from checks.telephony.call.feature_steps import Conference, Transfer
from checks.telephony.call.leg import Event, Phone
from checks.telephony.call.legs import Legs
from checks.telephony.call.line import Line
from checks.telephony.call.two_way_audio import Hearing, hold_to

# A 2xx is repeated after 0.5, 1.5 and 3.5 s (RFC 3261 section 13.3.1.4): an ACK that is to come
# has come by then.
_ANSWER_SECONDS = 5.0
# RFC 3515 section 2.4.4: the final NOTIFY follows the answer of the referred call at once.
_NOTIFY_SECONDS = 5.0


class Handover:
    """Runs the steps `transfer` and `conference` between the phones of an attempt."""

    def __init__(self, trace: Trace, parties: Legs, hearing: Hearing) -> None:
        self._trace, self._parties, self._hearing = trace, parties, hearing

    # --- transfer

    async def transfer(
        self, step: Transfer, caller: Phone, agent: Phone | None
    ) -> tuple[Phone, Phone | None]:
        """Transfer one side; returns who talks afterwards, as caller and agent.

        Raises Failed, CannotTell.
        """
        by_agent = step.by == "agent"
        who, kept = (agent, caller) if by_agent else (caller, agent)
        if who is None:
            raise CannotTell("the agent's phone was not started")
        target, name = self._parties.legs[step.transfer.name], "agent" if by_agent else "call"
        uri = self._uri(name, step.to, step.transfer)
        consulted = await self._consult(step, who, target, name, uri) if step.attended else None
        with self._trace.stage("transfer"):
            self._must_be_registered(target, step.transfer)
            # Where only a proxy lies between, the REFER reaches our own phone at the other side.
            async with (
                self._following(kept, name, uri),
                self._following(target if consulted else None, name, None),
            ):
                await self._refer(step, who, target, uri, consulted)
            who.order("hang-up")
            await self._prove(kept, target, step, "caller" if by_agent else "agent")
        return (caller, target) if by_agent else (target, agent)

    async def _consult(
        self, step: Transfer, who: Phone, target: Phone, name: str, uri: str
    ) -> dict[str, str]:
        """Hold, call the target, talk; returns what names that call, for Replaces."""
        with self._trace.stage("consult"):
            self._must_be_registered(target, step.transfer)
            await change(who, "hold", "held", step.within)
            second = await self._parties.add("consultation", like=name)
            second.order("call", to=uri, headers={}, caller=None)
            await self._be_rung(target, step.within, step.transfer, second)
            await self._connected(second, target)
            hold_to(await self._hearing.both(second, target), "consultation", "target")
            since = len(second.events)
            second.order("control", what="identify")
            return {
                name: str(fact)
                for name, fact in (await in_time(second, "dialog", since=since)).facts.items()
            }

    async def _refer(
        self, step: Transfer, who: Phone, target: Phone, uri: str, consulted: dict[str, str] | None
    ) -> None:
        """Send the REFER, and await what becomes of it at both ends."""
        since, began = len(who.events), self._trace.elapsed()
        who.order("control", what="transfer", to=uri, replaces=consulted)
        # An attended transfer replaces a call that stands already (RFC 3891): nobody is rung.
        if not consulted:
            await self._be_rung(target, step.within, step.transfer, who, since)
            await self._answered(target)
        # A blind transfer was watched at the target: then only the NOTIFY is missing.
        within = _NOTIFY_SECONDS if not consulted else step.within
        outcome = await _outcome(who, within, since)
        if outcome is not None and outcome["code"] >= 300:
            raise Failed(f"sip:{outcome['code']}", f"transfer to {uri}: {outcome['phrase']}")
        if outcome is None and consulted:
            raise Failed(
                "timeout",
                f"no NOTIFY said within {within:g} s what became of the transfer to {uri}",
            )
        # The target is there and hears us: a missing NOTIFY is a breach of RFC 3515, not a failed
        # transfer.
        if outcome is None:
            self._trace.warning("the target was reached, but no NOTIFY said so (RFC 3515)")
        self._trace.measure("transfer_outcome_seconds", self._trace.elapsed() - began)

    async def _prove(self, kept: Phone | None, target: Phone, step: Transfer, whom: str) -> None:
        """The transferred side and the target hear each other; a far end that is not ours must at
        least be heard.
        """
        if kept is not None:
            hold_to(await self._hearing.both(kept, target), whom, "target")
            return
        try:
            await target.until("rtp-first", within=_ANSWER_SECONDS)
        except TimeoutError:
            raise Failed(
                "dead-air", f"{step.transfer.name!r} was reached, and no RTP came"
            ) from None

    # --- conference

    async def conference(self, step: Conference, caller: Phone, agent: Phone, dtmf: str) -> Phone:
        """Hold the conference; returns the agent's phone afterwards. Raises Failed, CannotTell."""
        third = self._parties.legs[step.conference.name]
        with self._trace.stage("conference"):
            self._must_be_registered(third, step.conference)
            if step.code:
                await self._by_code(step, agent, third, dtmf)
            else:
                agent = await self._by_room(step, caller, agent, third)
            await self._all_hear({"caller": caller, "agent": agent, "third": third})
        return agent

    async def _by_code(self, step: Conference, agent: Phone, third: Phone, dtmf: str) -> None:
        await press(agent, step.code or "", dtmf)
        await self._be_rung(third, step.within, step.conference, agent)
        await self._answered(third)

    async def _by_room(self, step: Conference, caller: Phone, agent: Phone, third: Phone) -> Phone:
        """The caller is transferred into the room; the agent and the third call it."""
        room = self._uri("agent", step.room, step.conference)
        async with self._following(caller, "agent", room):
            since = len(agent.events)
            agent.order("control", what="transfer", to=room)
            # RFC 4579: the caller is sent to the conference's own URI.
            outcome = await _outcome(agent, step.within, since)
        if outcome is None:
            raise Failed(
                "timeout", f"no NOTIFY said within {step.within:g} s that the caller is in {room}"
            )
        if outcome["code"] >= 300:
            raise Failed(f"sip:{outcome['code']}", f"transfer to {room}: {outcome['phrase']}")
        # The agent's phone is free again once the caller is in the room.
        agent.order("hang-up")
        second = await self._parties.add("agent-again", like="agent")
        for phone in (second, third):
            phone.order("call", to=room, headers={}, caller=None)
        for phone in (second, third):
            await self._connected(phone)
        return second

    async def _all_hear(self, phones: dict[str, Phone]) -> None:
        """Each in turn says a nonce, and each of the others must hear it."""
        deaf: list[str] = []
        for name, speaker in phones.items():
            listening = {other: phone for other, phone in phones.items() if other != name}
            heard = await self._hearing.speak(speaker, *listening.values())
            deaf += [
                f"the {one} does not hear the {name}"
                for one, ok in zip(listening, heard, strict=True)
                if not ok
            ]
        # A room in which nobody hears anybody is one fault, not six.
        if len(deaf) == len(phones) * (len(phones) - 1):
            raise Failed("dead-air", "nobody hears anybody")
        if deaf:
            raise Failed("not-heard", "; ".join(deaf))

    # --- the parts

    @asynccontextmanager
    async def _following(
        self, phone: Phone | None, like: str, uri: str | None
    ) -> AsyncIterator[None]:
        """Where nothing but a proxy lies between, the REFER reaches our own phone: while the block
        runs it goes with one to `uri`, and nowhere else; without `uri` another call may take it
        over.
        """
        if phone is None:
            yield
            return
        user, places = self._parties.accounts[like].place_of(uri) if uri else ("", ())
        phone.order("follow", user=user, places=places, taken_over=uri is None)
        await in_time(phone, "follows")
        try:
            yield
        finally:
            phone.order("stay-put")

    def _uri(self, like: str, number: str | None, line: Line) -> str:
        return self._parties.accounts[like].callee(number or line.user or line.name)

    @staticmethod
    def _must_be_registered(phone: Phone, line: Line) -> None:
        if phone.seen("registered") is None:
            raise Failed(
                "not-registered", f"{line.name!r} did not get registered before the call reached it"
            )

    @staticmethod
    async def _be_rung(
        target: Phone, within: float, line: Line, whose: Phone, since: int = 0
    ) -> None:
        """The target rings; a refusal told to whoever has it called ends the waiting."""
        # Two ends are watched: a refusal reaches the transferor, a ring reaches the target.
        bad = asyncio.ensure_future(_refused(whose, since))
        rung = asyncio.ensure_future(target.until("incoming", within=within))
        try:
            await asyncio.wait({bad, rung}, return_when=asyncio.FIRST_COMPLETED)
            await (bad if bad.done() and not rung.done() else rung)
        except TimeoutError:
            raise Failed("not-rung", f"{line.name!r} was not rung within {within:g} s") from None
        finally:
            for task in (bad, rung):
                task.cancel()
            await asyncio.gather(bad, rung, return_exceptions=True)

    @staticmethod
    async def _answered(target: Phone) -> None:
        target.order("answer", status=200)
        try:
            await target.until("answered", within=_ANSWER_SECONDS)
            await target.until("media", within=_ANSWER_SECONDS)
        except TimeoutError:
            raise Failed(
                "not-answered", f"the answer was not acknowledged within {_ANSWER_SECONDS:g} s"
            ) from None

    async def _connected(self, caller: Phone, target: Phone | None = None) -> None:
        if target is not None:
            await self._answered(target)
        try:
            await caller.until("answered", within=_ANSWER_SECONDS)
            await caller.until("media", within=_ANSWER_SECONDS)
        except TimeoutError:
            raise Failed("timeout", f"no answer within {_ANSWER_SECONDS:g} s") from None


async def _refused(phone: Phone, since: int) -> None:
    """Raises Failed when a transfer, or a call, of this phone comes to nothing; else never ends. A
    far end may hang up as soon as it has taken the REFER.
    """
    while True:
        status = await _or_ended(phone, since)
        if status is None:
            # The far end hung up after the REFER, as the call flows of RFC 5589 do: only the
            # target can tell now.
            await asyncio.Event().wait()
        elif status["code"] >= 300:
            raise Failed(f"sip:{status['code']}", f"transfer: {status['phrase']}")
        else:
            since = phone.events.index(status) + 1


async def _or_ended(phone: Phone, since: int) -> Event | None:
    """The next status of a transfer; None when the far end hung up instead. Raises Failed for a
    call that fails.
    """
    told = await phone.until(
        "transfer-status", "control-failed", "far-bye", within=86400.0, since=since
    )
    if told.name == "control-failed":
        raise CannotTell(f"engine error: {told['command']}: {told['text']}")
    return told if told.name == "transfer-status" else None


async def _outcome(phone: Phone, within: float, since: int) -> Event | None:
    """The final NOTIFY, or the REFER's refusal; None when none came in time, or the far end hung up
    first.
    """
    try:
        return await phone.until("transfer-status", within=within, since=since, final=True)
    except TimeoutError:
        return None
    # A BYE may overtake the NOTIFY.
    except Failed:
        return phone.seen("transfer-status", since=since, final=True)
