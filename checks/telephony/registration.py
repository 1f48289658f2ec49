"""Does the registrar take a line's account? REGISTER with digest, and away again (RFC 3261 section
10).

    > REGISTER sip:sip.example.net SIP/2.0     CSeq: 1 REGISTER
    >                                          Contact: <sip:monitor@192.0.2.7:49152>
    < SIP/2.0 401 Unauthorized                 WWW-Authenticate: Digest realm="sip.example.net",
    <                                            nonce="5f…"
    > REGISTER sip:sip.example.net SIP/2.0     CSeq: 2 REGISTER
    >                                          Authorization: Digest username="monitor", …
    < SIP/2.0 200 OK                           Contact: <sip:monitor@192.0.2.7:49152>;expires=60
    > REGISTER …  Expires: 0                   and the registration is gone again
    < SIP/2.0 403 Forbidden                    fault sip:403 in the stage "register"

Rules: a 200 without our Contact, or for no seconds, is no registration ("not-bound"); on its way
through a NAT the Contact may have got another host and port (sip/bindings.py). While it lasts, a
call to the account would ring here and not be answered: milliseconds, unless `keep`. Other phones
of the account are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Self

from pydantic import Field, model_validator
from sipmessage import Response

from checks.contract import Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.telephony.call.account_registration import Registration, is_success, target_of
from checks.telephony.call.line import Line, LineName
from checks.telephony.sip.bindings import Bindings
from checks.telephony.sip.failover import PASSED_OVER, in_turn
from checks.telephony.sip.transaction import Conversation, refusal, said
from checks.transport.faults import far_faults


class SipRegistration(Check):
    """Registers a line's account at its registrar, and takes the registration away again."""

    KIND: ClassVar[str] = "sip-registration"
    LAYER: ClassVar[Layer] = Layer.LINE
    DUTY: ClassVar[Duty] = "trunks"
    SAMPLE: ClassVar[str] = """
[checks.trunk-account]
kind = "sip-registration"
every = "15m"
line = "trunk-a"
"""

    line: LineName
    """name of the line whose account is registered; it has a user"""
    lasting: Duration = Field(default=60.0, ge=1)
    """how long a registration is asked for"""
    keep: bool = False
    """whether the registration is left to run out by itself"""
    within: Duration = Field(default=5.0, gt=0)
    """time limit for the whole attempt"""

    @model_validator(mode="after")
    def _an_account(self) -> Self:
        if self.line.user is None:
            raise ValueError("a line without a user has nothing to register")
        return self

    def target(self) -> str:
        """The registrar, and whose account it is."""
        return f"{self.line.registrar} (account {self.line.user or self.line.name})"

    def measures(self) -> Mapping[str, str]:
        """The measures of the connection, the registration and its contacts."""
        return {
            "connect_seconds": "name resolution and, on TCP and TLS, the connection; in seconds",
            "register_seconds": "from the first REGISTER to the final answer, in seconds",
            "granted_seconds": "how long the registration is granted for, in seconds",
            "contacts": "phones that the account is registered with, ours among them",
            "sip_status": "the final answer's status code",
            "failovers": PASSED_OVER,
            "repetitions": "how often a request was repeated over UDP",
        }

    def longest_seconds(self) -> float:
        """The time limit, half of it for names, and 2 s for closing the socket, in seconds."""
        return 1.5 * self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Register the account once, and take it back unless `keep`. Raises Failed, CannotTell."""
        await in_turn(trace, target_of(self.line), self.within, partial(self._talk, trace))

    async def _talk(self, trace: Trace, far: Conversation) -> None:
        try:
            await self._registered(trace, far)
        finally:
            trace.measure("repetitions", far.repetitions)

    async def _registered(self, trace: Trace, far: Conversation) -> None:
        registration = Registration(self.line, far)
        with trace.stage("register"), far_faults():
            answer = await registration.ask(self.lasting)
            trace.measure("sip_status", answer.code)
            trace.note(said(answer, far))
            if not is_success(answer):
                raise refusal(answer)
            self._bound(registration, answer, trace)
        if not self.keep:
            with trace.stage("unregister"), far_faults():
                # Expires 0 takes our own binding away (RFC 3261 section 10.2.2); "*" would take
                # the other phones' too.
                answer = await registration.ask(0.0)
                if not is_success(answer):
                    raise refusal(answer)

    def _bound(self, registration: Registration, answer: Response, trace: Trace) -> None:
        """Find our Contact in the answer (RFC 3261 section 10.3, step 8). Raises Failed."""
        try:
            bindings = Bindings.told(answer)
            own = bindings.of(registration.own)
            granted = bindings.granted(own)
        except ValueError as problem:
            registration.keep(answer)
            raise Failed("bad-peer", f"the Contact of the answer is no SIP: {problem}") from None
        trace.measure("contacts", len(bindings.contacts))
        if not bindings.bind(own):
            raise Failed("not-bound", "the registrar answers 200 and does not list our Contact")
        if granted is not None:
            trace.measure("granted_seconds", granted)
        if granted == 0:
            raise Failed("not-bound", "the registrar answers 200 and grants 0 seconds: not bound")
        if own and own.uri != registration.contact:
            trace.note(f"the registrar has our Contact as {own.uri[:200]}")


async def account_asked(line: Line, trace: Trace, within: float = 5.0) -> None:
    """Ask the registrar which phones a line's account has: it takes the password, and changes
    nothing (RFC 3261 section 10.2.3). Raises Failed, CannotTell.
    """

    async def talk(far: Conversation) -> None:
        with trace.stage("register"), far_faults():
            answer = await Registration(line, far).ask(None)
            if not is_success(answer):
                raise refusal(answer)

    await in_turn(trace, target_of(line), within, talk)
