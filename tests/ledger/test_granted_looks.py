"""Several hosts claim looks ahead of their slots, each its own share; what one leaves is done by
another. On each engine.
"""

from __future__ import annotations

from datetime import timedelta

from checks.contract import Failed
from monitor.core.serving import Serving
from monitor.core.timetable import Every
from tests.ledger.test_shared_rounds import OVER, Host, Hosts, hosts

__all__ = ["hosts"]

NAMES = [f"portal-{number}" for number in range(12)]
LEFT_SECONDS = 1.0


def grids(hosts: Hosts) -> dict[str, Every]:
    checks = hosts.scene.configuration.checks
    return {name: grid for name in NAMES if isinstance(grid := checks[name].timetable, Every)}


async def settled(*all_hosts: Host) -> list[str]:
    """Each has its turn at this moment; who looked at what."""
    return [f"{name} {one.claims._holder}" for one in all_hosts for name in await one.turn()]


def there(*all_hosts: Host) -> None:
    for one in all_hosts:
        one.claims.hosts = tuple(
            Serving(name) for name in sorted(other.claims._holder for other in all_hosts)
        )
        one.rounds._first._here = one.claims._holder


async def known(hosts: Hosts) -> tuple[Host, Host]:
    hosts.watching({name: {"every": 60.0} for name in NAMES})
    a, b = hosts.host("a"), hosts.host("b")
    assert await a.turn() == sorted(NAMES)
    there(a, b)
    for _ in range(2):
        hosts.scene.clock.advance(60)
        await settled(a, b)
        hosts.scene.clock.advance(1)
        await settled(a, b)
    return a, b


async def test_each_host_has_its_share_and_begins_at_the_slot(hosts: Hosts) -> None:
    a, b = await known(hosts)
    clock, looked = hosts.scene.clock, list[str]()
    end = clock.now() + timedelta(seconds=60)
    while clock.now() < end:
        clock.advance(0.5)
        before = {name: grid.newest(clock.now()).at for name, grid in grids(hosts).items()}
        for line in await settled(a, b):
            looked.append(line)
            late = clock.now() - before[line.split()[0]]
            assert late <= timedelta(seconds=0.5), "claimed ahead, it begins at its slot"
    assert sorted(line.split()[0] for line in looked) == sorted(NAMES), "and each is looked at once"
    by_b = sum(line.endswith(" b") for line in looked)
    assert 2 <= by_b <= 10, "both have their share"


async def test_what_the_first_host_leaves_another_does_a_second_later(hosts: Hosts) -> None:
    a, b = await known(hosts)
    clock, looked = hosts.scene.clock, dict[str, timedelta]()
    a.claims.let_go_all()  # it is gone, and nobody knows yet
    end = clock.now() + timedelta(seconds=62)
    while clock.now() < end:
        clock.advance(0.5)
        newest = {name: grid.newest(clock.now()).at for name, grid in grids(hosts).items()}
        for line in await settled(b):
            looked.setdefault(line.split()[0], clock.now() - newest[line.split()[0]])
    assert sorted(looked) == sorted(NAMES)
    assert max(looked.values()) <= timedelta(seconds=LEFT_SECONDS + 1)
    b.claims.hosts = (Serving("b"),)
    clock.advance(60)
    assert len(await b.turn()) == len(NAMES), "alone, it goes first at all of them"


async def test_what_a_host_claimed_before_it_froze_it_does_not_look_at(hosts: Hosts) -> None:
    a, b = await known(hosts)
    clock = hosts.scene.clock
    a.claims.hosts = (Serving("a"),)
    a.claims._length = OVER
    grid = grids(hosts)[NAMES[0]]
    clock.advance((grid.following(clock.now()) - clock.now()).total_seconds() - 1)
    await a.rounds.grant(clock.now())
    claimed = list(a.rounds._ahead._waits)
    assert NAMES[0] in claimed
    clock.advance(20)
    begins, _ = a.rounds.begins(clock.now())
    assert begins == [] and not any(a.claims.holds(name) for name in claimed)
    b.claims.hosts = (Serving("b"),)
    assert NAMES[0] in await b.turn()


async def test_a_clock_that_goes_back_has_nothing_begin_early(hosts: Hosts) -> None:
    a, _ = await known(hosts)
    clock = hosts.scene.clock
    a.claims.hosts = (Serving("a"),)
    grid = grids(hosts)[NAMES[0]]
    clock.advance((grid.following(clock.now()) - clock.now()).total_seconds() - 1)
    await a.rounds.grant(clock.now())
    assert NAMES[0] in a.rounds._ahead
    clock.advance(-1800)
    begins, _ = a.rounds.begins(clock.now())
    assert begins == [] and not a.claims.holds(NAMES[0])


async def test_a_look_by_hand_does_not_wait_for_one_that_was_claimed_ahead(hosts: Hosts) -> None:
    hosts.watching(
        {"call": {"every": 600.0, "confirm": 1, "diagnose": ("trunk",)}, "trunk": {"every": 60.0}}
    )
    a = hosts.host("a")
    await a.turn()
    hosts.scene.clock.advance(60)
    await a.turn()
    clock, grid = hosts.scene.clock, hosts.scene.configuration.checks["trunk"].timetable
    assert isinstance(grid, Every)
    clock.advance((grid.following(clock.now()) - clock.now()).total_seconds() - 1)
    await a.rounds.grant(clock.now())
    assert "trunk" in a.rounds._ahead
    hosts.scene.world["call"] = hosts.scene.world["trunk"] = Failed("timeout", "nobody answers")
    before = hosts.looks(a.ledger, "trunk")
    clock.advance(550)
    await a.turn()
    assert hosts.looks(a.ledger, "trunk") > before
    (incident,) = a.ledger.open_incidents()
    assert incident.body["causes"]


async def test_a_host_that_is_behind_looks_for_the_newest_slot(hosts: Hosts) -> None:
    a, _ = await known(hosts)
    clock, grid = hosts.scene.clock, grids(hosts)[NAMES[0]]
    a.claims.hosts = (Serving("a"),)
    clock.advance((grid.following(clock.now()) - clock.now()).total_seconds() + 58)
    await a.rounds.grant(clock.now())
    clock.advance(5)
    begins, _ = a.rounds.begins(clock.now())
    (due,) = [one for one in begins if one.name == NAMES[0]]
    assert due.slot is not None and due.slot.at == grid.newest_at(clock.now())
    assert await a.rounds.look(due) is not None
    assert NAMES[0] not in await a.turn(), "and that slot is done"
