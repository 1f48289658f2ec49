"""A morning report as a busy centre would get it: a bad night, a good backup, forty thousand calls.
Made of rules, so that it is the same every time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from checks.kinds import kinds
from reports.checklist import checklist
from reports.morning_report import Audit, BackupState, Looks, Part, Trend, Trouble, Undelivered

MADE = datetime(2026, 11, 21, 22, 33, 20, tzinfo=UTC)  # 04:03 on Sunday in Pune
DAY = date(2026, 11, 21)
SHAPE = (1, 1, 1, 1, 1, 2, 5, 18, 60, 95, 100, 92, 70, 75, 88, 84, 76, 60, 38, 22, 12, 7, 4, 2)
USUAL = tuple(42 * share for share in SHAPE)
OFFERED = tuple(
    1210 if hour == 10 else round(usual * (1 + (hour % 5 - 2) / 60))
    for hour, usual in enumerate(USUAL)
)
CALLS = sum(OFFERED)
HOURS = tuple(f"{hour:02}:00" for hour in range(24))


def ratio(hits: int, of: int) -> dict[str, Any]:
    percent = round(100 * hits / of, 2) if of else None
    return {
        "hits": hits,
        "n": of,
        "percent": percent,
        "low_percent": percent,
        "high_percent": percent,
    }


def counted(offered: int, answered: int, soon: int | None = None) -> dict[str, Any]:
    return {
        "offered": offered,
        "answered": answered,
        "asr": ratio(answered, offered),
        "ner": ratio(round(offered * 0.985), offered),
        "acd_seconds": 184.2,
        "asa_seconds": 11.4,
        "talk_seconds": answered * 184,
        "abandoned": round(offered * 0.04),
        "service_level": ratio(soon or round(answered * 0.84), answered),
    }


def _row(metric: str, value: float, median: float, part: str | None = None) -> dict[str, Any]:
    return {"metric": metric, "part": part, "value": value, "median": median, "mad": 1, "weeks": 4}


def usage(**changed: Any) -> dict[str, Any]:
    """What a report keeps of usage.json."""
    answered = round(CALLS * 0.941)
    day = [
        _row("offered", CALLS, sum(USUAL)), _row("answered", answered, round(sum(USUAL) * 0.95)),
        _row("asr", 94.1, 95.0), _row("ner", 98.5, 98.6), _row("acd_seconds", 184.2, 188.0),
        _row("talk_seconds", answered * 184, 7_310_000), _row("peak", 214, 201),
        _row("queue_offered", 28_114, 28_400), _row("queue_abandoned", 1_833, 1_140),
        _row("queue_service_level", 74.2, 84.9),
    ]  # fmt: skip
    told = {
        "check": "usage",
        "date": DAY.isoformat(),
        "day_hours": 24.0,
        "provisional": False,
        "records": 61_204,
        "definitions": {"service_level": "A", "answer_seconds": 20, "short_seconds": 5},
        "calls": {**counted(CALLS, answered), "own": 2},
        "queue": counted(28_114, 26_281, 20_861),
        "concurrency": {"peak": 214, "at": "2026-11-21T04:55:00Z",
                        "at_local": "2026-11-21T10:25:00+05:30"},
        "busy_hour": {"at_local": "2026-11-21T10:15:00+05:30", "erlangs": 181.204,
                      "channels_for_1_percent": 201},
        "hours": [
            {"label": label, "offered": n, "answered": round(n * 0.94),
             "erlangs": round(n * 0.0478, 3)}
            for label, n in zip(HOURS, OFFERED, strict=True)
        ],
        "trunks": [
            {"name": "PJSIP/trunk-a", **counted(31_020, 29_700)},
            {"name": "PJSIP/trunk-b", **counted(CALLS - 31_020, 3_785)},
        ],
        "dids": [{"name": name, **counted(9_400, 8_800)} for name in ("8000", "8001", "8100")],
        "queues": [{"name": name, **counted(14_057, 13_140)} for name in ("support", "sales")],
        "agents": [
            {"name": f"PJSIP/agent-{n:02}", "handled": 2_400 - 31 * n, "aht_seconds": 171.0 + n,
             "occupancy_percent": 81.5 - n}
            for n in range(1, 13)
        ],
        "failures": [
            {"outcome": outcome, "cause": cause, **ratio(hits, CALLS)}
            for outcome, cause, hits in (
                ("no-answer", 19, 1_204), ("busy", 17, 811), ("congestion", 34, 402),
            )
        ],
        "weeks": 4,
        "usual": [
            *day, *(_row("offered", OFFERED[h], USUAL[h], f"hour:{HOURS[h]}") for h in range(24)),
        ],
        "stands_out": [
            _row("queue_abandoned", 1_833, 1_140), _row("queue_service_level", 74.2, 84.9),
            _row("offered", 1_210, 4_200, "hour:10:00"),
            _row("offered", 4_565, 10_800, "trunk:PJSIP/trunk-b"),
        ],
        "standouts": 4,
        "odd": {"duplicates": 3},
    }  # fmt: skip
    return {**told, **changed}


def trends() -> tuple[Trend, ...]:
    days = tuple(f"{n} Nov" for n in range(1, 22))
    mos = tuple(3.1 if hour == 10 else 4.2 - (hour % 4) / 20 for hour in range(24))
    calls = tuple(4.1 if hour in (8, 17) else None for hour in range(24))
    slow = tuple(2.8 if hour == 10 else 0.3 + (hour % 7) / 25 for hour in range(24))
    return (
        Trend("browser-call", "mos", HOURS, mos),
        Trend("main-number", "mos", HOURS, calls),
        Trend("agent-portal", "seconds", HOURS, slow),
        Trend("crm-portal", "seconds", HOURS, tuple(0.2 + (hour % 3) / 30 for hour in range(24))),
        Trend("disks", "most_used_percent", days, tuple(61.0 + 1.1 * n + n % 3 for n in range(21))),
        Trend("records-backup", "backup_bytes", days, tuple(3.4e8 + 1e6 * n for n in range(21))),
        Trend(
            "records-backup",
            "proof_seconds",
            days,
            tuple(None if n == 9 else 46.0 + n / 5 for n in range(21)),
        ),
    )


def looks() -> tuple[Looks, ...]:
    return (
        Looks("main-number", "sip-call", 2, 0, 3, 0, 21.4, 31.0, ("RV-41",)),
        Looks("agent-portal", "portal", 285, 3, 0, 0, 0.31, 2.8),
        Looks("browser-call", "webrtc-call", 288, 0, 0, 0, 4.2, 6.1),
        Looks("crm-portal", "portal", 288, 0, 0, 0, 0.22, 0.4),
        Looks("trunk-options", "sip-options", 288, 0, 0, 0, 0.02, 0.3),
    )


def backup(**changed: Any) -> BackupState:
    made = BackupState(
        check="records-backup",
        source="postgresql asterisk",
        data_as_of=MADE - timedelta(seconds=95),
        proven_at=MADE - timedelta(seconds=12),
        restore_seconds=27.2,
        proof_seconds=50.1,
        backup_seconds=11.3,
        bytes=352_000_000,
        rows=1_284_311,
        kept=14,
        proven=13,
    )
    return replace(made, **changed)


def trouble(**changed: Any) -> Trouble:
    made = Trouble(
        number="RV-44",
        severity="P2",
        title="Database replication is behind",
        state="open",
        owner="database team",
        opened_at=MADE - timedelta(minutes=2),
        summary="replication: lag_seconds (412) <= 60",
        checks=("replica",),
        rank=2,
    )
    return replace(made, **changed)


def parts() -> tuple[Part, ...]:
    return (
        Part("usage", "usage", "OK", 4.2, notes=(f"2026-11-21 Asia/Kolkata, 24 h: {CALLS} calls",),
             topic="usage"),
        Part("records-backup", "backup", "OK", 63.0,
             measures={"proof_seconds": 50.1, "backup_bytes": 3.52e8}, topic="backups"),
        Part("replica", "database-health", "FAILED", 0.4, "replication: lag_seconds (412) <= 60",
             {"lag_seconds": 412.0, "connections": 41.0}, "replication: lag", ticket="RV-44"),
        Part("disks", "host-disks", "DEGRADED", 1.1, "/var: 86.1 % of its bytes are used",
             {"most_used_percent": 86.1, "most_inodes_percent": 12.0,
              "least_days_until_full": 12.0, "arrays": 1.0},
             warnings=("/var will be full in 12.0 days",),
             notes=("/: 41.2 % of bytes, 31.0 GB free",)),
        Part("intrusion", "intrusion", "OK", 212.0,
             notes=("4 085 files as accepted; no new user, no new SUID file",)),
        Part("virus", "virus", "UNKNOWN", 0.1,
             "clamscan is not installed: nothing was looked through"),
        Part("services", "host-services", "OK", 0.6, notes=("14 units up, none restarted",)),
        Part("clock", "host-clock", "OK", 0.2, measures={"offset_seconds": 0.004}),
    )  # fmt: skip


def report(**changed: Any) -> Audit:
    """The report, with what differs from it."""
    made = Audit(
        site="Pune",
        timezone="Asia/Kolkata",
        day=DAY,
        made_at=MADE,
        number=412,
        previous=DAY - timedelta(days=1),
        open=(trouble(),),
        past=(
            trouble(number="RV-41", severity="P0", title="PRI is up but IVR is not working",
                    state="closed", opened_at=MADE - timedelta(hours=18),
                    closed_at=MADE - timedelta(hours=17),
                    checks=("main-number",)),
        ),
        looks=looks(),
        parts=parts(),
        usage=(usage(),),
        backups=(backup(),),
        trends=trends(),
        changes=(
            ("RV-44 Database replication is behind", "", "open"), ("replica", "OK", "FAILED"),
            ("virus", "OK", "UNKNOWN"), ("RV-40 Agents cannot log in", "open", "closed"),
            ("crm-portal", "FAILED", "OK"),
        ),
        checklist=checklist(
            [(kinds()[one.kind].DUTY, one.check, one.worst) for one in looks()]
            + [(kinds()[one.kind].DUTY, one.check, one.state) for one in parts()]
        ),
    )  # fmt: skip
    return replace(made, **changed)


def undelivered() -> Undelivered:
    return Undelivered(
        411,
        DAY - timedelta(days=1),
        "boss@example.net",
        "queued",
        "mail.example.net:587: timed out",
    )
