"""Evidence goes after its time, day by day; what an open ticket shows stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from checks.contract import Failed
from monitor.evidence.retention import shown as shown_by_tickets
from monitor.evidence.retention import sweep
from monitor.testing.scenario import Scene

START = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
DAY = 86400.0


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
    needed = shown_by_tickets(site.ledger)
    assert sweep(exhibits, 2 * DAY, needed, START + timedelta(days=2)) == 0
    assert sweep(exhibits, 2 * DAY, needed, START + timedelta(days=4)) == before - 1
    assert list(shown.iterdir()) == [kept]
    assert (exhibits / "not-a-day").exists()
    site.stop_daemon()
