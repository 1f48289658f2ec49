"""What arrives at a real notify socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from monitor.service.sd_notify import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The service manager's end of the line, and what it puts into $NOTIFY_SOCKET."""
    abstract = request.param == "abstract"
    address = f"@reveille-{uuid4()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if abstract else address)
        listening.settimeout(5)
        yield listening, address


def test_a_life_from_start_to_stop(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    daemon = ServiceManager.from_environment({"NOTIFY_SOCKET": address})

    assert daemon.ready("2 checks")
    assert listening.recv(4096) == b"READY=1\nSTATUS=2 checks"
    assert daemon.status("call to 8000 under way")
    assert listening.recv(4096) == b"STATUS=call to 8000 under way"
    assert daemon.alive()
    assert listening.recv(4096) == b"WATCHDOG=1"
    assert daemon.stopping()
    assert listening.recv(4096) == b"STOPPING=1"


def test_reloading_carries_the_monotonic_time_that_systemd_compares(
    manager: tuple[socket.socket, str],
) -> None:
    listening, address = manager
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert ServiceManager(address).reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000

    said, at = listening.recv(4096).decode().split("\n")
    assert said == "RELOADING=1"
    name, _, microseconds = at.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(microseconds) <= after


def test_a_line_break_in_a_status_cannot_stop_the_service(
    manager: tuple[socket.socket, str],
) -> None:
    listening, address = manager
    ServiceManager(address).status("far end said:\nSTOPPING=1\r\n")
    assert listening.recv(4096) == b"STATUS=far end said: STOPPING=1"


@pytest.mark.parametrize(
    ("watchdog", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_a_period_by_the_watched_process_alone(
    watchdog: dict[str, str], seconds: float | None
) -> None:
    assert (
        ServiceManager.from_environment({"NOTIFY_SOCKET": "@x", **watchdog}).watchdog_seconds
        == seconds
    )


def test_children_do_not_inherit_the_line() -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "TZ": "UTC"}
    ServiceManager.from_environment(environment)
    assert environment == {"TZ": "UTC"}


@pytest.mark.parametrize("address", [None, "", "tcp:1", "/nonexistent/notify"])
def test_no_listener_is_no_trouble(address: str | None) -> None:
    environment = {} if address is None else {"NOTIFY_SOCKET": address}
    assert not ServiceManager.from_environment(environment).ready("2 checks")


def test_a_service_manager_that_does_not_read_never_holds_the_daemon_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        daemon = ServiceManager(str(tmp_path / "notify"))
        went_out = [daemon.alive() for _ in range(10_000)]
    assert went_out[0]
    assert not went_out[-1]
