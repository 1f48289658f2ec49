"""Verbs typed beside the running service: done by it, with its rights, its credentials and its
state, whoever types them; and a knock at its door by whoever should not. One service for all: these
stories are about who types, and change nothing that another tells of.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from monitor.incidents import store
from monitor.ledger import Ledger
from monitor.service.control_protocol import NAME, short
from tests.scenes.daemon_process import SITE

# The daemon that all of them ask is started once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("one service")

HERE = Path(__file__).resolve().parents[2]
STRANGER = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
# A group that every Debian has, and nobody is in.
MEMBER = ("setpriv", "--reuid=65534", "--regid=65534", "--groups=60")
CONFIGURATION = (
    """state = "state"
administrators = "games"
"""
    + SITE
    + """[checks.portal]
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
)


Said = tuple[int, str, str]
"""exit code, standard output, standard error"""


@dataclass
class Service:
    """The daemon as a unit starts it: a runtime folder, and a credential."""

    file: Path
    process: subprocess.Popen[bytes]

    @property
    def state(self) -> Path:
        return self.file.parent / "state"

    @property
    def door(self) -> Path:
        return (self.file.parent if os.geteuid() == 0 else self.state) / NAME

    def command(self, *words: str, as_user: tuple[str, ...] = ()) -> list[str]:
        python = (*as_user, sys.executable, "-m", "monitor.cli")
        return [*python, "--config", str(self.file), *words]

    def typed(self, *words: str, as_user: tuple[str, ...] = ()) -> Said:
        done = subprocess.run(
            self.command(*words, as_user=as_user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=HERE,
        )
        return done.returncode, done.stdout, done.stderr

    def taken_by(self) -> str:
        with Ledger(self.state / "ledger.sqlite", read_only=True) as ledger:
            (row,) = ledger.open_incidents()
            return str(store.incident_of(row).acknowledged_by)

    def until(self, seen: Callable[[], Any], within: float = 60.0) -> None:
        end = time.monotonic() + within
        while not seen():
            assert self.process.poll() is None, "the daemon ended"
            assert time.monotonic() < end, f"not seen within {within} s"
            time.sleep(0.05)  # another process: there is nothing to wait for

    def ticketed(self) -> bool:
        path = self.state / "ledger.sqlite"
        if not self.door.exists() or not path.exists():
            return False
        with Ledger(path, read_only=True) as ledger:
            return bool(ledger.open_incidents())


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    """In a folder that everybody may enter, under the name that units give theirs."""
    root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="reveille-test-", dir="/run" if root else None))
    folder.chmod(0o755)
    for name in ("credentials", "records"):
        (folder / name).mkdir()
    (folder / "credentials" / "word").write_text("s3cret\n", encoding="utf-8")
    (folder / "records" / "call.wav").write_bytes(b"RIFF" * 1000)
    file = folder / "reveille.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    unit = {"CREDENTIALS_DIRECTORY": str(folder / "credentials")}
    if root:
        unit["RUNTIME_DIRECTORY"] = str(folder)
    command = [sys.executable, "-m", "monitor.cli", "--config", str(file), "run"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | unit, stderr=log, cwd=HERE)
    service = Service(file, process)
    try:
        service.until(service.ticketed)
        yield service
    finally:
        process.terminate()
        process.wait(20)
    assert process.returncode == 0, (folder / "log").read_text(errors="replace")[-3000:]
    assert not service.door.exists(), "the socket goes with the daemon"
    shutil.rmtree(folder)


@pytest.fixture
def service(running: Service) -> Iterator[Service]:
    """The same, and its file as it was."""
    assert running.process.poll() is None
    known = running.file.stat()
    yield running
    running.file.write_text(CONFIGURATION, encoding="utf-8")
    os.utime(running.file, ns=(known.st_atime_ns, known.st_mtime_ns))


def test_a_look_by_hand_has_the_credentials_of_the_service(service: Service) -> None:
    code, said, complaint = service.typed("once", "plugin")
    assert (code, complaint) == (0, ""), said


def test_who_acts_is_who_the_kernel_says_and_by_is_a_note(service: Service) -> None:
    code, _, complaint = service.typed("tickets", "ack", "RV-1", "--by", "night shift")
    assert (code, complaint) == (0, "")
    assert service.taken_by().endswith(" (night shift)")
    assert not service.taken_by().startswith("night")


def test_an_audit_by_hand_is_the_daemon_s_own_and_exits_as_ever(service: Service) -> None:
    code, said, complaint = service.typed("audit", "--json")
    assert (code, complaint) == (2, "")
    assert json.loads(said)["tone"] == "FAIL"


def test_backups_come_out_where_they_were_typed(service: Service, tmp_path: Path) -> None:
    assert service.typed("backup", "drill", "files")[0] == 1, "there is none yet"
    assert service.typed("run-now", "files")[0] == 0
    service.until(lambda: service.typed("backup", "list")[0] == 0)
    code, said, complaint = service.typed("backup", "drill", "files")
    assert (code, complaint) == (0, ""), said
    target = tmp_path / "image.tar"
    code, said, complaint = service.typed("backup", "image", "--to", str(target))
    assert (code, complaint) == (0, ""), said
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    with tarfile.open(target) as image:
        assert any("backups/files" in name for name in image.getnames())
    code, said, complaint = service.typed("backup", "image", "--to", str(target))
    assert (code, complaint) == (2, f"reveille: {target} is there already\n")
    assert [path.name for path in service.state.iterdir() if path.name[0] in ".t"] == []


def test_a_broken_file_on_the_disk_keeps_nobody_from_anything(service: Service) -> None:
    service.file.write_text('state = "state"\n[site\nname = ', encoding="utf-8")
    for words in (["tickets", "note", "RV-1", "seen"], ["once", "portal"], ["audit"], ["status"]):
        code, said, complaint = service.typed(*words)
        assert code in (0, 1, 2), complaint
        assert said
        assert complaint == (
            f"reveille: {service.file} was changed since the daemon read it; what it read is used,"
            " until it is told to reload\n"
        )


def test_what_was_just_written_can_be_looked_at_before_it_is_reloaded(service: Service) -> None:
    new = '[checks.new]\nkind = "nagios-plugin"\ncommand = ["/bin/true"]\n'
    service.file.write_text(CONFIGURATION + new, encoding="utf-8")
    assert service.typed("once", "new")[0] == 0


@pytest.mark.parametrize("more", [(), ("--nagios",), ("--json",)])
def test_a_far_end_s_control_characters_reach_no_terminal(
    service: Service, more: tuple[str, ...]
) -> None:
    _, said, complaint = service.typed("once", "steering", *more)
    assert "2J" in said
    assert not {"\x1b", "\x9b", "\u202e"} & set(said + complaint)


def test_whoever_hangs_up_has_ended_what_he_asked_for(service: Service) -> None:
    # A suite that runs in the background of a shell ignores SIGINT, and so would its children.
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = service.command("once", "slow")
        asking = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=HERE)
    finally:
        signal.signal(signal.SIGINT, ours)

    def sleeping() -> bool:
        children = psutil.Process(service.process.pid).children(recursive=True)
        return any("sleep" in child.name() for child in children)

    service.until(sleeping)
    asking.send_signal(signal.SIGINT)
    asking.wait(20)
    service.until(lambda: not sleeping(), within=10)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_member_of_the_group_acts_in_his_own_name_and_a_stranger_is_told_how_to(
    service: Service,
) -> None:
    code, _, complaint = service.typed("tickets", "ack", "RV-1", as_user=STRANGER)
    if "No module" in complaint or "Permission denied" in complaint:
        pytest.skip("another user cannot run this Python")
    assert code == 2
    assert complaint == (
        "reveille: nobody may not act here: only root, the service and members of the group"
        " games may; usermod --append --groups games nobody, then log in anew\n"
    )
    words = ("tickets", "note", "RV-1", "seen by me", "--by", "root")
    code, said, complaint = service.typed(*words, as_user=MEMBER)
    assert (code, complaint) == (0, ""), said
    assert "nobody (root): seen by me" in said
    there, here = [service.typed("tickets", "--json", as_user=user) for user in (MEMBER, ())]
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


def test_nonsense_at_the_door_is_refused_and_the_daemon_goes_on(service: Service) -> None:
    for written in NONSENSE:
        try:
            said = knock(service.door, written)
        except (BrokenPipeError, ConnectionResetError):
            continue
        keys = [key for one in said for key in one]
        assert keys in (["reveille", "refused"], ["reveille"]), written[:40]
    assert service.typed("tickets")[0] == 0


def test_no_verb_but_those_that_are_meant_is_done_for_others(service: Service) -> None:
    for words in (["run"], ["lab"], ["init"], ["prompt", "learn", "x"], ["nonsense"]):
        asked = json.dumps({"ask": {"words": words, "unknown": "of a later release"}}).encode()
        # The other end has hung up its half: what was asked for is ended, or was refused before.
        assert {"end": 0} not in knock(service.door, asked + b"\n")


def test_a_maintenance_is_begun_shown_and_stopped(service: Service) -> None:
    code, said, complaint = service.typed("maintenance", "start", "1h", "slow", "--why", "firmware")
    assert (code, complaint) == (0, ""), said
    assert ": slow\n" in said
    assert "Maintenance #1 until" in service.typed("status")[1]
    code, said, complaint = service.typed("maintenance", "stop")
    assert (code, complaint) == (0, ""), said
    (one,) = json.loads(service.typed("maintenance", "--json")[1])["lines"]
    assert (one["state"], one["why"], one["checks"]) == ("over", "firmware", ["slow"])
    assert one["by"] == one["stopped_by"] == Path("/proc/self").owner()


def test_an_analysis_is_written_here_and_kept_and_sent_by_the_service(
    service: Service, tmp_path: Path
) -> None:
    words = ("tickets", "open", "--issue", "reports", "--text", "an empty page", "--json")
    code, said, complaint = service.typed(*words)
    assert (code, complaint) == (0, ""), said
    ticket = json.loads(said)
    assert ticket["opened_by"] == Path("/proc/self").owner()
    number = ticket["number"]
    assert service.typed("tickets", "resolve", number, "the report runs again")[0] == 0
    written = tmp_path / "form.txt"
    long = "The exporter ran out of memory. " * 300
    written.write_text(f"== Cause ==\n{long}\n== Resolution plan ==\n-more memory\n", "utf-8")
    said = service.typed("rca", "edit", number, "--from", str(written))[1]
    assert said == f"{number}: Cause, Resolution plan: kept\n"
    code, said, complaint = service.typed("rca", "send", number)
    assert (code, complaint) == (0, ""), said
    assert "ops@example.net" in said


def test_the_editor_opens_on_the_form_and_what_it_writes_is_kept_or_said_where(
    service: Service, tmp_path: Path
) -> None:
    """On a terminal of its own."""
    words = ("tickets", "open", "--request", "--text", "a nicer report", "--json")
    number = json.loads(service.typed(*words)[1])["number"]
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/^== Cause ==$/&\\nA wish./" "$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    said = on_a_terminal(service.command("rca", "edit", number), {"EDITOR": str(editor)})
    assert f"{number}: Cause: kept" in said
    editor.write_text('#!/bin/sh\necho nonsense > "$1"\n', encoding="utf-8")
    said = on_a_terminal(service.command("rca", "edit", number), {"EDITOR": str(editor)})
    kept = re.search(r"what you have written is in (\S+),", said)
    assert kept, said
    assert Path(kept[1]).read_text(encoding="utf-8") == "nonsense\n"
    Path(kept[1]).unlink()


def on_a_terminal(command: list[str], more: dict[str, str]) -> str:
    """What a command shows on a terminal of its own."""
    leader, follower = os.openpty()
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=os.environ | more, cwd=HERE
    ) as process:
        os.close(follower)
        said = b""
        while chunk := _read(leader):
            said += chunk
        process.wait(20)
    os.close(leader)
    return said.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # EIO: the last one has closed it (pty(7))
        return b""
