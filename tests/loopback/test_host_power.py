"""The power: a real upsd with a UPS that is made up, and servers that answer nonsense."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checks.contract import Observation
from checks.host.power import HostPower
from tests.loopback.host_look import Watch, fault, severities, tells
from tests.loopback.nut_server import UPSD, upsd
from tests.loopback.serving import listening, says, silent

real = pytest.mark.skipif(not UPSD.exists(), reason="nut-server is not installed")
BAD = (
    ("OL LB", "battery-low", "P1"),
    ("FSD OB LB", "battery-low", "P1"),
    ("OFF", "ups-off", "P1"),
    ("OB DISCHRG", "on-battery", "P2"),
    ("OL OVER", "ups-overloaded", "P2"),
    ("OL RB", "replace-battery", "P2"),
    ("BYPASS", "ups-bypassed", "P2"),
    ("ALARM OL", "ups-alarm", "P2"),
)


async def until(watch: Watch, seen: Callable[[Observation], Any]) -> Observation:
    """Looks again and again, until it is so."""
    ends = time.monotonic() + 30
    while not seen(found := await watch.look()):
        assert time.monotonic() < ends, found
        await asyncio.sleep(0.1)  # the driver reads its file once a second
    return found


@real
async def test_what_a_ups_says_is_told_the_worst_of_it_first(tmp_path: Path) -> None:
    async with upsd(tmp_path / "nut") as ups:
        watch = Watch(tmp_path, HostPower(ups="main", port=ups.port))
        well = await until(watch, lambda seen: seen.fault is None and seen.blind is None)
        assert tells(well, "ups.status is OL CHRG")
        assert well.measures["battery_runtime_seconds"] == 1320
        assert well.measures["battery_charge_percent"] == 97
        assert well.measures["input_volts"] == 231.4
        ups.is_so(status="OB LB", alarm="replace me")
        low = await until(watch, lambda seen: seen.fault is not None)
        assert fault(low) == ("status", "battery-low", "the battery is low (OB LB)")
        assert ups.driver
        ups.driver.kill()
        gone = await until(watch, lambda seen: "no data" in (seen.fault.text if seen.fault else ""))
        assert fault(gone)[:2] == ("status", "ups-not-seen")
        watch.check = HostPower(ups="mian", port=ups.port)
        other = await watch.look()
        assert other.blind == "upsd refuses to say: UNKNOWN-UPS; there is: main"
        watch.check = HostPower(ups="main", port=ups.port, starttls=True)
        assert fault(await watch.look())[:2] == ("starttls", "no-starttls")


async def told(folder: Path, *texts: str, **settings: Any) -> Observation:
    """What is seen where a server says that, whatever it is asked."""
    async with listening(says(*texts)) as port:
        return await Watch(folder, HostPower(ups="main", port=port, within="2s", **settings)).look()


def listed(status: str, *more: str) -> str:
    lines = [f'VAR main ups.status "{status}"', *more]
    return "\n".join(["BEGIN LIST VAR main", *lines, "END LIST VAR main"])


async def test_each_word_of_a_status_is_what_it_means(tmp_path: Path) -> None:
    for number, (status, code, severity) in enumerate(BAD):
        (folder := tmp_path / str(number)).mkdir()
        seen = await told(folder, listed(status))
        assert fault(seen)[:2] == ("status", code), status
        assert severities("host-power", seen)["ozonetel"] == severity, status


async def test_a_battery_that_is_calibrated_is_no_cut_of_power(tmp_path: Path) -> None:
    seen = await told(tmp_path, listed("OB CAL DISCHRG"))
    assert seen.fault is None and tells(seen, "calibrates its battery")


async def test_an_alarm_is_quoted_and_figures_that_are_none_are_left_out(tmp_path: Path) -> None:
    more = (r'VAR main ups.alarm "the \"door\" is \\ open"', 'VAR main battery.charge "nan"',
            'VAR main ups.load "1e999"', 'VAR main battery.runtime "soon"')  # fmt: skip
    seen = await told(tmp_path, listed("OL ALARM", *more))
    assert fault(seen)[2] == r'the UPS has an alarm (OL ALARM, the "door" is \ open)'
    assert set(seen.measures) == {"connect_seconds"}


NO_ANSWERS = (
    ("SSH-2.0-OpenSSH_9.2", "bad-peer"),
    ('BEGIN LIST VAR main\nVAR other ups.status "OL"\nEND LIST VAR main', "bad-peer"),
    ("BEGIN LIST VAR main\nVAR main ups.status OL\nEND LIST VAR main", "bad-peer"),
    ("BEGIN LIST VAR main" + '\nVAR main a "b"' * 2001, "bad-peer"),
    ("x" * 70_000, "bad-peer"),
    ("ERR DRIVER-NOT-CONNECTED", "ups-not-seen"),
)


async def test_what_is_no_answer_is_a_fault(tmp_path: Path) -> None:
    for number, (text, code) in enumerate(NO_ANSWERS):
        (folder := tmp_path / str(number)).mkdir()
        assert fault(await told(folder, text))[:2] == ("status", code), text[:60]
    async with listening(silent) as port:
        waits = HostPower(ups="main", port=port, within="0.2s")
        assert fault(await Watch(tmp_path, waits).look())[1] == "timeout"


async def test_what_says_nothing_of_the_power_leaves_it_unknown(tmp_path: Path) -> None:
    empty = "BEGIN LIST VAR main\nEND LIST VAR main"
    texts = ("ERR ACCESS-DENIED", empty, listed("WAIT"), listed(""), listed("CHRG TRIM"))
    for number, text in enumerate(texts):
        (folder := tmp_path / str(number)).mkdir()
        assert (await told(folder, text)).blind


async def test_what_is_no_handshake_is_a_fault(tmp_path: Path) -> None:
    seen = await told(tmp_path, "OK STARTTLS", "no handshake", starttls=True)
    assert fault(seen)[0] == "starttls"
