"""A sample of what can befall a backup; the whole matrix is `./reveille bench backup-faults`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback.backup_faults import FAULTS, Fault, outcome, prepared, went_on
from tests.loopback.backup_world import World, fault_of, kill_worker, postgres_world, sqlite_world
from tests.loopback.databases import Postgres, postgres

pytestmark = pytest.mark.xdist_group("backup")  # some of them kill workers, and know them by name

ON_SQLITE = [fault for fault in FAULTS if fault.name in (
    "cut to half", "one bit flipped", "zero bytes", "file missing", "manifest with a row more",
    "second run at once", "empty where there was one", "disk full while writing")]  # fmt: skip
ON_POSTGRESQL = [fault for fault in FAULTS if fault.name in (
    "one digit changed, checksums right", "role missing", "pg_dump killed")]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="module")
def calls(server: Postgres) -> World:
    world = postgres_world(server, server.folder / "world", "calls", records=2_000)
    prepared(world)
    return world


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = sqlite_world(tmp_path_factory.mktemp("sqlite"), records=2_000)
    prepared(world)
    return world


@pytest.mark.parametrize("fault", ON_SQLITE, ids=lambda fault: fault.name)
def test_on_sqlite_it_is_found_and_survived(fault: Fault, file: World, tmp_path: Path) -> None:
    assert outcome(fault, file.copy(tmp_path / "spoilt"), None) == []


@pytest.mark.parametrize("fault", ON_POSTGRESQL, ids=lambda fault: fault.name)
def test_on_postgresql_it_is_found_and_survived(
    fault: Fault, calls: World, server: Postgres
) -> None:
    spoilt = calls.copy(calls.folder.with_name(f"world-{ON_POSTGRESQL.index(fault)}"))
    assert outcome(fault, spoilt, server) == []


@pytest.mark.slow
@pytest.mark.parametrize("after_seconds", [0.3, 1.2])
def test_a_killed_run_leaves_nothing_with_a_name_and_the_next_goes_on(
    calls: World, after_seconds: float
) -> None:
    """SIGKILL, in the dump and in the drill; the tools go with the worker."""
    world = calls.copy(calls.folder.with_name(f"killed-{after_seconds}"))
    killing = threading.Thread(target=kill_worker, args=(after_seconds,))
    killing.start()
    seen = world.take()
    killing.join()
    assert fault_of(seen).endswith("worker-died") or not seen.fault
    assert went_on(world) == []


@pytest.mark.slow
def test_a_killed_restore_leaves_the_live_database_as_it_was(
    calls: World, server: Postgres
) -> None:
    before = server.run("SELECT count(*), max(id) FROM cdr", "calls")
    killing = threading.Thread(target=kill_worker, args=(0.6,))
    killing.start()
    seen = calls.restore(overwrite=True)
    killing.join()
    # On a busy host it dies before its first stage.
    assert fault_of(seen) in ("restore: worker-died", "probe: worker-died") or not seen.fault
    assert server.run("SELECT count(*), max(id) FROM cdr", "calls") == before
    assert fault_of(calls.restore(to="calls_again")) == ""
    assert server.run("SELECT datname FROM pg_database WHERE datname LIKE 'reveille%'") == []
