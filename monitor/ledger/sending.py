"""How a letter changes: enqueued once, leased for a send, then sent, postponed or failed; receipts
beside.

The receipt "tried" is committed before the send and another after it. One that stands alone tells
of a sender that died in between: the letter may have gone out, and goes out again, with the same
key.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from monitor.ledger.encoding import milliseconds, packed, plain
from monitor.ledger.letters import (
    DISMISSED,
    LetterState,
    OutboxMessage,
    OutboxRow,
    ReceiptKind,
    letter_of,
)
from monitor.ledger.table import Table

# The earliest of each thread only: "closed" must not overtake an "opened" that the mail server put
# off.
_DUE = """
    SELECT id FROM outbox AS this
    WHERE state = 'queued' AND desk = ? AND next_at <= ?
      AND (lease_until IS NULL OR lease_until <= ?)
      AND NOT EXISTS (SELECT 1 FROM outbox AS earlier
                      WHERE earlier.state = 'queued' AND earlier.incident = this.incident
                        AND earlier.desk = this.desk
                        AND earlier.recipient = this.recipient
                        AND (earlier.not_before, earlier.id) < (this.not_before, this.id))
    ORDER BY next_at, id LIMIT 1
"""


class LetterWriting(Table):
    def enqueue(self, message: OutboxMessage) -> bool:
        """Put a message into the outbox; False when it was there already."""
        at = milliseconds(message.not_before)
        # The unique key of incident, kind, sequence, desk and recipient makes one letter of an
        # order that is written twice.
        made = self._database.change(
            "INSERT INTO outbox (incident, kind, sequence, desk, recipient, body, not_before,"
            " next_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                message.incident,
                message.kind,
                message.sequence,
                message.desk,
                message.recipient,
                packed(message.body),
                at,
                at,
                milliseconds(message.not_before + timedelta(seconds=message.lifetime_seconds)),
            ),
        )
        return made == 1

    def lease_letter(
        self, desk: str, owner: str, now: datetime, until: datetime
    ) -> OutboxRow | None:
        """Take the next due letter of a desk, and write the receipt that stands before its send."""
        at = milliseconds(now)
        due = self._database.row(_DUE, (desk, at, at))
        if due is None:
            return None
        # A lease that stands here is a dead sender's. Its try had no answer, so it is not counted
        # twice: a crash is no refusal, and must not put a letter off by a quarter of an hour.
        self._database.change(
            "UPDATE outbox SET attempts = CASE WHEN lease_owner IS NULL THEN attempts + 1"
            " ELSE attempts END, lease_owner = ?, lease_until = ? WHERE id = ?",
            (owner, milliseconds(until), due["id"]),
        )
        taken = self._database.row("SELECT * FROM outbox WHERE id = ?", (due["id"],))
        assert taken is not None  # noqa: S101 - updated above
        letter = letter_of(taken)
        self._receipt(letter, now, "tried", owner)
        return letter

    def letter_sent(self, letter: OutboxRow, at: datetime, reference: str) -> None:
        """Note that a letter went out; `reference` is what the far side calls it."""
        self._receipt(letter, at, "sent", reference)
        self._settle(letter, "sent", reference=reference)

    def letter_failed(self, letter: OutboxRow, at: datetime, kind: ReceiptKind, text: str) -> bool:
        """Note that a letter will never go out, and why; False where that comes too late."""
        if not self._in_time(letter, at, text):
            return False
        self._receipt(letter, at, kind, text)
        self._settle(letter, "failed", error=text)
        return True

    def dismiss_letter(self, letter: OutboxRow, at: datetime, text: str) -> None:
        """Note that a person says it need not arrive; one that waits is not tried again."""
        self._receipt(letter, at, "never", f"{DISMISSED}{text}")
        if letter.state == "queued":
            self._settle(letter, "failed", error=f"{DISMISSED}{text}")

    def letter_postponed(
        self, letter: OutboxRow, at: datetime, next_at: datetime, text: str
    ) -> None:
        """Note that a letter was put off, and is due again at `next_at`."""
        if not self._in_time(letter, at, text):
            return
        self._receipt(letter, at, "later", text)
        self._database.change(
            "UPDATE outbox SET next_at = ?, lease_owner = NULL, lease_until = NULL, last_error = ? "
            "WHERE id = ? AND state = 'queued'",
            (milliseconds(next_at), plain(text), letter.id),
        )

    def letter_interrupted(self, letter: OutboxRow, at: datetime, text: str) -> None:
        """Its sender was stopped in the middle: nobody knows whether it went out, so it is due
        again at once, and what was no answer is no try.
        """
        if not self._in_time(letter, at, text):
            return
        self._receipt(letter, at, "interrupted", text)
        self._database.change(
            "UPDATE outbox SET lease_owner = NULL, lease_until = NULL,"
            " attempts = CASE WHEN attempts > 0 THEN attempts - 1 ELSE 0 END"
            " WHERE id = ? AND state = 'queued'",
            (letter.id,),
        )

    def _in_time(self, letter: OutboxRow, at: datetime, text: str) -> bool:
        """Whether it is still its sender's: one that froze for longer than its lease must not put
        off, or give up, what another host sends meanwhile. What it saw stands in a receipt.
        """
        found = self._database.row(
            "SELECT lease_owner, lease_until FROM outbox WHERE id = ?", (letter.id,)
        )
        until = milliseconds(letter.lease_until) if letter.lease_until else None
        if found and (found["lease_owner"], found["lease_until"]) == (letter.lease_owner, until):
            return True
        self._receipt(letter, at, "interrupted", f"too late, another sends it by now: {text}")
        return False

    def _receipt(self, letter: OutboxRow, at: datetime, kind: ReceiptKind, text: str) -> None:
        self._database.change(
            "INSERT INTO receipts (letter, attempt, at, kind, text) VALUES (?, ?, ?, ?, ?)",
            (letter.id, letter.attempts, milliseconds(at), kind, plain(text)),
        )

    def _settle(
        self, letter: OutboxRow, state: LetterState, *, reference: str = "", error: str = ""
    ) -> None:
        # What went out stays sent, whatever a slower sender of the same letter says afterwards.
        self._database.change(
            "UPDATE outbox SET state = ?, lease_owner = NULL, lease_until = NULL, reference = ?,"
            " last_error = ? WHERE id = ? AND state <> 'sent'",
            (state, plain(reference) or None, plain(error) or None, letter.id),
        )
