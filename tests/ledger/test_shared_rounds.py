"""The looks, the audit and the letters of several hosts on one ledger: one host each, and another
where that one is gone or too slow. On each engine; leases that are over as they are given stand for
hosts that froze.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from checks.contract import Failed
from monitor.audit.claimed import JOB
from monitor.audit.round import AuditRound
from monitor.config.section_models import Audit
from monitor.ledger import Ledger, OutboxMessage
from monitor.scheduling.claims import Claims
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.testing.scenario import Scene, ScriptedTrunk
from tests.ledger.engines import Engine

START = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
OVER = timedelta(milliseconds=-1)
# None of them has a slot in the first seconds of a minute: it would be claimed ahead in place of
# the one before, with the minute's first turn.
NAMES = [f"portal-{number}" for number in (0, 2, 3, 4, 5)]


class Host:
    """One host's part: its connection, its leases, its rounds."""

    def __init__(self, name: str, ledger: Ledger, scene: Scene, folder: Path) -> None:
        self.ledger, self.clock = ledger, scene.clock
        self.claims = Claims(ledger, name)
        self.runner = Runner(scene.clock, folder / name)
        self.rounds = Rounds(
            ledger, scene.configuration, scene.clock, self.runner, claims=self.claims
        )
        self.audit = AuditRound(ledger, self.rounds, scene.clock)

    async def owed(self) -> list[str]:
        return sorted(due.name for due in await self.rounds.owed(self.clock.now()))

    async def turn(self) -> list[str]:
        owed = await self.rounds.owed(self.clock.now())
        seen = [await self.rounds.look(due) for due in owed]
        return sorted(one.name for one in seen if one)


class Hosts:
    def __init__(self, engine: Engine, folder: Path, life: ExitStack) -> None:
        self._engine, self._folder, self._life = engine, folder, life
        self.scene: Scene

    def watching(self, checks: dict[str, dict[str, object]], audit: Audit | None = None) -> None:
        self.scene = Scene(START, checks, folder=self._folder / "scene", audit=audit)
        self.scene.stop_daemon()  # each host has its own

    def host(self, name: str) -> Host:
        ledger = self._life.enter_context(self._engine.opened(self._folder))
        return Host(name, ledger, self.scene, self._folder)

    def looks(self, ledger: Ledger, check: str) -> int:
        return len(ledger.attempts(check, limit=99))


@pytest.fixture
def hosts(engine: Engine, tmp_path: Path) -> Iterator[Hosts]:
    (tmp_path / "scene").mkdir()
    with ExitStack() as life:
        yield Hosts(engine, tmp_path, life)


async def test_each_look_is_one_hosts(hosts: Hosts) -> None:
    names = NAMES
    hosts.watching({name: {"every": 60.0} for name in names})
    a, b = hosts.host("a"), hosts.host("b")
    for _ in range(2):
        first, second = await asyncio.gather(a.turn(), b.turn())
        assert not set(first) & set(second), "nobody looks at what another has"
        hosts.scene.clock.advance(60)
        await a.turn()
        assert await b.turn() == [], "what one has settled is owed by nobody"
    assert {hosts.looks(a.ledger, name) for name in names} == {3}


@pytest.mark.parametrize("checks", [{"every": 60.0}, {"every": 60.0, "confirm": 1}])
async def test_a_slot_is_looked_at_once_where_the_clock_has_gone_back(
    hosts: Hosts, checks: dict[str, object]
) -> None:
    """The clock of several hosts is the ledger's, and that may be set back too."""
    names = NAMES
    hosts.watching(dict.fromkeys(names, checks))
    a, b = hosts.host("a"), hosts.host("b")
    for _ in range(3):
        assert sorted([*await a.turn(), *await b.turn()]) == names
        hosts.scene.clock.advance(60)
    hosts.scene.clock.advance(-1800)
    for first, second in ((a, b), (b, a), (a, b)):
        assert await first.turn() == names, "what time it is now counts"
        assert await second.turn() == await first.turn() == [], "and once"
        hosts.scene.clock.advance(60)


async def test_a_clock_that_is_put_right_has_no_slot_looked_at_twice(hosts: Hosts) -> None:
    hosts.watching({"portal": {"every": 60.0}})
    a, b = hosts.host("a"), hosts.host("b")
    await a.turn()
    hosts.scene.clock.advance(60)
    await a.turn()
    grid, clock = hosts.scene.configuration.checks["portal"].timetable, hosts.scene.clock
    assert grid is not None
    clock.advance((grid.following(clock.now()) - clock.now()).total_seconds())
    assert await a.turn() == ["portal"]
    clock.advance(-3)
    assert await a.turn() == await b.turn() == []
    clock.advance(4)
    assert await a.turn() == await b.turn() == []
    clock.advance(60)
    assert await b.turn() == ["portal"]


async def test_a_host_without_room_leaves_to_others_what_they_can_do(hosts: Hosts) -> None:
    hosts.watching({"portal": {"every": 60.0}})
    full, other = hosts.host("full"), hosts.host("other")
    assert await other.turn() == ["portal"]
    full.runner._spare_bytes = float("inf")
    grid, clock = hosts.scene.configuration.checks["portal"].timetable, hosts.scene.clock
    assert grid is not None
    for takes in (True, False):
        clock.advance((grid.following(clock.now()) - clock.now()).total_seconds())
        assert await full.turn() == []
        assert (await other.turn() if takes else []) == ["portal"][: int(takes)]
    clock.advance(8)
    assert await full.turn() == ["portal"], "rather blind than silent, where nobody else is"
    newest = full.ledger.attempts("portal")[0]
    assert newest.verdict.state == "UNKNOWN" and "nothing is looked at" in newest.verdict.reasons[0]


async def test_what_a_frozen_host_saw_is_refused_and_said(hosts: Hosts) -> None:
    hosts.watching({"portal": {"every": 60.0, "confirm": 1}})
    frozen, other = hosts.host("frozen"), hosts.host("other")
    assert await other.turn() == ["portal"]
    hosts.scene.world["portal"] = Failed("refused", "connection refused")
    hosts.scene.clock.advance(60)
    frozen.claims._length = OVER
    (late,) = await frozen.rounds.owed(hosts.scene.clock.now())
    assert await other.turn() == ["portal"]
    assert await frozen.rounds.look(late) is None
    assert hosts.looks(other.ledger, "portal") == 2
    assert [row.number for row in other.ledger.open_incidents()] == [1]
    said = [row.body["check"] for row in other.ledger.history(None) if "refused" in row.kind]
    assert said == ["portal"]


async def test_a_run_at_a_time_of_day_that_a_dead_host_began_is_made_up(hosts: Hosts) -> None:
    hosts.watching({"call": {"at": (time(12, 0),)}})
    dead, other = hosts.host("dead"), hosts.host("other")
    assert await dead.owed() == await other.owed() == []
    hosts.scene.clock.advance(31 * 60)  # 12:01 in Kolkata
    dead.claims._length = OVER
    (due,) = await dead.rounds.owed(hosts.scene.clock.now())
    assert await dead.rounds._claim(due)
    assert await other.turn() == ["call"]
    assert other.ledger.unfinished_slots() == [] and hosts.looks(other.ledger, "call") == 1
    assert await other.owed() == await dead.owed() == []


async def test_a_confirmation_is_one_hosts_too(hosts: Hosts) -> None:
    hosts.watching({"portal": {"every": 600.0, "confirm": 2}})
    hosts.scene.world["portal"] = Failed("refused", "connection refused")
    a, b = hosts.host("a"), hosts.host("b")
    assert await a.turn() == ["portal"]
    hosts.scene.clock.advance(21)
    first, second = await asyncio.gather(a.turn(), b.turn())
    assert [*first, *second] == ["portal"]
    assert [row.number for row in b.ledger.open_incidents()] == [1]


async def test_a_lower_look_is_settled_by_who_holds_it(hosts: Hosts) -> None:
    hosts.watching(
        {
            "call": {"every": 600.0, "confirm": 1, "diagnose": ("trunk",)},
            "trunk": {"of": ScriptedTrunk, "every": 600.0},
        }
    )
    a, b = hosts.host("a"), hosts.host("b")
    assert await a.turn() == ["call", "trunk"]
    hosts.scene.world["call"] = Failed("timeout", "nobody answers")
    hosts.scene.world["trunk"] = Failed("timeout", "nobody answers")
    hosts.scene.clock.advance(600)
    held = b.claims.take(b.ledger, ["trunk"])
    assert list(held) == ["trunk"]
    assert await a.turn() == ["call"]
    assert hosts.looks(a.ledger, "trunk") == 1, "it is b's to settle"
    (incident,) = a.ledger.open_incidents()
    assert incident.body["causes"] == ["trunk"], "and still the cause"
    b.claims.let_go(["trunk"])
    hosts.scene.clock.advance(600)
    assert "call" in await a.turn()


async def test_an_audit_is_made_by_one_and_again_where_that_one_died(hosts: Hosts) -> None:
    hosts.watching({"portal": {}}, Audit(at=time(4), to=("ops@example.net",), checks=("portal",)))
    dead, other, late = hosts.host("dead"), hosts.host("other"), hosts.host("late")
    assert [await one.audit.owed(START) for one in (dead, other, late)] == [None] * 3
    hosts.scene.clock.advance(24 * 3600)
    now = hosts.scene.clock.now()
    slot = await dead.audit.owed(now)
    assert slot is not None
    (held,) = dead.ledger.claim_leases("dead", [JOB], timedelta(minutes=2))
    assert await other.audit.owed(now) is None, "somebody is at it"
    dead.ledger.free_leases([held])
    late.claims._length = OVER
    assert await late.audit.run(slot) is None, "too late to be kept"
    report = await other.audit.run(slot)
    assert report is not None
    assert await late.audit.owed(now) is await other.audit.owed(now) is None
    assert len(other.ledger.newest("audit", 9)) == 1
    assert len(other.ledger.outbox()) == 1


def test_a_late_sender_neither_puts_off_nor_gives_up(hosts: Hosts, engine: Engine) -> None:
    hosts.watching({"portal": {}})
    host = hosts.host("a")
    with host.ledger.transaction() as t:
        t.enqueue(OutboxMessage(None, "audit", 1, "mail", "ops@example.net", {}, START))
        late = t.lease_letter("mail", "frozen:1", START, START)
        taken = t.lease_letter("mail", "other:2", START, START + timedelta(hours=1))
    assert late and taken and late.id == taken.id
    with host.ledger.transaction() as t:
        t.letter_postponed(late, START, START + timedelta(days=1), "451 later")
        assert not t.letter_failed(late, START, "never", "550 no")
        t.letter_interrupted(late, START, "stopped")
    assert host.ledger.letter(late.id) == taken
    texts = [row.text for row in host.ledger.receipts(late.id) if row.kind == "interrupted"]
    assert len(texts) == 3 and all("another sends it by now" in text for text in texts)
    with host.ledger.transaction() as t:
        t.letter_sent(taken, START, "<1@r>")
    assert host.ledger.outbox_counts()["sent"] == 1
