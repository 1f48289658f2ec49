"""outbox: the letters that did not arrive, and what a person says of them."""

from __future__ import annotations

from argparse import Namespace

from monitor.clock import SystemClock
from monitor.ledger import Ledger, OutboxRow
from monitor.terminal import say, show_json
from monitor.verbs.opening import Stop, acting, ledger_of, sound_part_of


def outbox(arguments: Namespace) -> int:
    """The letters that wait or failed, and why. 0 none failed, 1 some did."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration, read_only=True) as ledger:
        found = ledger.undelivered_letters()
    if arguments.json:
        show_json([_plain(row) for row in found])
    elif not found:
        say("Every letter has arrived.")
    for row in () if arguments.json else found:
        say(f"{row.id:6}  {row.state:8}{row.kind} to {row.recipient} by {row.desk}: {_why(row)}")
    return 1 if any(row.state == "failed" for row in found) else 0


def dismiss(arguments: Namespace) -> int:
    """Say that a letter need not be delivered any more, and why: it stays in the ledger with that,
    and `status` and the morning report tell of it no longer. 0."""
    configuration = sound_part_of(arguments)
    reason = arguments.text.strip()
    if not reason:
        raise Stop("say why, as in 'told by phone'")
    with ledger_of(configuration) as ledger:
        row = _undelivered(ledger, arguments.number)
        by, now = acting(arguments), SystemClock().now()
        with ledger.transaction() as t:
            t.dismiss_letter(row, now, f"{by}: {reason}")
    say(f"letter {row.id}, {row.kind} to {row.recipient}: dismissed by {by}")
    return 0


def _undelivered(ledger: Ledger, number: str) -> OutboxRow:
    """Raises Stop."""
    found = ledger.undelivered_letters()
    for row in found:
        if number.isdecimal() and row.id == int(number):
            return row
    known = ", ".join(str(row.id) for row in found) or "none"
    raise Stop(f"no letter {number[:20]!r} waits or has failed; there are: {known}")


def _why(row: OutboxRow) -> str:
    return row.last_error or "not tried yet"


def _plain(row: OutboxRow) -> dict[str, object]:
    return {
        "letter": row.id,
        "state": row.state,
        "kind": row.kind,
        "desk": row.desk,
        "recipient": row.recipient,
        "attempts": row.attempts,
        "reason": _why(row),
        "expires_at": row.expires_at.isoformat(),
    }
