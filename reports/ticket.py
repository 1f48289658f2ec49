"""Tickets as plain data: what one incident looks like to people. Moments are aware; nothing here
decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal

TicketState = Literal["open", "acknowledged", "recovered", "closed"]
ClockState = Literal["running", "met", "breached", "stopped"]
Closing = Literal["", "recovered", "explained", "withdrawn", "resolved"]
"""why a ticket is closed; only "recovered" says that it works again. "" is open, or from before
they were kept
"""
RungState = Literal["told", "unheard", "next", "later", "skipped"]

EVENTS: Mapping[str, tuple[str, ...]] = {
    "opened": (),
    "updated": ("text",),
    "escalated": ("level", "who"),
    "acknowledged": ("by",),
    "reopened": (),
    "recovered": (),
    "closed": (),
    "reclassified": ("was", "by", "reason"),
    "breached": ("clock", "due_at"),
    "note": ("by", "text"),
    "blind": (),
    "rca": ("by", "part", "rca"),
    "rca-due": ("part", "due_at", "owner", "overdue"),
}
"""What may be told of a ticket, and what `extra` must hold for it: words as text, `due_at` as an
ISO 8601 instant.

Each may also have "audience": in what capacity the reader is told ("level 2, shift team leader",
"helpdesk"), whether the operators are told in its place (`stands_in`), and the `phones` of the desk
that the policy publishes for it;
"closed": why (`resolution`) and by whom (`by`); "reopened": how it was closed (`after`), by whom,
and whether it `worked` in between; "escalated" and "breached": all that was `missed` at that moment
(clock, due_at); "escalated": whether it is this reader who `takes_over`; "recovered": how long it
has to be quiet (`hold_seconds`); "escalated" and "breached": what they came of at once (`because`:
its event and its extra); "reclassified": the ids of the issues, `from` and `to`. `was` is how the
ticket was classified before, as in "P2 medium, PRI is down".
"""


class Plain:
    """What people are shown, as plain data."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        body: dict[str, Any] = plain(self)
        return body


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look at one layer found. `layer` is its name ("line", "prompt"), `state` a
    verdict's.
    """

    layer: str
    check: str
    state: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class StageLine:
    """One stage of the attempt that failed, with its evidence."""

    name: str
    seconds: float
    passed: bool
    text: str = ""


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One promise with its time: "response", "resolution". `at` is when it was met, breached or
    stopped.
    """

    name: str
    due_at: datetime
    state: ClockState = "running"
    at: datetime | None = None
    paused: bool = False
    """whether it waits: it is due so much later"""


@dataclass(frozen=True, slots=True)
class RungLine:
    """One level of the ladder: who is told, and when."""

    level: int
    who: str
    contact: str
    at: datetime
    state: RungState = "later"


@dataclass(frozen=True, slots=True)
class Elsewhere(Plain):
    """A file of evidence that is too large for the ledger. `comes`: every host can fetch it, and
    this one has not yet; else it lies on `host` alone.
    """

    path: str
    host: str
    megabytes: float
    comes: bool = False


@dataclass(frozen=True, slots=True)
class Ticket(Plain):
    """One incident, for people. `timezone` is the site's (IANA); `title` is the policy's issue."""

    number: str
    site: str
    timezone: str
    title: str
    summary: str
    severity: str
    severity_name: str
    owner: str
    state: TicketState
    opened_at: datetime
    closed_at: datetime | None = None
    recovered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    check: str = ""
    reasons: tuple[str, ...] = ()
    stages: tuple[StageLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    exhibits: tuple[tuple[str, str], ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    """which of the evidence is not on every host"""
    clocks: tuple[ClockLine, ...] = ()
    ladder: tuple[RungLine, ...] = ()
    history: tuple[tuple[datetime, str], ...] = ()
    next_step: str = ""
    times_bad: int = 1
    attached: tuple[str, ...] = ()
    muted: bool = False
    rank: int = 0
    """how grave the severity is among the policy's, 0 the gravest"""
    definition: str = ""
    """what the policy says that the severity means"""
    policy: str = ""
    rule: str = ""
    """the policy's rule that fitted"""
    closing: Closing = ""
    goes_on_as: str = ""
    """the number of the ticket that explains it"""
    opened_by: str = ""
    """the person who opened it"""
    request: str = ""
    """ "change" or "feature" where somebody asks for something: nothing of it is promised"""
    page: str = ""
    """the address of its page; "" where there is none that its readers reach"""
    target: str = ""
    """what its check looks at (an address, a number, a host), without any secret; "" for none"""

    def done_at(self, promise: str) -> datetime | None:
        """When what a promise asks for was done, in time or late."""
        over = self.recovered_at or self.closed_at
        if promise in ("acknowledgement", "response"):
            return self.acknowledged_at or over
        return over if promise in ("recovery", "resolution") else None

    @property
    def overdue(self) -> tuple[ClockLine, ...]:
        """The promises that are broken while somebody can still act; the other broken ones were
        missed.
        """
        return tuple(
            line
            for line in self.clocks
            if line.state == "breached"
            and self.done_at(line.name) is None
            and not (line.at and line.at < line.due_at)
        )

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Ticket:
        """The ticket again. Raises TypeError for data that is none."""
        values = dict(body)
        for name in ("opened_at", "closed_at", "recovered_at", "acknowledged_at"):
            values[name] = _instant(values.get(name))
        for name, line in (
            ("stages", StageLine),
            ("findings", Finding),
            ("clocks", ClockLine),
            ("ladder", RungLine),
            ("elsewhere", Elsewhere),
        ):
            values[name] = tuple(_line(line, written) for written in values.get(name, ()))
        for name in ("reasons", "attached"):
            values[name] = tuple(values.get(name, ()))
        values["exhibits"] = tuple((name, path) for name, path in values.get("exhibits", ()))
        values["history"] = tuple((_instant(at), text) for at, text in values.get("history", ()))
        return cls(**values)


def plain(value: Any) -> Any:
    """Data classes, mappings and sequences as JSON data; moments as ISO 8601 in UTC, days
    as dates.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    # Data classes are told by their fields; `asdict` would copy the mappings in them without
    # looking into moments.
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(inner) for inner in value]
    return value


def clock_line(written: Mapping[str, Any]) -> ClockLine:
    """A clock again, of its plain form."""
    line: ClockLine = _line(ClockLine, written)
    return line


def _line(line: type, written: Mapping[str, Any]) -> Any:
    values = dict(written)
    for name in ("due_at", "at"):
        if name in values:
            values[name] = _instant(values[name])
    return line(**values)


def _instant(written: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(written) if isinstance(written, str) else written
