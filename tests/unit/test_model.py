"""A ticket as plain data comes back as it was."""

from __future__ import annotations

import json
from datetime import UTC

import pytest

from reports.ticket import Ticket
from tests.unit.sample_pages import EXPLAINED, ONCE, STATUS
from tests.unit.sample_ticket import OPENED, later, ticket


def test_a_ticket_survives_json() -> None:
    whole = ticket(
        closed_at=later(hours=1), recovered_at=later(minutes=50), acknowledged_at=later(minutes=5)
    )
    assert Ticket.from_dict(json.loads(json.dumps(whole.to_dict()))) == whole


def test_the_smallest_ticket_survives_json() -> None:
    small = Ticket("RV-1", "Pune", "UTC", "x", "y", "P0", "urgent", "vendor", "open", OPENED)
    assert Ticket.from_dict(json.loads(json.dumps(small.to_dict()))) == small


def test_moments_are_written_in_utc() -> None:
    assert ticket().to_dict()["opened_at"] == "2026-11-21T21:42:00Z"
    assert Ticket.from_dict(ticket().to_dict()).opened_at.tzinfo == UTC


def test_what_is_no_ticket_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Ticket.from_dict({**ticket().to_dict(), "colour": "red"})


@pytest.mark.parametrize("view", [ONCE, STATUS, EXPLAINED], ids=lambda view: type(view).__name__)
def test_every_page_can_be_given_as_json(view: object) -> None:
    assert json.loads(json.dumps(view.to_dict()))  # type: ignore[attr-defined]
