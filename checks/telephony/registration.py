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

Rules: a 200 without our Contact is no registration ("not-bound"). While it lasts, a call to the
account would ring here and not be answered: milliseconds, unless `keep`. Other phones of the
account are left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import ClassVar, Self

from pydantic import Field, model_validator
from sipmessage import URI, Address, CSeq, Request, Response

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.telephony.call.line import Line, LineName
from checks.telephony.sip import digest
from checks.telephony.sip.request import written
from checks.telephony.sip.transaction import (
    Conversation,
    Target,
    asked,
    late,
    refusal,
    said,
)
from checks.transport.faults import far_faults

# Questions until a final answer: plain, with credentials, with a fresh nonce, with a longer time.
_ATTEMPTS = 4
# RFC 3261 section 22: a registrar challenges with 401, a proxy in front of it with 407.
_CHALLENGES = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}


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
            "repetitions": "how often a request was repeated over UDP",
        }

    def longest_seconds(self) -> float:
        """The time limit, and 2 s for closing the socket, in seconds."""
        return self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Register the account once, and take it back unless `keep`. Raises Failed, CannotTell."""
        conversation: Conversation | None = None
        line = self.line
        target = Target(line.registrar, line.transport, line.trusted_certificates)
        try:
            async with asyncio.timeout(self.within), AsyncExitStack() as stack:
                with trace.stage("connect"), far_faults():
                    far = await stack.enter_async_context(asked(target))
                conversation = far
                stack.callback(lambda: trace.measure("repetitions", far.repetitions))
                stack.callback(far.exhibit, trace)
                registration = Registration(line, far)
                with trace.stage("register"), far_faults():
                    answer = await registration.ask(self.lasting)
                    trace.measure("sip_status", answer.code)
                    trace.note(said(answer))
                    # RFC 3261 section 10.3: a registrar answers 200 and no other 2xx.
                    if answer.code != 200:
                        raise refusal(answer)
                    self._bound(registration, answer, trace)
                if not self.keep:
                    with trace.stage("unregister"), far_faults():
                        # Expires 0 takes our own binding away (RFC 3261 section 10.2.2); "*" would
                        # take the other phones' too.
                        answer = await registration.ask(0.0)
                        if answer.code != 200:
                            raise refusal(answer)
        except TimeoutError:
            raise late(conversation, self.within) from None

    def _bound(self, registration: Registration, answer: Response, trace: Trace) -> None:
        """Find our Contact in the answer (RFC 3261 section 10.3, step 8). Raises Failed."""
        try:
            contacts = answer.contact
            own = [c for c in contacts if (c.uri.user, c.uri.host, c.uri.port) == registration.own]
            granted = own[0].parameters.get("expires") if own else None
            # The expires parameter of a Contact wins over the Expires header (RFC 3261 section
            # 10.3, step 7).
            seconds = int(granted) if granted is not None else answer.expires
        except ValueError:
            registration.keep(answer)
            raise Failed("bad-peer", "the Contact of the answer is no SIP") from None
        trace.measure("contacts", len(contacts))
        if not own:
            raise Failed("not-bound", "the registrar answers 200 and does not list our Contact")
        # RFC 3261 section 20.19: Expires is a number of 32 bits.
        if seconds is not None and 0 <= seconds < 2**32:
            trace.measure("granted_seconds", seconds)


async def account_asked(line: Line, trace: Trace, within: float = 5.0) -> None:
    """Ask the registrar which phones a line's account has: it takes the password, and changes
    nothing (RFC 3261 section 10.2.3). Raises Failed, CannotTell.
    """
    conversation: Conversation | None = None
    target = Target(line.registrar, line.transport, line.trusted_certificates)
    try:
        async with asyncio.timeout(within), AsyncExitStack() as stack:
            with trace.stage("connect"), far_faults():
                conversation = await stack.enter_async_context(asked(target))
            with trace.stage("register"), far_faults():
                answer = await Registration(line, conversation).ask(None)
                if answer.code != 200:
                    raise refusal(answer)
    except TimeoutError:
        raise late(conversation, within) from None


class Registration:
    """One account's REGISTER requests over one socket: one Call-ID and From tag, a growing CSeq."""

    def __init__(self, line: Line, far: Conversation) -> None:
        host, port = Target(line.registrar).named()
        self._line, self._far = line, far
        self._registrar = URI(
            scheme="sip", host=line.domain or host, port=None if line.domain else port
        )
        self._account = URI(
            scheme="sip", user=line.user, host=self._registrar.host, port=self._registrar.port
        )
        self._first = written("REGISTER", self._registrar, self._account, far, line.user or "")
        self._sequence = 0

    @property
    def own(self) -> tuple[str | None, str, int | None]:
        """User, host and port of our contact."""
        contact = self._first.contact[0].uri
        return contact.user, contact.host, contact.port

    def keep(self, answer: Response) -> None:
        """Note an answer whose Contact is none, for the exhibit."""
        self._far.keep(bytes(answer), "its Contact is no SIP")

    async def ask(self, seconds: float | None) -> Response:
        """The final answer to REGISTER for so long (0: away with it; None: which phones there are,
        which binds none); challenges and "too brief" are answered.
        """
        proof: tuple[str, str] | None = None
        for _ in range(_ATTEMPTS):
            answer = await self._far.ask(self._request(seconds, proof))
            longer = (answer.headers.get("Min-Expires") or "").strip()
            # 423 Interval Too Brief names the least time in Min-Expires (RFC 3261 section 10.3,
            # step 7).
            if answer.code == 423 and longer.isdigit() and len(longer) < 8:
                seconds = float(longer)
            elif (
                answer.code not in _CHALLENGES
                or (fresh := self._proof(answer, again=proof is not None)) is None
            ):
                break
            else:
                proof = fresh
        return answer

    def _proof(self, answer: Response, again: bool) -> tuple[str, str] | None:
        """The header that answers a challenge, with its value; None if our proof was refused, and
        not only too old.
        """
        asks, answers = _CHALLENGES[answer.code]
        found = digest.challenge(answer.headers.getlist(asks))
        if found is None:
            self._far.keep(bytes(answer), "it asks for no digest that we know")
            raise Failed("bad-peer", "the registrar asks for no digest that we know")
        # stale=true says that the nonce was too old and the password good (RFC 7616 section 3.3).
        if again and found.get("stale", "").lower() != "true":
            return None
        return answers, digest.credentials(
            found, self._line.user or "", self._password(), "REGISTER", str(self._registrar)
        )

    def _password(self) -> str:
        if self._line.password is None:
            raise CannotTell(
                f"the registrar asks for a password, and the line {self._line.name} has none"
            )
        try:
            return self._line.password.reveal()
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing

    def _request(self, seconds: float | None, proof: tuple[str, str] | None) -> Request:
        self._sequence += 1
        made = written("REGISTER", self._registrar, self._account, self._far, self._line.user or "")
        made.from_address = Address(self._account, parameters=self._first.from_address.parameters)
        made.call_id = self._first.call_id
        # RFC 3261 section 10.2: one Call-ID for all, and a CSeq that grows by one with each.
        made.cseq = CSeq(self._sequence, "REGISTER")
        if seconds is None:
            # RFC 3261 section 10.2.3: without a Contact it asks for the bindings alone.
            made.contact = []
        else:
            made.expires = round(seconds)
        if proof:
            made.headers.set(*proof)
        return made
