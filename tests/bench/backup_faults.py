"""Every fault of the matrix on PostgreSQL and SQLite, then SIGKILL at points drawn by lot in
backup, drill and restore.

100 % detected, none published as proven, no good backup evicted, and the next run goes on.
./reveille bench backup-faults [KILLS] [SEED]
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.loopback.backup_faults import FAULTS, outcome, prepared, went_on
from tests.loopback.backup_faults_at_rest import MORE_FAULTS
from tests.loopback.backup_world import World, fault_of, kill_worker, postgres_world, sqlite_world
from tests.loopback.databases import Postgres, postgres


def main(kills: int, seed: int) -> int:
    """Do them all; print the table and the figures."""
    draw, began = random.Random(seed), time.monotonic()
    with postgres() as server, tempfile.TemporaryDirectory(dir=server.folder) as name:
        folder = Path(name)
        folder.chmod(0o755)
        worlds = {
            "postgresql": postgres_world(server, folder / "pg", "calls"),
            "sqlite": sqlite_world(folder / "sqlite"),
        }
        done = wrong = 0
        for engine, world in worlds.items():
            prepared(world)
            for fault in (*FAULTS, *MORE_FAULTS):
                if engine not in fault.engines:
                    continue
                copy = world.copy(folder / f"{engine}-{done}")
                strays = "; ".join(outcome(fault, copy, server if engine == "postgresql" else None))
                done, wrong = done + 1, wrong + bool(strays)
                print(f"{engine:11} {fault.name:34} {strays or 'found'}", flush=True)
        print()
        hit = lost = 0
        for number in range(kills):
            struck, said = killed(worlds["postgresql"], server, draw, number)
            hit, lost = hit + struck, lost + bool(said)
            if said:
                print(f"kill {number}: {'; '.join(said)}", flush=True)
    print(
        f"\nbackup-faults: {done} faults, {done - wrong} found and survived; {kills} kills, {hit}"
        f" struck at work, {kills - lost} survived; {time.monotonic() - began:.0f} s, seed {seed}"
    )
    return 1 if wrong or lost else 0


def killed(
    world: World, server: Postgres, draw: random.Random, number: int
) -> tuple[bool, list[str]]:
    """SIGKILL one run at a point drawn by lot, then look."""
    kind = ("take", "drill", "restore", "take")[number % 4]
    struck: list[bool] = []
    after = draw.uniform(0.1, {"take": 2.5, "drill": 2.0, "restore": 1.8}[kind])
    thread = threading.Thread(target=lambda: struck.append(kill_worker(after)))
    before = {backup.id for backup in world.backups() if backup.proven_at is not None}
    rows = server.run("SELECT count(*) FROM cdr", "calls")
    thread.start()
    seen = {
        "take": world.take,
        "drill": world.drill,
        "restore": lambda: world.restore(overwrite=True),
    }[kind]()
    thread.join()
    wrong = []
    if struck[0] and fault_of(seen) and not fault_of(seen).endswith("worker-died"):
        wrong.append(f"{kind} killed after {after:.2f} s ended as {fault_of(seen)}")
    kept = {backup.id for backup in world.backups() if backup.proven_at is not None}
    if not kept or (struck[0] and fault_of(seen) and before - kept):
        wrong.append(f"{kind} killed after {after:.2f} s: a proven backup is gone")
    if server.run("SELECT count(*) FROM cdr", "calls") != rows:
        wrong.append(f"{kind} killed after {after:.2f} s: the live database is not what it was")
    wrong += went_on(world)
    for (name,) in server.run("SELECT datname FROM pg_database WHERE datname LIKE 'calls_before%'"):
        server.run(f"DROP DATABASE {name}")
    if kind == "restore":
        fresh = world.restore(to="calls_again")
        if fault_of(fresh) or server.run(
            "SELECT datname FROM pg_database WHERE datname LIKE 'reveille_restore%'"
        ):
            wrong.append(
                f"after a killed restore the next one ended as {fault_of(fresh)}, or left something"
            )
        server.run("DROP DATABASE IF EXISTS calls_again")
    return struck[0], wrong


if __name__ == "__main__":
    arguments = [int(written) for written in sys.argv[1:]]
    sys.exit(main(*(arguments + [50, 20261122][len(arguments) :])))
