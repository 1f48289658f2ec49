"""A plugin that runs as a user of its own reads nothing of the monitor's; and where that cannot be
had it is not run.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from checks import plugin_run, plugin_service
from checks.contract import CannotTell, Failed, Observation, Trace
from checks.plugin import NagiosPlugin
from checks.plugin_run import Work, own_user
from checks.process import service
from checks.process.asked import NotAsked
from checks.process.service_place import Service
from tests.loopback.socket_activated import socket_activated

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a program as another")
GROUPS = " ".join(map(str, os.getgrouplist("nobody", pwd.getpwnam("nobody").pw_gid)))
WHO = "id -un; id -G; grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status"


async def look(folder: Path, script: str, **settings: Any) -> Observation:
    check = NagiosPlugin(command=("/bin/sh", "-c", script), **settings)
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def there(process: str) -> bool:
    return Path(f"/proc/{int(process)}").exists()


@root
async def test_a_plugin_of_another_user_has_none_of_our_rights(tmp_path: Path) -> None:
    secret = tmp_path / "trunk-a"
    secret.write_text("MARKER-secret-5\n", encoding="utf-8")
    secret.chmod(0o600)
    seen = await look(tmp_path, f"({WHO}; cat {secret}) | tr '\\n' ' '", run_as="nobody")
    assert (seen.fault, seen.blind) == (None, None)
    assert seen.notes[0].startswith(f"nobody {GROUPS} CapEff: 0000000000000000")
    assert "MARKER" not in str(seen)


@root
async def test_what_another_users_plugin_has_started_ends_with_it(tmp_path: Path) -> None:
    seen = await look(tmp_path, "setsid sleep 600 >/dev/null & echo $!", run_as="nobody")
    assert not there(seen.notes[0])


@root
async def test_a_user_whom_the_host_does_not_know_is_named(tmp_path: Path) -> None:
    seen = await look(tmp_path, "exit 0", run_as="nobody-of-this-name")
    assert seen.blind and "whom this host does not know; make him" in seen.blind


@pytest.mark.parametrize("user", ["root", "Ravi Kumar", "-u", "a" * 40, "0"])
def test_what_is_no_user_for_a_plugin_is_refused_at_load(user: str) -> None:
    with pytest.raises(ValidationError, match=r"no plugin is run as root|is no user's name"):
        NagiosPlugin(command=("/bin/true",), run_as=user)


async def test_without_rights_and_without_its_unit_it_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugin_run, "SERVICE", Service((tmp_path / "none.sock",)))
    monkeypatch.setattr(os, "geteuid", lambda: 65_533)
    seen = await look(tmp_path, f"touch {tmp_path}/ran", run_as="nobody")
    assert seen.blind and "may become nobody else; `reveille install` lays down" in seen.blind
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The service as systemd starts it: a process for each connection, with that as its input."""
    path = tmp_path / "plugins.sock"
    with socket_activated(path, "checks.plugin_service"):
        monkeypatch.setattr(plugin_run, "SERVICE", Service((path,)))
        yield


def work(script: str, **more: Any) -> Work:
    """As the daemon asks for a plugin, of the service's own user here."""
    told = {"environment": {"S": "x"}, "line": b"word\n", "user": plugin_run.own_user(), **more}
    return Work(("/bin/sh", "-c", script), **told)


@root
@pytest.mark.usefixtures("served")
async def test_the_unit_runs_it_and_hands_back_how_it_ended(tmp_path: Path) -> None:
    trace = Trace(time.monotonic, tmp_path)
    ran = await plugin_run._run_there(work("read a; echo CRITICAL $a $S; exit 2"), trace)
    assert (ran.status, ran.output, ran.endless) == (2, b"CRITICAL word x\n", False)
    with pytest.raises(CannotTell, match="the plugin cannot start: No such file"):
        nowhere = Work(("/nowhere/check",), {}, b"", plugin_run.own_user())
        await plugin_run._run_there(nowhere, trace)


@root
@pytest.mark.usefixtures("served")
async def test_the_unit_becomes_nobody_else(tmp_path: Path) -> None:
    with pytest.raises(CannotTell, match=r"to run as 'nobody', and reveille-plugins@\.service"):
        trace = Trace(time.monotonic, tmp_path)
        await plugin_run._run_there(work(f"touch {tmp_path}/ran", user="nobody"), trace)
    assert not (tmp_path / "ran").exists()


async def test_a_unit_that_says_more_than_a_line_may_hold_is_heard_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        with suppress(ConnectionError):
            writer.write(b" " * 100_000)
            await writer.drain()
        writer.close()

    talking = tmp_path / "talking.sock"
    monkeypatch.setattr(plugin_run, "SERVICE", Service((talking,)))
    monkeypatch.setattr(service, "_LONGEST_LINE", 1000)
    async with await asyncio.start_unix_server(talks, talking):
        with pytest.raises(CannotTell, match="its process spoke nonsense"):
            await plugin_run._run_there(work("exit 0"), Trace(time.monotonic, tmp_path))


_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.binary(max_size=50) | st.builds(
    lambda a, b, c, d: str({"command": a, "environment": b, "line": c, "user": d})
    .replace("'", '"').replace("None", "null").encode(), _JSON, _JSON, _JSON, _JSON))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_a_job_that_is_none_is_refused(written: bytes) -> None:
    with pytest.raises(NotAsked):
        plugin_service.understood(written)


@pytest.mark.parametrize("line", ["\\ud800", "a\\udfff\\ud83d"])
def test_half_a_surrogate_pair_is_no_line(line: str) -> None:
    """JSON may name one (RFC 8259, 8.2), and no standard input can carry it."""
    job = f'{{"command":["true"],"environment":{{}},"line":"{line}","user":"{own_user()}"}}'
    with pytest.raises(NotAsked, match="line is no text"):
        plugin_service.understood(job.encode())
