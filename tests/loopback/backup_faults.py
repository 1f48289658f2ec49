"""What can befall a backup, one by one, and how each has to be found.

A fault is done to a world that has one proven backup; the attempt must end in one of its `found`;
afterwards that backup is still there, nothing new counts as proven, and the next run goes on.
"""

from __future__ import annotations

import fcntl
import hashlib
import resource
import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from checks.contract import Observation
from tests.loopback.backup_world import World, fault_of, workers
from tests.loopback.databases import Postgres


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the matrix. `found` holds the acceptable endings as 'stage: code'."""

    name: str
    found: tuple[str, ...]
    attempt: Callable[[World, Postgres | None], Observation]
    engines: tuple[str, ...] = ("postgresql", "sqlite")


def prepared(world: World) -> None:
    """One proven backup, and a newer one that has not been proven yet."""
    for seen in (world.take(), world.take(prove=False)):
        assert not seen.fault, seen.fault
    assert [backup.proven_at is not None for backup in world.backups()] == [False, True]


def outcome(fault: Fault, world: World, server: Postgres | None) -> list[str]:
    """What went otherwise than it has to; nothing, if all is well. `world` is a prepared one."""
    good = next(backup for backup in world.backups() if backup.proven_at is not None)
    before, wrong = _hashes(good.folder), []
    seen = fault.attempt(world, server)
    if fault_of(seen) not in fault.found:
        wrong.append(
            f"ended as {fault_of(seen) or 'well'}"
            f" ({seen.fault.text if seen.fault else seen.blind or ''})"
        )
    if [
        backup.id
        for backup in world.backups()
        if backup.proven_at is not None and backup.id != good.id
    ]:
        wrong.append("something new counts as proven")
    if not good.folder.exists() or _hashes(good.folder) != before:
        wrong.append("the good backup is not what it was")
    return wrong + went_on(world)


def went_on(world: World) -> list[str]:
    """Whether the next run takes and proves a backup, and tidies up; what went otherwise."""
    again, wrong = world.take(), []
    if again.fault or again.blind or world.backups()[0].proven_at is None:
        text = again.fault.text if again.fault else again.blind
        wrong.append(f"the next run did not go on: {fault_of(again)} {text}")
    if left := world.left_over():
        wrong.append(f"left over: {left}")
    return wrong


def _hashes(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
    }


# -- at rest: what a disk, a copy or a hand does to a backup


def drilled(spoil: Callable[[World], None]) -> Callable[[World, Postgres | None], Observation]:
    """The newest backup is spoilt, and then proven."""

    def attempt(world: World, _: Postgres | None) -> Observation:
        spoil(world)
        return world.drill()

    return attempt


def _main(world: World) -> Path:
    return world.artefact("database.")


def _cut(world: World, keep: Callable[[int], int]) -> None:
    content = _main(world).read_bytes()
    _main(world).write_bytes(content[: keep(len(content))])


def _flip(world: World) -> None:
    content = bytearray(_main(world).read_bytes())
    content[len(content) // 2] ^= 0x10
    _main(world).write_bytes(content)


def _digit(plain: bytes) -> bytes:
    """One digit of one record: a bill becomes ten times as long."""
    at = plain.index(b"100321")
    return plain[:at] + b"900321" + plain[at + 6 :]


def _digit_of_sqlite(plain: bytes) -> bytes:
    at = plain.index(b"caller 777")
    return plain[:at] + b"caller 877" + plain[at + 10 :]


def _spoil_digit(world: World) -> None:
    world.repack(
        "database.", _digit if world.settings["engine"] == "postgresql" else _digit_of_sqlite
    )


def _set(key: str, value: Any) -> Callable[[World], None]:
    return lambda world: world.rewrite_manifest(lambda body: body.__setitem__(key, value))


def _one_row_more(world: World) -> None:
    def change(body: dict[str, Any]) -> None:
        table = next(table for name, table in body["tables"].items() if name.endswith("cdr"))
        table["rows"] += 1

    world.rewrite_manifest(change)


# -- while it is taken


def _taken(**more: Any) -> Callable[[World, Postgres | None], Observation]:
    return lambda world, _: world.take(**more)


def _emptied(world: World, server: Postgres | None) -> Observation:
    """An empty database has the name of the full one while it is backed up."""
    if server is not None:
        database = world.settings["database"]
        server.run(f"ALTER DATABASE {database} RENAME TO {database}_full")
        server.create(database)
        server.run(
            "CREATE TABLE cdr (id bigint PRIMARY KEY, calldate timestamptz, src text, billsec int)",
            database,
        )
        seen = world.take()
        server.run(f"DROP DATABASE {database}")
        server.run(f"ALTER DATABASE {database}_full RENAME TO {database}")
        return seen
    path = Path(world.settings["path"])
    full = path.rename(path.with_name("full.sqlite"))
    with closing(sqlite3.connect(path)) as database_file:
        database_file.execute(
            "CREATE TABLE cdr (id INTEGER PRIMARY KEY, calldate TEXT, src TEXT, billsec INT)"
        )
    seen = world.take()
    full.rename(path)
    return seen


def _at_once(world: World, _: Postgres | None) -> Observation:
    with (world.repository / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return world.take()


def _quota(world: World, _: Postgres | None) -> Observation:
    """No file may grow beyond 40 kB: what a full disk says, in the midst of writing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        return world.take()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _older_client(world: World, _: Postgres | None) -> Observation:
    """A folder of tools whose pg_dump says that it is of an older version."""
    tools = world.folder / "old-tools"
    tools.mkdir()
    (tools / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 13.4'\n")
    (tools / "pg_dump").chmod(0o755)
    return world.take(tools=tools)


def _no_tools(world: World, _: Postgres | None) -> Observation:
    (world.folder / "no-tools").mkdir()
    return world.take(tools=world.folder / "no-tools")


def _killing(name: str, prove: bool) -> Callable[[World, Postgres | None], Observation]:
    """A tool of the worker is killed as soon as it is seen. Where none was met alive, once more, as
    if nothing had been.
    """

    def attempt(world: World, _: Postgres | None) -> Observation:
        killed: list[int] = []
        before = world.repository.with_name("before")
        shutil.copytree(world.repository, before, symlinks=True)
        for _attempt in range(5):
            shutil.rmtree(world.repository)
            shutil.copytree(before, world.repository, symlinks=True)
            done = threading.Event()
            thread = threading.Thread(target=_kill_tool, args=(name, done, killed))
            thread.start()
            try:
                seen = world.drill() if prove else world.take(megabytes_a_second=0.5)
            finally:
                done.set()
                thread.join()
            if killed:
                break
        assert killed, f"{name} was never met alive"
        return seen

    return attempt


def _kill_tool(name: str, done: threading.Event, killed: list[int]) -> None:
    """Kill it as soon as it is seen: under its name it has become the tool."""
    while not done.wait(0.002):
        try:
            tools = [tool for worker in workers() for tool in worker.children(recursive=True)]
            # Of a server its first process: the others come and go, and the last of them go when
            # all is over.
            named = [
                tool
                for tool in tools
                if tool.name() == name
                and tool.status() != psutil.STATUS_ZOMBIE
                and "--version" not in tool.cmdline()
                and (name != "postgres" or "-D" in tool.cmdline())
            ]
            for tool in named:
                # To one that ends meanwhile a signal is nothing: what stands still has not.
                tool.suspend()
                ended = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
                while (status := tool.status()) not in ended:
                    time.sleep(0)
                tool.kill()
                if status == psutil.STATUS_STOPPED:
                    killed.append(tool.pid)
                    return
        except psutil.Error:
            continue


def _locked_out(world: World, server: Postgres | None) -> Observation:
    assert server is not None
    owner = f"{world.settings['database']}_owner"
    password = world.folder / "password"
    password.write_text("loud\n")
    return world.take(user=owner, password={"file": password})


def _not_allowed(world: World, server: Postgres | None) -> Observation:
    assert server is not None
    database = world.settings["database"]
    server.run("CREATE TABLE secret AS SELECT 1 AS one", database)
    password = world.folder / "password"
    password.write_text("quiet\n")
    seen = world.take(user=f"{database}_owner", password={"file": password})
    server.run("DROP TABLE secret", database)
    return seen


def _server_down(world: World, server: Postgres | None) -> Observation:
    assert server is not None
    server.kill()
    seen = world.take()
    server.start()
    return seen


def _no_server(world: World, _: Postgres | None) -> Observation:
    return world.take(host=str(world.folder))


def _no_room_to_prove(world: World, _: Postgres | None) -> Observation:
    with small_disk(world.folder / "small", "8m") as small:
        return world.take(scratch=small)


def _no_room(world: World, _: Postgres | None) -> Observation:
    """The folder of the backups is a disk that is full but for a little."""
    with small_disk(world.folder / "little", "60m") as little:
        shutil.copytree(world.repository, little / "kept")
        return world.take(folder=little / "kept")


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk of this size; needs root."""
    place.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(place)], check=True
    )
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()


POSTGRES = ("postgresql",)
FAULTS = (
    Fault("cut to half", ("restore: damaged",),
        drilled(lambda world: _cut(world, lambda size: size // 2))),
    Fault("last 10 bytes gone", ("restore: damaged",),
        drilled(lambda world: _cut(world, lambda size: size - 10))),
    Fault("one bit flipped", ("restore: damaged",), drilled(_flip)),
    Fault("zero bytes", ("restore: empty",), drilled(lambda world: _cut(world, lambda _: 0))),
    Fault("file missing", ("restore: missing",), drilled(lambda world: _main(world).unlink())),
    Fault("one digit changed, checksums right", ("compare: differs", "compare: damaged"),
        drilled(_spoil_digit)),
    Fault("manifest missing", ("restore: manifest",),
        drilled(lambda w: (w.newest() / "manifest.json").unlink())),
    Fault("manifest not JSON", ("restore: manifest",),
        drilled(lambda w: _write(w.newest() / "manifest.json", b"{"))),
    Fault("manifest of another backup", ("restore: manifest",),
        drilled(_set("id", "20200101T000000.000Z-000000"))),
    Fault("manifest with a row more", ("compare: differs",), drilled(_one_row_more)),
    Fault("newest record not the one", ("compare: differs",),
        drilled(_set("newest_record", "2031-01-01"))),
    Fault("schema not the one", ("compare: differs",), drilled(_set("schema_sha256", "0" * 64))),
    Fault("role missing", ("restore: role-missing", "restore: restore-failed"),
        drilled(lambda w: w.repack("roles.", _without_role)), POSTGRES),
    Fault("extension not on this host", ("restore: extension-missing",), drilled(
        lambda world: world.repack("database.", lambda plain: plain.replace(b"hstore", b"hstorf"))),
        POSTGRES),
    Fault("index not in the dump", ("compare: differs", "restore: restore-failed"), drilled(
        lambda world: world.repack("database.",
            lambda plain: plain.replace(b"cdr_src", b"cdr_xyz"))),
        POSTGRES),
    Fault("dump that is no dump",
        ("restore: damaged", "restore: restore-failed", "compare: damaged"), drilled(
        lambda world: world.repack("database.", lambda plain: b"no dump" * 99))),
    Fault("empty where there was one", ("dump: empty-database",), _emptied),
    Fault("second run at once", ("dump: already-running",), _at_once),
    Fault("disk full while writing", ("dump: no-space", "write: no-space", "dump: disk-error"),
        _quota),
    Fault("disk full before", ("dump: no-space",), _no_room),
    Fault("no room to prove", ("restore: no-space",), _no_room_to_prove),
    Fault("second disk not mounted", ("copy: copy-failed",),
        _taken(copies=({"folder": "/nowhere/at"},), prove=False)),
    Fault("client older than server", ("dump: client-older",), _older_client, POSTGRES),
    Fault("tools missing", ("dump: tool-missing",), _no_tools, POSTGRES),
    Fault("no server", ("dump: unreachable",), _no_server, POSTGRES),
    Fault("server down", ("dump: refused", "dump: unreachable"), _server_down, POSTGRES),
    Fault("wrong password", ("dump: login",), _locked_out, POSTGRES),
    Fault("not allowed to read a table", ("dump: permission", "dump: sql"), _not_allowed, POSTGRES),
    Fault("no such database", ("dump: database-missing",), _taken(database="nowhere"), POSTGRES),
    # The second of them reads the restored one, for the comparison.
    Fault("pg_dump killed", ("dump: dump-failed", "dump: unreachable",
                             "compare: restore-failed"), _killing("pg_dump", False),
        POSTGRES),
    Fault("pg_restore killed", ("restore: restore-failed",), _killing("pg_restore", True),
        POSTGRES),
    Fault("the drill's server killed",
        ("restore: cluster-died", "restore: restore-failed", "restore: login",
         "restore: unreachable", "restore: refused"),
        _killing("postgres", True), POSTGRES),
)  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _without_role(plain: bytes) -> bytes:
    return b"\n".join(line for line in plain.splitlines() if b"_owner" not in line) + b"\n"
