"""Scans for accounts and dear calls: logs as the systems write them, call records in a file and in
a database.
"""

from __future__ import annotations

import csv
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.host.collectors.country_codes import code_of, codes
from checks.host.collectors.dialled_numbers import international
from checks.host.collectors.nights import limit, night_of
from checks.host.sip_abuse import SipAbuse
from tests.loopback.host_look import Watch, fault, severities, tells

KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=KOLKATA)
PJSIP = (
    "[Nov 22 03:12:{n:02}] NOTICE[811] res_pjsip/pjsip_distributor.c: Request 'REGISTER' from"
    " '\"{a}\" <sip:{a}@192.0.2.7>' failed for '198.51.100.9:5071' (callid: {n}) - No matching"
    " endpoint found\n"
)
CHAN_SIP = (
    '[Nov 22 03:12:{n:02}] NOTICE[811] chan_sip.c: Registration from \'"{a}"'
    " <sip:{a}@192.0.2.7:5060>' failed for '198.51.100.9:5071' - Wrong password\n"
)
SECURITY = (
    "[Nov 22 03:12:{n:02}] SECURITY[9] res_security_log.c:"
    ' SecurityEvent="InvalidPassword",EventTV="x",'
    'Severity="Error",Service="PJSIP",EventVersion="2",AccountID="{a}",SessionID="s",'
    'LocalAddress="IPV4/UDP/192.0.2.7/5060",'
    'RemoteAddress="IPV4/UDP/198.51.100.9/5071",Challenge="c"\n'
)
FREESWITCH = (
    "2026-11-22 03:12:{n:02}.1 [WARNING] sofia_reg.c:1842 SIP auth failure (REGISTER) on sofia"
    " profile 'internal' for [{a}@192.0.2.7] from ip 198.51.100.9\n"
)
KAMAILIO = (
    "Nov 22 03:12:{n:02} pbx kamailio[7]: ALERT: <script>: PIKE - BLOCKing ip 198.51.100.9,"
    " node=0x7f\n"
)
LET_IN = (
    "[Nov 22 03:13:00] SECURITY[9] res_security_log.c:"
    ' SecurityEvent="SuccessfulAuth",EventTV="x",Severity="Info",'
    'Service="PJSIP",AccountID="107",SessionID="s",LocalAddress="IPV4/UDP/192.0.2.7/5060",'
    'RemoteAddress="IPV4/UDP/198.51.100.9/5071",UsingPassword="1"\n'
)


def log_watch(folder: Path) -> tuple[Watch, Path]:
    log = folder / "messages"
    log.write_text("[Nov 22 03:00:00] NOTICE[1] chan: an old line\n")
    return Watch(folder, SipAbuse(logs=(str(log),))), log


@pytest.mark.parametrize(
    "line",
    [PJSIP, CHAN_SIP, SECURITY, FREESWITCH, KAMAILIO],
    ids=["pjsip", "chan_sip", "security", "freeswitch", "kamailio"],
)
async def test_a_scan_is_found_in_every_log(line: str, tmp_path: Path) -> None:
    host, log = log_watch(tmp_path)
    assert (await host.look()).fault is None
    with log.open("a") as written:
        written.writelines(line.format(n=n, a=100 + n) for n in range(40))
    seen = await host.look()
    stage, code, text = fault(seen)
    assert (stage, code) == ("log", "registration-scan")
    assert "198.51.100.9 (40 times" in text
    expected = {"xop": "critical", "ozonetel": "P1"}
    assert severities("sip-abuse", seen).items() <= expected.items()
    assert (await host.look()).fault is None, "a line counts once"


@pytest.mark.parametrize(
    "line",
    (
        # the name beside the number, the number itself, the number of a challenge
        PJSIP.replace('"{a}" <', "\"x' failed for '192.0.2.66:5060' (callid: 1) - \" <"),
        PJSIP.replace(
            '"{a}" <', "\"Request 'REGISTER' from 'sip:a@b' failed for '192.0.2.66:1'\" <"
        ),
        CHAN_SIP.replace("{a}@", "x' failed for '192.0.2.66:1' - Wrong password@"),
        SECURITY.replace("{a}", 'x",RemoteAddress="IPV4/UDP/192.0.2.66/5060",AccountID="y'),
        FREESWITCH.replace("{a}@", "x] from ip 192.0.2.66@"),
        FREESWITCH.replace("{a}@", "x@y] from ip 192.0.2.66"),
    ),
)
async def test_who_writes_another_address_into_his_name_is_told_by_his_own(
    line: str, tmp_path: Path
) -> None:
    watch, log = log_watch(tmp_path)
    await watch.look()
    with log.open("a") as written:
        written.writelines(line.format(n=n, a=f"1{n:02}") for n in range(60))
    stage, code, text = fault(await watch.look())
    assert (stage, code) == ("log", "registration-scan")
    assert "198.51.100.9 (60 times" in text
    assert "192.0.2.66" not in text


@pytest.mark.parametrize(
    "line",
    (
        '[Nov 22 03:12:01] VERBOSE[1] pbx.c: Executing [s@in:1] NoOp("PJSIP/1", "Request \'INVITE\''
        " from 'sip:a@b' failed for '192.0.2.66:5060'\")\n",
        "Nov 22 03:12:01 pbx kamailio[7]: INFO: <script>: agent of this is pike"
        " [pike_funcs.c:1]: PIKE - BLOCKing ip 192.0.2.66, node=0x7f\n",
        "Nov 22 03:12:01 pbx kamailio[7]: INFO: <script>: ua <script>: PIKE - BLOCKing ip"
        " 192.0.2.66, node=0x7f\n",
        "2026-11-22 03:12:01.1 [INFO] mod_dptools.c:1879 name is 'SIP auth failure (REGISTER) on"
        " sofia profile 'internal' for [1@2] from ip 192.0.2.66\n",
    ),
)
async def test_what_a_caller_has_written_is_no_refusal(line: str, tmp_path: Path) -> None:
    watch, log = log_watch(tmp_path)
    await watch.look()
    with log.open("a") as written:
        written.writelines(line for _ in range(60))
    seen = await watch.look()
    assert seen.fault is None
    assert seen.measures["refused_requests"] == 0


async def test_a_mistyped_password_is_no_scan(tmp_path: Path) -> None:
    host, log = log_watch(tmp_path)
    log.write_text("".join(PJSIP.format(n=n, a=101) for n in range(5)))
    assert (await host.look()).fault is None


async def test_an_account_that_was_guessed_stays_a_fault_until_it_is_accepted(
    tmp_path: Path,
) -> None:
    host, log = log_watch(tmp_path)
    log.write_text("".join(SECURITY.format(n=n, a=100 + n) for n in range(30)) + LET_IN)
    for _ in range(2):
        stage, code, text = fault(await host.look())
        assert (stage, code) == ("log", "account-broken")
        assert "107 from 198.51.100.9" in text
    host.accept()
    assert (await host.look()).fault is None


def record(start: datetime, caller: str, number: str, seconds: int = 60) -> list[str]:
    stamp = f"{start.astimezone(KOLKATA):%Y-%m-%d %H:%M:%S}"
    return ["", caller, number, "out", f'"{caller}"', "PJSIP/1", "PJSIP/trunk", "Dial", "",
            stamp, stamp, stamp, str(seconds), str(seconds),
            "ANSWERED", "DOCUMENTATION", "1", ""]  # fmt: skip


def write(file: Path, records: list[list[str]]) -> Path:
    with file.open("w", newline="") as written:
        csv.writer(written, quoting=csv.QUOTE_ALL).writerows(records)
    return file


def calls_watch(folder: Path, **settings: object) -> Watch:
    given = {
        "records": {"file": str(folder / "Master.csv")},
        "country": "91",
        "timezone": "Asia/Kolkata",
        **settings,
    }
    return Watch(folder, SipAbuse(**given))


async def test_dear_calls_are_found_and_usual_ones_are_not(tmp_path: Path) -> None:
    usual = [
        record(NOW - timedelta(hours=10, minutes=n), "6101", f"0442345{n:04}") for n in range(20)
    ]
    usual += [
        record(NOW - timedelta(hours=9), "6101", "00442071838750"),
        record(NOW, "+918040001234", "+918047486799"),
    ]
    write(tmp_path / "Master.csv", usual)
    host = calls_watch(tmp_path, countries=("44",))
    assert (await host.look(at=NOW.timestamp())).fault is None
    write(
        tmp_path / "Master.csv",
        [*usual, record(NOW - timedelta(hours=2), "6107", "0037190012345", 3600)],
    )
    seen = await host.look(at=NOW.timestamp())
    assert fault(seen)[:2] == ("calls", "unusual-country")
    assert "+371 Latvia (1)" in fault(seen)[2]
    host.accept()
    assert (await host.look(at=NOW.timestamp())).fault is None
    write(
        tmp_path / "Master.csv",
        [*usual, record(NOW - timedelta(hours=2), "6107", "00882161234567", 3600)],
    )
    stage, code, text = fault(await host.look(at=NOW.timestamp()))
    assert (stage, code) == ("calls", "premium-call")
    assert "+882161234567 from 6107" in text and "60 minutes" in text


async def test_a_night_with_many_calls_is_a_peak(tmp_path: Path) -> None:
    host = calls_watch(tmp_path)
    for night in range(7):
        now = NOW - timedelta(days=7 - night)
        write(
            tmp_path / "Master.csv",
            [record(now - timedelta(hours=3), "6101", f"08040001{n:03}") for n in range(4)],
        )
        assert (await host.look(at=now.timestamp())).fault is None
    many = [
        record(NOW - timedelta(hours=2, seconds=n), "6107", f"08040002{n:03}") for n in range(60)
    ]
    write(tmp_path / "Master.csv", many)
    stage, code, text = fault(await host.look(at=NOW.timestamp()))
    assert (stage, code) == ("night", "night-peak")
    assert "60 outgoing calls" in text and "usual are 4" in text


async def test_records_of_a_database_are_read_too(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cdr.db") as database:
        database.execute(
            "CREATE TABLE cdr (start TEXT, dst TEXT, src TEXT, duration INT, billsec INT)"
        )
        moment = f"{(NOW - timedelta(hours=1)).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        database.execute("INSERT INTO cdr VALUES (?, '0023276123456', '6107', 99, 90)", (moment,))
    database.close()
    given = {"sqlite": str(tmp_path / "cdr.db"), "times": "utc"}
    host = Watch(tmp_path, SipAbuse(records=given, country="91", timezone="Asia/Kolkata"))
    assert "+232 Sierra Leone" in fault(await host.look(at=NOW.timestamp()))[2]


async def test_records_that_cannot_be_had_are_said(tmp_path: Path) -> None:
    seen = await calls_watch(tmp_path).look()
    assert tells(seen, "not looked at: calls", "Master.csv")
    assert seen.blind is not None


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("+44 20 7183 8750", "442071838750"),
        ("00442071838750", "442071838750"),
        ("01144 2071838750", "442071838750"),
        ("900442071838750", "442071838750"),
        ("08047486799", "918047486799"),
        ("8047486799", "918047486799"),
        ("6101", None),
        ("s", None),
        ("", None),
        ("*97", None),
    ],
)
def test_numbers_are_read_as_this_site_dials_them(dialled: str, number: str | None) -> None:
    settings = {
        "outside_line": "9",
        "international": ("00", "011"),
        "trunk_prefix": "0",
        "country": "91",
    }
    assert international(dialled, settings) == number


def test_a_number_belongs_to_the_longest_code() -> None:
    assert (code_of("12425551234"), code_of("12125551234"), code_of("37190012345")) == (
        "1242",
        "1",
        "371",
    )
    assert code_of("0123") == ""
    assert len(codes()) > 220
    assert not [code for code in codes() if not code.isdigit() or not 1 <= len(code) <= 4]


def test_a_night_is_named_by_its_beginning_and_judged_by_median_and_spread() -> None:
    evening, morning = NOW.replace(hour=23, day=21), NOW.replace(hour=5)
    assert night_of(evening, (22, 6)) == night_of(morning, (22, 6)) == "2026-11-21"
    assert night_of(NOW.replace(hour=12), (22, 6)) is None
    assert night_of(NOW.replace(hour=2), (0, 5)) == "2026-11-22"
    assert limit([4, 4, 5, 3, 400], 10) == 12, "one bad night does not make the next one usual"
    assert limit([0, 0, 0], 10) == 10
