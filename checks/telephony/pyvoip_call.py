"""A second opinion: the number called over a registered line by an engine that shares nothing with
sip-call's (pyVoIP). Also for hosts that have no wheel of pjsua2.

    REGISTER (digest, over UDP) ------->     stage register   faults: not-registered, timeout
    INVITE with G.711 µ-law ----------->     stage answer     faults: sip:404, sip:486 …, timeout
    <============ RTP ==========             stage media      faults: no-rtp, silent
    BYE ------------------------------->     stage hang-up

Rules: what that engine cannot do is refused when the configuration is read: no line without an
account, no TCP, TLS or SRTP, no IPv6, no early media, no digits, no script. What it gets wrong says
nothing of the far end: UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Claim, Layer, Toll, Trace
from checks.kind import Duty
from checks.process.events import concluded, followed
from checks.process.parent import python
from checks.settings import Duration
from checks.target import of_call
from checks.telephony.call.account import account_of
from checks.telephony.call.line import LineName, toll

_PROGRAM = "checks.telephony.pyvoip_child"
# Its process, its sockets, and the second for which its receiver starts late.
_START_SECONDS = 20.0


class PyvoipCall(Check):
    """Calls a number with pyVoIP, an engine independent of sip-call's: is it answered and heard?"""

    KIND: ClassVar[str] = "pyvoip-call"
    LAYER: ClassVar[Layer] = Layer.MEDIA
    STAGE_LAYERS: ClassVar[Mapping[str, Layer]] = {
        "register": Layer.LINE,
        "media": Layer.MEDIA,
        "": Layer.SIGNALLING,
    }
    DUTY: ClassVar[Duty] = "calls"
    PLACES_CALLS: ClassVar[bool] = True
    COSTS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
# A second opinion by another engine; also where there is no wheel of pjsua2.
[checks.main-number-again]
kind = "pyvoip-call"
at = ["12:30"]
line = "trunk-a"
to = "8000"
"""

    line: LineName
    """the line to call over, of [lines]; with a user, over UDP"""
    to: Annotated[str, Field(pattern=r"^[0-9A-Za-z+*#._-]+$")]
    """the number to call"""
    register_within: Duration = Field(default=10.0, gt=0)
    """how soon the account must be registered"""
    answer_within: Duration = Field(default=30.0, gt=0)
    """how soon the call must be answered; this engine itself takes some seconds"""
    listen: Duration = Field(default=3.0, ge=0.5)
    """how long the far end is listened to; there must be sound"""

    @model_validator(mode="after")
    def _within_its_limits(self) -> Self:
        line = self.line
        # This engine cannot call without an account: its INVITE waits for the registration.
        if not line.registers:
            raise ValueError(
                f"pyVoIP calls over registered lines only; line {line.name!r} does not register"
            )
        if line.transport != "udp":
            raise ValueError(
                f"pyVoIP speaks SIP over UDP only; line {line.name!r} has transport ="
                f" {line.transport!r}"
            )
        if getattr(line, "srtp", "never") == "required":
            raise ValueError(f"pyVoIP cannot encrypt; line {line.name!r} has srtp = 'required'")
        # It builds every address from the server's own host.
        if line.domain is not None or line.caller_id is not None:
            raise ValueError(
                f"pyVoIP knows neither domain nor caller_id; line {line.name!r} has one"
            )
        if line.registrar.startswith("[") or line.registrar.count(":") > 1:
            raise ValueError(
                f"pyVoIP knows no IPv6; line {line.name!r} has registrar = {line.registrar!r}"
            )
        return self

    def claims(self) -> tuple[Claim, ...]:
        """One channel of the line."""
        return (Claim(self.line.name, 1),)

    def tolls(self) -> tuple[Toll, ...]:
        """One call."""
        return (toll(self.line, self.to, self.longest_seconds()),)

    def target(self) -> str:
        """The number, and the registrar that the call goes through."""
        return of_call(self.to, self.line.registrar)

    def measures(self) -> Mapping[str, str]:
        """The measures of the registration, the answer and the sound."""
        return {
            "register_seconds": "until the account was registered, in seconds",
            "answer_seconds": "INVITE until this engine knew that it was answered, in seconds",
            "media_seconds": "listening, in seconds",
            "hang_up_seconds": "until BYE was sent, in seconds",
            "rx_packets": "RTP packets received",
            "rx_level_dbm0": "level of what was heard, dBm0",
        }

    def longest_seconds(self) -> float:
        """The sum of its timers, and the start of its process, in seconds."""
        return self.register_within + self.answer_within + self.listen + _START_SECONDS

    async def probe(self, trace: Trace) -> None:
        """Place the call in a process of its own. Raises Failed, CannotTell."""
        account = await account_of(self.line, self.register_within, "udp")
        try:
            password = self.line.password.reveal() if self.line.password else ""
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing
        job = {
            "server": account.host if not account.ways.by else account.address,
            "port": account.port,
            "local_address": account.local_address,
            "user": self.line.user,
            "password": password,
            "to": self.to,
            "register_within": self.register_within,
            "answer_within": self.answer_within,
            "listen": self.listen,
        }
        concluded(await followed(python(_PROGRAM), job, trace, self.longest_seconds()), trace)
