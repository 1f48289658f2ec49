"""A row of the outbox as the letter that a desk is given: the same key at every try, the thread of
its incident, and what went before it.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from monitor.desks.desk import Letter
from monitor.incidents.answer_key import key_of, link_token, reply_token
from monitor.ledger import Ledger, OutboxRow
from monitor.ledger.bodies import letter_of


def thread_of(incident: int | str, ledger: str) -> str:
    """What all letters of one incident of a ledger have in common."""
    return f"rv-{incident}.{ledger}"


class Letters:
    """The letters of one ledger; `state` is the folder with the key that lets their readers answer,
    None where nobody answers.
    """

    def __init__(self, ledger: Ledger, state: Path | None) -> None:
        self._ledger, self._identity, self._state = ledger, ledger.identity, state

    def of(self, row: OutboxRow, now: datetime) -> Letter:
        """The letter of a row. Raises Unreadable where another release has written it."""
        before = self._ledger.sent_before(row)
        tried = [one.at for one in self._ledger.receipts(row.id) if one.kind == "tried"]
        return Letter(
            key=self._key(row),
            thread=self._thread(row),
            previous=self._key(before) if before else None,
            incident=row.incident,
            kind=row.kind,
            recipient=row.recipient,
            written_at=row.not_before,
            body=letter_of(row.body, f"letter {row.id}"),
            reference=before.reference if before else None,
            before=letter_of(before.body, f"letter {before.id}").get("ticket") if before else None,
            # The last one is of this very try.
            since_last_try_seconds=(now - tried[-2]).total_seconds() if tried[1:] else None,
            **self._tokens(row),
        )

    def _tokens(self, row: OutboxRow) -> dict[str, str]:
        """What its reader can answer by; a letter without a signature is worth more than none."""
        if row.incident is None or self._state is None:
            return {}
        try:
            key = key_of(self._state)
        except OSError:
            return {}
        reader = row.recipient
        return {
            "reply_token": reply_token(key, self._identity, row.incident, reader),
            "link_token": link_token(key, self._identity, row.id, reader),
        }

    def _key(self, row: OutboxRow) -> str:
        """The key of incident, kind, sequence, desk and recipient, and of nothing else: every try
        has the same.
        """
        # A digest, since a Message-ID passes every relay and archive: it must not carry somebody's
        # address. 48 bits tell apart.
        recipient = hashlib.sha256(f"{row.desk} {row.recipient}".encode()).hexdigest()[:12]
        return f"{self._thread(row)}.{row.kind}.{row.sequence}.{recipient}"

    def _thread(self, row: OutboxRow) -> str:
        return thread_of(row.incident or row.kind, self._identity)
