"""No far end may hold the loop: `./reveille bench hostile [SECONDS]`.

All hostile far ends of tests/bench/hostile_far_ends.py are looked at without pause, each by a check
of its own, while 100 good portals are looked at every second beside them. Printed is the longest
that the loop was held: by the clock of the thread's own work, by the wall's, and by the wall's
less what the thread queued for a CPU, which other programs of a busy host had meanwhile. The last
counts: a disk, a lock or a child that is waited for is in it. Exit status 1 when it is more than
100 ms, or a good portal was not OK.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.contract import Check
from checks.kinds import kinds
from checks.telephony.phone.process_health import queued_by
from monitor.clock import SystemClock
from monitor.scheduling.runner import Runner
from tests.bench.hostile_far_ends import PAGES, REPLIES

MOST_SECONDS = 0.1
GOOD = 100
_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_SECRET = {"environment": "REVEILLE_BENCH_SECRET"}
_PATTERNS = ("^(<p>)?(a+)+$", "(a|aa)+!!", r"(\w+\s?)*=$")


def hostile(ports: Mapping[str, int]) -> dict[str, Check]:
    """A check for each of them, with all that may be asked of an answer."""
    web, made = f"http://127.0.0.1:{ports['http']}/", dict[str, Check]()

    def add(name: str, kind: str, **settings: Any) -> None:
        made[name] = kinds()[kind].model_validate(settings)

    for name in (*PAGES, "chunks", "bomb", "cookies"):
        add(f"portal {name}", "portal", url=web + name, user="u", password=_SECRET,
            must_contain=["never there"])  # fmt: skip
        add(f"soft {name}", "portal", url=web + name)
        look = {"name": "look", "url": web + name}
        field = [{**look, "remember": {"csrf": {"field": "csrf"}}}]
        add(f"field {name}", "api", url=web, secrets={"mark": _SECRET}, steps=field)
        add(f"json {name}", "api", url=web, steps=[{**look, "json_values": {"$[*].a": 1}}])
    for number, pattern in enumerate(_PATTERNS):
        add(f"pattern {number}", "api", url=web, steps=[
            {"name": "look", "url": web + "pattern", "must_match": [pattern]}])  # fmt: skip
    for name in REPLIES:
        line = {"name": "trunk", "user": "u", "password": _SECRET, "transport": "udp"}
        line |= {"registrar": f"127.0.0.1:{ports[name]}"}
        add(f"sip-options {name}", "sip-options", line=line)
        add(f"sip-registration {name}", "sip-registration", line=line, within="3s")
    there = {"host": "127.0.0.1", "port": ports["lines"]}
    add("smtp lines", "smtp", **there, security="none")
    add("ami lines", "pri-ami", host=f"127.0.0.1:{ports['lines']}", user="u", password=_SECRET)
    endless = ["/bin/sh", "-c", "yes 'CRITICAL $S %41 &#65;' | head -c 20000000; exit 2"]
    add("plugin", "nagios-plugin", command=endless, secret_environment={"S": _SECRET})
    return made


def _clocks() -> tuple[float, float, float]:
    """Seconds that this thread has worked, that went by, and that it queued for a CPU."""
    return time.thread_time(), time.monotonic(), queued_by(_SCHEDSTAT) or 0.0


class Stalls:
    """The longest that the loop was held: seconds of its thread's work, of the wall's clock, and of
    the wall's without its queueing for a CPU.
    """

    def __init__(self) -> None:
        self.worked = self.waited = self.held = 0.0

    async def watch(self) -> None:
        """Tick until cancelled."""
        before = _clocks()
        while True:
            await asyncio.sleep(0.001)  # whoever waits for the loop waits as long as this
            now = _clocks()
            worked, waited, queued = (end - begin for begin, end in zip(before, now, strict=True))
            self.worked = max(self.worked, worked)
            self.waited = max(self.waited, waited)
            self.held = max(self.held, waited - queued)
            before = now


async def measured(seconds: float, ports: Mapping[str, int], folder: Path) -> int:
    """Look at all of them for so long, print what came of it, and return the exit status."""
    runner = Runner(SystemClock(), folder, at_once=400)
    ends, states, stalls = time.monotonic() + seconds, Counter[str](), Stalls()
    held: dict[str, float] = {}

    async def again(name: str, check: Check, pause: float, first: float) -> None:
        await asyncio.sleep(first)  # a timetable has each at a moment of its own
        while time.monotonic() < ends:
            before = stalls.held
            seen = await runner.attempt(name.replace(" ", "-"), check, 30.0)
            if stalls.held > max(before, MOST_SECONDS):
                held[name] = stalls.held
            good = not (seen.fault or seen.blind)
            if name.startswith("good") and not good:
                held[f"{name}: {seen.fault} {seen.blind}"] = 0.0
            states[f"{name.split()[0]} {'good' if good else 'not'}"] += 1
            if seen.blind and "limit" not in seen.blind:
                held.setdefault(f"{name}: {seen.blind[:90]}", 0.0)
            await asyncio.sleep(pause)  # as often as a timetable would

    good = kinds()["portal"].model_validate({"url": f"http://127.0.0.1:{ports['good']}/good"})
    watch = asyncio.create_task(stalls.watch())
    bad = hostile(ports).items()
    looks = [again(name, check, 0.5, n / 50) for n, (name, check) in enumerate(bad)]
    await asyncio.gather(*looks, *(again(f"good {n}", good, 1.0, n / 100) for n in range(GOOD)))
    watch.cancel()
    for name, longest in sorted(held.items()):
        sys.stdout.write(f"  {name}  {longest * 1000:.0f} ms\n")
    lost = states["good not"]
    told = f"{sum(states.values())} looks, {states['good good']} good ones, {lost} of them lost"
    sys.stdout.write(
        f"hostile: loop held {stalls.held * 1000:.0f} ms at the longest (target"
        f" {MOST_SECONDS * 1000:.0f}), {stalls.worked * 1000:.0f} ms by its own work,"
        f" {stalls.waited * 1000:.0f} ms by the wall with what others took; {told}\n"
    )
    return int(stalls.held > MOST_SECONDS or bool(lost))


def _started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def main() -> int:
    """Start the far ends, and measure."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    os.environ["REVEILLE_BENCH_SECRET"] = 'MARK&secret"é+9'
    command = [sys.executable, "-m", "tests.bench.hostile_far_ends"]
    with (
        tempfile.TemporaryDirectory() as folder,
        _started(command) as far,
        # The good ones are served by a process of their own: far ends do not wait for one another.
        _started(command) as good,
    ):
        ports = json.loads(far.stdout.readline()) if far.stdout else {}
        ports["good"] = json.loads(good.stdout.readline())["http"] if good.stdout else 0
        try:
            return asyncio.run(measured(seconds, ports, Path(folder)))
        finally:
            far.kill()
            good.kill()


if __name__ == "__main__":
    sys.exit(main())
