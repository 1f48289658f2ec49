"""The morning report: one a day, exactly, on time or said to be late; and what stands in it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from checks.contract import CannotTell, Failed
from monitor.config.section_models import Audit
from monitor.testing.scenario import Scene, ScriptedPortal
from reports.morning_report import Audit as Report
from reports.render import render_audit

START = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)  # Thursday noon in Pune
FOUR = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)  # 04:00 there on Friday


def reports(site: Scene) -> list[Report]:
    return [
        Report.from_dict(one.body["report"]) for one in site.desk.letters if one.kind == "audit"
    ]


def scene(tmp_path: Path, zone: str = "Asia/Kolkata", start: datetime = START) -> Scene:
    checks: dict[str, dict[str, Any]] = {
        "main-number": {"every": 3600.0},
        "backup": {"of": ScriptedPortal},
        "usage": {"of": ScriptedPortal},
    }
    audit = Audit(to=("ops@example.net", "boss@example.net"), checks=("usage", "backup"))
    return Scene(start, checks, zone=zone, folder=tmp_path, audit=audit)


async def test_it_comes_at_four_with_yesterday_in_it(tmp_path: Path) -> None:
    site = scene(tmp_path)
    await site.run_until(FOUR + timedelta(minutes=1))
    first, second = reports(site)
    assert first == second
    assert (first.day, first.number, first.previous, first.late_seconds) == (
        date(2026, 11, 19),
        1,
        None,
        0.0,
    )
    assert [part.check for part in first.parts] == ["usage", "backup"]
    assert [(line.check, line.ok, line.failed) for line in first.looks] == [("main-number", 13, 0)]
    assert first.tone == "OK"
    site.stop_daemon()


async def test_a_failed_part_is_in_it_and_becomes_a_ticket_and_stops_no_other(
    tmp_path: Path,
) -> None:
    site = scene(tmp_path)
    site.world["usage"] = Failed("unreachable", "no database")
    site.world["backup"] = CannotTell("no pg_dump")
    await site.run_until(FOUR + timedelta(minutes=1))
    report = reports(site)[0]
    assert [(part.check, part.state) for part in report.parts] == [
        ("usage", "FAILED"),
        ("backup", "UNKNOWN"),
    ]
    assert report.tone == "FAIL"
    assert [part.ticket for part in report.parts] == ["RV-1", ""]  # confirmed before it was made
    mail = render_audit(report)
    assert mail.subject.startswith("[FAIL 1] Pune · Thu 19 Nov · ")
    assert "no database" in mail.text
    assert "no database" in mail.html
    await site.run_for(minutes=5)
    assert [row.issue for row in site.ledger.open_incidents()] == [
        "unsorted",
        "monitor-is-blind",
    ]
    site.stop_daemon()


async def test_yesterdays_trouble_stands_in_it_with_its_ticket(tmp_path: Path) -> None:
    site = scene(tmp_path)
    site.world["main-number"] = Failed("silent", "no sound")
    await site.run_for(hours=2)
    site.world["main-number"] = None
    await site.run_until(FOUR + timedelta(minutes=1))
    report = reports(site)[0]
    assert [(one.number, one.state) for one in report.past] == [("RV-1", "closed")]
    assert report.open == ()
    assert report.tone == "WARN"
    site.stop_daemon()


@pytest.mark.parametrize(
    ("zone", "start", "days"),
    [
        ("Asia/Kolkata", datetime(2026, 1, 1, 12, tzinfo=UTC), 60),
        ("America/Chicago", datetime(2026, 3, 1, 12, tzinfo=UTC), 20),
        ("Europe/Berlin", datetime(2026, 10, 20, 12, tzinfo=UTC), 15),
    ],
)
async def test_one_report_a_day_over_restarts_and_outages(
    tmp_path: Path, zone: str, start: datetime, days: int
) -> None:
    checks = {"backup": {"of": ScriptedPortal}}
    audit = Audit(to=("ops@example.net",), checks=("backup",))
    site = Scene(start, checks, zone=zone, folder=tmp_path, audit=audit)
    for day in range(days):
        await site.run_for(hours=23 if day % 7 else 20)
        if day % 5 == 0:
            site.stop_daemon()
            site.clock.advance(3600.0)
            site.start_daemon()
        else:
            await site.run_for(hours=1)
        if day % 7 == 0:
            await site.run_for(hours=3)
    made = reports(site)
    assert [report.number for report in made] == list(range(1, len(made) + 1))
    assert [report.day for report in made] == sorted({report.day for report in made})
    assert (made[-1].day - made[0].day).days == len(made) - 1
    assert all(after.previous == before.day for before, after in pairwise(made))
    site.stop_daemon()


async def test_after_three_days_off_each_day_has_its_report_and_each_says_how_it_was_made(
    tmp_path: Path,
) -> None:
    site = scene(tmp_path)
    await site.run_until(FOUR + timedelta(minutes=1))
    site.stop_daemon()
    site.clock.advance(3 * 86400 + 3600)
    site.start_daemon()
    await site.run_for(minutes=5)
    first, *made_up, late = [
        one for number, one in enumerate(reports(site)) if number % 2
    ]  # of one reader
    assert [one.day for one in (first, *made_up, late)] == [
        date(2026, 11, day) for day in (19, 20, 21, 22)
    ]
    assert [one.number for one in (first, *made_up, late)] == [1, 2, 3, 4]
    assert [one.made_up for one in (first, *made_up, late)] == [False, True, True, False]
    assert all(not part.ran for one in made_up for part in one.parts)
    assert all("Made afterwards" in render_audit(one).text for one in made_up)
    assert 3600 <= late.late_seconds < 3700
    assert "LATE by 1 h" in render_audit(late).text
    assert "LATE by 1 h" in render_audit(late).html
    site.stop_daemon()


async def test_a_crash_in_the_middle_begins_it_again_and_mails_it_once(tmp_path: Path) -> None:
    site = scene(tmp_path)
    await site.run_until(FOUR - timedelta(minutes=1))
    site.clock.advance(60)
    slot = await site.audit.owed(site.clock.now())
    assert slot is not None
    with site.ledger.transaction() as t:
        assert t.claim("@audit", slot.key, slot.at, site.clock.now())
    site.stop_daemon()
    site.start_daemon()
    await site.run_for(hours=2)
    assert len(reports(site)) == 2  # one to each reader
    site.stop_daemon()


async def test_the_first_audit_is_that_of_the_next_morning(tmp_path: Path) -> None:
    site = scene(tmp_path)
    assert await site.audit.owed(START) is None
    assert site.configuration.audit is not None
    assert site.configuration.audit.at == time(4)
    site.stop_daemon()
