"""Are the PRI spans of an Asterisk up, and is there a channel left? By its manager interface (AMI).

    > Action: PRIShowSpans
    < Event: PRIShowSpans  Span: 1  DChannel: 16  Order: Primary  Active: Yes  Alarm: No   Up: Yes
                           the span is up
    .                                                                          Alarm: Yes  Up: No
                                                                               fault alarm:…
    < Event: PRIShowSpansComplete  ListItems: 0            no driver, no spans: fault no-spans, not
                                   "all up"
    < Response: Error  Message: Invalid/unknown command    chan_dahdi is not there: CannotTell
    > Action: DAHDIShowChannels
    < Event: DAHDIShowChannels  DAHDIChannel: 1  Channel: DAHDI/i1/8000-5  Alarm: Red Alarm
                                busy; what alarm

Rules: a span is up if one of its D-channels is (a backup D-channel carries it). How an alarm is
called is told by the channels, since PRIShowSpans knows only that there is one. Asterisk keeps no
counters of re-established links: flaps between looks are for pri-snmp, or for the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from checks.contract import CannotTell, Failed, Layer, Trace
from checks.digits import whole
from checks.kind import Duty
from checks.telephony import alarms
from checks.telephony import span as spans_
from checks.telephony.asterisk.ami import Interface, Message, UnknownAction
from checks.telephony.asterisk.login import AsteriskCheck
from checks.telephony.span import Channels, Span
from checks.transport.faults import far_faults

# The words of chan_dahdi's alarm names. Yellow is the remote alarm of a T1, blue is AIS (ITU-T
# G.775 calls them RAI and AIS).
_ALARMS = {
    "red": alarms.RED,
    "yellow": alarms.RAI,
    "blue": alarms.AIS,
    "loopback": alarms.LOOPBACK,
    "not open": alarms.OUT_OF_SERVICE,
    "recovering": alarms.RECOVERING,
}
# chan_sip left Asterisk with version 21; older PBXs have either driver, or both.
# NextReg counts down to the renewal, and below zero where none came: "-30", or "(exp. 30s ago)".
_OVERDUE = re.compile(r"^\s*-(\d{1,9})|exp\.?\s+(\d{1,9})\s*s\s+ago", re.IGNORECASE)
# res_pjsip_outbound_registration renews 10 s early, and a REGISTER that nobody answers is given up
# after 32 s (timer F, RFC 3261 section 17.1.2.2): what is overdue for longer has run out.
_RENEWED_SECONDS = 45
_REGISTRATIONS = {
    "pjsip": (
        "PJSIPShowRegistrationsOutbound",
        "OutboundRegistrationDetail",
        "OutboundRegistrationDetailComplete",
    ),
    "sip": ("SIPshowregistry", "RegistryEntry", "RegistrationsComplete"),
}


class PriAmi(AsteriskCheck):
    """Asks an Asterisk by AMI for its PRI spans, their D-channels and alarms, its busy channels,
    its registrations.
    """

    KIND: ClassVar[str] = "pri-ami"
    LOOKS_ONLY: ClassVar[bool] = True
    LAYER: ClassVar[Layer] = Layer.LINE
    DUTY: ClassVar[Duty] = "trunks"
    SAMPLE: ClassVar[str] = """
[checks.pbx-spans]
kind = "pri-ami"
every = "1m"
host = "pbx.example.net"
tls = true
user = "reveille"
password = { credential = "manager" }
"""

    spans: tuple[int, ...] | None = None
    """numbers of the spans that must be there; without any, all that Asterisk has, and at least
    one. An empty list: there is no PRI, only registrations are looked at
    """
    registrations: Literal["pjsip", "sip"] | None = None
    """whether the trunks that Asterisk registers at are looked at too, by which channel driver"""

    @model_validator(mode="after")
    def _something_to_see(self) -> Self:
        if self.spans == () and not self.registrations:
            raise ValueError("neither spans nor registrations are looked at")
        return self

    def measures(self) -> Mapping[str, str]:
        """The measures of the spans, and of the registrations where they are looked at."""
        return {
            **super().measures(),
            **spans_.MEASURES,
            "registrations_total": "trunks that the PBX registers at, where they are looked at",
            "registrations_up": "those of them at which it is registered",
        }

    async def asked(self, manager: Interface, trace: Trace) -> None:
        """Ask for the spans and for the registrations, measure and judge both."""
        if self.spans != ():
            with trace.stage("spans"), far_faults():
                d_channels = self._wanted(await _listed(manager, "PRIShowSpans"))
                rows = await _listed(manager, "DAHDIShowChannels")
            spans = _spans(d_channels, rows)
            channels = Channels(sum(bool(row.get("channel")) for row in rows), len(rows))
            spans_.measure(trace, spans, channels)
            # The line is judged before its D-channel, and both before the channels: a line without
            # a signal explains the two others.
            with trace.stage("line"):
                spans_.judge_lines(spans)
            with trace.stage("d-channel"):
                spans_.judge_d_channels(spans)
            with trace.stage("channels"):
                spans_.judge_channels(channels)
        if self.registrations:
            with trace.stage("registrations"), far_faults():
                _judge_registrations(await _registrations(manager, self.registrations), trace)

    def _wanted(self, rows: Sequence[Message]) -> list[Message]:
        """The D-channels of the spans that count. Raises Failed if there is none, or one that must
        be there is not.
        """
        if not rows:
            raise Failed(
                "no-spans", "Asterisk has no PRI span at all: is the card's driver loaded?"
            )
        if not self.spans:
            return list(rows)
        there = {row.get("span") for row in rows}
        if missing := [number for number in self.spans if str(number) not in there]:
            raise Failed("no-such-span", f"Asterisk has no span {', '.join(map(str, missing))}")
        return [
            row for row in rows if row.get("span", "") in [str(number) for number in self.spans]
        ]


async def _listed(manager: Interface, action: str) -> list[Message]:
    try:
        return await manager.items(action, action, f"{action}Complete")
    except UnknownAction as missing:
        raise CannotTell(
            f"this Asterisk does not know {missing}: it needs chan_dahdi, built with libpri (module"
            " load chan_dahdi.so)"
        ) from missing


def _spans(d_channels: Sequence[Message], channels: Sequence[Message]) -> list[Span]:
    """Spans by their number, from their D-channels (a primary one, maybe a secondary one)."""
    numbers = list(dict.fromkeys(row.get("span", "?") for row in d_channels))
    return [
        _span(number, [row for row in d_channels if row.get("span", "?") == number], channels)
        for number in numbers
    ]


def _span(number: str, d_channels: Sequence[Message], channels: Sequence[Message]) -> Span:
    # With a backup D-channel (NFAS) the span still carries calls while one of the two is in alarm.
    alarmed = all(_yes(row, "alarm") for row in d_channels)
    return Span(
        f"span {number}",
        (_named_alarm(d_channels, channels),) if alarmed else (),
        any(_yes(row, "up") and not _yes(row, "alarm") for row in d_channels),
    )


def _named_alarm(d_channels: Sequence[Message], channels: Sequence[Message]) -> alarms.Alarm:
    """The name of the alarm, as the channels nearest to the D-channel tell it."""
    # PRIShowSpans tells only that there is an alarm. Its name stands at the channels of the same
    # card, which are numbered around the D-channel.
    d_channel = _channel_number(d_channels[0], "dchannel")
    nearest = sorted(
        channels, key=lambda row: abs(_channel_number(row, "dahdichannel") - d_channel)
    )
    words = next(
        (said for row in nearest if (said := row.get("alarm", "").lower()) not in ("", "no alarm")),
        "",
    )
    return next((alarm for word, alarm in _ALARMS.items() if word in words), alarms.OTHER)


def _channel_number(row: Message, header: str) -> int:
    return whole(row.get(header, "")) or 0


def _yes(row: Message, header: str) -> bool:
    return row.get(header, "").lower() in ("yes", "true", "1")


async def _registrations(manager: Interface, driver: str) -> dict[str, str]:
    """The state of each registration, by the name of its trunk; one that has run out says so.
    Raises CannotTell.
    """
    action, event, complete = _REGISTRATIONS[driver]
    try:
        rows = await manager.items(action, event, complete)
    except UnknownAction as missing:
        raise CannotTell(
            f"this Asterisk does not know {missing}: is the module of {driver} loaded?"
        ) from missing
    # chan_pjsip names the registration object; chan_sip tells user and host.
    return {
        row.get("objectname") or f"{row.get('username', '')}@{row.get('host', '?')}": _state(row)
        for row in rows
    }


def _state(row: Message) -> str:
    """The status as told, unless the renewal is so long overdue that it cannot be true."""
    state = row.get("status") or row.get("state", "?")
    overdue = _OVERDUE.search(row.get("nextreg", ""))
    seconds = int(overdue[1] or overdue[2]) if overdue else 0
    if _is_registered(state) and seconds > _RENEWED_SECONDS:
        return f"{state}, but its renewal is {seconds} s overdue (run out)"
    return state


def _is_registered(state: str) -> bool:
    return state.strip().lower() == "registered"


def _judge_registrations(stands: Mapping[str, str], trace: Trace) -> None:
    up = [name for name, state in stands.items() if _is_registered(state)]
    trace.measure("registrations_total", len(stands))
    trace.measure("registrations_up", len(up))
    # A PBX that registers nowhere is no healthy one: a pjsip.conf that failed to load looks like
    # this.
    if not stands:
        raise Failed("no-registrations", "Asterisk registers nowhere")
    if down := [f"{name} is {state}" for name, state in stands.items() if name not in up]:
        raise Failed("not-registered", "; ".join(down))
