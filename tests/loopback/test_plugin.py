"""Debian's monitoring plugins, and programs that misbehave, as checks."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Failed, Layer, Observation, Trace
from checks.plugin import NagiosPlugin
from checks.settings import Secret
from lab import Lab
from monitor.core.verdict import Expectation, State, judge

PLUGINS = Path("/usr/lib/nagios/plugins")
debian = pytest.mark.skipif(
    shutil.which("check_dummy", path=str(PLUGINS)) is None,
    reason="monitoring-plugins-basic is not installed",
)


async def look(folder: Path, *command: object, **settings: Any) -> Observation:
    check = NagiosPlugin(command=tuple(map(str, command)), **settings)
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


async def run(folder: Path, program: str, **settings: Any) -> Observation:
    """The same for a few lines of Python as the plugin."""
    return await look(folder, sys.executable, "-c", program, **settings)


@debian
@pytest.mark.parametrize(
    ("status", "state"), [(0, State.OK), (1, State.DEGRADED), (2, State.FAILED), (3, State.UNKNOWN)]
)
async def test_each_exit_status_becomes_its_verdict(
    status: int, state: State, tmp_path: Path
) -> None:
    verdict = judge(await look(tmp_path, PLUGINS / "check_dummy", status, "as said"))
    assert verdict.state is state
    assert status == 0 or "as said" in verdict.reasons[0]
    if status == 2:
        assert verdict.fault and (verdict.fault.stage, verdict.fault.code) == ("run", "critical")


@debian
async def test_tcp_and_http_plugins_look_at_the_lab_and_give_their_measures(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        portal = lab.portals["agent-portal"]
        host, port = portal.url.split("/")[2].split(":")
        tcp = await look(tmp_path, PLUGINS / "check_tcp", "-H", host, "-p", port)
        assert tcp.fault is None and 0 <= tcp.measures["time_seconds"] < 5
        http = (PLUGINS / "check_http", "-I", host, "-p", port, "-u", "/login", "-e", "200")
        seen = await look(tmp_path, *http)
        assert seen.fault is None and seen.measures["size_bytes"] > 200
        assert judge(seen, [Expectation.parse("size_bytes <= 10")]).state is State.FAILED
        lab.break_("agent-portal-down")
        broken = await look(tmp_path, *http)
        assert broken.fault and broken.fault.code == "critical" and "503" in broken.fault.text
        await portal.close()
        closed = await look(tmp_path, PLUGINS / "check_tcp", "-H", host, "-p", port)
        assert closed.fault and "refused" in closed.fault.text.lower()


@debian
async def test_load_disk_and_processes_are_measured(tmp_path: Path) -> None:
    load = await look(tmp_path, PLUGINS / "check_load", "-w", "900,900,900", "-c", "999,999,999")
    assert {"load1", "load5", "load15"} <= set(load.measures)
    disk = await look(tmp_path, PLUGINS / "check_disk", "-w", "0%", "-c", "0%", "-p", "/")
    assert disk.measures["root_bytes"] > 0
    processes = await look(tmp_path, PLUGINS / "check_procs", "-w", "0:0")
    assert (
        processes.warnings[0].startswith("PROCS WARNING")
        and judge(processes).state is State.DEGRADED
    )


async def test_what_it_says_at_length_is_kept_and_its_data_on_every_line_count(
    tmp_path: Path,
) -> None:
    seen = await run(
        tmp_path, r"print('DISK OK - fine | /=2MB;5;;\nfirst more\nsecond more | a=1s\nb=2%;;@1:3')"
    )
    assert seen.notes == ("DISK OK - fine",)
    assert seen.measures["root_bytes"] == 2 * 2**20 and seen.measures["a_seconds"] == 1
    assert seen.measures["b_percent"] == 2 and seen.measures["run_seconds"] > 0
    assert "second more" in seen.exhibits[0].path.read_text()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.kill(os.getpid(), 11)", "signal 11 (SIGSEGV)"),
        ("raise SystemExit(4)", "status 4"),
        ("raise SystemExit(127)", "status 127"),
        ("print('no idea'); raise SystemExit(3)", "cannot tell: no idea"),
    ],
)
async def test_every_other_ending_knows_nothing(program: str, said: str, tmp_path: Path) -> None:
    seen = await run(tmp_path, program)
    assert seen.fault is None and said in (seen.blind or "")


async def test_a_plugin_that_is_not_there_or_may_not_run_knows_nothing(tmp_path: Path) -> None:
    assert "No such file" in ((await look(tmp_path, "/usr/lib/nagios/plugins/none")).blind or "")
    plain = tmp_path / "plain"
    plain.write_text("no program")
    assert "ermission denied" in ((await look(tmp_path, plain)).blind or "")
    plain.chmod(0o755)
    assert "format" in ((await look(tmp_path, plain)).blind or "")


async def test_one_that_hangs_is_ended_with_all_its_children(tmp_path: Path) -> None:
    children = tmp_path / "child"
    hanging = (
        "import subprocess, signal, sys, pathlib; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
        f"pathlib.Path({str(children)!r}).write_text(str(child.pid)); signal.pause()"
    )
    seen = await run(tmp_path, hanging, within=3.0)
    assert "not done within 3 s" in (seen.blind or "")
    await gone(int(children.read_text()))


async def gone(process: int) -> None:
    """Returns when it is."""
    async with asyncio.timeout(20):
        while alive(process):
            await asyncio.sleep(0.02)


def alive(process: int) -> bool:
    """Neither gone nor a zombie that waits to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_background_child_that_holds_the_output_does_not_hold_us(tmp_path: Path) -> None:
    leaves = (
        "import subprocess, sys, pathlib;child = subprocess.Popen([sys.executable, '-c', 'import"
        " signal; signal.pause()'], start_new_session={});print('OK - done');"
        " pathlib.Path({!r}).write_text(str(child.pid))"
    )
    for number, runs_away in enumerate((False, True)):
        file = tmp_path / f"child-{number}"
        seen = await run(tmp_path, leaves.format(runs_away, str(file)), within=60.0)
        assert seen.notes == ("OK - done",) and seen.blind is None and seen.seconds < 30
        await gone(int(file.read_text()))


async def test_an_endless_output_is_bounded_in_memory_and_time(tmp_path: Path) -> None:
    endless = "import sys\nwhile True: sys.stdout.write('more ' * 10000)"
    seen = await run(tmp_path, endless, within=60.0)
    assert "does not end" in (seen.blind or "") and seen.seconds < 30
    much = await run(tmp_path, "print('OK - much | a=1'); print('x' * 5_000_000)")
    assert much.blind is None and much.measures["a"] == 1
    assert much.exhibits[0].path.stat().st_size == 65536


async def test_output_that_is_no_text_harms_nobody(tmp_path: Path) -> None:
    seen = await run(
        tmp_path, r"import sys; sys.stdout.buffer.write(b'\xff\x00\x1b[31m OK | a=1\n\xfe')"
    )
    assert seen.blind is None and seen.measures["a"] == 1
    assert (await run(tmp_path, "")).notes == ()


async def test_secrets_come_by_environment_and_input_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "hunter2")
    secret = Secret(environment="REVEILLE_TEST_SECRET")
    program = (
        "import os, sys, pathlib; line = sys.stdin.readline().strip();"
        "argv = pathlib.Path('/proc/self/cmdline').read_text();"
        "known = set(os.environ) - {'LC_CTYPE'};"
        "good = line == os.environ['PASSWORD'] == chr(104) + 'unter2' and line not in argv"
        " and known == {'PATH', 'LANG', 'PASSWORD', 'TZ'};"
        "print('good' if good else sorted(known))"
    )
    seen = await run(
        tmp_path,
        program,
        environment={"TZ": "UTC"},
        secret_environment={"PASSWORD": secret},
        secret_input=secret,
    )
    assert seen.notes == ("good",)
    gone = await run(
        tmp_path, "", secret_environment={"PASSWORD": Secret(environment="REVEILLE_NOT_SET")}
    )
    assert "'REVEILLE_NOT_SET' is missing" in (gone.blind or "")


async def test_a_plugin_that_does_not_read_its_input_is_no_trouble(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "x" * 200_000)
    seen = await run(
        tmp_path, "print('OK')", secret_input=Secret(environment="REVEILLE_TEST_SECRET")
    )
    assert seen.notes == ("OK",) and seen.blind is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([], "at least 1"),
        (["check_tcp"], "whole path"),
        (["/check", {"environment": "X"}], "no secret is in it"),
        (["/check", "--password=hunter2"], "seen by everybody"),
        (["/check", "--db-password", "hunter2"], "seen by everybody"),
        (["/check", "-u", "http://monitor:hunter2@example.net/"], "seen by everybody"),
    ],
)
def test_a_command_line_holds_no_secret_and_begins_with_a_path(
    command: list[Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as raised:
        NagiosPlugin(command=command)
    assert "hunter2" not in str(raised.value)


def test_it_stands_at_the_layer_that_was_set() -> None:
    plugin = NagiosPlugin(command=("/check",), layer="uplink", perfdata=("pl_percent",))
    assert plugin.highest_layer() is plugin.layer_of("run") is Layer.UPLINK
    assert set(plugin.measures()) == {"run_seconds", "pl_percent"}
    assert NagiosPlugin(command=("/check",)).highest_layer() is Layer.APPLICATION
