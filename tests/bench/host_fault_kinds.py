"""What can befall several hosts on one ledger: each kind is begun and ended, and says whether its
victim can do its work meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.bench.host_world import Host, World

LEASE_SECONDS = 15.0
"""for so long others leave to a host what it has (docs/many-hosts.md)"""


@dataclass
class Trouble:
    """One fault: `host` is "" where it is the ledger's. Seconds since 1970."""

    kind: str
    host: str
    begin: float
    end: float = float("inf")
    disables: bool = True
    held: frozenset[str] | None = frozenset()
    """the jobs that its victim had; None: nobody knows"""


@dataclass(frozen=True)
class Kind:
    """One that befalls a host."""

    begin: Callable[[World, Host], Awaitable[None]]
    end: Callable[[World, Host], Awaitable[None]]
    seconds: tuple[float, float]
    """for how long, between"""
    disables: bool = True


async def nothing(_: World, __: Host) -> None:
    """It is over by itself."""


async def _killed(_: World, host: Host) -> None:
    host.send(signal.SIGKILL)
    await host.daemon.process.wait()


async def _started(_: World, host: Host) -> None:
    await host.start()


async def _frozen(_: World, host: Host) -> None:
    host.send(signal.SIGSTOP)


async def _thawed(_: World, host: Host) -> None:
    host.send(signal.SIGCONT)
    await host.there()


async def _cut(_: World, host: Host) -> None:
    host.link.cut()


async def _slow(world: World, host: Host) -> None:
    host.link.slow(world.draw.uniform(0.02, 0.15))


async def _held(_: World, host: Host) -> None:
    host.link.hold()


async def _mended(world: World, host: Host) -> None:
    # What was lost on a way that was half open may go on, or be found to be gone.
    if world.draw.random() < 0.5:
        host.link.cut()
    host.link.mend()
    await host.there()


async def _wrong_clock(world: World, host: Host) -> None:
    host.wall.set(world.draw.choice((-3600.0, 3600.0)))


async def _right_clock(_: World, host: Host) -> None:
    host.wall.set(0.0)


async def _full(_: World, host: Host) -> None:
    left = shutil.disk_usage(host.folder).free
    with (host.folder / "filled").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, left)


async def _emptied(_: World, host: Host) -> None:
    (host.folder / "filled").unlink()
    await host.there()


async def _reloaded(world: World, host: Host) -> None:
    world.edition += 1
    host.write(world.edition)
    host.send(signal.SIGHUP)


async def _all_reloaded(world: World, _: Host) -> None:
    for other in world.hosts.values():
        other.write(world.edition)
        other.send(signal.SIGHUP)


KINDS: dict[str, Kind] = {
    "killed": Kind(_killed, _started, (0, 45)),
    "frozen": Kind(_frozen, _thawed, (16, 45)),
    "cut": Kind(_cut, _mended, (1, 45)),
    "slow": Kind(_slow, _mended, (5, 30)),
    "half open": Kind(_held, _mended, (5, 45)),
    "clock": Kind(_wrong_clock, _right_clock, (5, 40), disables=False),
    "disk full": Kind(_full, _emptied, (5, 30)),
    "reloaded": Kind(_reloaded, _all_reloaded, (1, 20), disables=False),
}
OF_LEDGER = ("restart", "crash", "fail-over")


@dataclass
class Fates:
    """What befell whom, and what is under way."""

    world: World
    all: list[Trouble] = field(default_factory=list)
    under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def strike(self, kind: str, host: Host) -> None:
        """Have it befall a host."""
        self.under_way[host.name] = asyncio.ensure_future(self._struck(kind, host))

    async def _struck(self, name: str, host: Host) -> None:
        kind = KINDS[name]
        begin = time.time()
        held = await asyncio.to_thread(self._held_by, host.name)
        trouble = Trouble(name, host.name, begin, disables=kind.disables, held=held)
        self.all.append(trouble)
        await kind.begin(self.world, host)
        await asyncio.sleep(self.world.draw.uniform(*kind.seconds))  # it lasts
        await kind.end(self.world, host)
        trouble.end = time.time()
        del self.under_way[host.name]

    async def strike_ledger(self, kind: str) -> None:
        """Have it befall the server, and wait until it is over."""
        trouble = Trouble(kind, "", time.time(), held=None)
        self.all.append(trouble)
        ledgers = self.world.ledgers
        if kind == "fail-over":
            await asyncio.to_thread(ledgers.fail_over)
        else:
            await asyncio.to_thread(ledgers.restart, kind == "crash")
        trouble.end = time.time()
        if kind == "fail-over":
            await asyncio.to_thread(ledgers.follow)

    def _held_by(self, host: str) -> frozenset[str] | None:
        sql = (
            f"SELECT job FROM reveille.leases WHERE holder LIKE '{host}:%'"
            " AND until >= extract(epoch FROM clock_timestamp()) * 1000 - 1000"
        )
        try:
            return frozenset(str(job) for (job,) in self.world.ledgers.primary.run(sql))
        except Exception:  # noqa: BLE001 - the server is away as well: then nobody knows
            return None
