"""The shipped policies against their golden corpora: what a failure becomes (NAME.txt), when each
promise is due and each level is told (clocks_NAME.txt). The tables were worked out by hand from
the published documents, and say on top how a row is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.contract import Layer
from checks.durations import write_duration
from monitor import policies
from monitor.core.escalation import due_levels
from monitor.core.explain import DatedTarget, Explanation, explained
from monitor.core.failure import Case
from monitor.core.incident import Closing, Evidence, Incident, Pause
from monitor.core.policy import Policy

FOLDER = Path(__file__).parents[1] / "golden" / "policies"
NAMES = ("ozonetel", "exotel", "voxeo", "xop")
CLASSIFIED = ("exotel", "voxeo")
"""those whose classification is read here; the other two have a test of their own"""
FEWEST = 60
# The "after" rows are opened here: 09:00 Central on a business day of every calendar.
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
# Under exotel a severity is a counted loss: what looks count of each issue.
COUNTED = {
    "acd-disrupted": Case("queue-state", "agents", "too-few-agents", layer=Layer.AGENT),
    "ivr-disrupted": Case("burst", "answer", "sip:503", layer=Layer.SIGNALLING),
    "dialer-disrupted": Case("outbound-dialer", "ring", "not-called"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what is given, what must come of it, and the site's holidays."""

    table: str
    number: int
    given: tuple[str, ...]
    must: str
    holidays: frozenset[date]

    def __str__(self) -> str:
        return f"{self.table}.txt:{self.number}: {' '.join(self.given)}"


def rows(table: str) -> Iterator[Row]:
    """The rows of a table; one line may give the holidays of the site."""
    holidays: frozenset[date] = frozenset()
    written = (FOLDER / f"{table}.txt").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(written, 1):
        if not line or line[0] == "#":
            continue
        if line.startswith("holidays "):
            holidays = frozenset(map(date.fromisoformat, line.split()[1:]))
            continue
        given, must = line.split(" -> ")
        yield Row(table, number, tuple(given.split()), " ".join(must.split()), holidays)


@lru_cache
def shipped(name: str) -> Policy:
    """A shipped policy, read once."""
    return policies.load(name)


def classified(policy: Policy, given: tuple[str, ...]) -> str:
    """Issue, severity, owner and ladder of a failure."""
    kind, stage, code, layer, component, loss = ("" if word == "-" else word for word in given)
    lost, of = map(int, loss.split("/")) if loss else (0, 0)
    case = Case(kind, stage, code, "", component, Layer[layer.upper()], "", lost, of)
    found = policy.classify(case)
    return f"{found.issue.id} {found.severity.id} {found.issue.owner} {found.ladder.name}"


def case_of(written: str) -> Case | str:
    """An issue by its id, or the failure that stands for it with a loss: "acd-disrupted:19/100"."""
    issue, _, loss = written.partition(":")
    if not loss:
        return issue
    lost, of = map(int, loss.split("/"))
    return replace(COUNTED[issue], lost=lost, of=of)


def instant(day: str, time: str, zone: ZoneInfo) -> datetime:
    """A site's wall time; with a * the second coming of an hour that comes twice."""
    wall = datetime.fromisoformat(f"{day}T{time.rstrip('*')}")
    return wall.replace(tzinfo=zone, fold=int(time.endswith("*"))).astimezone(UTC)


def wall(at: datetime, opened: datetime) -> str:
    """A site's wall time as the tables write it, with its day where that is not the opening's."""
    day = "" if at.date() == opened.date() else f"{at:%a%d%b/}"
    seconds = f"{at:%H:%M:%S}".removesuffix(":00")
    return f"{day}{seconds}{'*' if at.fold else ''}"


def promise(target: DatedTarget, opened: datetime) -> str:
    """A promise and when it is due; after what, where that has not come yet."""
    if target.due_at is None:
        return f"{target.name}={target.since}+{write_duration(target.seconds)}"
    return f"{target.name}={wall(target.due_at, opened)}"


def dated(policy: Policy, row: Row) -> str:
    """Severity, promises and ladder of an issue that is opened at a wall time of a site."""
    zone, weekday, day, time, what, region = row.given
    opened = instant(day, time, ZoneInfo(zone))
    assert weekday == f"{opened.astimezone(ZoneInfo(zone)):%a}", f"{row}: no such weekday"
    found = explained(policy, case_of(what), "" if region == "-" else region, opened, zone)
    assert found.issue == what.partition(":")[0], row
    return f"{found.severity} {_promised(found)} | {_climbed(found)}{_desk(found, row)}"


def _promised(found: Explanation) -> str:
    return " ".join(promise(one, found.opened_at) for one in found.targets) or "-"


def _climbed(found: Explanation) -> str:
    return " ".join(f"{one.number}@{wall(one.at, found.opened_at)}" for one in found.levels)


def _desk(found: Explanation, row: Row) -> str:
    """Whom the policy publishes for level 1, where the row says so."""
    if row.must.count("|") < 2:
        return ""
    return " | " + (", ".join(who.name for who in found.levels[0].who) or "nobody")


def span(written: str) -> timedelta:
    """Minutes and seconds: "9:59"."""
    minutes, seconds = written.split(":")
    return timedelta(minutes=int(minutes), seconds=int(seconds))


def lived(policy: Policy, what: str, happened: dict[str, str], now: datetime) -> Incident:
    """The incident of an issue that is opened on the Monday, with what happened to it. Its customer
    has just heard of it.
    """
    case = case_of(what)
    found = policy.reclassified(case) if isinstance(case, str) else policy.classify(case)
    at = {word: MONDAY + span(when) for word, when in happened.items() if word != "paused"}
    pauses = [MONDAY + span(one) for one in happened.get("paused", "").split("-") if one]
    formal = policy.formal_ladder(found.severity) if "escalated" in at else None
    return Incident(
        key="k", site="s", issue=found.issue.id, title="", severity=found.severity,
        owner=found.issue.owner, owner_title="", ladder=formal or found.ladder, rule="",
        policy=policy.name, opened_at=MONDAY, counts_from=MONDAY, evidence=Evidence("", ""),
        acknowledged_at=at.get("answered"), acknowledged_by="asha", closed_at=at.get("resolved"),
        recovered_at=at.get("resolved"), closing=Closing.RECOVERED if "resolved" in at else None,
        updated_at=now,
        acknowledged_again=((at["again"], ""),) if "again" in at else (),
        escalated_at=at.get("escalated"),
        pauses=(Pause(pauses[0], pauses[1], "the customer"),) if pauses else (),
    )  # fmt: skip


def told_by(policy: Policy, incident: Incident, now: datetime) -> tuple[int, ...]:
    """The levels that the ladder has asked for by now, each looked at in its instant."""
    done: tuple[int, ...] = ()
    for rung in incident.rungs(now, policy.calendars):
        if rung.at <= now:
            over = incident.closed_at is not None and incident.closed_at <= rung.at
            done += due_levels(
                incident.ladder, incident.climbs_from, rung.at, done, resolved=over,
                calendars=policy.calendars, pauses=incident.paused(now),
            ).levels  # fmt: skip
    return done


def after(policy: Policy, given: tuple[str, ...]) -> str:
    """How the promises stand so long after the opening, and which levels have been told."""
    _, minutes, what, *events = given
    now = MONDAY + span(minutes)
    happened = dict(event.split("@") for event in events if event != "-")
    incident = lived(policy, what, happened, now)
    told = told_by(policy, incident, now)
    clocks = replace(incident, levels_told=told).clocks(now, policy.calendars)
    states = " ".join(f"{one.name}={one.state.value}" for one in clocks) or "-"
    return f"{states} | {' '.join(map(str, told)) or '-'}"


def answer(row: Row) -> str:
    """What the product makes of a row."""
    policy = shipped(row.table.removeprefix("clocks_"))
    if policy.name == row.table:
        return classified(policy, row.given)
    if row.given[0] == "after":
        return after(policy.at("UTC", row.holidays), row.given)
    return dated(policy.at(row.given[0], row.holidays), row)


TABLES = (*CLASSIFIED, *(f"clocks_{name}" for name in NAMES))


@pytest.mark.parametrize("table", TABLES)
def test_the_policy_is_as_its_golden_table_says(table: str) -> None:
    wrong = [
        f"{row}\n  must {row.must}\n  is   {got}"
        for row in rows(table)
        if (got := answer(row)) != row.must
    ]
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_has_its_cases_each_of_them_once(name: str) -> None:
    cases = [row for table in (name, f"clocks_{name}") for row in rows(table)]
    assert len(cases) >= FEWEST
    twice = {row.given for row in cases if [one.given for one in cases].count(row.given) > 1}
    assert not twice


@pytest.mark.parametrize("name", CLASSIFIED)
def test_every_issue_and_severity_stands_in_the_table(name: str) -> None:
    policy = shipped(name)
    said = [row.must.split() for row in rows(name)]
    assert {one[0] for one in said} == {issue.id for issue in policy.issues}
    assert {one[1] for one in said} == {severity.id for severity in policy.severities}
