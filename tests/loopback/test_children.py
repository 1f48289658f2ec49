"""Child processes: nothing of one outlives its daemon, its time or its job, and it has no more than
it was given."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from checks.contract import CannotTell, Trace
from checks.process.events import concluded, followed
from checks.process.parent import Program, answered, inherited, python, running, started
from tests.house.source import ROOT, files, none
from tests.loopback.child_programs import PHASES, PROGRAMS

NOTHING_LEFT_SECONDS = 2.0
READY_SECONDS = 60.0
SAYS_DONE = "import sys; print('{\"done\": {}}', flush=True);"


def program(code: str, grace_seconds: float = 0.0) -> Program:
    return Program((sys.executable, "-c", code), inherited(), grace_seconds)


def shell(script: str, grace_seconds: float = 0.0) -> Program:
    return Program(("/bin/sh", "-c", script), inherited(), grace_seconds)


def of(mark: Path) -> list[psutil.Process]:
    """Whatever has this folder for its temporary files: a daemon, its children, and all theirs."""
    return [
        process for process in psutil.process_iter() if f"TMPDIR={mark}" in _variables(process.pid)
    ]


def _variables(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/environ").read_text(errors="replace").split("\0")
    except OSError:  # it has gone meanwhile
        return []


@pytest.fixture
def before() -> set[int]:
    """The children that this process has had before: a server that other tests share."""
    return {child.pid for child in psutil.Process().children()}


def new_children(before: set[int]) -> set[int]:
    return {child.pid for child in psutil.Process().children()} - before


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and datagrams, and never answers."""
    with ExitStack() as held:
        for _ in range(20):  # another test may hold the port of one of the two
            stream = held.enter_context(socket.socket())
            datagrams = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            stream.bind(("127.0.0.1", 0))
            with suppress(OSError):
                datagrams.bind(stream.getsockname())
                break
        stream.listen()
        assert datagrams.getsockname() == stream.getsockname()
        yield stream.getsockname()[1]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("module", PROGRAMS)
def test_nothing_is_left_of_a_child_whose_daemon_is_killed(
    module: str, phase: str, tmp_path: Path, silent: int
) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.loopback.child_programs",
        module,
        phase,
        str(tmp_path),
        str(silent),
    ]
    own = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=own, cwd=ROOT, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout
        child = int(daemon.stdout.readline())
        seen = of(tmp_path)
        assert phase == "reporting" or child in {process.pid for process in seen}
        assert phase == "started" or (tmp_path / "grandchildren").exists()
        daemon.kill()
        killed = time.monotonic()
        while left := [
            *of(tmp_path),
            *(one for one in seen if one.pid != daemon.pid and is_there(one)),
        ]:
            assert time.monotonic() - killed < NOTHING_LEFT_SECONDS, [_said(one) for one in left]
            time.sleep(0.01)


def is_there(process: psutil.Process) -> bool:
    """Not gone; a guard whose parent is dead is init's to reap, and nothing else may be a
    zombie."""
    try:
        return process.is_running() and not (
            process.status() == psutil.STATUS_ZOMBIE and process.ppid() == 1
        )
    except psutil.NoSuchProcess:
        return False


def _said(process: psutil.Process) -> str:
    try:
        return f"{process.pid} {process.status()} {process.cmdline()}"
    except psutil.Error as problem:
        return str(problem)


async def test_a_time_limit_ends_all_that_came_of_a_child(tmp_path: Path, before: set[int]) -> None:
    """It ignores SIGTERM, and has a grandchild in a session of its own, and an orphan."""
    deaf = (
        "trap '' TERM; setsid sleep 600 & (setsid sleep 600 &) ; echo on; while :; do sleep 1; done"
    )
    with pytest.raises(TimeoutError):
        async with running(
            Program(("/bin/sh", "-c", deaf), {**inherited(), "TMPDIR": str(tmp_path)}), 2.0
        ) as child:
            assert await child.output.readline() == b"on\n"
            assert len(of(tmp_path)) >= 3
            await child.wait()
    assert of(tmp_path) == []
    assert not new_children(before)


async def test_a_child_that_is_killed_takes_along_what_it_has_started(tmp_path: Path) -> None:
    own = {**inherited(), "TMPDIR": str(tmp_path)}
    child = await started(
        Program(("/bin/sh", "-c", "setsid sleep 600 & (setsid sleep 600 &) ; echo on; wait"), own)
    )
    await child.output.readline()
    os.kill(child.pid, signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL
    assert of(tmp_path) == []
    await child.end()


async def test_a_guard_that_somebody_has_stopped_does_not_save_a_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checks.process.parent._GUARD_SECONDS", 0.3)
    child = await started(Program(("/bin/sleep", "600"), {**inherited(), "TMPDIR": str(tmp_path)}))
    os.kill(psutil.Process(child.pid).ppid(), signal.SIGSTOP)
    await child.end()
    deadline = time.monotonic() + NOTHING_LEFT_SECONDS
    while of(tmp_path):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_it_is_asked_to_end_before_it_is_killed() -> None:
    polite = "trap 'echo farewell; exit 7' TERM; echo on; while :; do sleep 0.02; done"
    child = await started(shell(polite, grace_seconds=10.0))
    await child.output.readline()
    child.let_go()
    assert await child.output.read() == b"farewell\n"
    assert await child.wait() == 7
    await child.end()


async def test_what_it_says_on_standard_error_is_kept_the_end_of_it(tmp_path: Path) -> None:
    """Ten megabytes; neither the memory nor the log grows with it."""
    log = tmp_path / "log"
    child = await started(
        program(
            "import sys; sys.stderr.write(('x' * 99 + '\\n') * 100_000); print('the end',"
            " file=sys.stderr)"
        ),
        log=log,
    )
    assert await child.wait() == 0
    await child.end()
    assert child.complaint() == "the end"
    assert len(child.complaint(1000)) < 5000
    assert log.stat().st_size <= 1 << 20


async def test_one_that_closes_its_output_early_is_awaited(tmp_path: Path) -> None:
    closes = program(f"{SAYS_DONE} sys.stdout.close(); import os; os.close(1); os._exit(0)")
    assert (
        concluded(
            await followed(closes, {}, Trace(time.monotonic, tmp_path), 30),
            Trace(time.monotonic, tmp_path),
        )
        == {}
    )
    silent = program(
        "import os, sys; os.close(1); print('could not', file=sys.stderr); os._exit(4)"
    )
    trace = Trace(time.monotonic, tmp_path)
    with pytest.raises(CannotTell, match="its process ended with status 4: could not"):
        concluded(await followed(silent, {}, trace, 30), trace)


async def test_a_child_is_reaped_once_and_leaves_as_its_program_did(before: set[int]) -> None:
    for number in (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM):
        answer = await answered(shell(f"kill -{int(number)} $$"), b"", 30)
        assert answer.status == -number
    assert (await answered(shell("exit 3"), b"", 30)).status == 3
    assert not new_children(before)


async def test_somebody_else_who_holds_its_output_does_not_hold_us() -> None:
    """As what a plugin has started by sudo does, which its guard may not kill."""
    child = await started(shell("read line"))
    holding = os.open(f"/proc/{child.pid}/fd/1", os.O_WRONLY)
    try:
        await child.give(b"\n")
        async with asyncio.timeout(20):
            assert await child.wait() == 0
            await child.end()
    finally:
        os.close(holding)
    assert await child.output.read() == b""


async def test_thirty_at_once(before: set[int]) -> None:
    answers = await asyncio.gather(
        *(answered(shell("cat"), b"%d" % number, 60) for number in range(30))
    )
    assert [int(answer.output) for answer in answers] == list(range(30))
    assert not new_children(before)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nowhere/at/all",), "No such file"),
        (("/etc/passwd",), "Permission denied"),
        (("/bin/sh", "-c", "\0"), "null byte"),
    ],
)
async def test_why_it_cannot_start_is_said(
    command: tuple[str, ...], words: str, before: set[int]
) -> None:
    with pytest.raises((OSError, ValueError), match=words):
        await started(Program(command, inherited()))
    assert not new_children(before)


async def test_it_has_the_descriptors_and_the_environment_that_were_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not what the daemon has open, inheritable or not; not what stands in its environment."""
    monkeypatch.setenv("PGPASSWORD", "secret")
    with (tmp_path / "ledger").open("w") as file, socket.socket() as given:
        os.set_inheritable(file.fileno(), True)
        child = await started(Program(("/bin/cat",), {"A": "b"}), descriptors=(given.fileno(),))
        guard = psutil.Process(child.pid).ppid()
        assert open_in(child.pid) == {0, 1, 2, given.fileno()}
        assert len(open_in(guard)) == 6  # three on nothing, the daemon, and a pipe to itself
        assert _variables(child.pid) == ["A=b", ""]
        assert not any("secret" in one for one in _variables(guard))
        await child.end()


def open_in(process: int) -> set[int]:
    return {int(one.name) for one in Path(f"/proc/{process}/fd").iterdir()}


async def test_one_that_says_too_much_is_ended() -> None:
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        await answered(shell("yes"), b"", 30, most_bytes=1000)


async def test_what_it_told_before_it_died_stands(tmp_path: Path) -> None:
    told = [{"begin": "read"}, {"measure": "rows", "value": 3}, {"note": "so far"}]
    trace = Trace(time.monotonic, tmp_path)
    dies = program(
        f"print('''{chr(10).join(map(json.dumps, told))}''', flush=True); import os; os.abort()"
    )
    with pytest.raises(CannotTell, match="died of SIGABRT") as death:
        concluded(await followed(dies, {}, trace, 30), trace)
    seen = trace.observation(death.value, blind=str(death.value))
    assert (seen.measures["rows"], seen.notes) == (3.0, ("so far",))
    assert [(stage.name, stage.passed) for stage in seen.stages] == [("read", False)]


def test_what_lies_in_the_working_directory_is_not_taken_for_a_library(tmp_path: Path) -> None:
    """Verbs are typed in folders of others, /tmp among them (CWE-427)."""
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").write_text("raise SystemExit('planted')")
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "__init__.py").write_text("raise SystemExit('planted')")
    child = python("checks.json_diff")
    done = subprocess.run(child.command, cwd=tmp_path, env=dict(child.environment),
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_every_module_that_is_started_is_started_so() -> None:
    # In a sandbox the folder is the sandbox's own.
    sources = [path for path in files() if path.endswith(".py") and not path.startswith("tests/")]
    none(
        path
        for path in sources
        for before in re.findall(r'(\S+)\s+"-m",', (ROOT / path).read_text(encoding="utf-8"))
        if before != '"-P",' and path != "checks/data/backup/sandbox/outside.py"
    )
