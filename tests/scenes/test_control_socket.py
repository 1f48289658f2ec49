"""Verbs typed beside the running service: done by it, with its rights, its credentials and its
state, whoever types them; and a knock at its door by whoever should not.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.service.control_protocol import NAME, short
from tests.scenes.daemon_process import Process

HERE = Path(__file__).resolve().parents[2]
STRANGER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
# A group that every Debian has, and nobody is in.
MEMBER = ("setpriv", "--reuid=65534", "--regid=65534", "--groups=60")
CONFIGURATION = """state = "state"
administrators = "games"
[site]
name = "Testville"
timezone = "Europe/Berlin"
region = "uk"
[[people]]
role = "operators"
mail = "ops@example.net"
[checks.portal]
kind = "portal"
url = "http://127.0.0.1:9/"
every = "1h"
confirm = 1
[checks.plugin]
kind = "nagios-plugin"
command = ["/bin/true"]
secret_environment = { WORD = { credential = "word" } }
[checks.steering]
kind = "nagios-plugin"
command = ["/bin/sh", "-c", "printf 'X \\\\033[2J\\\\302\\\\233\\\\342\\\\200\\\\256y'; exit 2"]
[checks.slow]
kind = "nagios-plugin"
command = ["/bin/sleep", "30"]
[checks.files]
kind = "backup"
engine = "directory"
path = "records"
folder = "backups"
[desks.tickets]
kind = "built-in"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = 9
tls = "none"
sender = "r@example.net"
[audit]
to = ["ops@example.net"]
checks = ["portal"]
"""


@pytest.fixture
async def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Process]:
    """In a folder that everybody may enter, as /run/reveille is, with a credential of its own."""
    for folder in ("run", "credentials", "records"):
        (tmp_path / folder).mkdir()
    (tmp_path / "credentials" / "word").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "records" / "call.wav").write_bytes(b"RIFF" * 1000)
    file = tmp_path / "reveille.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    process = Process(file)
    with monkeypatch.context() as unit:
        unit.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
        await process.start()
    await process.until(lambda: process.read(lambda ledger: ledger.open_incidents()))
    yield process
    if process.process.returncode is None:
        await process.stop(signal.SIGKILL)


async def typed(
    daemon: Process, *words: str, as_user: tuple[str, ...] = ()
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command of its own."""
    command = (*as_user, sys.executable, "-m", "monitor.cli", "--config", str(daemon.file), *words)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=HERE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def taken_by(daemon: Process) -> str:
    def read(ledger: Ledger) -> str:
        (row,) = ledger.open_incidents()
        return str(store.incident_of(row).acknowledged_by)

    return str(daemon.read(read))


async def test_a_look_by_hand_has_the_credentials_of_the_service(daemon: Process) -> None:
    code, said, complaint = await typed(daemon, "once", "plugin")
    assert (code, complaint) == (0, ""), said
    await daemon.stop()
    code, said, _ = await typed(daemon, "once", "plugin")
    assert code == 3, "without the service there is no credential: UNKNOWN, and never FAILED"
    assert "word" in said


async def test_who_acts_is_who_the_kernel_says_and_by_is_a_note(daemon: Process) -> None:
    code, _, complaint = await typed(daemon, "tickets", "ack", "RV-1", "--by", "night shift")
    assert (code, complaint) == (0, "")
    assert taken_by(daemon) == "root (night shift)"


async def test_an_audit_by_hand_is_the_daemon_s_own_and_exits_as_ever(daemon: Process) -> None:
    code, said, complaint = await typed(daemon, "audit", "--json")
    assert (code, complaint) == (2, "")
    assert json.loads(said)["tone"] == "FAIL"


async def test_a_drill_an_image_and_a_restore_come_out_where_they_were_typed(
    daemon: Process, tmp_path: Path
) -> None:
    code, said, _ = await typed(daemon, "backup", "drill", "files")
    assert code == 1, "there is none yet"
    daemon_s = await typed(daemon, "run-now", "files")
    assert daemon_s[0] == 0, daemon_s
    await daemon.until(lambda: daemon.read(lambda ledger: ledger.attempts("files")))
    code, said, _ = await typed(daemon, "backup", "list")
    assert code == 0, said
    target = tmp_path / "image.tar"
    code, said, complaint = await typed(daemon, "backup", "image", "--to", str(target))
    assert (code, complaint) == (0, ""), said
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    with tarfile.open(target) as image:
        assert any("backups/files" in name for name in image.getnames())
    code, said, complaint = await typed(daemon, "backup", "image", "--to", str(target))
    assert (code, complaint) == (2, f"reveille: {target} is there already\n")
    left = [path.name for path in daemon.state.iterdir() if path.name.startswith((".", "tmp"))]
    assert left == []


async def test_a_broken_file_on_the_disk_keeps_nobody_from_anything(daemon: Process) -> None:
    daemon.file.write_text('state = "state"\n[site\nname = ', encoding="utf-8")
    for words in (["tickets", "ack", "RV-1"], ["once", "portal"], ["audit"], ["status"]):
        code, said, complaint = await typed(daemon, *words)
        assert code in (0, 1, 2), complaint
        assert said
        assert complaint == (
            f"reveille: {daemon.file} was changed since the daemon read it; what it read is used,"
            " until it is told to reload\n"
        )
    assert taken_by(daemon) == "root"


async def test_what_was_just_written_can_be_looked_at_before_it_is_reloaded(
    daemon: Process,
) -> None:
    written = daemon.file.read_text(encoding="utf-8")
    daemon.file.write_text(
        f'{written}[checks.new]\nkind = "nagios-plugin"\ncommand = ["/bin/true"]\n',
        encoding="utf-8",
    )
    assert (await typed(daemon, "once", "new"))[0] == 0


async def test_a_far_end_s_control_characters_reach_no_terminal(daemon: Process) -> None:
    for more in ((), ("--nagios",), ("--json",)):
        _, said, complaint = await typed(daemon, "once", "steering", *more)
        assert "y" in said
        for sign in ("\x1b", "\x9b", "\u202e"):
            assert sign not in said + complaint, more


async def test_whoever_hangs_up_has_ended_what_he_asked_for(daemon: Process) -> None:
    command = (sys.executable, "-m", "monitor.cli", "--config", str(daemon.file), "once", "slow")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, cwd=HERE)

    def sleeping() -> bool:
        return any("sleep" in child.name() for child in daemon.children())

    await daemon.until(sleeping)
    process.send_signal(signal.SIGINT)
    await process.wait()
    await daemon.until(lambda: not sleeping(), within=10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
class TestSomebodyElse:
    """Users that are not root, at a socket in a folder that they may enter."""

    @pytest.fixture
    def runtime(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
        """As RuntimeDirectory=reveille-NAME makes it."""
        folder = Path(tempfile.mkdtemp(prefix="reveille-door-", dir="/run"))
        folder.chmod(0o755)
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
        yield folder
        assert [path.name for path in folder.iterdir()] == ["reveille.toml"], "no socket is left"
        shutil.rmtree(folder)

    @pytest.fixture
    async def door(self, runtime: Path) -> AsyncIterator[Process]:
        state = f'state = "{tempfile.mkdtemp()}"'
        file = runtime / "reveille.toml"
        file.write_text(CONFIGURATION.replace('state = "state"', state), encoding="utf-8")
        process = Process(file)
        await process.start()
        await process.until(lambda: process.read(lambda ledger: ledger.open_incidents()))
        yield process
        await process.stop()

    async def test_a_member_of_the_group_acts_in_his_own_name_and_a_stranger_is_told_how_to(
        self, door: Process
    ) -> None:
        code, _, complaint = await typed(door, "tickets", "ack", "RV-1", as_user=STRANGER)
        if "No module" in complaint or "Permission denied" in complaint:
            pytest.skip("another user cannot run this Python")
        assert code == 2
        assert complaint == (
            "reveille: nobody may not act here: only root, the service and members of the group"
            " games may; usermod --append --groups games nobody, then log in anew\n"
        )
        words = ("tickets", "ack", "RV-1", "--by", "root")
        code, said, complaint = await typed(door, *words, as_user=MEMBER)
        assert (code, complaint) == (0, ""), said
        assert taken_by(door) == "nobody (root)"
        there, here = [
            await typed(door, "tickets", "--json", as_user=user) for user in (MEMBER, ())
        ]
        assert there == here, "never another answer by who types it"


def knock(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """What the daemon says to these bytes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(20)
        with short(path) as name:
            line.connect(name)
        for one in lines:
            line.sendall(one)
        line.shutdown(socket.SHUT_WR)
        said = line.makefile("rb").read()
    return [json.loads(one) for one in said.splitlines()]


NONSENSE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"[" * 100_000 + b"\n",
    b"x" * 300_000,
    b'{"ask": {"words": 3}}\n',
    b'{"ask": {"words": ["status"], "colour": "yes"}}\n',
    b'{"ask": {"words": ["' + b"x" * 5000 + b'"]}}\n',
    b'{"ask": [], "more": 1}\n',
    b'{"answer": "y"}\n',
    b"\xff\xfe\n",
    b"",
)


async def test_nonsense_at_the_door_is_refused_and_the_daemon_goes_on(daemon: Process) -> None:
    for written in NONSENSE:
        try:
            said = await asyncio.to_thread(knock, daemon.state / NAME, written)
        except (BrokenPipeError, ConnectionResetError):
            continue
        keys = [key for one in said for key in one]
        assert keys in (["reveille", "refused"], ["reveille"]), written[:40]
    assert (await typed(daemon, "tickets"))[0] == 0


async def test_no_verb_but_those_that_are_meant_is_done_for_others(daemon: Process) -> None:
    for words in (["run"], ["lab"], ["init"], ["prompt", "learn", "x"], ["nonsense"]):
        asked = json.dumps({"ask": {"words": words, "unknown": "of a later release"}}).encode()
        said = await asyncio.to_thread(knock, daemon.state / NAME, asked + b"\n")
        # The other end has hung up its half: what was asked for is ended, or was refused before.
        assert {"end": 0} not in said
