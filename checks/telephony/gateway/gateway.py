"""Read a gateway's tables: which spans there are, their alarms, D-channels, counters and
B-channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from checks.contract import CannotTell, Failed
from checks.digits import whole
from checks.telephony import alarms
from checks.telephony.gateway import mibs
from checks.telephony.gateway.flaps import Counters
from checks.telephony.gateway.mibs import MIBS, Mib
from checks.telephony.gateway.snmp import Agent, Value
from checks.telephony.gateway.snmp_credentials import User
from checks.telephony.span import Channels, Span


@dataclass(frozen=True, slots=True)
class Wanted:
    """A span that is to be there: its row, and its D-channel's, where it has one."""

    name: str
    index: str
    d_channel: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of a gateway: its spans, counters, D-channels and B-channels."""

    spans: tuple[Span, ...]
    lines: Mapping[str, Counters] = field(default_factory=dict)
    """counters of the lines, by the span's name"""
    d_channels: Mapping[str, Counters] = field(default_factory=dict)
    """counters of the D-channels, by the span's name, or by their own row where they belong to no
    one span
    """
    loose: Mapping[str, bool] = field(default_factory=dict)
    """D-channels that belong to no one span: row -> whether they are up"""
    channels: Channels | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    """the worst span's error seconds of each sort, as measures"""

    def up(self) -> int:
        """Spans that calls can go over; a D-channel that is down and could be anyone's takes one
        away.
        """
        # A D-channel that no span can be named for may belong to any of them.
        down = sum(not up for up in self.loose.values())
        return max(0, sum(span.up for span in self.spans) - down)


async def found(agent: Agent) -> tuple[Agent, int | None]:
    """The agent in the version of SNMP that it speaks, and its sysUpTime in centiseconds, None
    where it is not told. Raises Failed if nobody answers.
    """
    try:
        return agent, await _uptime(agent)
    except Failed as silent:
        if silent.code != "timeout":
            raise
        # Silence to this question may be about its answer alone: agents write TimeTicks that no
        # reader takes. Or v1 is all that the agent knows (RFC 1157).
        if await _answers(agent, mibs.OBJECT_ID):
            return agent, None
        old = replace(agent, version_1=True)
        if isinstance(agent.credentials, User) or not await _answers(old, mibs.UPTIME):
            raise
        return old, await _uptime(old)


async def _uptime(agent: Agent) -> int | None:
    return _number((await agent.get([mibs.UPTIME])).get(mibs.UPTIME))


async def _answers(agent: Agent, name: str) -> bool:
    try:
        await agent.get([name])
    except Failed:
        return False
    return True


async def read(agent: Agent, mib_name: str, wanted: Sequence[Wanted] = ()) -> Reading:
    """Everything at once. Raises Failed if there is no span, or not the one that is wanted."""
    mib = MIBS[mib_name]
    status = await _status(agent, mib, wanted)
    if not mib.isdn:
        # AudioCodes and Appian keep line states in their own MIBs, and know no ISDN-MIB.
        return await _read_private(agent, mib_name, mib, status, wanted)
    lapd, links = await agent.column(mibs.LAPD_STATUS), await agent.column(mibs.LAPD_PEER_SABME)
    rows = list(wanted) or _discovered(status, lapd)
    counters = await _counters(agent, [row.index for row in rows])
    spans = tuple(_span(row, mib, status[row.index], lapd) for row in rows)
    owned = {row.d_channel for row in rows}
    loose = (
        {}
        # Spans that were named by hand name their D-channels too; what else the gateway has is not
        # wanted.
        if wanted
        else {index: _is_up(index, lapd) for index in lapd if index not in owned}
    )
    by_row = {row.d_channel: row.name for row in rows if row.d_channel} | {
        index: index for index in loose
    }
    return Reading(
        spans,
        {
            row.name: _line_counters(span, row.index, counters)
            for row, span in zip(rows, spans, strict=True)
        },
        {
            name: Counters(_is_up(index, lapd), links=_number(links.get(index)))
            for index, name in by_row.items()
        },
        loose,
        _channels(await agent.column(mibs.BEARER_STATUS)),
        _errors(counters),
    )


async def _status(agent: Agent, mib: Mib, wanted: Sequence[Wanted]) -> dict[str, int]:
    """The line status of each span, by its row. Raises Failed where one is missing."""
    if wanted:
        got = await agent.get([f"{mib.status}.{row.index}" for row in wanted])
        told = {row.index: got.get(f"{mib.status}.{row.index}") for row in wanted}
    else:
        told = dict(await agent.column(mib.status))
    # An agent answers noSuchInstance for a row that it does not have (RFC 3416 section 4.2.1); one
    # of its own table that has no state is a span that nothing is known of.
    there = told if not wanted else {i: value for i, value in told.items() if value is not None}
    found = {index: _state(value, f"the line of row {index}") for index, value in there.items()}
    if not found:
        raise Failed("no-spans", "the agent knows of no span at all")
    if missing := [row.name for row in wanted if row.index not in found]:
        raise Failed("no-such-span", f"the agent knows nothing of {', '.join(missing)}")
    return found


def _discovered(status: Mapping[str, int], lapd: Mapping[str, Value]) -> list[Wanted]:
    """All the lines there are; as many D-channels as lines are taken in the same order."""
    lines = sorted(status, key=_order)
    # RFC 2127 gives D-channels interface rows of their own: only their equal number and order pair
    # them with lines.
    paired = sorted(lapd, key=_order) if len(lapd) == len(lines) else [None] * len(lines)
    return [
        Wanted(f"span {index}", index, channel)
        for index, channel in zip(lines, paired, strict=True)
    ]


def _span(row: Wanted, mib: Mib, status: int, lapd: Mapping[str, Value]) -> Span:
    if row.d_channel is not None and row.d_channel not in lapd:
        raise Failed(
            "no-such-span",
            f"the agent knows nothing of the D-channel {row.d_channel} of {row.name}",
        )
    up = _is_up(row.d_channel, lapd) if row.d_channel is not None else None
    return Span(row.name, _alarms(mib, status), up)


def _alarms(mib: Mib, status: int) -> tuple[alarms.Alarm, ...]:
    try:
        return mib.alarms(status)
    except ValueError as strange:
        raise CannotTell(str(strange)) from strange


async def _counters(agent: Agent, rows: Sequence[str]) -> dict[str, Value]:
    """What is told beside the states of lines; RFC 4805 does not demand all of it, and a view may
    hide it: what is refused is left out.
    """
    told: dict[str, Value] = {}
    for columns in (
        (mibs.DS1_LAST_CHANGE, mibs.DS1_ELAPSED),
        (mibs.DS1_ERRORED, mibs.DS1_SEVERELY_ERRORED, mibs.DS1_UNAVAILABLE),
    ):
        with suppress(CannotTell):
            told |= await agent.get([f"{column}.{row}" for row in rows for column in columns])
    return told


def _line_counters(span: Span, row: str, counters: Mapping[str, Value]) -> Counters:
    def told(column: str) -> int | None:
        return _number(counters.get(f"{column}.{row}"))

    return Counters(
        not span.alarms,
        changed=told(mibs.DS1_LAST_CHANGE),
        unavailable=told(mibs.DS1_UNAVAILABLE),
        elapsed=told(mibs.DS1_ELAPSED),
    )


def _errors(counters: Mapping[str, Value]) -> dict[str, int]:
    sorts = {
        "errored_seconds": mibs.DS1_ERRORED,
        "severely_errored_seconds": mibs.DS1_SEVERELY_ERRORED,
        "unavailable_seconds": mibs.DS1_UNAVAILABLE,
    }
    told = {
        name: [
            number
            for key, value in counters.items()
            # The worst span stands for all: a sum would grow with the size of the gateway.
            if key.startswith(f"{column}.") and (number := _number(value)) is not None
        ]
        for name, column in sorts.items()
    }
    return {name: max(numbers) for name, numbers in told.items() if numbers}


def _channels(bearers: Mapping[str, Value]) -> Channels | None:
    """The busy and all B-channels; None where the agent knows of none."""
    if not bearers:
        return None
    # "Connecting" blocks a channel as much as a call does.
    busy = sum(_number(value) != mibs.BEARER_IDLE for value in bearers.values())
    return Channels(busy, len(bearers))


async def _read_private(
    agent: Agent, mib_name: str, mib: Mib, status: Mapping[str, int], wanted: Sequence[Wanted]
) -> Reading:
    """A vendor's own MIB; AudioCodes tells of D-channels and names too."""
    audiocodes = mib_name == "audiocodes"
    d_channels = await agent.column(mibs.AUDIOCODES_D_CHANNEL) if audiocodes else {}
    names = await agent.column(mibs.AUDIOCODES_NAME) if audiocodes and not wanted else {}
    rows = list(wanted) or [
        Wanted(str(names.get(index) or f"span {index}"), index)
        for index in sorted(status, key=_order)
        # A trunk that nobody uses is no trunk: AudioCodes lists every port of the chassis.
        if alarms.DISABLED not in _alarms(mib, status[index])
    ]
    if not rows:
        raise Failed("no-spans", "every trunk of the gateway is switched off")
    spans = tuple(
        Span(
            row.name,
            _alarms(mib, status[row.index]),
            _established(status[row.index], d_channels.get(row.index)),
        )
        for row in rows
    )
    return Reading(spans)


def _established(alarm: int, d_channel: Value) -> bool | None:
    # AudioCodes tells a D-channel alarm in the column of line alarms as well.
    told = _number(d_channel)
    if alarm == mibs.AUDIOCODES_D_CHANNEL_ALARM or told == 1:
        return False
    return True if told == 0 else None


def _is_up(index: str, lapd: Mapping[str, Value]) -> bool:
    """Whether a D-channel's link stands; one that the agent does not have, does not. Raises
    CannotTell.
    """
    told = lapd.get(index)
    return told is not None and _state(told, f"the D-channel {index}") == mibs.LAYER_2_ACTIVE


def _state(value: Value, of: str) -> int:
    """A state, which is a number. Raises CannotTell: what cannot be read is not up."""
    if (number := _number(value)) is None:
        raise CannotTell(f"the agent tells the state of {of} by no number: {str(value)[:40]!r}")
    return number


def _number(value: Value) -> int | None:
    """Agents write numbers as texts now and then."""
    return whole(value.strip()) if isinstance(value, str) else value


def _order(row: str) -> tuple[int, ...]:
    # Rows sort as numbers: "10" comes after "9".
    return tuple(int(part) for part in row.split("."))
