"""Three hosts on one PostgreSQL, to which everything happens: killed, frozen longer than a lease,
cut off, slow or half open on their way to the ledger, an hour wrong, without room on their disk,
reloaded before the others; and the server is restarted, killed, and replaced by its standby.
Meanwhile one of the centre's portals after the other is down for a while.

./reveille bench host-faults [FAULTS] [SEED]

Targets: nothing lost that the ledger had, no second ticket of an outage, no second first mail but
under its Message-ID, every slot looked at within 15 s of what is possible, one ticket for a host
that is silent, and none for one that is not.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psycopg

from tests.bench.host_counts import Count, Look, Seen, counted, figures
from tests.bench.host_fault_kinds import KINDS, OF_LEDGER, Fates
from tests.bench.host_world import CHECKS, COMPONENTS, EVERY_SECONDS, NAMES, World, world

PEERS = "faketime"
APART_SECONDS = (4.0, 18.0)
OUTAGE_SECONDS, MENDED_SECONDS = 150.0, 200.0
SETTLES_SECONDS = 75.0
_NUMBERS = re.compile(r"[0-9]+")
_LOOKS = (
    "SELECT n.name, a.started_at / 1000.0::float FROM reveille.attempts AS a"
    " JOIN reveille.check_names AS n ON n.number = a.check_number"
)


async def main(faults: int, seed: int) -> int:
    """Have them befall the hosts, count, and print."""
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="reveille-hosts-") as folder:
        async with world(Path(folder), draw) as this:
            await asyncio.to_thread(this.ledgers.follow)
            began = time.time()
            fates, once_seen, in_journals = Fates(this), set[Look](), set[Look]()
            beside = [asyncio.ensure_future(_outages(this, list(COMPONENTS))),
                      asyncio.ensure_future(_read(this, once_seen, in_journals))]  # fmt: skip
            await _befall(fates, faults, draw)
            beside[0].cancel()
            this.portals.broken = ""
            await asyncio.sleep(SETTLES_SECONDS)  # what is owed is done, what is due is told
            beside[1].cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            seen = await asyncio.to_thread(_seen, this, once_seen, in_journals)
            for host in this.hosts.values():
                host.send(signal.SIGTERM)
            keys = await asyncio.to_thread(_keys, this)
            count = counted(seen, fates.all, this.outages, keys, (began, time.time()),
                            EVERY_SECONDS, NAMES)  # fmt: skip
            _print_journals(this)
    return _told(fates, this, count, time.time() - began, seed)


async def _befall(fates: Fates, faults: int, draw: random.Random) -> None:
    """So many of them, of every kind about equally often; a host has one at a time."""
    kinds, bag = [*KINDS, *OF_LEDGER], list[str]()
    for number in range(faults):
        bag = bag or draw.sample(kinds, len(kinds))
        kind = bag.pop()
        if kind in KINDS:
            while not (free := [n for n in NAMES if n not in fates.under_way]):
                await asyncio.sleep(0.5)  # asked again
            fates.strike(kind, fates.world.hosts[draw.choice(free)])
        else:
            await fates.strike_ledger(kind)
        print(f"{number + 1:4} of {faults}  {time.strftime('%H:%M:%S')}  {kind}", flush=True)
        await asyncio.sleep(draw.uniform(*APART_SECONDS))  # faults come when they come
    await asyncio.gather(*fates.under_way.values())


async def _outages(this: World, components: Sequence[str]) -> None:
    """One component after the other is down for a while."""
    for number in range(10_000):
        await asyncio.sleep(20)
        component, begin = components[number % len(components)], time.time()
        this.portals.broken = component
        try:
            await asyncio.sleep(OUTAGE_SECONDS)  # it lasts
        finally:
            this.portals.broken = ""
            this.outages.append((component, begin, time.time()))


async def _read(this: World, once_seen: set[Look], in_journals: set[Look]) -> None:
    """What somebody has read, in the ledger or in a host's journal, is there for good."""
    while True:
        in_journals.update(look for host in this.hosts.values() for look in _journal(host.state))
        with suppress(psycopg.Error, OSError):
            once_seen.update(await asyncio.to_thread(_looks, this))
        await asyncio.sleep(1.0)


def _journal(state: Path) -> Iterator[Look]:
    try:
        lines = (state / "late-looks.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    except OSError:
        return
    for line in lines:
        with suppress(ValueError):  # one that was cut off has never counted
            told = json.loads(line)
            at = datetime.fromisoformat(told["started_at"]).timestamp()
            yield str(told["check"]), int(at * 1000) / 1000


def _looks(this: World) -> list[Look]:
    return [(str(name), float(at)) for name, at in this.ledgers.primary.run(_LOOKS)]


def _seen(this: World, once_seen: set[Look], in_journals: set[Look]) -> Seen:
    run = this.ledgers.primary.run
    mails = [m for m in this.mailbox.messages() if m["X-Reveille-Event"] == "opened"]
    return Seen(
        [look for look in _looks(this) if look[0] in CHECKS],
        frozenset(look for look in once_seen if look[0] in CHECKS),
        frozenset(in_journals),
        [(int(n), str(key), float(at) / 1000) for n, key, at in run(
            "SELECT number, key, opened_at FROM reveille.incidents")],
        [(int(n), str(who)) for n, who in run(
            "SELECT incident, recipient FROM reveille.outbox WHERE kind = 'opened'")],
        [(str(m["X-Reveille-Incident"]), str(m["Message-ID"])) for m in mails],
    )  # fmt: skip


def _keys(this: World) -> dict[str, str]:
    """Each component's ticket; any other but a silent host's has no component, and is one too
    many.
    """
    found = dict[str, str]()
    for key, body in this.ledgers.primary.run("SELECT key, body FROM reveille.incidents"):
        check = str(json.loads(body)["evidence"]["check"])
        if "host-is-silent" not in key:
            of = "" if "blind" in key else CHECKS.get(check, "")
            found[of or f"no component ({check})"] = str(key)
    return found


def _print_journals(this: World) -> None:
    """What the daemons said that is worth reading, where something went wrong."""
    for host in this.hosts.values():
        lines = host.daemon.log.read_text(errors="replace").splitlines()
        said = Counter(line.split("action=")[1].split()[0] for line in lines if "action=" in line)
        print(f"{host.name}: {', '.join(f'{n} x {what}' for what, n in said.most_common(12))}")
        wrong = Counter(_NUMBERS.sub("#", line) for line in lines if " ERROR " in line)
        for line, times in wrong.most_common(9):
            print(f"   {times:3} x {line[:250]}")
        for at, line in enumerate(lines):
            if "Traceback" in line and (
                "action=fault" in lines[at - 1] or "Errno" in lines[at - 1]
            ):
                print("   ", "\n    ".join(lines[at : at + 25])[-2500:])


def _told(fates: Fates, this: World, count: Count, seconds: float, seed: int) -> int:
    print(
        f"befell: {', '.join(f'{n} x {k}' for k, n in Counter(t.kind for t in fates.all).items())}"
    )
    for one in fates.all if count.faults else ():
        print(f"  {one.begin:.1f} to {one.end:.1f}: {one.kind} {one.host}")
    for name in ("late", "lost", "tickets", "mails", "missed"):
        for line in getattr(count, name)[:20]:
            print(f"  {name}: {line}")
    late = figures(count.lateness)
    print(
        f"\nhost-faults: {len(fates.all)} faults in {seconds:.0f} s, {len(this.outages)} outages;"
        f" {count.looks} looks, {count.handed_in} of them handed in late, {len(count.lost)} lost;"
        f" {count.slots} slots, {count.passed_over} passed over, {len(count.late)} later than 15 s"
        f" after they were possible (median {late['median']:.2f} s, p99"
        f" {late['p99']:.1f} s, longest {late['longest']:.1f} s);"
        f" {len(count.tickets)} wrong tickets, {len(count.mails)} wrong first mails"
        f" ({count.repeated} repeated under their Message-ID), {len(count.missed)} wrong tickets of"
        f" silent hosts; seed {seed}; target: none of these"
    )
    return 1 if count.faults else 0


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(asyncio.run(main(*(given + [300, 20261130][len(given) :]))))
