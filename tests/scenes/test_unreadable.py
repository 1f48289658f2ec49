"""A row whose body this program cannot read: it is named, nothing of it is lost, and all the rest
goes on.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from checks.body import Unreadable
from checks.contract import Failed
from checks.data.backup.engine import Work
from checks.data.backup.events import BackupEvents
from checks.data.backup.run.proof import retain
from checks.data.backup.store.manifest import Manifest, Proof, sha256
from checks.data.backup.store.repository import Repository
from checks.data.backup.store.throttle import Throttle
from monitor.cli import main
from monitor.clock import SystemClock
from monitor.config.section_models import Audit
from monitor.core.verdict import State
from monitor.evidence.retention import shown
from monitor.incidents import store
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.service.heartbeat import Presence, heartbeat
from monitor.testing.scenario import Scene, ScriptedPortal
from tests.scenes.daemon_process import Process
from tests.unit import sample_bodies as sample
from tests.unit.ledger_story import SITE

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # 08:30 in Pune
OLD = Path(__file__).parents[1] / "golden" / "ledger" / "0.1.0.sql"
SILENT = Failed("silent", "no sound for 8 s")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Scene]:
    every = {"every": 3600.0}
    checks: dict[str, dict[str, Any]] = {
        "main-number": every,
        "portal": {**every, "of": ScriptedPortal, "component": "agent-portal"},
    }  # fmt: skip
    made = Scene(
        START, checks, folder=tmp_path, audit=Audit(at=time(4, 0), to=("ops@example.net",))
    )
    yield made
    made.stop_daemon()


def body(site: Scene, query: str) -> str:
    with closing(sqlite3.connect(site.configuration.state / "ledger.sqlite")) as connection:
        return str(connection.execute(query).fetchone()[0])


def rename(site: Scene, table: str, where: str, old: str, new: str) -> str:
    """What a program that calls a field otherwise would have kept; returns it."""
    with closing(sqlite3.connect(site.configuration.state / "ledger.sqlite")) as connection:
        told = json.loads(body(site, f"SELECT body FROM {table} WHERE {where}"))
        told[new] = told.pop(old)
        kept = json.dumps(told)
        connection.execute(f"UPDATE {table} SET body = ? WHERE {where}", (kept,))
        connection.commit()
    return kept


async def two_tickets(site: Scene) -> None:
    site.world["main-number"] = site.world["portal"] = SILENT
    await site.run_for(minutes=70)
    assert [row.number for row in site.ledger.open_incidents()] == [1, 2]


async def test_a_ticket_is_kept_and_the_ladder_of_the_other_goes_on(
    site: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    await two_tickets(site)
    kept = rename(site, "incidents", "number = 1", "causes", "reasons")
    assert store.unreadable(site.ledger) == [
        "the kept incident of RV-1 cannot be read: it lacks causes"
    ]
    before = len(site.told())
    await site.run_for(hours=8)
    after = site.told()[before:]
    assert any(said.startswith("escalated RV-2") for said in after)
    assert not any(" RV-1 " in said for said in after)
    assert body(site, "SELECT body FROM incidents WHERE number = 1") == kept, (
        "as it was, to the byte"
    )
    assert (
        "action=not_settled check=main-number the kept incident of RV-1 cannot be read"
        in caplog.text
    )
    newest = site.ledger.attempts("main-number", limit=1)[0]
    assert newest.verdict.state is State.FAILED, "its looks are kept all the same"
    with pytest.raises(Unreadable):
        shown(site.ledger)
    with pytest.raises(NotPossible, match="RV-1 cannot be read"):
        TicketActions(site.ledger, site.configuration, site.clock.now()).acknowledge(1, "asha")


async def test_its_recovery_waits_for_a_program_that_can_read_it(site: Scene) -> None:
    await two_tickets(site)
    rename(site, "incidents", "number = 1", "causes", "reasons")
    site.world["main-number"] = site.world["portal"] = None
    await site.run_for(hours=2)
    assert [row.number for row in site.ledger.open_incidents()] == [1]
    rename(site, "incidents", "number = 1", "reasons", "causes")
    await site.run_for(minutes=10)
    assert site.ledger.open_incidents() == []
    assert [said for said in site.told() if said.startswith("closed RV-1")]


async def test_a_check_whose_condition_cannot_be_read_is_unknown(site: Scene) -> None:
    await two_tickets(site)
    kept = rename(site, "conditions", "check_name = 'portal'", "memory", "remembered")
    await site.run_for(hours=3)
    newest = site.ledger.attempts("portal", limit=1)[0]
    assert newest.verdict.state is State.UNKNOWN
    assert (
        newest.observation.blind == "the kept condition of portal cannot be read: it lacks memory"
    )
    assert body(site, "SELECT body FROM conditions WHERE check_name = 'portal'") == kept
    assert site.ledger.attempts("main-number", limit=1)[0].verdict.state is State.FAILED


async def test_an_attempt_that_cannot_be_read_is_unknown(site: Scene) -> None:
    await site.run_for(minutes=1)
    with closing(sqlite3.connect(site.configuration.state / "ledger.sqlite")) as connection:
        connection.execute("DROP TRIGGER attempts_are_not_changed")
        connection.execute(
            "UPDATE attempts SET observation = replace(observation, 'measures', 'measured')"
        )
        connection.commit()
    row, *_ = site.ledger.attempts("portal")
    assert row.verdict.state is State.UNKNOWN
    assert row.verdict.reasons == (
        "the kept observation of portal cannot be read: it has measured, which nobody knows",
    )


async def test_a_report_that_cannot_be_read_gives_its_number_to_no_other(site: Scene) -> None:
    await site.run_for(days=1)
    with closing(sqlite3.connect(site.configuration.state / "ledger.sqlite")) as connection:
        connection.execute("DROP TRIGGER history_is_not_changed")
        connection.execute(
            "UPDATE history SET body = replace(body, '\"parts\"', '\"pieces\"') WHERE kind ="
            " 'audit'"
        )
        connection.commit()
    await site.run_for(days=1)
    kinds = [
        letter.body["report"]["number"] for letter in site.desk.letters if letter.kind == "audit"
    ]
    assert kinds == [1, 2]


async def test_a_letter_that_cannot_be_read_waits(site: Scene) -> None:
    await site.run_for(minutes=1)
    site.world["portal"] = SILENT
    wanted = len(site.desk.letters)
    with closing(sqlite3.connect(site.configuration.state / "ledger.sqlite")) as connection:
        connection.execute(
            "CREATE TRIGGER other AFTER INSERT ON outbox BEGIN UPDATE outbox SET body ="
            " replace(body, '\"reasons\"', '\"causes\"') WHERE id = new.id; END"
        )
        connection.commit()
    await site.run_for(hours=2)
    assert len(site.desk.letters) == wanted
    waiting = site.ledger.outbox("queued")
    assert waiting
    assert "cannot be read: it lacks reasons" in str(waiting[0].last_error)


def test_a_heartbeat_of_another_release_is_not_taken_for_none(tmp_path: Path) -> None:
    daemon = Presence(tmp_path)
    daemon.beat(SystemClock().now(), "main-number: prompt")
    assert (beat := heartbeat(tmp_path)) and (beat.doing, beat.running) == (
        "main-number: prompt",
        True,
    )
    file = tmp_path / "heartbeat.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"doing"', '"busy"'), encoding="utf-8")
    with pytest.raises(Unreadable, match="the kept heartbeat cannot be read: it lacks doing"):
        heartbeat(tmp_path)
    daemon.leave()


def test_a_backup_of_another_release_is_named_and_never_removed(tmp_path: Path) -> None:
    """Retention evicts what is not proven once something newer is; this program cannot tell whether
    it was.
    """
    manifest, repository = sample.manifests()[1], Repository(tmp_path)
    foreign = {
        "20260101T000000.000Z-aaaaaa": "manifest.json",
        "20260102T000000.000Z-bbbbbb": "proof.json",
    }
    for name in (*foreign, "20260103T000000.000Z-cccccc", "20260104T000000.000Z-dddddd"):
        _lay(tmp_path / name, replace(manifest, id=name), "cccccc" not in name)
    for name, file in foreign.items():
        path = tmp_path / name / file
        written = path.read_text(encoding="utf-8").replace('"seconds"', '"lasted"')
        path.write_text(written, encoding="utf-8")
    faults = {backup.id[-6:]: backup.fault for backup in repository.backups()}
    assert faults == {
        "aaaaaa": "manifest.json: the kept manifest cannot be read: it lacks seconds",
        "bbbbbb": "proof.json: the kept proof cannot be read: it lacks seconds",
        "cccccc": "",
        "dddddd": "",
    }
    retain((1, 0, 0), repository, Work(BackupEvents(lambda **_: None), Throttle(None)))
    assert [backup.id[-6:] for backup in repository.backups()] == ["dddddd", "bbbbbb", "aaaaaa"]


def _lay(folder: Path, manifest: Manifest, proven: bool) -> None:
    folder.mkdir()
    (folder / "manifest.json").write_bytes(manifest.encoded())
    proof = Proof(sha256(manifest.encoded()), "2026-03-02T03:00:00.000Z", True)
    if proven:
        (folder / "proof.json").write_bytes(proof.encoded())


async def test_a_daemon_on_an_old_ledger_names_the_ticket_and_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "reveille.toml").write_text(SITE, encoding="utf-8")
    where = "FROM incidents WHERE number = 7"
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.sqlite")) as connection:
        connection.executescript(OLD.read_text(encoding="utf-8"))
        connection.execute(
            "UPDATE incidents SET body = replace(body, '\"causes\"', '\"reasons\"') WHERE"
            " number = 7"
        )
        connection.commit()
        (kept,) = connection.execute(f"SELECT body {where}").fetchone()
    daemon = Process(tmp_path / "reveille.toml")
    await daemon.start()
    why = "the kept incident of RV-7 cannot be read: it lacks causes"
    try:
        await daemon.until(
            lambda: f"action=blind in=ledger {why}" in daemon.log.read_text(encoding="utf-8")
        )
        await daemon.until(
            lambda: daemon.read(lambda ledger: ledger.history(None))[-1].kind == "started"
        )
        assert main(["tickets", "--all", "--config", str(daemon.file)]) == 1
        said = capsys.readouterr()
        assert said.err == f"reveille: {why}\n"
        assert "RV-6" in said.out
        assert "RV-7" not in said.out
        assert main(["tickets", "show", "RV-7", "--config", str(daemon.file)]) == 2
        assert capsys.readouterr().err == f"reveille: {why}\n"
        assert main(["status", "--config", str(daemon.file)]) == 1
        assert why in capsys.readouterr().err
    finally:
        await daemon.stop()
    with closing(sqlite3.connect(tmp_path / "state" / "ledger.sqlite")) as connection:
        assert connection.execute(f"SELECT body {where}").fetchone() == (kept,)
