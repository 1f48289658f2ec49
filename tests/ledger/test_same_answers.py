"""Every question of the ledger is answered alike by every engine: asked of a ledger of the last
release, as a file and carried over to a server.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Exhibit, Observation
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger
from monitor.ledger.encoding import milliseconds
from monitor.ledger.migrate import MOVED
from monitor.ledger.moving import move
from monitor.ledger.sampling import EVERY_LOOK, Sampled
from monitor.ledger.server_address import ServerAddress
from monitor.ledger.sqlite_database import SqliteDatabase
from tests.ledger.engines import ON_SERVER, on_server
from tests.unit.test_old_ledger import RELEASES, restore

pytestmark = ON_SERVER

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
BEGIN = datetime(2026, 10, 20, tzinfo=UTC)
DAYS = [milliseconds(BEGIN) // 86_400_000 + day for day in range(50)]
# What a far end may have sent: zero bytes, halves of surrogates, whole ones, and a backslash before
# what would be one.
STRANGE = 'a\x00b \udcff \U0001f600 \\u0000 " \x7f'
ASKED: dict[str, Callable[[Ledger], Any]] = {
    "accepted": lambda one: one.accepted("pri"),
    "acceptances": lambda one: one.acceptances("pri"),
    "attempt": lambda one: [one.attempt(row.id) for row in one.attempts(limit=20)],
    "attempts": lambda one: (one.attempts(limit=500), one.attempts("pri", 9, FIRST)),
    "attempts_within": lambda one: one.attempts_within("trunk", FIRST, LAST),
    "bad_exhibits": lambda one: list(one.bad_exhibits(FIRST, 50)),
    "began": lambda one: one.began(),
    "check_names": lambda one: one.check_names(),
    "closed_since": lambda one: one.closed_since(FIRST),
    "closed_with_promise": lambda one: one.closed_with_promise(FIRST),
    "condition": lambda one: one.condition("trunk"),
    "condition_texts": lambda one: (one.condition_texts(), one.condition_texts(["trunk", "pri"])),
    "conditions": lambda one: one.conditions(),
    "deliveries": lambda one: [one.deliveries(number) for number in range(1, 9)],
    "exhibit": lambda one: [one.exhibit(row.path) for row in one.exhibits(FIRST)],
    "exhibits": lambda one: one.exhibits(FIRST),
    "grown": lambda one: sorted((p.name, p.rows) for p in one.grown(milliseconds(LAST))),
    "history": lambda one: [one.history(number) for number in (None, *range(1, 9))],
    "identity": lambda one: one.identity,
    "hosts": lambda one: one.hosts(),
    "incident": lambda one: [one.incident(number) for number in range(9)],
    "incidents": lambda one: [
        one.incidents(9, state) for state in (None, "open", "acknowledged", "recovered", "closed")
    ],
    "incidents_within": lambda one: one.incidents_within(FIRST, LAST),
    "large_exhibits": lambda one: (one.large_exhibits(), one.large_exhibits(["2026-11-30/a/b"])),
    "latest_closed": lambda one: [one.latest_closed(row.key) for row in one.incidents()],
    "leased_letters": lambda one: one.leased_letters(),
    "lease_rows": lambda one: one.lease_rows(["pri", "trunk"]),
    "letter": lambda one: [one.letter(number) for number in range(9)],
    "look_rows": lambda one: rows(
        one.look_rows(name, d) for name in one.check_names() for d in DAYS
    ),
    "looks_since": lambda one: one.looks_since(dict.fromkeys(one.check_names(), FIRST), LAST),
    "looks_after": lambda one: sorted(one.looks_after(dict.fromkeys(one.check_names(), 0))),
    "measured": lambda one: [
        (name, at, round(mean, 9))
        for check in one.check_names()
        for sampled in (EVERY_LOOK, Sampled(3, 2))
        for name, at, mean in one.measured(check, FIRST, LAST, 200, sampled)
    ],
    "newest": lambda one: one.newest("audit", 3),
    "newest_happening": lambda one: one.newest_happening(),
    "newest_seal": lambda one: one.newest_seal(),
    "newest_slot": lambda one: [one.newest_slot(name) for name in one.check_names()],
    "newest_told": lambda one: one.newest_told(),
    "next_letter_at": lambda one: one.next_letter_at("mail"),
    "newest_verdicts": lambda one: one.newest_verdicts(one.check_names(), LAST),
    "oldest_look": lambda one: one.oldest_look(),
    "observations": lambda one: rows(one.observations(n, 9, FIRST) for n in one.check_names()),
    "open_incident_by_key": lambda one: [
        one.open_incident_by_key(row.key) for row in one.incidents()
    ],
    "open_incidents": lambda one: one.open_incidents(),
    "outbox": lambda one: (
        one.outbox(),
        one.outbox("sent"),
        one.outbox("queued", 6),
        one.outbox(None, 6),
    ),
    "outbox_counts": lambda one: one.outbox_counts(),
    "places": lambda one: one.places("portal"),
    "proposals": lambda one: one.proposals("pri"),
    "queued_desks": lambda one: sorted(one.queued_desks()),
    "receipts": lambda one: [one.receipts(letter.id) for letter in one.outbox()],
    "rolled_hours": lambda one: list(one.rolled_hours("pri", FIRST, LAST)),
    "rolled_looks": lambda one: list(one.rolled_looks()),
    "rolled_rows": lambda one: rows(one.rolled_rows("pri", day) for day in DAYS),
    "rolled_runs": lambda one: one.rolled_runs("pri", FIRST, LAST),
    "runs": lambda one: [
        one.runs(name, FIRST, LAST, timedelta(hours=1)) for name in one.check_names()
    ],
    "sampled": lambda one: [one.sampled(name, FIRST, LAST, 2) for name in one.check_names()],
    "seal": lambda one: [one.seal(day, "looks") for day in DAYS],
    "sealed_days": lambda one: one.sealed_days("looks"),
    "seals": lambda one: one.seals(),
    "sent_before": lambda one: [one.sent_before(letter) for letter in one.outbox()],
    "stored_exhibits": lambda one: one.stored_exhibits(FIRST),
    "slot": lambda one: one.slot("pri", "first-sight"),
    "slots": lambda one: [one.slots(name, FIRST) for name in one.check_names()],
    "told_rows": lambda one: rows([one.told_rows((0, 0), one.newest_told())]),
    "undelivered_letters": lambda one: one.undelivered_letters(),
    "unfinished_slots": lambda one: one.unfinished_slots(),
    "waiting_exhibits": lambda one: one.waiting_exhibits("a"),
    "waiting_condition_texts": lambda one: one.waiting_condition_texts(),
    "words": lambda one: one.words("portal", BEGIN),
}
# What is no question about what was kept, or has another answer on each engine by its nature.
NO_QUESTIONS = {
    *(
        "at_once",
        "changes_seen",
        "claim_leases",
        "close",
        "displaced",
        "do",
        "file_bytes",
        "hand_in",
    ),
    *("ask_newest_slots", "ask_numbers", "distant", "lasting"),
    *(
        "interrupt",
        "memo",
        "now",
        "of_rights",
        "place",
        "probe_host",
        "read",
        "read_only",
        "renew_leases",
        "rescue",
        "where",
    ),
    *("drop_day", "make_days", "own_days"),
    *("free_leases", "hear_host", "host_leaves", "put_exhibit", "steady", "transaction"),
    *("exhibit_stored", "name_large_exhibit"),
    *("under", "would_change"),
}


def rows(groups: Any) -> list[list[object]]:
    return [list(row) for group in groups for row in group]


def test_every_question_is_asked() -> None:
    public = {name for name, _ in inspect.getmembers(Ledger) if not name.startswith("_")}
    assert public - NO_QUESTIONS == set(ASKED)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Ledger]]:
    folder = tmp_path_factory.mktemp("both")
    file, to = folder / "ledger.sqlite", on_server(folder)
    restore(RELEASES[-1], file)
    with Ledger(file) as ledger, ledger.transaction() as t:
        for minute, state in enumerate(State):
            seen = Observation(
                measures={"mos": 3.5 + minute, "ü \U0001f600": 1.0, "seconds": 9.0},
                notes=(STRANGE,),
                exhibits=(Exhibit("page", "text/html", Path("/x/page.html")),) * (minute % 2),
                seconds=0.1 + minute,
            )
            at = BEGIN + timedelta(days=3, minutes=minute)
            t.record("pri", "tcp", "once", at, seen, Verdict(state, (STRANGE,)))
        t.happened(1, LAST, "note", {"text": STRANGE})
    move(file, to, lambda *_: None)
    marked = ledger_without_mark(file)
    with marked, Ledger(to) as there:
        yield marked, there


def ledger_without_mark(file: Path) -> Ledger:
    """The file as it was before it was moved."""
    with closing(SqliteDatabase(file)) as database, database.transaction():
        database.change("DELETE FROM migrations WHERE number = ?", (MOVED,))
    return Ledger(file)


@pytest.mark.parametrize("question", ASKED)
def test_both_answer_alike(both: tuple[Ledger, Ledger], question: str) -> None:
    file, server = both
    assert isinstance(server.place, ServerAddress)
    assert ASKED[question](server) == ASKED[question](file)
