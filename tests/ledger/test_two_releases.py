"""Two releases on one ledger: an older program goes on with what a newer one has only added, and
refuses what it has changed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from checks.contract import Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.migrate import known, migrate, version
from tests.ledger.engines import Engine

EXPANDS = """ALTER TABLE hosts ADD COLUMN region TEXT NOT NULL DEFAULT '';
CREATE TABLE regions (name TEXT NOT NULL PRIMARY KEY);
"""


def newer(ledger: Ledger, folder: Path, name: str, script: str) -> None:
    """What the next release does at its first start."""
    database = ledger._database
    if not folder.exists():
        shutil.copytree(database.MIGRATIONS, folder)
    number = len(known(folder)) + 1
    (folder / f"{number:04}_{name}.sql").write_text(script, encoding="utf-8")
    migrate(database, known(folder))


def test_an_older_program_goes_on_with_what_was_added(engine: Engine, tmp_path: Path) -> None:
    at_work = engine.opened(tmp_path)
    with engine.opened(tmp_path) as first:
        newer(first, tmp_path / "next", "expand_regions", EXPANDS)
        assert version(first._database) == len(known(first._database.MIGRATIONS)) + 1
    now = at_work.now()
    for ledger in (at_work, engine.opened(tmp_path)):
        with ledger.transaction() as t:
            t.record("portal", "portal", "once", now, Observation(), Verdict(State.OK))
        ledger.hear_host("pune", "hall 2", "a", now - now)
        assert [one.name for one in ledger.hosts()] == ["pune"]
        ledger.close()
    with engine.reading(tmp_path) as reader:
        assert len(reader.attempts("portal")) == 2


def test_it_refuses_what_was_changed(engine: Engine, tmp_path: Path) -> None:
    with engine.opened(tmp_path) as first:
        newer(first, tmp_path / "next", "expand_regions", EXPANDS)
        newer(first, tmp_path / "next", "regions", "DROP TABLE regions;\n")
    with pytest.raises(LedgerFault, match="use the newer Reveille"):
        engine.opened(tmp_path)
    with pytest.raises(LedgerFault, match="use the newer Reveille"):
        engine.reading(tmp_path)
