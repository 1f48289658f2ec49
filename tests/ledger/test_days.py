"""On a server the looks of a day lie in a table of their own, and go with it; what is told of that
day, and what stays of it, is as in a file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import IncidentRow, Ledger, LedgerFault
from monitor.ledger.encoding import milliseconds
from monitor.ledger.errors import ConstraintBroken
from monitor.ledger.migrate import known, migrate, take, version
from monitor.ledger.postgresql_database import PostgresDatabase
from monitor.ledger.proof import day_of
from tests.ledger.engines import ENGINES, ON_SERVER, on_server, server
from tests.ledger.test_moving import configured
from tests.ledger.test_retention import HOLDS, START, Site, at, looked
from tests.unit.test_old_ledger import said, site_in

pytestmark = ON_SERVER
Capture = pytest.CaptureFixture[str]
FIRST = day_of(START)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ENGINES["postgresql"].opened(tmp_path) as ledger:
        ledger.make_days(range(FIRST, FIRST + 14))
        looked(ledger, "portal", range(12))
        looked(ledger, "trunk", range(3, 12), State.OK)
        yield Site(ledger)


def tables(ledger: Ledger) -> dict[str, int]:
    """How many looks lie in each table."""
    query = "SELECT tableoid::regclass::text AS name, count(*) AS n FROM attempts GROUP BY 1"
    return {str(row["name"]): int(row["n"]) for row in ledger._database.rows(query)}


async def test_a_day_goes_whole_and_a_month_says_the_same(site: Site) -> None:
    before, trunk = site.told(), site.told("trunk")
    assert len(tables(site.ledger)) == 12 and "attempts_rest" not in tables(site.ledger)
    failed = [row for row in site.ledger.attempts("portal", 999) if row.verdict.state != "OK"]
    with site.ledger.transaction() as t:
        opened = failed[-1].started_at + timedelta(minutes=10)
        t.open_incident(IncidentRow(None, "k", "Pune", "ivr", "P0", "vendor", opened))
    await site.tidied(12)
    assert list(tables(site.ledger)) != [] and site.looks()[-4:] == list(range(8, 12))
    left = tables(site.ledger)
    assert left.pop("attempts_rest") == 1, "the failure that the ticket was opened for"
    assert set(left) == {f"attempts_202610{day:02}" for day in range(9, 13)}
    assert site.told() == before and site.told("trunk") == trunk and site.wrong() == []
    assert FIRST + 16 in site.ledger.own_days(), "days to come have theirs"


async def test_the_newest_look_of_a_check_outlives_its_day(site: Site) -> None:
    looked(site.ledger, "by-hand", range(4), State.FAILED)
    await site.tidied(12)
    (row,) = site.ledger.attempts("by-hand", limit=9)
    assert row.started_at.day == 4
    looked(site.ledger, "by-hand", range(11, 12))
    await site.tidied(12.1)
    assert site.looks("by-hand") == [11]


def test_a_day_is_not_dropped_before_it_is_rolled_up_nor_emptied(site: Site) -> None:
    with pytest.raises(ConstraintBroken, match="append-only"):
        site.ledger.drop_day(FIRST)
    with pytest.raises(ConstraintBroken, match="append-only"), site.ledger.transaction():
        site.ledger._database.change("TRUNCATE attempts_20261001")
    assert site.looks() == list(range(12))


def test_a_day_whose_looks_lie_elsewhere_gets_no_table(site: Site) -> None:
    with site.ledger.transaction() as t:
        t.record("portal", "portal", "once", at(20.5), Observation(), Verdict(State.OK))
    site.ledger.make_days([FIRST + 20])
    assert FIRST + 20 not in site.ledger.own_days() and tables(site.ledger)["attempts_rest"] == 1


@contextmanager
def reading(site: Site) -> Iterator[None]:
    """Somebody asks a long question of all looks."""
    place = site.ledger._database.where
    schema = site.ledger._database.row("SELECT current_schema() AS name")
    assert schema is not None and place
    with psycopg.connect(server().address()) as other:
        other.execute(f"SELECT count(*) FROM {schema['name']}.attempts".encode())
        yield


async def test_a_long_question_keeps_nobody_from_looking(site: Site) -> None:
    with reading(site):
        await site.tidied(12)
        assert site.looks() == list(range(8, 12)), "by small batches, as in a file"
        assert FIRST in site.ledger.own_days()
        with pytest.raises(LedgerFault) as held:
            site.ledger.drop_day(FIRST)
        assert held.value.cause == "held"
        looked(site.ledger, "portal", range(12, 13))
    await site.tidied(12.1)
    assert min(site.ledger.own_days()) == FIRST + 8 and site.wrong() == []


def test_what_an_older_program_kept_goes_on(tmp_path: Path) -> None:
    to = on_server(tmp_path)
    old = PostgresDatabase(to)
    for step in known(old.MIGRATIONS)[:10]:
        with old.transaction():
            take(old, step)
    with Ledger(tmp_path / "a.sqlite") as here:  # its look, as any program writes it
        now = here.now()
    rows = [(1, day * 86_400_000 + 5) for day in (FIRST, day_of(now), day_of(now) + 30)]
    with old.transaction():
        old.change("INSERT INTO check_names (name) VALUES ('portal')")
        old.change_all(
            "INSERT INTO attempts VALUES (?, ?, 'portal', 'scheduled', 0, 'OK', '{}', '{}')", rows
        )
    migrate(old)
    assert version(old) == len(known(old.MIGRATIONS))
    old.close()
    with Ledger(to) as ledger:
        assert tables(ledger) == {"attempts_before": 2, "attempts_rest": 1}
        assert [row.id & ((1 << 42) - 1) for row in ledger.attempts("portal")] == [
            moment for _, moment in reversed(rows)
        ]
        assert ledger.runs("portal", START, now, HOLDS)
        with ledger.transaction() as t:
            t.record("portal", "portal", "once", now, Observation(), Verdict(State.OK))
        assert tables(ledger)["attempts_before"] == 3
        assert ledger.own_days() == [day_of(now) + 2, day_of(now) + 3]


def test_how_a_check_stood_is_read_off_an_index_of_the_day(tmp_path: Path) -> None:
    old = PostgresDatabase(on_server(tmp_path))
    for step in known(old.MIGRATIONS)[:13]:
        with old.transaction():
            take(old, step)
    now = milliseconds(START)
    with old.transaction():
        old.rows("SELECT make_day(?)", (FIRST,))
        old.rows("SELECT make_day(?)", (FIRST + 1,))
        old.change("INSERT INTO check_names (name) VALUES ('portal')")
        old.change(
            "INSERT INTO attempts VALUES (1, ?, 'portal', 'scheduled', 0, 'OK', '{}', '{}')", (now,)
        )
    migrate(old)
    with Ledger(on_server(tmp_path)) as ledger:
        ledger.make_days([FIRST + 2])
        rows = ledger._database.rows(
            "SELECT tablename FROM pg_indexes WHERE schemaname = current_schema()"
            " AND indexdef LIKE '%(check_number, started_at) INCLUDE (state, muted)'"
        )
    of_october = sorted(str(row["tablename"])[-8:] for row in rows if "_202610" in row["tablename"])
    assert of_october == ["20261002", "20261003"], "the day with a look goes on as it is"
    old.close()


def test_what_takes_long_to_count_is_estimated(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = {one.name: one for one in site.ledger.grown(milliseconds(at(12)))}
    with site.ledger.transaction():
        site.ledger._database.change("ANALYZE attempts")
    monkeypatch.setattr("monitor.ledger.postgresql_questions.LONG_TO_COUNT", 100)
    about = {one.name: one for one in site.ledger.grown(milliseconds(at(12)))}
    assert about["looks"].rows == exact["looks"].rows and about["looks"].bytes > 0
    assert about["looks"].rows_a_day == 44, "two checks, 22 looks each"


def test_it_says_how_long_the_room_lasts(tmp_path: Path, capsys: Capture) -> None:
    site_in(tmp_path)
    configured(tmp_path, on_server(tmp_path))
    file = tmp_path / "reveille.toml"
    Ledger(on_server(tmp_path)).close()
    assert said(capsys, tmp_path, "ledger", "size")["lasts_days"] is None
    written = file.read_text(encoding="utf-8")
    file.write_text(written.replace("[ledger]", "[ledger]\nroom_gigabytes = 100"), encoding="utf-8")
    size = said(capsys, tmp_path, "ledger", "size")
    assert size["disk_free_bytes"] == 100e9 - size["bytes"]
