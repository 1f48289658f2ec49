"""Days and nights, fast-forwarded: every run that is owed is made exactly once, whatever the clocks
on the wall do.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.scheduling.rounds import FIRST
from monitor.testing.scenario import Scene

TIMES = (time(1, 30), time(2, 30), time(4, 0), time(8, 30), time(17, 30))
NIGHTS = [
    ("America/Chicago", date(2026, 3, 8)),
    ("America/Chicago", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Asia/Kolkata", date(2026, 11, 1)),
]


def runs(site: Scene) -> list[str]:
    return [due.slot.key for _, due, _ in site.seen if due.slot and due.slot.key != FIRST]


def wall(zone: str, day: date, at: time) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(("zone", "night"), NIGHTS)
async def test_each_run_of_a_dst_night_is_made_exactly_once(
    tmp_path: Path, zone: str, night: date
) -> None:
    start = wall(zone, night - timedelta(days=1), time(12))
    site = Scene(start, {"main-number": {"at": TIMES}}, zone=zone, folder=tmp_path)
    await site.run_until(wall(zone, night + timedelta(days=1), time(12)))
    site.stop_daemon()
    days = [night + timedelta(days=n) for n in (-1, 0, 1)]
    owed = [f"{day}T{at:%H:%M}" for day in days for at in TIMES]
    end = wall(zone, night + timedelta(days=1), time(12))
    assert runs(site) == [key for key in owed if start < moment(zone, key) <= end]


def moment(zone: str, key: str) -> datetime:
    return datetime.fromisoformat(key).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize("zone", ["America/Chicago", "Europe/Berlin", "Asia/Kolkata"])
async def test_a_start_at_five_past_four_makes_up_for_four_and_says_that_it_is_late(
    tmp_path: Path, zone: str
) -> None:
    eve = date(2026, 11, 20)
    site = Scene(
        wall(zone, eve, time(12)), {"audit": {"at": (time(4),)}}, zone=zone, folder=tmp_path
    )
    await site.run_until(wall(zone, eve, time(20)))
    site.stop_daemon()
    site.clock.advance(
        (wall(zone, eve + timedelta(days=1), time(4, 5)) - site.clock.now()).total_seconds()
    )
    site.start_daemon()
    await site.run_until(wall(zone, eve + timedelta(days=1), time(23)))
    site.stop_daemon()
    assert runs(site) == ["2026-11-21T04:00"]
    _, _, seen = site.seen[-1]
    four = wall(zone, eve + timedelta(days=1), time(4))
    assert (
        seen.observation.notes[0] == f"ran 0:05:00 late: it was owed at {four:%Y-%m-%d %H:%M} UTC"
    )


async def test_after_three_days_off_only_the_newest_run_is_made_up_for(tmp_path: Path) -> None:
    zone = "Asia/Kolkata"
    site = Scene(
        wall(zone, date(2026, 11, 17), time(12)),
        {"main-number": {"at": TIMES}},
        zone=zone,
        folder=tmp_path,
    )
    await site.run_until(wall(zone, date(2026, 11, 17), time(18)))
    site.stop_daemon()
    site.clock.advance(3 * 86400)
    site.start_daemon()
    await site.run_until(wall(zone, date(2026, 11, 20), time(20)))
    site.stop_daemon()
    assert runs(site) == ["2026-11-17T17:30", "2026-11-20T17:30"]


async def test_a_run_missed_by_more_than_its_grace_is_not_owed(tmp_path: Path) -> None:
    zone = "Asia/Kolkata"
    site = Scene(
        wall(zone, date(2026, 11, 17), time(12)),
        {"audit": {"at": (time(4),), "grace": 3600.0}},
        zone=zone,
        folder=tmp_path,
    )
    await site.turn()
    site.stop_daemon()
    site.clock.advance(18 * 3600)  # 06:00 the next day
    site.start_daemon()
    await site.run_for(hours=1)
    site.stop_daemon()
    assert runs(site) == []


async def test_a_crash_in_the_middle_of_a_run_makes_it_owed_again(tmp_path: Path) -> None:
    zone = "Asia/Kolkata"
    site = Scene(
        wall(zone, date(2026, 11, 17), time(12)),
        {"audit": {"at": (time(4),)}},
        zone=zone,
        folder=tmp_path,
    )
    await site.turn()
    four = wall(zone, date(2026, 11, 18), time(4))
    site.clock.advance((four - site.clock.now()).total_seconds())
    with site.ledger.transaction() as t:
        assert t.claim("audit", "2026-11-18T04:00", four, four)
    site.stop_daemon()
    site.clock.advance(120)
    site.start_daemon()
    await site.run_for(hours=2)
    site.stop_daemon()
    assert runs(site) == ["2026-11-18T04:00"]
    assert "late" in site.seen[-1][2].observation.notes[0]


async def test_a_clock_set_back_makes_no_run_twice(tmp_path: Path) -> None:
    zone = "Asia/Kolkata"
    site = Scene(
        wall(zone, date(2026, 11, 17), time(16)),
        {"main-number": {"at": TIMES}},
        zone=zone,
        folder=tmp_path,
    )
    await site.run_until(wall(zone, date(2026, 11, 17), time(18)))
    site.clock.advance(-2 * 3600)
    await site.run_until(wall(zone, date(2026, 11, 17), time(20)))
    site.stop_daemon()
    assert runs(site) == ["2026-11-17T17:30"]


async def test_an_interval_keeps_its_grid_and_collapses_what_was_missed(tmp_path: Path) -> None:
    start = datetime(2026, 11, 20, tzinfo=UTC)
    site = Scene(start, {"portal": {"every": 300.0}}, folder=tmp_path)
    await site.run_for(hours=1)
    assert len(runs(site)) == 12
    site.clock.advance(3 * 3600)
    await site.turn()
    assert len(runs(site)) == 13
    await site.run_for(hours=1)
    site.stop_daemon()
    assert 24 <= len(runs(site)) <= 25
