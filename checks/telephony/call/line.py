"""A line: an account at a PBX or trunk, over which calls are placed or an agent is reached. It has
few channels.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, IPvAnyNetwork, WithJsonSchema

from checks.contract import Toll
from checks.settings import ReadableFile, Secret, Settings, named
from checks.telephony.call.line_login import LogIn
from checks.transport.host_port import HostPort


class Line(Settings):
    """One account. Without `user` it calls without registering, by the proxy's leave."""

    name: str = Field(default="", exclude=True)
    """set by the loader: the name in [lines.NAME] or [agents.NAME]"""
    registrar: HostPort
    """host or host:port of the PBX, trunk or proxy that calls go through"""
    transport: Literal["udp", "tcp", "tls"] = "udp"
    """how SIP is carried (RFC 3261); where it is not written, as the registrar's NAPTR and SRV
    records say (RFC 3263), and UDP where it has none or is written with a port or as an address
    """
    user: str | None = None
    """the account's user name"""
    password: Secret | None = None
    """the account's password, by reference"""
    domain: str | None = None
    """the domain of the account's address, where it is not the registrar's host"""
    realm: str | None = Field(default=None, min_length=1, max_length=255)
    """the realm whose challenges are answered with the password; without it that of the registrar,
    as it is told when the line registers: whoever else asks gets no answer
    """
    calls_from: tuple[IPvAnyNetwork, ...] = ()
    """further addresses or networks from which calls to this account come, beside the registrar's
    own (gateways, a second proxy); a call from anywhere else is refused
    """
    register_first: bool = Field(default=True, alias="register")
    """whether to REGISTER before a call (only with a user)"""
    caller_id: str | None = None
    """the user part of From, where it is not the account's user"""
    country: Annotated[str, Field(pattern=r"^[a-z]{2}$")] | None = None
    """ISO 3166 code of the country whose tones are to be expected, as in "in"; without it all
    countries' are tried
    """
    srtp: Literal["never", "optional", "required"] = "never"
    """whether the media of its calls is encrypted (SRTP, keys in the SDP, RFC 4568), either way:
    "optional" is offered beside plain RTP, "required" takes nothing else; without TLS the keys go
    in the clear
    """
    log_in: LogIn | None = None
    """of an agent: how the account is logged in before the queue rings it; without it that is not
    needed
    """
    channels: int = Field(default=1, ge=1)
    """how many calls Reveille may have on it at once; never all that the customer has"""
    calls_a_day: int = Field(default=1000, ge=1)
    """how many calls Reveille may place over it within 24 hours, retries and bursts counted; beyond
    that a check is UNKNOWN, and says so
    """
    minutes_a_day: int = Field(default=1000, ge=1)
    """how many minutes those calls may last in all"""
    may_dial: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    """the only numbers that may be dialled over it, "*" for any beginning or end; without it those
    that its checks are written with
    """
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust on TLS; without it the system's"""

    @property
    def registers(self) -> bool:
        """Whether it is known to its registrar before it calls or is called; one without a user is
        let in by its address.
        """
        return bool(self.user) and self.register_first

    @property
    def carrier(self) -> Literal["udp", "tcp", "tls"] | None:
        """The transport as it is written; None where it is not, and the name service is asked."""
        return self.transport if "transport" in self.model_fields_set else None


def toll(line: Line, to: str, seconds: float, calls: int = 1) -> Toll:
    """Calls over a line to a number, each at most so long."""
    caps = line.calls_a_day, line.minutes_a_day, line.may_dial
    return Toll(line.name, to, calls, seconds, *caps)


LineName = Annotated[
    Line, BeforeValidator(named("lines")), WithJsonSchema({"type": "string", "format": "line-name"})
]
AgentName = Annotated[
    Line,
    BeforeValidator(named("agents")),
    WithJsonSchema({"type": "string", "format": "agent-name"}),
]
