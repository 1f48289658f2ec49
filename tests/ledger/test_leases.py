"""Of several daemons on one ledger each run is done by one, and what comes too late is refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from monitor.ledger.leases import Lease, LeaseLost
from tests.ledger.engines import Engine, on_server

LONG, OVER = timedelta(hours=1), timedelta(milliseconds=-1)
"""a lease that outlives the test, and one that is over as it is given"""


def offer(ledger: Ledger, runs: int, later: timedelta = timedelta()) -> None:
    now = ledger.now()
    with ledger.transaction() as t:
        owed = [
            ("portal", f"{n:04}", now - timedelta(minutes=runs - n) + later) for n in range(runs)
        ]
        t.offer(owed)


def keys(leases: list[Lease]) -> list[str]:
    return [one.slot_key for one in leases]


def test_a_run_is_claimed_by_one_in_the_order_of_time(ledger: Ledger) -> None:
    offer(ledger, 5)
    offer(ledger, 3)
    assert keys(ledger.claim_leases("a", 3, LONG)) == ["0000", "0001", "0002"]
    assert keys(ledger.claim_leases("b", 3, LONG)) == ["0003", "0004"]
    assert ledger.claim_leases("a", 3, LONG) == []


def test_what_is_not_owed_yet_is_nobodys(ledger: Ledger) -> None:
    offer(ledger, 2, timedelta(hours=2))
    assert ledger.claim_leases("a", 9, LONG) == []


def test_what_is_settled_after_its_time_is_refused_whole(ledger: Ledger) -> None:
    offer(ledger, 1)
    (late,) = ledger.claim_leases("frozen", 1, OVER)
    (taken,) = ledger.claim_leases("other", 1, LONG)
    assert taken.fence == late.fence + 1
    assert not ledger.renew_lease(late, LONG) and ledger.renew_lease(taken, LONG)
    with pytest.raises(LeaseLost, match="'0000' of 'portal' was over"), ledger.transaction() as t:
        t.happened(None, late.slot_at, "looked", {"by": "frozen"})
        t.settle_lease(late)
    with ledger.transaction() as t:
        t.happened(None, taken.slot_at, "looked", {"by": "other"})
        t.settle_lease(taken)
    assert [row.body["by"] for row in ledger.history(None)] == ["other"]
    with pytest.raises(LeaseLost), ledger.transaction() as t:
        t.settle_lease(taken)  # a second time
    assert ledger.claim_leases("a", 1, LONG) == []


def test_a_lease_that_is_over_is_lost_although_nobody_has_taken_it(ledger: Ledger) -> None:
    offer(ledger, 1)
    (late,) = ledger.claim_leases("slow", 1, OVER)
    with pytest.raises(LeaseLost), ledger.transaction() as t:
        t.settle_lease(late)
    (again,) = ledger.claim_leases("slow", 1, LONG)
    with ledger.transaction() as t:
        t.settle_lease(again)


def test_claimants_at_once_share_what_there_is(engine: Engine, tmp_path: Path) -> None:
    runs, hosts = 120, 3
    with engine.opened(tmp_path) as ledger:
        offer(ledger, runs)

    def works(host: int) -> list[str]:
        done: list[str] = []
        with engine.opened(tmp_path) as ledger:
            while claimed := ledger.claim_leases(f"host-{host}", 7, LONG):
                with ledger.transaction() as t:
                    for lease in claimed:
                        t.settle_lease(lease)
                done += keys(claimed)
        return done

    with ThreadPoolExecutor(hosts) as pool:
        counts = Counter(key for done in pool.map(works, range(hosts)) for key in done)
    assert len(counts) == runs and set(counts.values()) == {1}


_FREEZES = """
import sys
from datetime import timedelta
from monitor.ledger import Ledger
from monitor.ledger.server_address import ServerAddress
with Ledger(ServerAddress(sys.argv[1], lambda: sys.argv[2])) as ledger:
    (lease,) = ledger.claim_leases("frozen", 1, timedelta(seconds=2))
    print("claimed", flush=True)
    sys.stdin.readline()
    with ledger.transaction() as t:
        t.happened(None, lease.slot_at, "looked", {"by": "frozen"})
        t.settle_lease(lease)
"""


@pytest.mark.slow  # a process of its own, and a lease that is waited for
def test_a_host_that_freezes_neither_loses_nor_doubles_a_run(tmp_path: Path) -> None:
    place = on_server(tmp_path)
    with Ledger(place) as ledger:
        offer(ledger, 1)
        frozen = subprocess.Popen(
            [sys.executable, "-c", _FREEZES, place.url, place.password()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert frozen.stdout and frozen.stdout.readline() == "claimed\n"
        frozen.send_signal(signal.SIGSTOP)
        while not (claimed := ledger.claim_leases("other", 1, LONG)):
            assert frozen.poll() is None
        with ledger.transaction() as t:
            t.happened(None, claimed[0].slot_at, "looked", {"by": "other"})
            t.settle_lease(claimed[0])
        frozen.send_signal(signal.SIGCONT)
        _, said = frozen.communicate("\n")
        assert frozen.returncode == 1 and "LeaseLost" in said
        assert [row.body["by"] for row in ledger.history(None)] == ["other"]
