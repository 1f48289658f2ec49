"""Several hosts on one ledger: one that is killed and one that freezes neither lose nor double
what is looked at and what is told.
"""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.core.timetable import Every, phase_seconds
from monitor.scheduling.claims import LEASE
from tests.scenes.several_hosts import hosts, passes, slots_looked_at

pytestmark = pytest.mark.slow  # daemons and a server of their own, and leases that are waited for
GOOD = [f"good-{number}" for number in range(5)]
EVERY = 10.0
_CHECK = """[checks.{name}]
kind = "portal"
url = "http://127.0.0.1:{port}/"
every = "10s"
confirm = 2
confirm_after = "2s"
"""


def grid(check: str) -> Every:
    return Every(EVERY, phase_seconds(check, EVERY))


async def test_a_killed_and_a_frozen_host_neither_lose_nor_double(tmp_path: Path) -> None:
    names = [*GOOD, "broken"]
    checks = "".join(_CHECK.format(name=name, port=9) for name in names)
    async with hosts(tmp_path, checks, "pune", "delhi", "mumbai") as three:
        pune = three.all["pune"]
        await pune.until(lambda: three.told("opened"))
        with three.ledger() as ledger:
            began = ledger.now()
            await passes(ledger, 2 * EVERY)
            await three.all["delhi"].stop(signal.SIGKILL)
            with three.frozen("mumbai"):
                await passes(ledger, LEASE.total_seconds() + EVERY)
            await passes(ledger, EVERY)
            ended = ledger.now()
            for name in names:
                seen = slots_looked_at(ledger, name, grid(name))
                assert max(seen.values()) == 1, f"{name} was looked at twice for one slot"
                after = [at for at in sorted(seen) if at >= began]
                gaps = [b - a for a, b in zip(after, [*after[1:], ended], strict=True)]
                assert max(gaps) <= LEASE + timedelta(seconds=EVERY + 10), (name, gaps)
            assert len(ledger.open_incidents()) == 1
            kinds = [row.kind for row in ledger.history(1)]
            assert kinds.count("opened") == 1
            holders = {row.holder.split(":")[0] for row in ledger.lease_rows(names).values()}
        assert len(three.told("opened")) == len(set(three.told("opened"))) == 1
        assert holders <= {"pune", "mumbai"}
        assert await pune.stop() < 10
