"""Of several daemons on one ledger each job is done by one, and what comes too late is refused."""

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
from monitor.ledger.hosts import NameTaken
from monitor.ledger.leases import Lease, LeaseLost
from tests.ledger.engines import Engine, on_server

LONG, OVER = timedelta(minutes=2), timedelta(milliseconds=-1)
"""a lease that outlives the test, and one that is over as it is given"""


def jobs(leases: list[Lease]) -> list[str]:
    return sorted(one.job for one in leases)


def test_a_job_is_held_by_one(ledger: Ledger) -> None:
    assert jobs(ledger.claim_leases("a", ["portal", "trunk"], LONG)) == ["portal", "trunk"]
    assert jobs(ledger.claim_leases("b", ["trunk", "uplink", "portal"], LONG)) == ["uplink"]
    assert ledger.claim_leases("a", ["portal"], LONG) == [], "nor twice by the same"
    rows = ledger.lease_rows(["portal", "uplink", "never"])
    assert {name: (row.holder, row.held) for name, row in rows.items()} == {
        "portal": ("a", True),
        "uplink": ("b", True),
    }


def test_what_is_settled_is_free_and_known_as_done(ledger: Ledger) -> None:
    (lease,) = ledger.claim_leases("a", ["portal"], LONG)
    assert lease.done_to.year == 1970
    at = ledger.now().replace(microsecond=0)
    with ledger.transaction() as t:
        t.settle_lease(lease, at)
    (again,) = ledger.claim_leases("b", ["portal"], LONG)
    assert again.done_to == at and again.fence == lease.fence + 1
    with ledger.transaction() as t:
        t.settle_lease(again)
    assert ledger.lease_rows(["portal"])["portal"].done_to == at, "what is done stays done"
    (after,) = ledger.claim_leases("a", ["portal"], LONG)
    with ledger.transaction() as t:
        t.settle_lease(after, at - timedelta(hours=1))
    now_done = ledger.lease_rows(["portal"])["portal"].done_to
    assert now_done == at - timedelta(hours=1), "whoever held it last knows what time it is"


def test_what_is_settled_after_its_time_is_refused_whole(ledger: Ledger) -> None:
    (late,) = ledger.claim_leases("frozen", ["portal"], OVER)
    (taken,) = ledger.claim_leases("other", ["portal"], LONG)
    assert ledger.renew_leases([late, taken], LONG) == {"portal"}
    assert ledger.renew_leases([late], LONG) == set()
    now = ledger.now()
    for settle in ("settle_lease", "hold_lease"):
        with pytest.raises(LeaseLost, match="'portal' was over"), ledger.transaction() as t:
            t.happened(None, now, "looked", {"by": "frozen"})
            getattr(t, settle)(late)
    ledger.free_leases([late])
    with ledger.under(taken), ledger.transaction() as t:
        t.happened(None, now, "looked", {"by": "other"})
    with ledger.transaction() as t:
        t.settle_lease(taken)
    assert [row.body["by"] for row in ledger.history(None)] == ["other"]
    with pytest.raises(LeaseLost), ledger.transaction() as t:
        t.settle_lease(taken)  # a second time


def test_what_is_done_under_a_lease_is_one_transaction(ledger: Ledger) -> None:
    (lease,) = ledger.claim_leases("a", ["@duty"], LONG)
    with pytest.raises(RuntimeError, match="in the middle"), ledger.under(lease):
        with ledger.transaction() as t:
            t.happened(None, ledger.now(), "escalated", {})
        raise RuntimeError("in the middle")
    assert ledger.history(None) == []
    with ledger.transaction() as t:
        t.happened(None, ledger.now(), "note", {})
    assert len(ledger.history(None)) == 1, "and the ledger goes on as before"


def test_a_lease_that_is_over_is_lost_although_nobody_has_taken_it(ledger: Ledger) -> None:
    (late,) = ledger.claim_leases("slow", ["portal"], OVER)
    with pytest.raises(LeaseLost), ledger.transaction() as t:
        t.settle_lease(late)
    (again,) = ledger.claim_leases("slow", ["portal"], LONG)
    with ledger.transaction() as t:
        t.settle_lease(again)


def test_a_host_that_died_is_followed_by_its_next_life(ledger: Ledger) -> None:
    soon, never = timedelta(seconds=30), timedelta(milliseconds=-1)
    ledger.hear_host("pune-1", "Pune", "one", soon)
    ledger.hear_host("pune-1", "Pune, hall 2", "one", soon)
    with pytest.raises(NameTaken, match="'pune-1'"):
        ledger.hear_host("pune-1", "Delhi", "two", soon)
    ledger.hear_host("pune-1", "Delhi", "two", never)
    (host,) = ledger.hosts()
    assert (host.location, host.life, host.left) == ("Delhi", "two", False)
    ledger.host_leaves("pune-1", "one")
    assert not ledger.hosts()[0].left, "that of before says nothing any more"
    ledger.host_leaves("pune-1", "two")
    assert ledger.hosts()[0].left
    ledger.hear_host("pune-1", "Pune", "three", soon)


def test_claimants_at_once_share_what_there_is(engine: Engine, tmp_path: Path) -> None:
    names, hosts = [f"check-{n:03}" for n in range(230)], 3
    with engine.opened(tmp_path) as ledger:
        at = ledger.now()

    def works(host: int) -> list[str]:
        done: list[str] = []
        with engine.opened(tmp_path) as ledger:
            while len(rows := ledger.lease_rows(names)) < len(names) or any(
                row.done_to < at for row in rows.values()
            ):
                left = [name for name in names if name not in rows or rows[name].done_to < at]
                claimed = ledger.claim_leases(f"host-{host}", left[host::hosts] or left, LONG)
                mine = [lease for lease in claimed if lease.done_to < at]
                ledger.free_leases([lease for lease in claimed if lease.done_to >= at])
                with ledger.transaction() as t:
                    for lease in mine:
                        t.settle_lease(lease, at)
                done += jobs(mine)
        return done

    with ThreadPoolExecutor(hosts) as pool:
        counts = Counter(job for done in pool.map(works, range(hosts)) for job in done)
    assert len(counts) == len(names) and set(counts.values()) == {1}


_FREEZES = """
import sys
from datetime import timedelta
from monitor.ledger import Ledger
from monitor.ledger.server_address import ServerAddress
with Ledger(ServerAddress(sys.argv[1], lambda: sys.argv[2])) as ledger:
    (lease,) = ledger.claim_leases("frozen", ["portal"], timedelta(seconds=2))
    print("claimed", flush=True)
    sys.stdin.readline()
    with ledger.transaction() as t:
        t.happened(None, lease.until, "looked", {"by": "frozen"})
        t.settle_lease(lease)
"""


@pytest.mark.slow  # a process of its own, and a lease that is waited for
def test_a_host_that_freezes_neither_loses_nor_doubles_a_run(tmp_path: Path) -> None:
    place = on_server(tmp_path)
    with Ledger(place) as ledger:
        frozen = subprocess.Popen(
            [sys.executable, "-c", _FREEZES, place.url, place.password()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert frozen.stdout and frozen.stdout.readline() == "claimed\n"
        frozen.send_signal(signal.SIGSTOP)
        while not (claimed := ledger.claim_leases("other", ["portal"], LONG)):
            assert frozen.poll() is None
        with ledger.transaction() as t:
            t.happened(None, claimed[0].until, "looked", {"by": "other"})
            t.settle_lease(claimed[0])
        frozen.send_signal(signal.SIGCONT)
        _, said = frozen.communicate("\n")
        assert frozen.returncode == 1 and "LeaseLost" in said
        assert [row.body["by"] for row in ledger.history(None)] == ["other"]
