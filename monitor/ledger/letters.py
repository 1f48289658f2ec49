"""The outbox's rows: one per message and recipient, written with the change that they tell of.

A letter is queued, then sent or failed. While somebody sends it, it is leased: nobody else takes it
until the lease ends. Letters of one incident to one recipient at one desk go out in the order of
their moments (`not_before`), and within one moment as they were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from monitor.ledger.database import Row
from monitor.ledger.encoding import milliseconds, moment, optional_moment, unpacked
from monitor.ledger.table import Table

LetterState = Literal["queued", "sent", "failed"]
ReceiptKind = Literal["tried", "sent", "later", "never", "expired", "interrupted"]
# How the last receipt of a letter begins that a person has dismissed, with his name and reason.
DISMISSED = "dismissed by "
# Three days bridge a weekend without the mail server; older news of an incident would mislead
# whoever reads it.
LIFETIME_SECONDS = 3 * 86400.0


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """What is to be told to one recipient through one desk; the same five of incident, kind,
    sequence, desk and recipient are one message, however often it is enqueued.
    """

    incident: int | None
    kind: str
    sequence: int
    desk: str
    recipient: str
    body: Mapping[str, Any]
    not_before: datetime
    lifetime_seconds: float = LIFETIME_SECONDS


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way."""

    id: int
    incident: int | None
    kind: str
    sequence: int
    desk: str
    recipient: str
    body: Mapping[str, Any] = field(repr=False)
    not_before: datetime
    expires_at: datetime
    state: LetterState
    attempts: int
    next_at: datetime
    lease_owner: str | None
    lease_until: datetime | None
    reference: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """What became of one attempt to send: "tried" is written before it, another kind after it."""

    letter: int
    attempt: int
    at: datetime
    kind: ReceiptKind
    text: str


# A leased letter is due when its lease ends, since its sender may be dead. An earlier letter that
# still waits holds back the later ones of its thread.
_NEXT = """
    SELECT min(CASE WHEN lease_until > next_at THEN lease_until ELSE next_at END) AS at
    FROM outbox AS this
    WHERE state = 'queued'
      AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                      WHERE earlier.state = 'queued' AND earlier.incident = this.incident
                        AND earlier.desk = this.desk
                        AND earlier.recipient = this.recipient
                        AND (earlier.not_before, earlier.id) < (this.not_before, this.id))
      AND desk = ?
"""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """How one letter of an incident stands, without what is in it."""

    recipient: str
    state: LetterState
    not_before: datetime
    last_error: str | None
    kind: str = ""
    """the event; of a page its own name (monitor/incidents/pages.py)"""


class LetterReading(Table):
    def letter(self, number: int) -> OutboxRow | None:
        """One letter by its number; None where there is none."""
        row = self._database.row("SELECT * FROM outbox WHERE id = ?", (number,))
        return letter_of(row) if row else None

    def deliveries(self, incident: int) -> list[DeliveryRow]:
        """How the letters of an incident stand, in their order."""
        rows = self._database.rows(
            "SELECT recipient, state, not_before, last_error, kind FROM outbox WHERE incident = ?"
            " ORDER BY id",
            (incident,),
        )
        return [
            DeliveryRow(
                row["recipient"],
                row["state"],
                moment(row["not_before"]),
                row["last_error"],
                row["kind"],
            )
            for row in rows
        ]

    def outbox(
        self,
        state: LetterState | None = None,
        incident: int | None = None,
        # One statement for every question, so that nothing is ever pasted into it: a NULL parameter
        # asks for all.
    ) -> list[OutboxRow]:
        """The letters in their order; all, or those in one state, or those of one incident."""
        only, desks = self._of_names("desk")
        rows = self._database.rows(
            "SELECT * FROM outbox WHERE (CAST(? AS TEXT) IS NULL OR state = ?)"  # noqa: S608 - constants
            f" AND (CAST(? AS BIGINT) IS NULL OR incident = ?){only} ORDER BY id",
            (state, state, incident, incident, *desks),
        )
        return [letter_of(row) for row in rows]

    def outbox_counts(self) -> dict[LetterState, int]:
        """How many letters are in each state."""
        counts: dict[LetterState, int] = {"queued": 0, "sent": 0, "failed": 0}
        only, desks = self._of_names("desk")
        for row in self._database.rows(
            "SELECT state, count(*) AS letters FROM outbox"  # noqa: S608 - constants
            f" WHERE TRUE{only} GROUP BY state",
            desks,
        ):
            counts[row["state"]] = row["letters"]
        return counts

    def queued_desks(self) -> list[str]:
        """The desks that letters are waiting for."""
        return [
            row["desk"]
            for row in self._database.rows(
                "SELECT DISTINCT desk FROM outbox WHERE state = 'queued'"
            )
        ]

    def next_letter_at(self, desk: str) -> datetime | None:
        """When the next letter of a desk is due; None when none is queued."""
        found = self._database.row(_NEXT, (desk,))
        return optional_moment(found["at"]) if found else None

    def sent_before(self, letter: OutboxRow) -> OutboxRow | None:
        """The last letter of the same incident that this recipient got from this desk before this
        one.
        """
        found = self._database.row(
            "SELECT * FROM outbox WHERE incident = ? AND desk = ? AND recipient = ? AND state ="
            " 'sent' AND (not_before, id) < (?, ?) ORDER BY not_before DESC, id DESC LIMIT 1",
            (
                letter.incident,
                letter.desk,
                letter.recipient,
                milliseconds(letter.not_before),
                letter.id,
            ),
        )
        return letter_of(found) if found else None

    def receipts(self, letter: int) -> list[ReceiptRow]:
        """What became of each attempt to send a letter."""
        rows = self._database.rows("SELECT * FROM receipts WHERE letter = ? ORDER BY id", (letter,))
        return [
            ReceiptRow(row["letter"], row["attempt"], moment(row["at"]), row["kind"], row["text"])
            for row in rows
        ]

    def undelivered_letters(self) -> list[OutboxRow]:
        """Those that failed, and those that wait after a try without success; not those that a
        person has dismissed.
        """
        only, desks = self._of_names("desk")
        rows = self._database.rows(
            # `state IN` first: what was sent, all but a few, is never gone through.
            "SELECT * FROM outbox WHERE state IN ('failed', 'queued')"  # noqa: S608 - constants
            " AND (state = 'failed' OR last_error IS NOT NULL) AND NOT EXISTS (SELECT 1"
            " FROM receipts WHERE letter = outbox.id AND kind = 'never' AND text LIKE ?)"
            f"{only} ORDER BY id",
            (f"{DISMISSED}%", *desks),
        )
        return [letter_of(row) for row in rows]

    def leased_letters(self) -> list[OutboxRow]:
        """The letters that somebody was sending, or is."""
        rows = self._database.rows(
            "SELECT * FROM outbox WHERE state = 'queued' AND lease_owner IS NOT NULL ORDER BY id"
        )
        return [letter_of(row) for row in rows]


def letter_of(row: Row) -> OutboxRow:
    return OutboxRow(
        id=row["id"],
        incident=row["incident"],
        kind=row["kind"],
        sequence=row["sequence"],
        desk=row["desk"],
        recipient=row["recipient"],
        body=unpacked(row["body"]),
        not_before=moment(row["not_before"]),
        expires_at=moment(row["expires_at"]),
        state=row["state"],
        attempts=row["attempts"],
        next_at=moment(row["next_at"]),
        lease_owner=row["lease_owner"],
        lease_until=optional_moment(row["lease_until"]),
        reference=row["reference"],
        last_error=row["last_error"],
    )
