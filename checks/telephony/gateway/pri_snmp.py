"""Are the PRI spans of a gateway up? By SNMP: DS1-MIB and ISDN-MIB, or a vendor's own MIB.

    > get   sysUpTime.0                                     < 8640000             the agent is there
    > walk  dsx1LineStatus       1.3.6.1.2.1.10.18.6.1.10   < .1 = 1              no alarm
    .                                                       < .2 = 64             fault alarm:los in
                                                            the stage "line"
    > walk  isdnLapdOperStatus   1.3.6.1.2.1.10.20.1.3.4.1.2  < .9 = 3            layer 2 active
    .                                                       < .10 = 2             fault
                                                            d-channel-down
    > walk  isdnLapdPeerSabme    1.3.6.1.2.1.10.20.1.3.4.1.3  < .9 = 17           15 at the last
            look: flapping
    > walk  isdnBearerOperStatus 1.3.6.1.2.1.10.20.1.2.1.1.2  < .101 = 1, .102 = 4  one of two
            channels is busy

Rules: no span at all is a fault, not "all up". A flap stays a fault for `flap_window`, so that it
can be confirmed; see flaps.py. A community that is wrong makes an agent silent: that cannot be told
from a dead gateway. Refused v3 keys can.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.kind import Duty
from checks.settings import Duration, Secret, Settings
from checks.telephony import span as spans_
from checks.telephony.gateway.flaps import Flaps, count
from checks.telephony.gateway.gateway import Reading, Wanted, found, read
from checks.telephony.gateway.snmp import Agent
from checks.telephony.gateway.snmp_credentials import Authentication, Community, Privacy, User
from checks.telephony.sip.target import Target
from checks.transport.clear_text import MEANT, ClearText, is_here
from checks.transport.connect import Place, have_route, resolve
from checks.transport.faults import far_faults
from checks.transport.host_port import HostPort


class SnmpSpan(Settings):
    """One span, by its row in the agent's tables."""

    name: str
    """what it is called in a ticket"""
    index: str = Field(pattern=r"^\d+(\.\d+)*$")
    """its row in the MIB's table of lines: the interface index for DS1-MIB, the trunk's number for
    AudioCodes
    """
    d_channel: str | None = Field(default=None, pattern=r"^\d+$")
    """interface index of its D-channel in ISDN-MIB; without it only the line is judged"""


class PriSnmp(ClearText, Check):
    """Asks a gateway by SNMP for its spans: alarms, D-channels, flaps since the last look, busy
    channels.
    """

    KIND: ClassVar[str] = "pri-snmp"
    LOOKS_ONLY: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.LINE
    DUTY: ClassVar[Duty] = "trunks"
    SAMPLE: ClassVar[str] = """
[checks.pri-1]
kind = "pri-snmp"
every = "1m"
host = "gateway.example.net"
user = "reveille"
authentication_password = { credential = "gateway-authentication" }
privacy_password = { credential = "gateway-privacy" }
spans = [{ name = "telco-a", index = "1", d_channel = "101" }]
"""

    host: HostPort
    """host or host:port of the gateway's SNMP agent (port 161)"""
    community: Secret | None = None
    """the community to read with, by reference: SNMP v2c"""
    user: str | None = None
    """the user to read as: SNMP v3"""
    authentication_password: Secret | None = None
    """the user's authentication password, by reference"""
    authentication: Authentication = "sha"
    """how v3 proves who asks (RFC 3414, RFC 7860)"""
    privacy_password: Secret | None = None
    """the user's privacy password, by reference"""
    privacy: Privacy = "aes"
    """how v3 hides what is asked (RFC 3414, RFC 3826)"""
    context: str = ""
    """the v3 context that the gateway keeps its tables in, where it has several"""
    mib: Literal["ds1", "audiocodes", "appian"] = "ds1"
    """where the states of lines are read: DS1-MIB with ISDN-MIB, or a vendor's own"""
    spans: tuple[SnmpSpan, ...] = ()
    """the spans that must be there; without any, all that the agent has"""
    flap_window: Duration = Field(default=900.0, gt=0)
    """how long a flap counts"""
    flaps_tolerated: int = Field(default=0, ge=0)
    """flaps within the window that are no fault yet"""
    within: Duration = Field(default=10.0, gt=0)
    """time limit for the whole attempt"""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        # SNMP has two ways in that exclude each other: a community in clear (v2c, RFC 1901) or a
        # user with keys (v3, RFC 3414).
        if (self.community is None) == (self.user is None):
            raise ValueError("name either a community (v2c) or a user (v3)")
        if self.community and (self.authentication_password or self.privacy_password):
            raise ValueError("passwords belong to a user (v3), not to a community")
        # RFC 3414 has no privacy without authentication.
        if self.privacy_password and not self.authentication_password:
            raise ValueError(
                "v3 hides nothing without proving who asks: give authentication_password too"
            )
        if not Target(self.host).sane:
            raise ValueError(f"{self.host!r} is not a host or host:port")
        # The vendors' MIBs tell the D-channel's state themselves.
        if self.mib != "ds1" and any(span.d_channel for span in self.spans):
            raise ValueError(
                f'd_channel is a row of ISDN-MIB, which is read with mib = "ds1", not "{self.mib}"'
            )
        if len({span.name for span in self.spans}) < len(self.spans):
            raise ValueError("two spans have the same name")
        return self

    def clear_text(self) -> str | None:
        """A community, to another host."""
        if self.community is None or is_here(self.host):
            return None
        return (
            "SNMP v2c sends its community in the clear; write a user and its passwords (v3),"
            f" {MEANT}"
        )

    def measures(self) -> Mapping[str, str]:
        """The measures of the spans, and with DS1-MIB those of flaps and errors."""
        counted = {
            "flaps": (
                "times within flap_window that a line or D-channel went down and came back between"
                " two looks"
            ),
            "errored_seconds": (
                "errored seconds of the worst span in the present 15 minutes, where the agent tells"
            ),
            "severely_errored_seconds": "severely errored seconds of the worst span, likewise",
            "unavailable_seconds": "unavailable seconds of the worst span, likewise",
        }
        stages = {
            "connect_seconds": "until the agent told its uptime, in seconds",
            "spans_seconds": "until its tables were read, in seconds",
        }
        return {**stages, **spans_.MEASURES, **(counted if self.mib == "ds1" else {})}

    def longest_seconds(self) -> float:
        """The time limit, and a little for the engine."""
        return self.within + 5.0

    async def probe(self, trace: Trace) -> None:
        """Read the tables once, and judge them. Raises Failed, CannotTell."""
        try:
            async with asyncio.timeout(self.within):
                with trace.stage("connect"), far_faults():
                    agent, uptime = await self._found()
                with trace.stage("spans"), far_faults():
                    reading = await read(
                        agent, self.mib, [Wanted(s.name, s.index, s.d_channel) for s in self.spans]
                    )
        # A gateway that answers each question just in time is still too slow to watch.
        except TimeoutError:
            raise Failed(
                "timeout", f"the SNMP agent did not tell all within {self.within:g} s"
            ) from None
        spans_.measure(trace, reading.spans, reading.channels, reading.up())
        self._judge(trace, reading, *self._flaps(trace, reading, uptime))

    async def _found(self) -> tuple[Agent, int | None]:
        """The agent, by the first address of its name that answers. Raises Failed, CannotTell."""
        host, port = Target(self.host).named()
        places = await resolve(host.strip("[]"), port or 161, socket.SOCK_DGRAM)
        for place in places[:-1]:
            # A datagram to a dead address is lost without a word: the next one is asked then.
            with suppress(Failed, TimeoutError):
                async with asyncio.timeout(self.within / len(places)):
                    return await self._at(place)
        return await self._at(places[-1])

    async def _at(self, place: Place) -> tuple[Agent, int | None]:
        with far_faults():
            # pysnmp tells a datagram that this host does not let out as if it were lost on the way.
            have_route(place)
        address = place[1]
        return await found(Agent(str(address[0]), int(address[1]), self._credentials()))

    def _credentials(self) -> Community | User:
        try:
            if self.community:
                return Community(self.community.reveal())
            return User(
                self.user or "",
                self.authentication,
                self.authentication_password.reveal() if self.authentication_password else None,
                self.privacy,
                self.privacy_password.reveal() if self.privacy_password else None,
                self.context,
            )
        except LookupError as missing:
            raise CannotTell(str(missing)) from missing

    def _flaps(self, trace: Trace, reading: Reading, uptime: int | None) -> tuple[Flaps, Flaps]:
        """Flaps of the lines and of the D-channels; what the next look needs is remembered."""
        lines = count(trace.recalled.get("lines", {}), reading.lines, uptime, self.flap_window)
        d_channels = count(
            trace.recalled.get("d_channels", {}), reading.d_channels, uptime, self.flap_window
        )
        # Only DS1-MIB has the counters that flaps are read from.
        if self.mib == "ds1":
            trace.remember("lines", lines.memory)
            trace.remember("d_channels", d_channels.memory)
            # one event shows in both: the line dropped, so the far side set the link up anew
            trace.measure("flaps", max(sum(lines.counts.values()), sum(d_channels.counts.values())))
            for name, value in reading.errors.items():
                trace.measure(name, value)
        return lines, d_channels

    def _judge(self, trace: Trace, reading: Reading, lines: Flaps, d_channels: Flaps) -> None:
        """From the ground up: what stands on a line that is down needs no fault of its own."""
        with trace.stage("line"):
            # A flap of the line is judged before a D-channel that is down: the line is its cause.
            spans_.judge_lines(reading.spans)
            spans_.judge_flaps(lines.counts, self.flaps_tolerated, self.flap_window)
        with trace.stage("d-channel"):
            spans_.judge_d_channels(reading.spans, reading.loose)
            spans_.judge_flaps(d_channels.counts, self.flaps_tolerated, self.flap_window)
        with trace.stage("channels"):
            spans_.judge_channels(reading.channels)
