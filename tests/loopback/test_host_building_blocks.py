"""Processes, memory, the kernel's words, listening ports, updates and queues of this very host."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from checks.contract import Check, Trace
from checks.host.collectors.kernel import SIGNS
from checks.host.collectors.ports import fits
from checks.host.collectors.program import PLACES
from checks.host.collectors.queue_depth import _EXIM_LINE
from checks.host.collectors.services import grown
from checks.host.collectors.updates import _of_apt, wait
from checks.host.kernel import HostKernel
from checks.host.ports import HostPorts
from checks.host.queue_depth import QueueDepth
from checks.host.resources import HostResources
from checks.host.services import HostServices
from checks.host.updates import HostUpdates
from tests.loopback.host_look import Watch, fault, severities, tells
from tests.loopback.postfix_server import postfix
from tests.loopback.test_host_disks import a_look

OOM = "Out of memory: Killed process 4242 (asterisk) total-vm:8123456kB, anon-rss:7123456kB"
DISK = "I/O error, dev sdb, sector 1234 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 2"


@contextmanager
def running(program: Path) -> Iterator[int]:
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as process:
        deadline = time.monotonic() + 30
        while (
            Path(f"/proc/{process.pid}/exe").readlink() != program and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        yield process.pid
        process.kill()


async def test_a_program_that_has_to_run_does_and_then_does_not(tmp_path: Path) -> None:
    name = "rvl-asterisk"
    host = Watch(tmp_path, HostServices(processes=(name,), any_failed=False))
    with running(tmp_path / name):
        well = await host.look()
    assert well.fault is None
    assert tells(well, f"{name}: 1 running")
    gone = await host.look()
    assert fault(gone) == ("processes", "process-missing", f"not running: {name}")
    expected = {"xop": "critical", "ozonetel": "P1"}
    assert severities("host-services", gone).items() <= expected.items()


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs here")
async def test_units_are_not_known_where_systemd_does_not_run(tmp_path: Path) -> None:
    seen = await Watch(tmp_path, HostServices(units=("asterisk",))).look()
    assert seen.blind is not None
    assert "systemd does not run" in seen.blind
    assert tells(await Watch(tmp_path / "..", HostServices()).look(), "not looked at: failed")


def test_memory_that_grows_for_days_is_named_and_memory_that_breathes_is_not() -> None:
    points = [[1e9 + day * 86400, 100 + 20 * day] for day in range(6)]
    breathing = [[1e9 + day * 86400, 100 + 30 * (day % 2)] for day in range(6)]
    at, said = a_look(growth_percent=10.0)
    at.now, at.recalled = 1e9 + 6 * 86400, {"memory": {"leaky": points, "sound": breathing}}
    grown(at, {"leaky": 220, "sound": 100})
    warnings = [str(event["warning"]) for event in said if "warning" in event]
    assert warnings == ["leaky grows by 20 MB a day: 100 MB then, 220 MB now"]


async def test_what_this_host_has_left_is_measured_and_short_memory_is_a_fault(
    tmp_path: Path,
) -> None:
    generous = HostResources(
        sample="0.1s", most_load=1000, most_stuck=100_000, most_monitor_megabytes=100_000
    )
    seen = await Watch(tmp_path, generous).look()
    assert seen.fault is None
    promised = set(generous.measures()) - {"connections_percent", "io_pressure_percent"}
    assert promised <= set(seen.measures)
    assert seen.measures["monitor_megabytes"] > 5
    (tmp_path / "greedy").mkdir()
    short = await Watch(
        tmp_path / "greedy", HostResources(sample="0.1s", least_memory_percent=100, most_load=1000)
    ).look()
    stage, code, text = fault(short)
    assert (stage, code) == ("memory", "memory-low")
    assert "the greediest" in text


async def test_each_line_of_the_kernel_counts_once(tmp_path: Path) -> None:
    log = tmp_path / "kern.log"
    log.write_text("Nov 22 03:00:00 pbx kernel: [1.0] Linux version 6.1.0\n")
    host = Watch(tmp_path, HostKernel(log=log))
    assert (await host.look()).fault is None
    with log.open("a") as written:
        written.write(
            f"Nov 22 03:10:00 pbx kernel: [2.0] {OOM}\nNov 22 03:11:00 pbx kernel: [3.0] {DISK}\n"
        )
        written.write("Nov 22 03:12:00 pbx kernel: [4.0] half a li")
    seen = await host.look()
    assert fault(seen)[:2] == ("log", "io-error")
    assert "oom-kill" in fault(seen)[2]
    assert seen.measures["oom_kills"] >= 1
    expected = {"xop": "major", "ozonetel": "P2"}
    assert severities("host-kernel", seen).items() <= expected.items()
    again = await host.look()
    assert again.fault is None
    log.rename(tmp_path / "kern.log.1")
    log.write_text("Nov 22 03:13:00 pbx kernel: EXT4-fs error (device sda1): ext4_find_entry\n")
    assert fault(await host.look())[:2] == ("log", "filesystem-error")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (
            "oom-kill",
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=x,task=java,pid=9",
        ),
        ("io-error", "blk_update_request: critical medium error, dev sda, sector 7"),
        ("io-error", "ata1.00: failed command: READ FPDMA QUEUED"),
        ("filesystem-error", "XFS (dm-0): Corruption detected. Unmount and run xfs_repair"),
        ("filesystem-error", "EXT4-fs (sda1): Remounting filesystem read-only"),
        ("hardware-error", "mce: [Hardware Error]: CPU 1: Machine Check: 0 Bank 4"),
        ("hung-task", "INFO: task postgres:123 blocked for more than 120 seconds."),
    ],
)
def test_the_kernel_s_words_are_known(code: str, line: str) -> None:
    assert next(name for name, pattern in SIGNS.items() if re.search(pattern, line)) == code


async def test_a_port_that_nobody_accepted_is_a_fault(tmp_path: Path) -> None:
    host = Watch(tmp_path, HostPorts(loopback=True))
    assert tells(await host.look(), "no ports are accepted yet")
    host.accept()
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        seen = await host.look()
        assert fault(seen)[:2] == ("listen", "unexpected-port")
        assert any(f"tcp 127.0.0.1:{port} " in line for line in seen.proposals["ports"])
        expected = {"xop": "critical", "ozonetel": "P1"}
        assert severities("host-ports", seen).items() <= expected.items()


def test_a_line_of_the_configuration_means_several_listeners() -> None:
    assert fits("tcp 0.0.0.0:22 sshd", "tcp *:22 sshd")
    assert fits("udp [::]:5060 asterisk", "udp *:5060")
    assert fits("tcp 192.0.2.1:8088 asterisk", "tcp *:* asterisk")
    assert not fits("tcp 0.0.0.0:22 evil", "tcp *:22 sshd")
    assert not fits("udp 0.0.0.0:22 sshd", "tcp *:22 sshd")
    assert not fits("tcp 0.0.0.0:2222 sshd", "tcp *:22 sshd")


def test_security_updates_are_told_from_others() -> None:
    said = (
        "Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])\nInst"
        " libssl3 [3.0.1] (3.0.2 Debian-Security:12/oldstable-security [amd64]) []\nInst curl [7.1]"
        " (7.2 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])\nConf libssl3"
        " (3.0.2)\n"
    )
    assert _of_apt(said) == (["base-files", "libssl3", "curl"], ["libssl3", "curl"])


@pytest.mark.skipif(not Path("/usr/bin/apt-get").exists(), reason="a host of another family")
async def test_this_host_s_package_manager_is_asked(tmp_path: Path) -> None:
    seen = await Watch(tmp_path, HostUpdates(lists_age="9999d", within="300s")).look()
    assert seen.fault is None
    assert seen.measures["updates"] >= seen.measures["security_updates"] >= 0


def test_an_update_is_a_warning_first_and_a_fault_when_it_has_waited_too_long() -> None:
    at, said = a_look(patience=7 * 86400.0)
    wait(at, ["openssl"])
    at.recalled, at.now = {"waiting": {"openssl": at.now}}, at.now + 8 * 86400
    wait(at, ["openssl", "curl"])
    told = [next(iter(event.items())) for event in said if {"warning", "fault"} & event.keys()]
    assert told == [
        ("warning", "1 security updates wait, the oldest for 0 days: openssl"),
        ("fault", "security-updates"),
    ]


async def test_a_folder_that_is_not_emptied_is_a_fault(tmp_path: Path) -> None:
    queue = tmp_path / "outgoing"
    queue.mkdir()
    host = Watch(tmp_path, QueueDepth(folder=str(queue), most=3, longest_wait="1h"))
    assert (await host.look()).measures["waiting"] == 0
    for number in range(4):
        (queue / f"{number}.call").touch()
    assert fault(await host.look())[:2] == ("count", "queue-too-long")
    (queue / "0.call").unlink()
    os.utime(queue / "1.call", (1e9, 1e9))
    assert fault(await host.look())[:2] == ("count", "queue-too-old")
    (tmp_path / "none").mkdir()
    gone = await Watch(tmp_path / "none", QueueDepth(folder="/nowhere")).look()
    assert gone.blind == "count: there is no folder /nowhere", "what was not looked at is not good"


@pytest.mark.skipif(os.geteuid() != 0, reason="Postfix changes users")
@pytest.mark.skipif(
    shutil.which("postqueue", path=PLACES) is None,
    reason="Postfix is unpacked beside another mail server, where no monitor looks for it",
)
async def test_mail_that_waits_in_a_real_postfix_is_counted(tmp_path: Path) -> None:
    async with postfix(lambda recipient: None) as server:
        configuration = str(server.base / "etc")
        host = Watch(
            tmp_path,
            QueueDepth(mail="postfix", configuration=configuration, most=2, longest_wait="1h"),
        )
        assert (await host.look()).measures["waiting"] == 0
        for number in range(3):
            letter(configuration, f"somebody-{number}@elsewhere.test")
        seen = await host.look()
        assert fault(seen) == ("count", "queue-too-long", "3 wait, 2 may")
        expected = {"xop": "minor", "ozonetel": "P3"}
        assert severities("queue-depth", seen).items() <= expected.items()
        assert "queue-too-old" in fault(await host.look(at=time.time() + 7200))[2]


def letter(configuration: str, recipient: str) -> None:
    """Into the queue: this Postfix fetches nothing out of it."""
    command = ["sendmail", "-C", configuration, "-f", "a@example.net", recipient]
    subprocess.run(command, input=b"Subject: x\n\nx\n", capture_output=True, check=True)


def test_exim_s_list_is_read() -> None:
    said = (
        " 25m  2.9K 1u2AbC-000000001Xy-0ZzZ <a@example.net>\n          b@example.net\n\n 3d  600"
        " 1abcDE-000123-4F <>\n"
    )
    assert _EXIM_LINE.findall(said) == [("25", "m"), ("3", "d")]


async def test_a_look_that_hangs_is_ended_with_its_tools_and_says_what_it_did_not_reach(
    tmp_path: Path,
) -> None:
    """The log is a pipe that nobody writes to: reading it never ends."""
    pipe = tmp_path / "kern.log"
    os.mkfifo(pipe)
    seen = await Watch(tmp_path, HostKernel(log=pipe, within="8s")).look()
    assert seen.blind is not None
    assert "time budget" in seen.blind
    assert tells(seen, "not reached: log, counter")


async def test_a_look_that_is_killed_leaves_what_it_has_said(tmp_path: Path) -> None:
    check = HostResources(sample="30s", most_load=1000)
    trace = Trace(time.monotonic, tmp_path)
    under_way = asyncio.create_task(check.probe(trace))
    process = await child()
    os.kill(process, signal.SIGKILL)
    with pytest.raises(Exception, match="died of SIGKILL"):
        await under_way


async def child() -> int:
    """The looking process of this one, once it is there."""
    deadline = time.monotonic() + 60
    while (found := looking()) is None:
        assert time.monotonic() < deadline, "no looking process"
        await asyncio.sleep(0.01)
    return found


def looking() -> int | None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "checks.host.child" in process.cmdline():
                return process.pid
    return None


async def test_a_name_cannot_write_into_the_conversation() -> None:
    at, said = a_look()
    at.fault("x", 'a"}\n{"done": true}')
    assert said == [{"fault": "x", "text": 'a"} {"done": true}'}]
    assert json.dumps(said)


def test_every_kind_of_host_says_what_is_worst() -> None:
    kinds: tuple[type[Check], ...] = (
        HostServices,
        HostResources,
        HostKernel,
        HostPorts,
        HostUpdates,
        QueueDepth,
    )
    assert all(getattr(kind, "WORST", ()) for kind in kinds)
