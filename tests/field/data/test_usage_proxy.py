"""What a proxy writes of more than INVITE and BYE (Kamailio's acc with report_cancels, report_ack,
or its flag set for every request): only an INVITE tries to make a call, and only a BYE ends one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.field.data.test_usage_stamps import looked

Rows = list[tuple[str, str, int]]
# Method, status, seconds after 9:00; then offered and answered calls and minutes of talk.
STORIES: dict[str, tuple[Rows, tuple[float, float, float]]] = {
    "cancelled": ([("INVITE", "487", 0), ("CANCEL", "200", 9)], (1, 0, 0)),
    "cancelled-too-late": (
        [("INVITE", "200", 0), ("CANCEL", "481", 1), ("BYE", "200", 60)],
        (1, 1, 1),
    ),
    "acknowledged": ([("INVITE", "486", 0), ("ACK", "200", 1)], (1, 0, 0)),
    "in-small-letters": ([("invite", "200", 0), ("bye", "200", 60)], (1, 1, 1)),
    "on-hold": ([("INVITE", "200", 0), ("INVITE", "200", 30), ("BYE", "200", 60)], (1, 1, 1)),
    "transferred": (
        [("INVITE", "200", 0), ("REFER", "202", 30), ("NOTIFY", "200", 31), ("BYE", "200", 60)],
        (1, 1, 1),
    ),
    "a-dead-bye-first": ([("INVITE", "200", 0), ("BYE", "481", 60), ("BYE", "200", 61)], (1, 1, 1)),
    "never-a-call": (
        [("MESSAGE", "200", 0), ("OPTIONS", "200", 1), ("REGISTER", "401", 2)],
        (0, 0, 0),
    ),
}


@pytest.mark.parametrize(("rows", "expected"), STORIES.values(), ids=STORIES)
def test_only_an_invite_makes_a_call(
    tmp_path: Path, rows: Rows, expected: tuple[float, float, float]
) -> None:
    with closing(sqlite3.connect(tmp_path / "acc.sqlite")) as database, database:
        database.execute("create table acc (method, callid, sip_code, time)")
        database.executemany(
            "insert into acc values (?, ?, ?, ?)",
            [
                (method, "a", code, f"2026-11-20 09:{at // 60:02}:{at % 60:02}")
                for method, code, at in rows
            ],
        )
    found = looked(tmp_path, {"format": "kamailio", "sqlite": str(tmp_path / "acc.sqlite")})
    assert found.fault is None
    names = ("offered_calls", "answered_calls", "talk_minutes")
    assert tuple(found.measures[name] for name in names) == expected
    assert found.measures["odd_records"] == 0
