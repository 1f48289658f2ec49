"""Evidence goes after its time, day by day; what an open ticket shows stays."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.contract import Failed
from monitor.evidence.retention import Evidence, crowded
from monitor.evidence.retention import shown as shown_by_tickets
from monitor.testing.scenario import Scene

START = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
DAY = 86400.0
PLENTY = 10**9


async def test_old_evidence_goes_and_what_a_ticket_shows_stays(tmp_path: Path) -> None:
    site = Scene(START, {"main-number": {"every": 3600.0}}, folder=tmp_path)
    site.world["main-number"] = Failed("silent")
    await site.run_for(minutes=5)
    exhibits, shown = tmp_path / "exhibits", tmp_path / "exhibits" / "2026-11-01"
    assert not shown.exists(), "a look that has nothing to show leaves nothing"
    for attempt in ("main-number-030000-1", "main-number-030100-1"):
        (shown / attempt).mkdir(parents=True)
    kept = shown / "main-number-030000-1"
    with site.ledger.transaction() as t:
        row = site.ledger.incident(1)
        assert row is not None
        body = {
            **row.body,
            "evidence": {
                **row.body["evidence"],
                "exhibits": [["call.wav", str(kept / "call.wav")]],
            },
        }
        t.save_incident(
            type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"body": body})
        )
    (exhibits / "not-a-day").mkdir()
    before = len(list(shown.iterdir()))
    evidence = Evidence(exhibits, shown_by_tickets(site.ledger))
    assert evidence.sweep(2 * DAY, PLENTY, START + timedelta(days=2), ()) == 0
    # A day that is over and too full as well is removed once.
    assert evidence.sweep(2 * DAY, 1, START + timedelta(days=4), [shown]) == before - 1
    assert list(shown.iterdir()) == [kept]
    assert (exhibits / "not-a-day").exists()
    site.stop_daemon()


def left_behind(day: Path, names: str, at: datetime) -> None:
    """A folder of 1000 bytes for each letter, the first of them the oldest."""
    for number, name in enumerate(names):
        folder = day / name
        folder.mkdir(parents=True)
        (folder / "call.wav").write_bytes(bytes(1000))
        moment = at.timestamp() + number
        os.utime(folder, (moment, moment))


def test_of_a_day_only_so_much_is_kept_and_what_good_looks_left_goes_first(tmp_path: Path) -> None:
    day = tmp_path / "2026-11-01"
    left_behind(day, "abcdef", START)
    evidence = Evidence(tmp_path, needed={day / "a"}, bad={str(day / "b"), str(day / "d")})

    def left(most: int) -> str:
        evidence.sweep(30 * DAY, most, START + timedelta(hours=12), crowded(tmp_path, most))
        return "".join(sorted(folder.name for folder in day.iterdir()))

    assert left(6000) == "abcdef"
    assert left(4000) == "abdf", "c and e were good, and the oldest of those that were"
    assert left(2000) == "ad", "then the oldest failure; what a ticket shows stays"
    assert left(1) == "a"


def test_what_is_being_written_is_not_swept_away(tmp_path: Path) -> None:
    day = tmp_path / "2026-11-01"
    left_behind(day, "ab", START)
    soon, full = START + timedelta(minutes=2), crowded(tmp_path, 1)
    assert full == [day]
    assert Evidence(tmp_path, needed=()).sweep(30 * DAY, 1, soon, full) == 0
