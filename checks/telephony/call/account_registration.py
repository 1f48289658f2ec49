"""One account's REGISTER requests as our own transactions send them: challenges of every form and
"too brief" are answered (RFC 3261 section 10, RFC 7616).
"""

from __future__ import annotations

from sipmessage import URI, Address, CSeq, Request, Response

from checks.contract import CannotTell, Failed
from checks.telephony.call.line import Line
from checks.telephony.sip.bindings import least_seconds
from checks.telephony.sip.digest import Proofs
from checks.telephony.sip.name_address import SipUri, sip_uri
from checks.telephony.sip.request import written
from checks.telephony.sip.target import Target
from checks.telephony.sip.transaction import Conversation

# Questions until a final answer: plain, then for each of two doors with a proof and with a fresh
# nonce, with a longer time, and one more.
_ATTEMPTS = 7
# RFC 3261 section 22: a registrar challenges with 401, a proxy in front of it with 407.
_CHALLENGES = (401, 407)


def target_of(line: Line) -> Target:
    """Where a line's requests go."""
    return Target(line.registrar, line.carrier, line.trusted_certificates)


class Registration:
    """One account's REGISTER requests over one socket: one Call-ID and From tag, a growing CSeq."""

    def __init__(self, line: Line, far: Conversation, contact: URI | None = None) -> None:
        """`contact` is where calls shall go, where it is not the socket itself."""
        host, port = Target(line.registrar).named()
        self._line, self._far = line, far
        self._registrar = URI(
            scheme="sip", host=line.domain or host, port=None if line.domain else port
        )
        self._account = URI(
            scheme="sip", user=line.user, host=self._registrar.host, port=self._registrar.port
        )
        self._first = written("REGISTER", self._registrar, self._account, far, line.user or "")
        if contact:
            self._first.contact = [Address(contact)]
        self._sequence = 0
        self._proofs = Proofs(line.user or "", self._password)

    @property
    def own(self) -> SipUri:
        """The parts of our Contact."""
        return sip_uri(self.contact)

    @property
    def contact(self) -> str:
        """The URI of our Contact."""
        return str(self._first.contact[0].uri)

    @property
    def realms(self) -> list[str]:
        """Whose challenges were answered."""
        return self._proofs.realms

    def keep(self, answer: Response) -> None:
        """Note an answer whose Contact is none, for the exhibit."""
        self._far.keep(bytes(answer), "its Contact is no SIP")

    async def ask(self, seconds: float | None) -> Response:
        """The final answer to REGISTER for so long (0: away with it; None: which phones there are,
        which binds none); challenges and "too brief" are answered.
        """
        self._proofs.begin()
        for _ in range(_ATTEMPTS):
            answer = await self._far.ask(self._request(seconds))
            if longer := least_seconds(answer):
                seconds = longer
            elif answer.code not in _CHALLENGES or not self._take(answer):
                break
        self._proofs.note(answer)
        return answer

    def _take(self, answer: Response) -> bool:
        try:
            return self._proofs.take(answer)
        except ValueError as problem:
            self._far.keep(bytes(answer), str(problem))
            raise Failed("bad-peer", f"the registrar's answer: {problem}") from None

    def _password(self) -> str:
        if self._line.password is None:
            raise CannotTell(
                f"the registrar asks for a password, and the line {self._line.name} has none"
            )
        try:
            return self._line.password.reveal()
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing

    def _request(self, seconds: float | None) -> Request:
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
            made.contact = self._first.contact
            made.expires = round(seconds)
        self._proofs.sign(made)
        return made


def is_success(answer: Response) -> bool:
    """Whether it is of the class 2xx: a code that is not known counts as its class does (RFC 3261
    section 8.1.3.2).
    """
    return 200 <= answer.code < 300
