"""The keepsake of a ledger, and a ledger that is put back under its own name: what is told stays
told, and nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.desks.desk import letter_body
from monitor.ledger import IncidentRow, Ledger, LedgerFault, OutboxMessage
from monitor.ledger.bodies import ticket_body
from monitor.ledger.keepsake import NAME, begun_anew, keep
from monitor.service.heartbeat import AlreadyRunning, Presence
from monitor.service.ledger_file import held_on, opened
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 29, 22, 0, tzinfo=UTC)
MESSAGE = OutboxMessage(
    1, "opened", 1, "mail", "a@example.net", letter_body(ticket_body(ticket()), {}), NOW
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A closed one and an open one, told; and one that was closed a month ago."""
    made = Ledger(tmp_path / "ledger.sqlite")
    with made.transaction() as t:
        for number, closed in ((1, None), (2, NOW - timedelta(hours=3)), (3, NOW - timedelta(30))):
            row = IncidentRow(None, f"k{number}", "Pune", "ivr", "P0", "vendor", NOW)
            at = t.open_incident(row)
            assert at == number
            if closed:
                t.save_incident(
                    IncidentRow(number, f"k{number}", "Pune", "ivr", "P0", "vendor", NOW,
                                closed_at=closed)
                )  # fmt: skip
        t.enqueue(MESSAGE)
        t.happened(1, NOW, "opened", {})
        t.happened(None, NOW, "started", {})
        t.claim("backup", "2026-11-29T04:00", NOW - timedelta(hours=18), NOW)
    yield made
    made.close()


def test_what_was_told_is_not_told_again_by_what_is_begun_from_a_keepsake(
    ledger: Ledger, tmp_path: Path
) -> None:
    keep(Path(ledger.where), NOW)
    identity = ledger.identity
    ledger.close()
    Path(ledger.where).write_bytes(b"harmed" * 1000)
    said = begun_anew(Path(ledger.where), NOW)
    assert "with 1 open ticket;" in said
    with Ledger(tmp_path / "ledger.sqlite") as again:
        assert again.identity == identity, "its letters go on in their threads"
        assert [row.number for row in again.incidents()] == [2, 1]
        assert [row.kind for row in again.history(1)] == ["opened"]
        assert again.slot("backup", "2026-11-29T04:00") is not None, "no run is made twice"
        with again.transaction() as t:
            assert not t.enqueue(MESSAGE), "the same letter is the same letter"
            next_one = IncidentRow(None, "k9", "Pune", "ivr", "P0", "vendor", NOW)
            assert t.open_incident(next_one) == 4, "a number is never given twice"
    (aside,) = tmp_path.glob("ledger.sqlite.damaged-*")
    assert aside.read_bytes() == b"harmed" * 1000


def test_a_keepsake_that_is_damaged_too_changes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    keep(Path(ledger.where), NOW)
    ledger.close()
    for name in (NAME, "ledger.sqlite"):
        (tmp_path / name).write_bytes(b"harmed" * 1000)
    with pytest.raises(LedgerFault, match=r"keepsake\.sqlite is not a ledger") as told:
        opened(tmp_path / "ledger.sqlite", NOW)
    assert told.value.cause == "damaged"
    assert Path(ledger.where).read_bytes() == b"harmed" * 1000


def test_without_a_keepsake_a_damaged_ledger_is_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"harmed" * 1000)
    with pytest.raises(LedgerFault, match="is not a ledger"):
        opened(tmp_path / "ledger.sqlite", NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_a_keepsake_that_cannot_be_made_leaves_the_one_before(
    ledger: Ledger, tmp_path: Path
) -> None:
    keep(Path(ledger.where), NOW)
    before = (tmp_path / NAME).read_bytes()
    ledger.close()
    Path(ledger.where).unlink()
    with pytest.raises(LedgerFault):
        keep(Path(ledger.where), NOW)
    assert not Path(ledger.where).exists(), "nor is an empty ledger made"
    assert (tmp_path / NAME).read_bytes() == before


def test_a_ledger_that_lost_its_name_is_put_back_with_what_came_since(
    ledger: Ledger, tmp_path: Path
) -> None:
    presence = Presence(tmp_path)
    assert held_on(presence, ledger, NOW) is None
    for path in tmp_path.glob("ledger.sqlite*"):
        path.unlink()
    with ledger.transaction() as t:
        t.happened(1, NOW, "note", {"text": "into a file without a name"})
    assert "nothing is lost" in str(held_on(presence, ledger, NOW))
    assert held_on(presence, ledger, NOW) is None
    with ledger.transaction() as t:
        t.happened(1, NOW, "note", {})
    with Ledger(tmp_path / "ledger.sqlite", read_only=True) as other:
        assert [row.kind for row in other.history(1)] == ["opened", "note", "note"]
    presence.leave()


def test_what_another_has_put_there_is_kept_aside(ledger: Ledger, tmp_path: Path) -> None:
    presence = Presence(tmp_path)
    (tmp_path / "other").write_bytes(b"somebody's")
    (tmp_path / "other").rename(Path(ledger.where))
    assert "was replaced" in str(held_on(presence, ledger, NOW))
    (aside,) = tmp_path.glob("ledger.sqlite.replaced-*Z")
    assert aside.read_bytes() == b"somebody's"
    assert [row.number for row in ledger.incidents()] == [3, 2, 1]
    presence.leave()


def test_a_lock_that_is_gone_is_taken_again_unless_another_daemon_has_it(
    ledger: Ledger, tmp_path: Path
) -> None:
    presence = Presence(tmp_path)
    (tmp_path / "daemon.lock").unlink()
    assert "taken again" in str(held_on(presence, ledger, NOW))
    with pytest.raises(AlreadyRunning):
        Presence(tmp_path)
    (tmp_path / "daemon.lock").unlink()
    other = Presence(tmp_path)
    with pytest.raises(AlreadyRunning):
        held_on(presence, ledger, NOW)
    other.leave()
    presence.leave()
