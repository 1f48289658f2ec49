"""The clocks of incidents beside an oracle that counts minutes and reads the zone files by itself
(tests/unit/minute_oracle.py): lives under random calendars, with pauses, acknowledgements,
reclassifications, repairs. Then what one deadline costs.

./reveille bench clock-oracle [--cases N] [--seed N]
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from monitor.core.open_hours import ALWAYS, Calendar, Hours, due
from tests.unit.clock_cases import NAMES, mismatches

MOST_MICROSECONDS = 5.0
_SHOWN = 3
_EVERY = 50_000
_TURNS = 200_000
_OPENED = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
_OFFICE = Calendar(
    "America/Chicago",
    tuple(Hours(day, 480, 1080) for day in range(5)),
    frozenset({date(2026, 12, 25)}),
)


def main(cases: int, seed: int) -> int:
    """Run them; print what differs and the figures."""
    began, wrong = time.monotonic(), 0
    for done, found in enumerate(mismatches(random.Random(seed), cases), 1):
        if found is not None:
            wrong += 1
            print(found if wrong <= _SHOWN else ".", flush=True)
        if done % _EVERY == 0:
            print(f"{done:9} lives  {time.monotonic() - began:6.0f} s  {wrong} differ", flush=True)
    seconds = time.monotonic() - began
    costs = {name: _microseconds(one) for name, one in _DEADLINES.items()}
    for name, cost in costs.items():
        print(f"one deadline, {name:32} {cost:6.2f} µs")
    print(
        f"\nclock-oracle: {cases} lives, {cases * len(NAMES)} deadlines, {wrong} differ,"
        f" {seconds:.0f} s, seed {seed}; dearest deadline {max(costs.values()):.2f} µs;"
        f" targets: none differs, {MOST_MICROSECONDS:g} µs"
    )
    return 1 if wrong or max(costs.values()) > MOST_MICROSECONDS else 0


def _paused() -> datetime:
    # Another end each time, as a pause has that goes on.
    now = _OPENED + timedelta(seconds=next(_COUNT) % 3600)
    return due(_OPENED, 7200, _OFFICE, ((_OPENED, now),))


_COUNT = iter(range(sys.maxsize))
_DEADLINES: dict[str, Callable[[], datetime]] = {
    "round the clock": lambda: due(_OPENED, 7200, ALWAYS),
    "business hours, over a weekend": lambda: due(_OPENED, 60 * 3600, _OFFICE),
    "business hours, while it waits": _paused,
}


def _microseconds(one: Callable[[], datetime]) -> float:
    """What one costs once its calendar is known: the best of five rows, since others run beside."""
    rows = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(_TURNS // 5):
            one()
        rows.append((time.process_time() - began) / (_TURNS // 5))
    return min(rows) * 1e6


if __name__ == "__main__":
    given = argparse.ArgumentParser()
    given.add_argument("--cases", type=int, default=20_000)
    given.add_argument("--seed", type=int, default=20261130)
    chosen = given.parse_args()
    sys.exit(main(chosen.cases, chosen.seed))
