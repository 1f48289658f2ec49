"""The one story that every helpdesk is put through, and the letters it is told by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.delivery.outbox import BACK_OFF_SECONDS
from monitor.desks.desk import Desk, Letter, TryLater, letter_body
from monitor.desks.ticket_desk import marks_in
from tests.desks.server import VendorServer
from tests.unit.sample_ticket import EXTRAS, OPENED, ticket

NOW = datetime(2026, 11, 21, 21, 43, tzinfo=UTC)
STORY = (
    "opened",
    "acknowledged",
    "reclassified",
    "note",
    "closed",
    "reopened",
    "updated",
    "closed",
)


@dataclass(frozen=True, slots=True)
class Words:
    """The vendor's words for our three states and our two severities."""

    open: str
    taken: str
    resolved: str
    p0: str
    p2: str


def letters(number: int, events: Sequence[str] = STORY, by: str = "asha") -> Iterator[Letter]:
    """The letters of one incident, as the outbox makes them but for their references; `by` is who
    takes it.
    """
    thread, before = f"rv-{number}.cafe0001", None
    severity, acknowledged, taker = "P0", None, ""
    for sequence, event in enumerate(events, 1):
        if event == "reclassified":
            severity = "P2"
        if event == "acknowledged":
            acknowledged, taker = NOW, by
        at = NOW + timedelta(minutes=sequence)
        told = ticket(
            number=f"RV-{number}", severity=severity, acknowledged_at=acknowledged,
            acknowledged_by=taker,
            closed_at=at if event == "closed" else None,
            state="closed" if event == "closed" else "open", opened_at=OPENED,
        ).to_dict()  # fmt: skip
        yield Letter(
            key=f"{thread}.{event}.{sequence}.0123456789ab", thread=thread, previous=None,
            incident=number, kind=event, recipient="desk", written_at=at,
            body=letter_body(told, {"audience": "helpdesk", **EXTRAS[event]}), before=before,
        )  # fmt: skip
        before = told


async def settled(desk: Desk, letter: Letter, waits: Any = None) -> str:
    """Deliver as the outbox does: again later, for as long as it takes. `waits` is told for how
    long it was put off."""
    for attempt in range(40):
        try:
            return await desk.deliver(letter)
        except TryLater as said:
            why = str(said)
            seconds = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)]
            if waits:
                waits(seconds)
            letter = replace(letter, since_last_try_seconds=seconds)
    raise AssertionError(f"{letter.key} was never taken: {why}")


async def lived(desk: Desk, number: int, waits: Any = None) -> None:
    """One incident from its beginning to its second end."""
    reference: str | None = None
    for letter in letters(number):
        reference = await settled(desk, replace(letter, reference=reference), waits)


def ended_well(peer: VendorServer, number: int, words: Words, copies: bool = False) -> None:
    """One ticket, over, of the last severity, with every event told; `copies`: remarks that the way
    there has doubled are no fault."""
    alive = peer.alive(f"rv-{number}.cafe0001")
    assert len(alive) == 1, alive
    status, severity, texts = peer.stands(alive[0])
    assert (status, severity) == (words.resolved, words.p2)
    marks = [mark for text in texts for mark in marks_in(text) if not mark.endswith(".end")]
    expected = [letter.key for letter in letters(number)]
    assert (sorted(set(marks)) if copies else sorted(marks)) == sorted(expected)
