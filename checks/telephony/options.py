"""Is the trunk's signalling alive? One OPTIONS to a line's registrar, or to a host (RFC 3261
section 11).

    > OPTIONS sip:sip.example.net SIP/2.0
    > Via: SIP/2.0/UDP 192.0.2.7:49152;branch=z9hG4bK5f2c…;rport
    > From: <sip:reveille@192.0.2.7>;tag=9d0e…        > To: <sip:sip.example.net>
    > Call-ID: 4be1…          > CSeq: 1 OPTIONS       > Max-Forwards: 70
    < SIP/2.0 200 OK                         the trunk is up
    < SIP/2.0 404 Not Found                  so it is: it read the question (see `accept`)
    < SIP/2.0 503 Service Unavailable                   fault sip:503/34 in the stage "answer"
    < Reason: Q.850;cause=34;text="No circuit/channel available"

How it is asked and what counts as an answer: checks/telephony/sip/transaction.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Self

from pydantic import Field, model_validator
from sipmessage import URI, Request, Response

from checks.contract import Check, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration
from checks.target import of_host
from checks.telephony.call.line import LineName
from checks.telephony.sip.causes import cause_in
from checks.telephony.sip.failover import PASSED_OVER, in_turn
from checks.telephony.sip.location import Transport
from checks.telephony.sip.request import written
from checks.telephony.sip.target import Target
from checks.telephony.sip.transaction import (
    Conversation,
    refusal,
    said,
)
from checks.transport.faults import far_faults
from checks.transport.host_port import HostPort


class SipOptions(Check):
    """Asks a trunk or PBX for its capabilities; a sane final answer proves that its signalling
    works.
    """

    KIND: ClassVar[str] = "sip-options"
    LOOKS_ONLY: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.LINE
    DUTY: ClassVar[Duty] = "trunks"
    SAMPLE: ClassVar[str] = """
[checks.trunk]
kind = "sip-options"
every = "1m"
line = "trunk-a"
"""

    line: LineName | None = None
    """name of the line whose registrar is asked"""
    host: HostPort | None = None
    """host or host:port to ask, where it is no line's"""
    transport: Transport = "udp"
    """how SIP is carried to `host` (a line has its own); where it is not written, as the host's
    NAPTR and SRV records say (RFC 3263), and UDP where it has none
    """
    user: str | None = None
    """user part of the address that is asked about; without it the host itself"""
    accept: tuple[int, ...] = (200, 401, 404, 405, 407, 481, 486)
    """final answers that prove the signalling"""
    within: Duration = Field(default=5.0, gt=0)
    """time limit for the whole attempt"""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.line is None) == (self.host is None):
            raise ValueError("name either a line or a host to ask")
        if not self._target().sane:
            raise ValueError(f"{self._target().written!r} is not a host or host:port")
        if wrong := [code for code in self.accept if not 200 <= code <= 699]:
            raise ValueError(f"{wrong[0]} is not a final SIP status; those are 200 to 699")
        return self

    def target(self) -> str:
        """The registrar, or the host."""
        return of_host(self.line.registrar if self.line else self.host or "")

    def measures(self) -> Mapping[str, str]:
        """The measures of the connection and of the answer."""
        return {
            "connect_seconds": "name resolution and, on TCP and TLS, the connection; in seconds",
            "answer_seconds": "from the question to the final answer, in seconds",
            "sip_status": "the final answer's status code",
            "failovers": PASSED_OVER,
            "repetitions": "how often the question was repeated over UDP",
            "q850_cause": "the Q.850 cause in the answer's Reason header, where one came",
        }

    def longest_seconds(self) -> float:
        """The time limit, half of it for names, and 2 s for closing the socket, in seconds."""
        return 1.5 * self.within + 2.0

    async def probe(self, trace: Trace) -> None:
        """Send one OPTIONS, and judge its answer. Raises Failed."""
        await in_turn(trace, self._target(), self.within, partial(self._talk, trace))

    async def _talk(self, trace: Trace, far: Conversation) -> None:
        try:
            with trace.stage("answer"), far_faults():
                # An OPTIONS may be answered with 200, 404 or 486: whoever answers has read it.
                self._judge(await far.ask(self._question(far)), trace, far)
        finally:
            trace.measure("repetitions", far.repetitions)

    def _target(self) -> Target:
        if self.line:
            line = self.line
            return Target(line.registrar, line.carrier, line.trusted_certificates)
        written = "transport" in self.model_fields_set
        return Target(self.host or "", self.transport if written else None)

    def _question(self, far: Conversation) -> Request:
        host, port = self._target().named()
        to = URI(scheme="sip", user=self.user, host=host, port=port)
        made = written("OPTIONS", to, to, far)
        # RFC 3261 section 11.1: the Accept header tells which body the answer may have.
        made.headers.set("Accept", "application/sdp")
        return made

    def _judge(self, answer: Response, trace: Trace, far: Conversation) -> None:
        trace.measure("sip_status", answer.code)
        trace.note(said(answer, far))
        # RFC 3326: a Reason header may stand in a final response of a gateway.
        cause = cause_in(answer.headers.getlist("Reason"))
        if cause is not None:
            trace.measure("q850_cause", cause)
        if answer.code not in self.accept:
            raise refusal(answer)
