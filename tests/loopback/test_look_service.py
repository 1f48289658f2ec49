"""The service that looks at the host for the daemon: what it is asked is one of the house's looks,
by the daemon alone; and what it answers is heard as from a child.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.contract import CannotTell, Trace
from checks.host import look_service, parent
from checks.host.database_health import DatabaseHealth
from checks.host.disks import HostDisks
from checks.host.resources import HostResources
from checks.process import asked as asked_by
from checks.process.service_place import Service
from tests.loopback.socket_activated import socket_activated

MARK = "MARKER-secret-4"
# This machine is busy with other tests, and the monitor is the test run itself.
UNHURRIED = {"sample": "1s", "most_load": 1000, "most_monitor_megabytes": 50_000}


def job(**more: Any) -> dict[str, Any]:
    """As the daemon asks for a look at the disks."""
    return {
        "look": "disks",
        "heavy": False,
        "settings": HostDisks().plain(),
        "recalled": {},
        "accepted": {},
        "now": 1.7e9,
        "seconds": 20.0,
        "monitor": 1,
        **more,
    }


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The service as systemd starts it: a process for each connection, with that as its input."""
    path = tmp_path / "looks.sock"
    with socket_activated(path, "checks.host.look_service"):
        monkeypatch.setattr(parent, "SERVICE", Service((path,)))
        yield path


async def test_a_look_is_made_by_the_service_where_there_is_one(
    served: Path, tmp_path: Path
) -> None:
    trace = Trace(time.monotonic, tmp_path)
    await HostResources.model_validate(UNHURRIED).probe(trace)
    assert trace.observation().measures["load_per_cpu"] >= 0


@pytest.mark.parametrize("how", ["another look", "no job", "a closed service"])
async def test_a_service_that_does_not_look_is_nothing_of_the_hosts(
    served: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, asked = Trace(time.monotonic, tmp_path), job(look="shell" if how[0] == "a" else [])
    if how == "a closed service":

        async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()
            await writer.wait_closed()

        silent = tmp_path / "silent.sock"
        server = await asyncio.start_unix_server(closes, silent)
        monkeypatch.setattr(parent, "SERVICE", Service((silent,)))
        with pytest.raises(CannotTell, match="its unit's journal says why"):
            await parent.look(asked, trace, 20.0, ())
        server.close()
        await server.wait_closed()
        return
    with pytest.raises(CannotTell, match="there is no such look"):
        await parent.look(asked, trace, 20.0, ())


def test_only_the_daemon_of_its_unit_and_root_may_ask() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        if os.geteuid() == 0:
            assert asked_by.allowed(theirs, "reveille.service") == os.getpid()
        with pytest.raises(asked_by.NotAsked, match=r"is not the daemon of reveille\.service"):
            asked_by.allowed(theirs, "reveille.service", root=-1)


UNIT = "reveille.service"
# The control groups of a process, and of the first one, as in /proc/PID/cgroup.
ASKING = {
    "the daemon": ("0::/system.slice/reveille.service", "0::/init.scope", True),
    "in a slice of its own": ("0::/a.slice/a-b.slice/reveille.service", "0::/init.scope", True),
    "below no slice": ("0::/reveille.service", "0::/init.scope", True),
    "by the first version": (
        "9:pids:/\n1:name=systemd:/system.slice/reveille.service\n0::/",
        "9:pids:/\n1:name=systemd:/init.scope\n0::/",
        True,
    ),
    "in a container": (
        "0::/lxc/one/system.slice/reveille.service", "0::/lxc/one/init.scope", True,
    ),
    "another unit": ("0::/system.slice/cron.service", "0::/init.scope", False),
    "another one's name": ("0::/system.slice/not-reveille.service", "0::/init.scope", False),
    "a user's own unit": (
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/reveille.service",
        "0::/init.scope",
        False,
    ),
    "a group that a user has made": (
        "0::/user.slice/user-1000.slice/user@1000.service/system.slice/reveille.service",
        "0::/init.scope",
        False,
    ),
    "below a unit that may make groups": (
        "0::/system.slice/docker.service/system.slice/reveille.service", "0::/init.scope", False,
    ),
    "another container's": (
        "0::/lxc/one/system.slice/reveille.service", "0::/init.scope", False,
    ),
    "beside this one": ("0::/../two/system.slice/reveille.service", "0::/init.scope", False),
}  # fmt: skip


@pytest.mark.parametrize("case", ASKING)
def test_a_unit_is_the_systems_and_no_users(tmp_path: Path, case: str) -> None:
    there, first, right = ASKING[case]
    for process, groups in ((7, there), (1, first)):
        (folder := tmp_path / str(process)).mkdir()
        (folder / "cgroup").write_text(f"{groups}\n", encoding="utf-8")
        (folder / "status").write_text("Name:\tx\nUid:\t0\t990\t0\t0\n", encoding="utf-8")
    assert asked_by.of_unit(7, 990, UNIT, tmp_path) is right
    assert not asked_by.of_unit(7, 1000, UNIT, tmp_path), "who connected has ended"


WRONG = {
    "no JSON": b"{",
    "a deep one": b"[" * 100_000,
    "a list": b"[]",
    "a key more": job(program="/bin/sh"),
    "a key less": {key: value for key, value in job().items() if key != "now"},
    "no such look": job(look="checks.host.child"),
    "a path as a look": job(look="../collectors/disks"),
    "a setting more": job(settings={**HostDisks().plain(), "command": "id"}),
    "a setting of another kind": job(settings={**HostDisks().plain(), "within": "x" * 9}),
    "another look's settings": job(look="ports"),
    "settings that are none": job(settings=[]),
    "now in words": job(now="today"),
    "seconds that are true": job(seconds=True),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_look_is_refused(what: str) -> None:
    asked = WRONG[what]
    written = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    with pytest.raises(asked_by.NotAsked):
        look_service.understood(written)


def test_secrets_are_let_through_and_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password comes with the job, as to any child; in no message of a refusal it stands."""
    monkeypatch.setenv("REVEILLE_TEST_SECRET", MARK)
    server = {"host": "/run/postgresql", "database": "x", "user": "u"}
    check = DatabaseHealth.model_validate(
        {
            "engine": "postgresql",
            "server": {**server, "password": {"environment": "REVEILLE_TEST_SECRET"}},
        }
    )
    asked = job(look="database", settings=check.plain())
    assert MARK in json.dumps(look_service.understood(json.dumps(asked).encode()))
    asked["settings"]["within"] = MARK
    with pytest.raises(asked_by.NotAsked) as refused:
        look_service.understood(json.dumps(asked).encode())
    assert MARK not in str(refused.value)


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_whatever_comes_is_refused_in_words(written: bytes) -> None:
    with pytest.raises(asked_by.NotAsked):
        look_service.understood(written)
