"""A letter that failed is told in every status until a person says that it need not arrive, and
why: it stays in the ledger with his name.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.desks.desk import letter_body
from monitor.ledger import Ledger, OutboxMessage
from monitor.ledger.bodies import ticket_body
from monitor.verbs.opening import whoami
from tests.scenes.test_refused_io import configuration
from tests.unit.sample_ticket import ticket

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """One letter refused for ever, one that waits after a try, one that is on its way, one sent."""
    with Ledger(tmp_path / "state" / "ledger.sqlite") as ledger:
        body = letter_body(ticket_body(ticket()), {})
        for number in range(4):
            with ledger.transaction() as t:
                t.enqueue(OutboxMessage(None, "opened", number, "mail", "a@example.net", body, NOW))
                if number == 2:
                    continue
                row = t.lease_letter("mail", "here:1", NOW, NOW)
                assert row is not None
                if number == 0:
                    t.letter_failed(row, NOW, "never", "550 no such user")
                elif number == 1:
                    t.letter_postponed(row, NOW, NOW.replace(year=2027), "451 later")
                else:
                    t.letter_sent(row, NOW, "<1@example.net>")
    return str(configuration(tmp_path, tmp_path / "state"))


def ran(capsys: pytest.CaptureFixture[str], file: str, *words: str) -> tuple[int, str]:
    code = main(["--config", file, *words])
    said = capsys.readouterr()
    return code, said.out + said.err


def listed(capsys: pytest.CaptureFixture[str], file: str) -> list[tuple[int, str]]:
    found = json.loads(ran(capsys, file, "outbox", "--json")[1])
    return [(row["letter"], row["state"]) for row in found]


def test_a_person_dismisses_what_failed_and_what_waits_and_is_named_with_it(
    capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path
) -> None:
    code, said = ran(capsys, file, "outbox")
    assert code == 1
    assert "550 no such user" in said
    assert listed(capsys, file) == [(1, "failed"), (2, "queued")]
    assert "1 failed" in ran(capsys, file, "status")[1]
    for letter in ("1", "2"):
        code, said = ran(capsys, file, "outbox", "dismiss", letter, "told by phone", "--by", "nina")
        assert (code, f"dismissed by {whoami()} (nina)" in said) == (0, True)
    assert listed(capsys, file) == []
    assert ran(capsys, file, "outbox") == (0, "Every letter has arrived.\n")
    assert "0 failed" in ran(capsys, file, "status")[1]
    with Ledger(tmp_path / "state" / "ledger.sqlite") as ledger:
        assert ledger.receipts(1)[-1].text == f"dismissed by {whoami()} (nina): told by phone"
        states = sorted(row.state for row in ledger.outbox())
        assert states == ["failed", "failed", "queued", "sent"]


@pytest.mark.parametrize("number", ["3", "99", "x", "-1", "1.5"])
def test_what_is_not_undelivered_cannot_be_dismissed(
    capsys: pytest.CaptureFixture[str], file: str, number: str
) -> None:
    code, said = ran(capsys, file, "outbox", "dismiss", "--", number, "why")
    assert code == 2
    assert "there are: 1, 2" in said


def test_a_reason_is_wanted(capsys: pytest.CaptureFixture[str], file: str) -> None:
    code, said = ran(capsys, file, "outbox", "dismiss", "1", "  ")
    assert (code, "say why" in said) == (2, True)
