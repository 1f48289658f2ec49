"""A host whose way to the ledger is cut: it goes on looking, tells its own operators once, and
hands in what it saw. A real PostgreSQL and mail server, a link that is cut, a clock moved by hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.contract import Claim, Failed
from lab.injected_faults import Faults
from lab.mail_server import Mailbox
from lab.server_link import Link
from monitor.config import load
from monitor.core.timetable import Slot
from monitor.incidents.house_troubles import miss_hosts
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.of_site import access_of, of_site
from monitor.ledger.own_thread import LedgerThread
from monitor.scheduling.on_its_own import OnItsOwn
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.service.autonomy import Autonomy
from monitor.service.sharing import Sharing
from monitor.service.work import Work
from monitor.testing.scenario import Scene, Scripted
from tests.ledger.engines import ON_SERVER, on_server, server
from tests.ledger.test_shared_rounds import START
from tests.scenes.several_hosts import CONFIGURATION

pytestmark = ON_SERVER
MINUTE = timedelta(minutes=1)


class Host:
    """One daemon's parts, without their loop."""

    def __init__(
        self,
        folder: Path,
        link: Link,
        mailbox: Mailbox,
        checks: dict[str, Any],
        several: bool = False,
    ) -> None:
        """`several`: its site is one of several."""
        role = on_server(folder)
        (folder / "password").write_text(role.password())
        written = CONFIGURATION.format(name="pune", role="reveille", sockets="/", port=mailbox.port)
        url = next(line for line in written.splitlines() if line.startswith("url"))
        user = role.password()
        there = f'url = "postgresql://{user}@127.0.0.1:{link.port}/postgres?sslmode=disable"'
        file = folder / "reveille.toml"
        file.write_text(written.replace(url, there))
        self.scene = Scene(START, checks, folder=folder)
        self.scene.stop_daemon()
        loaded = load(file)
        loaded.state.mkdir()
        site = loaded.site.model_copy(update={"several": several})
        known = self.scene.configuration.checks
        self.configuration = replace(loaded, site=site, checks=known)
        self.clock, self.world = self.scene.clock, self.scene.world
        self.ledger = LedgerThread(lambda: Ledger(self.configuration.ledger_place))
        self.sharing = Sharing(self.ledger, self.configuration, self.clock)
        runner = Runner(self.clock, folder / "exhibits")
        own = access_of(self.ledger, site.scope)
        self.rounds = Rounds(
            own, self.configuration, self.clock, runner, claims=self.sharing.claims
        )
        self.work = Work(self.clock, lambda: [self.rounds.configuration])
        self.autonomy = Autonomy(self.sharing, self.rounds, own, self.work)

    async def turn(self, seconds: float = 0.0) -> None:
        """So much later: what is owed past the ledger is looked at, to its end."""
        self.clock.advance(seconds)
        await self.autonomy.turn()
        while self.autonomy.looking or self.autonomy.handing_in.under_way:
            await asyncio.sleep(0.01)  # asked again until it is done

    async def look(self) -> None:
        """What is owed by the ledger, if it is there."""
        for due in await self.rounds.owed(self.clock.now()):
            assert await self.rounds.look(due) is not None


@asynccontextmanager
async def cut_off(
    folder: Path, checks: dict[str, Any], several: bool = False
) -> AsyncIterator[tuple[Host, Link, Mailbox]]:
    """A host that has looked at everything once, and has just been cut off."""
    mailbox = Mailbox(folder / "mailbox", Faults())
    await mailbox.open("127.0.0.1")
    async with Link(lambda: server().sockets) as link:
        host = await asyncio.to_thread(Host, folder, link, mailbox, checks, several)
        try:
            await host.look()
            link.cut()
            for seconds in (10, 6, 4):
                await host.turn(seconds)
            yield host, link, mailbox
        finally:
            link.mend()
            await host.ledger.close(10)
            await mailbox.close()


async def test_it_looks_on_tells_once_and_hands_in(tmp_path: Path) -> None:
    checks = {"portal": {"every": 60.0, "confirm": 2, "confirm_after": 5.0}}
    async with cut_off(tmp_path, checks) as (host, link, mailbox):
        began = host.clock.now()
        await host.turn(60)
        host.world["portal"] = Failed("refused", "connection refused")
        for seconds in (60, 5, 60, 60, 60, 60, 60):
            await host.turn(seconds)
        for _ in range(3):
            await host.turn(3600)
        (mail,) = await mailbox.wait_for(1)
        text = mail.get_body(("plain",))
        assert text is not None
        said = text.get_content()
        assert "host pune has not reached the ledger" in " ".join(said.split())
        assert "portal: " in said and mail["X-Reveille-Event"] == "blind"
        link.mend()
        await host.sharing.turn()
        await host.turn()
        looks = await host.ledger.do(lambda one: one.attempts("portal", limit=99))
        times = [one.started_at for one in reversed(looks)]
        assert times == sorted(times) and len(times) >= 8
        assert len({one.started_at for one in looks}) == len(looks)
        assert [one.purpose for one in looks].count("confirm") == 1
        (row,) = await host.ledger.do(lambda one: one.open_incidents())
        assert began + MINUTE <= row.opened_at <= began + 3 * MINUTE, "as old as what was seen"
        (told,) = [
            line
            for line in await host.ledger.do(lambda one: one.history(None))
            if line.kind == "told-at-home"
        ]
        assert "pune told its own operators" in told.body["text"]
        assert not (host.configuration.state / "late-looks.jsonl").exists()
        await host.look()
        assert len(mailbox.messages()) == 1, "what the ledger tells is the outbox's"


async def test_what_it_saw_of_one_of_several_sites_is_handed_in_for_that_site(
    tmp_path: Path,
) -> None:
    name = "Testville/portal"
    checks = {name: {"every": 60.0, "confirm": 1}}
    async with cut_off(tmp_path, checks, several=True) as (host, link, _):
        host.world[name] = Failed("refused", "connection refused")
        for _ in range(3):
            await host.turn(60)
        assert (host.configuration.state / "late-looks-Testville.jsonl").exists()
        link.mend()
        await host.sharing.turn()
        await host.turn()
        (row,) = await host.ledger.do(lambda one: of_site(one, "Testville").open_incidents())
        assert row.body["causes"] == [name]
        assert await host.ledger.do(lambda one: of_site(one, "Elsewhere").open_incidents()) == []
        assert not (host.configuration.state / "late-looks-Testville.jsonl").exists()


async def test_an_outage_shorter_than_its_alarm_is_told_by_nobody(tmp_path: Path) -> None:
    """What was seen in it is handed in all the same, and judged as of its time."""
    checks = {"portal": {"every": 60.0, "confirm": 2, "confirm_after": 5.0}}
    async with cut_off(tmp_path, checks) as (host, link, mailbox):
        assert host.configuration.probe.alarm_after == 300
        host.world["portal"] = Failed("refused", "connection refused")
        began = host.clock.now()
        for _ in range(2):
            for seconds in (60, 5, 60, 60, 60):
                await host.turn(seconds)
            link.mend()
            await host.sharing.turn()
            await host.turn()
            (row,) = await host.ledger.do(lambda one: one.open_incidents())
            assert began <= row.opened_at <= began + 3 * MINUTE, "as old as what was seen"
            kinds = {line.kind for line in await host.ledger.do(lambda one: one.history(None))}
            assert "told-at-home" not in kinds
            assert not (host.configuration.state / "late-looks.jsonl").exists()
            await host.look()
            # Heard in between: the next outage has its whole time again.
            for _ in range(3):
                await host.turn(5)
                await host.sharing.turn()
            host.clock.advance(60)
            await host.sharing.turn()
            await host.look()
            link.cut()
            for seconds in (10, 6, 4):
                await host.turn(seconds)
        assert mailbox.messages() == []


async def test_the_others_ticket_takes_over_what_it_told(tmp_path: Path) -> None:
    async with cut_off(tmp_path, {"portal": {"every": 60.0}}) as (host, link, mailbox):
        with Ledger(on_server(tmp_path)) as others:
            silent = timedelta(0)
            miss_hosts(others, host.configuration, host.clock.now() + MINUTE, silent)
            await host.turn(400)
            assert len(await mailbox.wait_for(1)) == 1
            link.mend()
            await host.sharing.turn()
            await host.turn()
            (row,) = others.open_incidents()
            assert row.key == "Testville/host-is-silent @pune"
            notes = [line.body["text"] for line in others.history(1) if line.kind == "note"]
            assert len(notes) == 1 and "this ticket takes that over" in notes[0]


async def test_a_way_that_is_held_while_it_hands_in_keeps_it_from_nothing(tmp_path: Path) -> None:
    async with cut_off(tmp_path, {"portal": {"every": 60.0}}) as (host, link, mailbox):
        await host.turn(60)
        link.mend()
        await host.sharing.turn()
        link.hold()
        await host.autonomy.turn()
        looks = len(host.autonomy._journal.first(99)[0])
        host.clock.advance(60)
        for _ in range(3):
            host.clock.advance(5)
            await host.autonomy.turn()
        while len(host.autonomy._journal.first(99)[0]) == looks:
            await asyncio.sleep(0.01)  # asked again until it has looked
        host.clock.advance(400)
        await host.autonomy.turn()
        assert len(await mailbox.wait_for(1)) == 1
        link.mend()
        while host.autonomy.handing_in.under_way:
            await asyncio.sleep(0.01)  # asked again until it is done


@pytest.mark.slow  # for eight seconds a ledger is thought to be back at once
async def test_a_look_that_could_not_be_settled_is_handed_in(tmp_path: Path) -> None:
    async with cut_off(tmp_path, {"portal": {"every": 60.0}}) as (host, link, _):
        link.mend()
        await host.sharing.turn()
        await host.turn()
        before = await host.ledger.do(lambda one: len(one.attempts("portal", limit=99)))
        host.clock.advance(60)
        (due,) = await host.rounds.owed(host.clock.now())
        seen = await host.rounds.attempts.made(due.entry, due.purpose, due)
        link.cut()
        assert not await host.rounds._settled_or_kept(due, seen, [], frozenset())
        link.mend()
        # For a second who asks hears what the last one heard.
        while host.sharing.unheard_seconds():
            with suppress(LedgerFault):
                await host.sharing.turn()
        await host.turn()
        after = await host.ledger.do(lambda one: len(one.attempts("portal", limit=99)))
        assert after == before + 1


def test_what_needs_the_ledger_rests(tmp_path: Path) -> None:
    class Call(Scripted):
        def claims(self) -> tuple[Claim, ...]:
            return (Claim("trunk-a" if self.name == "shared" else "trunk-b", 1),)

    class Backup(Scripted):
        BURDENS: ClassVar[bool] = True

    given: dict[str, dict[str, Any]] = {
        "shared": {"of": Call},
        "own": {"of": Call, "probes": ("pune",)},
        "backup": {"of": Backup},
        "portal": {"every": 60.0},
    }
    scene = Scene(START, given, folder=tmp_path)
    configuration = replace(
        scene.configuration,
        probe=scene.configuration.probe.model_copy(update={"name": "pune"}),
    )
    own = OnItsOwn(configuration, START)
    checks = configuration.checks
    assert [name for name in checks if own.may(checks[name])] == ["own", "portal"]
    (first,) = own.owed(checks.values(), {}, START + MINUTE)
    assert (first.entry.name, type(first.slot)) == ("portal", Slot)
    assert own.owed(checks.values(), {}, START + MINUTE) == [], "each slot once"
    scene.stop_daemon()
