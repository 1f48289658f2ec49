"""However long a ledger is, what `status`, `tickets` and the first page ask of it is found by an
index: no table that grows with the years is gone through for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from monitor.incidents import store
from monitor.incidents.ticket_view import view
from monitor.ledger.sqlite_database import SqliteDatabase
from monitor.page.overview import Overviews
from monitor.service.standing import standing
from monitor.testing.scenario import Scene, ScriptedTrunk
from tests.scenes.conftest import Make
from tests.scenes.test_receipts import SILENT

GROWING = re.compile(
    r"SCAN (attempts|history|incidents|outbox|receipts|slots|rolled_runs|rolled_hours)\b"
    r"(?! USING)"
)


def status(site: Scene) -> object:
    return standing(site.ledger, site.configuration, site.clock.now())


def tickets(site: Scene) -> object:
    rows = site.ledger.incidents(50, "open")
    found = store.incidents_of(rows)
    return [view(site.ledger, site.configuration, one, site.clock.now()) for one in found]


def first_page(site: Scene) -> object:
    return Overviews(site.configuration).made(site.ledger, site.clock.now())


def ticket(site: Scene) -> object:
    row = site.ledger.incident(1)
    assert row is not None
    return view(site.ledger, site.configuration, store.incident_of(row), site.clock.now())


@contextmanager
def asked_of(site: Scene) -> Iterator[list[str]]:
    """What SQLite is asked meanwhile, with the values in it."""
    database = site.ledger._database
    assert isinstance(database, SqliteDatabase)
    # A verb opens the ledger anew, and remembers nothing.
    database._memo.clear()
    told: list[str] = []
    database._connection.set_trace_callback(told.append)
    try:
        yield told
    finally:
        database._connection.set_trace_callback(None)


@pytest.mark.parametrize("look", [status, tickets, ticket, first_page])
async def test_no_table_that_grows_is_gone_through(
    scene: Make, look: Callable[[Scene], object]
) -> None:
    site = scene({"main": {"every": 60.0}, "trunk": {"every": 60.0, "of": ScriptedTrunk}})
    site.world["main"] = SILENT
    await site.run_for(minutes=4)
    with asked_of(site) as told:
        assert look(site)
    questions = [one for one in told if one.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert questions
    plans = {
        one: [str(step[3]) for step in site.ledger._database.rows(f"EXPLAIN QUERY PLAN {one}")]
        for one in questions
    }
    gone_through = {
        one: plan for one, plan in plans.items() if any(GROWING.match(step) for step in plan)
    }
    assert not gone_through
