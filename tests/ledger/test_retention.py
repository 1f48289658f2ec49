"""Looks are rolled up in their time and nothing else is ever taken away: what is told of a month is
the same before and after, and whoever changes a row is found out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.contract import Observation
from checks.data.backup.store.seal import Key
from monitor.core.availability import availability, stretches
from monitor.core.verdict import State, Verdict
from monitor.ledger import IncidentRow, Ledger
from monitor.ledger.errors import ConstraintBroken
from monitor.ledger.proof import verified
from monitor.ledger.retention import Keep, Retention
from tests.ledger.engines import Engine, without_trigger

START = datetime(2026, 10, 1, tzinfo=UTC)
KEY, KEEP, HOLDS = Key(bytes(range(12))), Keep(looks=4, rollups=12), timedelta(hours=2)
STATES = (State.OK, State.OK, State.FAILED, State.DEGRADED, State.OK, State.UNKNOWN)


def at(day: float) -> datetime:
    return START + timedelta(days=day)


def looked(ledger: Ledger, check: str, days: range, state: State | None = None) -> None:
    """A look an hour, with a gap of some hours each day; every fifth in a maintenance."""
    with ledger.transaction() as t:
        for hour in (day * 24 + hour for day in days for hour in range(24) if hour % 11 != 7):
            told = state or STATES[hour // 5 % len(STATES)]
            seen = Observation(measures={"mos": 3 + hour % 24 / 24}, seconds=hour % 7 + 0.5)
            moment = START + timedelta(hours=hour, minutes=7)
            t.record(check, "portal", "scheduled", moment, seen, Verdict(told), hour % 5 == 0)


@dataclass
class Site:
    ledger: Ledger
    retention: Retention = field(init=False)

    def __post_init__(self) -> None:
        self.retention = Retention(self.ledger, lambda: KEY)

    async def tidied(self, day: float, keep: Keep = KEEP) -> None:
        # Another daemon, as after a restart: a clock that is moved by hand has jumped.
        await Retention(self.ledger, lambda: KEY).tidy(keep, lambda _: HOLDS, at(day))

    def looks(self, check: str = "portal") -> list[int]:
        """On which days there are looks, one by one."""
        rows = self.ledger.attempts(check, limit=100_000)
        return sorted({(row.started_at - START).days for row in rows})

    def told(self, check: str = "portal") -> object:
        """What pages tell of these days."""
        span = (at(0.3), at(11.2))
        parts = stretches(self.ledger.runs(check, *span, HOLDS), *span, HOLDS)
        measured = self.ledger.measured(check, at(0), at(12), 12)
        rounded = [(name, moment, round(mean, 6)) for name, moment, mean in measured]
        return availability(parts), parts, sorted(rounded)

    def wrong(self) -> list[str]:
        found = verified(self.ledger, KEY)
        return [f"{one.day}: {one.text}" for one in found.findings]


@pytest.fixture
def site(ledger: Ledger) -> Site:
    looked(ledger, "portal", range(12))
    looked(ledger, "trunk", range(3, 12), State.OK)
    return Site(ledger)


async def test_a_month_says_the_same_once_its_looks_are_gone(site: Site) -> None:
    before, trunk = site.told(), site.told("trunk")
    await site.tidied(12)
    assert site.looks() == list(range(8, 12))
    assert site.told() == before and site.told("trunk") == trunk
    assert site.wrong() == []


async def test_a_step_that_was_cut_off_is_made_again(site: Site) -> None:
    before = site.told()
    for day in (3, 5.5, 5.5, 7, 12):
        await site.tidied(day)
        assert site.told() == before
    assert site.wrong() == []


async def test_an_interrupted_roll_up_counts_for_nothing_until_it_is_sealed(site: Site) -> None:
    before = site.told()
    await site.tidied(5)
    with site.ledger.transaction() as t:
        runs = site.ledger.runs("portal", at(3), at(4), HOLDS)
        t.keep_rolled("portal", [run for run in runs if run.first >= at(3)][:2], ())
    assert site.told() == before
    await site.tidied(12)
    assert site.told() == before and site.wrong() == []


async def test_the_newest_look_of_a_check_stays_for_ever(site: Site) -> None:
    looked(site.ledger, "by-hand", range(4), State.FAILED)
    await site.tidied(12)
    (row,) = site.ledger.attempts("by-hand", limit=9)
    assert row.started_at.day == 4, "it says why the check stands as it does"
    looked(site.ledger, "by-hand", range(11, 12))
    await site.tidied(12.1)
    assert site.looks("by-hand") == [11], "until there is a newer one"


async def test_the_failures_that_a_ticket_was_opened_for_stay_with_it(site: Site) -> None:
    failed = [row for row in site.ledger.attempts("portal", 999) if row.verdict.state != "OK"]
    opened = failed[-1].started_at + timedelta(minutes=10)
    with site.ledger.transaction() as t:
        t.open_incident(IncidentRow(None, "k", "Pune", "ivr", "P0", "vendor", opened))
    await site.tidied(12)
    around = timedelta(minutes=30)
    left = site.ledger.attempts_within("portal", opened - around, opened + around)
    assert [row.started_at for row in left] == [failed[-1].started_at]
    assert site.looks() == [left[0].started_at.day - 1, *range(8, 12)] and site.wrong() == []


async def test_roll_ups_go_in_their_time_too(site: Site) -> None:
    await site.tidied(12)
    assert site.ledger.rolled_runs("portal", at(0), at(20))
    await site.tidied(16)
    runs = site.ledger.rolled_runs("portal", at(0), at(20))
    assert min(run.first for run in runs) >= at(4)
    assert site.wrong() == []


class Undone(Exception):
    """The transaction is not to be kept."""


def overrule(ledger: Ledger, trigger: str, statement: str) -> None:
    """As somebody does it who can write to it all."""
    table = statement.removeprefix("UPDATE ").removeprefix("DELETE FROM ").split()[0]
    ledger._database.script(without_trigger(ledger, trigger, table) + ";")
    ledger._database.change(statement)


async def test_a_look_that_was_taken_away_is_found_out_and_its_day_stays(site: Site) -> None:
    await site.tidied(3.5)
    gone = "DELETE FROM attempts WHERE started_at IN (SELECT min(started_at) FROM attempts)"
    with site.ledger.transaction():
        overrule(site.ledger, "attempts_are_not_deleted", gone)
    assert site.wrong() == ["2026-10-01: 1 fewer looks than the 22 that were sealed"]
    await site.tidied(12)
    assert site.looks()[:2] == [0, 8], "what is left of that day is left as it is"


CHANGES = (
    (
        "attempts_are_not_changed",
        "UPDATE attempts SET state = 'OK' WHERE state = 'FAILED'",
        "looks were changed after they were sealed",
    ),
    (
        "history_is_not_changed",
        "UPDATE history SET body = '{}' WHERE kind = 'note'",
        "what happened or was sent up to then is not what was sealed",
    ),
    (
        "history_is_not_deleted",
        "DELETE FROM history WHERE kind = 'note'",
        "what happened or was sent up to then is not what was sealed",
    ),
    ("runs_are_not_changed", "UPDATE rolled_runs SET state = 'OK'", "roll-ups were changed"),
    ("hours_are_not_deleted", "DELETE FROM rolled_hours", "fewer roll-ups than the"),
    (
        "seals_are_not_changed",
        "UPDATE seals SET row_count = 3 WHERE number = 7",
        "it is not the seal that this monitor has written",
    ),
    ("seals_are_not_deleted", "DELETE FROM seals WHERE number = 7", "is no seal of the days"),
)
"""what takes a trigger off, and changes what it guards; what is said of it"""


async def test_whoever_changes_a_row_is_found_out(site: Site) -> None:
    with site.ledger.transaction() as t:
        t.happened(None, at(1), "note", {"by": "asha", "text": "the vendor was called"})
    await site.tidied(12)
    assert site.wrong() == []
    for trigger, statement, said in CHANGES:
        with suppress(Undone), site.ledger.transaction():
            overrule(site.ledger, trigger, statement)
            assert any(said in line for line in site.wrong()), statement
            raise Undone
    assert site.wrong() == []


async def test_a_seal_by_another_key_is_neither_ours_nor_broken(site: Site) -> None:
    await site.tidied(12)
    found = verified(site.ledger, Key(bytes(32)))
    assert (found.findings, found.others) == ((), found.seals)


async def test_a_look_that_comes_late_is_kept_and_told(site: Site) -> None:
    """By a clock that was wrong for a while."""
    await site.tidied(5)
    with site.ledger.transaction() as t:
        t.record("portal", "portal", "scheduled", at(1.5), Observation(), Verdict(State.OK))
    await site.tidied(12)
    assert site.looks()[:1] == [1]
    (wrong,) = site.wrong()
    assert wrong.startswith("2026-10-02: 1 more looks than the 22 that were sealed")


async def test_a_clock_that_has_just_jumped_seals_no_day(site: Site) -> None:
    await site.retention.tidy(KEEP, lambda _: HOLDS, at(4))
    sealed = len(site.ledger.seals())
    await site.retention.tidy(KEEP, lambda _: HOLDS, at(12))
    assert len(site.ledger.seals()) == sealed
    await site.retention.tidy(KEEP, lambda _: HOLDS, at(12))
    assert len(site.ledger.seals()) > sealed, "it is what the clock says since"


async def test_without_a_key_nothing_is_sealed_nor_removed(site: Site) -> None:
    await Retention(site.ledger, lambda: None).tidy(KEEP, lambda _: HOLDS, at(12))
    assert site.looks() == list(range(12)) and not site.ledger.seals()


def test_what_is_not_rolled_up_cannot_be_removed(
    site: Site, engine: Engine, tmp_path: Path
) -> None:
    with (
        engine.opened(tmp_path) as other,
        pytest.raises(ConstraintBroken),
        other.transaction() as t,
    ):
        t.remove_looks("portal", (START - datetime(1970, 1, 1, tzinfo=UTC)).days)
    assert site.looks() == list(range(12))
