"""One host's part in a ledger that several share: its name, the time, and who is on duty."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.contract import Observation
from checks.data.backup.store.seal import key_of
from monitor.clock import Clock, KeptClock, SystemClock
from monitor.config import Configuration, load
from monitor.core.verdict import State, Verdict
from monitor.incidents.deadlines import forget_removed, keep_watch
from monitor.ledger import Ledger
from monitor.ledger.hosts import NameTaken
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.retention import Keep, Retention
from monitor.scheduling.claims import Claims
from monitor.service.sharing import SILENT, Sharing, clock_for
from tests.ledger.engines import on_server
from tests.scenes.several_hosts import CONFIGURATION

DAY = timedelta(days=1)


class Host:
    """A daemon's part of it."""

    def __init__(self, folder: Path, name: str, clock: Clock | None = None) -> None:
        state = folder / name
        state.mkdir(exist_ok=True)
        address = on_server(folder)
        (state / "password").write_text(address.password())
        written = CONFIGURATION.format(name=name, role="reveille", sockets="/", port=25)
        url = next(line for line in written.splitlines() if line.startswith("url"))
        file = state / "reveille.toml"
        file.write_text(written.replace(url, f'url = "{address.url}"'))
        self.configuration: Configuration = load(file)
        self.configuration.state.mkdir(exist_ok=True)
        self.clock = clock or clock_for(self.configuration)
        self.ledger = LedgerThread(lambda: Ledger(self.configuration.ledger_place))
        self.sharing = Sharing(self.ledger, self.configuration, self.clock)

    async def did(self) -> bool:
        done = list[int]()
        await self.sharing.do_duty(lambda _: done.append(1))
        return bool(done)


async def test_one_is_on_duty_and_the_next_when_it_leaves(tmp_path: Path) -> None:
    pune, delhi = Host(tmp_path, "pune"), Host(tmp_path, "delhi")
    assert await pune.did() and not await delhi.did()
    assert pune.sharing.on_duty and not delhi.sharing.on_duty
    await pune.sharing.turn()
    await pune.sharing.leave()
    assert await delhi.did() and not await pune.did()
    with Ledger(pune.configuration.ledger_place) as ledger:
        assert {host.name: host.left for host in ledger.hosts()} == {"pune": True, "delhi": False}


async def test_what_a_host_does_that_has_lost_its_duty_is_undone(tmp_path: Path) -> None:
    pune, delhi = Host(tmp_path, "pune"), Host(tmp_path, "delhi")
    assert isinstance(pune.sharing.claims, Claims)
    assert await pune.did()
    lease = pune.sharing.claims.lease("@duty")
    assert lease is not None
    with Ledger(pune.configuration.ledger_place) as ledger:
        ledger.free_leases([lease])
    assert await delhi.did()

    def late(ledger: Ledger) -> None:
        with ledger.transaction() as t:
            t.happened(None, ledger.now(), "late", {})

    await pune.sharing.do_duty(late)
    assert not pune.sharing.on_duty
    assert await delhi.ledger.do(lambda ledger: ledger.history(None)) == []


async def test_a_watch_with_nothing_due_takes_no_writer(tmp_path: Path) -> None:
    pune = Host(tmp_path, "pune")
    assert await pune.did()
    now = pune.clock.now()
    with Ledger(pune.configuration.ledger_place) as other, other.transaction():
        await pune.sharing.do_duty(lambda ledger: keep_watch(ledger, pune.configuration, now))
        await pune.sharing.do_duty(lambda ledger: forget_removed(ledger, pune.configuration, now))
    assert pune.sharing.on_duty


def test_two_hosts_of_one_name_are_refused_and_one_that_comes_again_is_not(tmp_path: Path) -> None:
    Host(tmp_path, "pune")
    Host(tmp_path, "pune")
    (tmp_path / "pune" / "state" / "host-life").unlink()
    with pytest.raises(NameTaken, match="another host is called 'pune'"):
        Host(tmp_path, "pune")


async def test_the_time_is_the_ledgers(tmp_path: Path) -> None:
    class Wrong(KeptClock):
        """That of a host whose clock was an hour ahead when it started."""

        def __init__(self) -> None:
            super().__init__()
            self.take(lambda: datetime.now(UTC) + timedelta(hours=1))

    host = Host(tmp_path, "pune", Wrong())
    assert abs(host.clock.now() - SystemClock().now()) < timedelta(minutes=5)


async def test_nobody_is_missed_before_he_could_get_a_word_in(tmp_path: Path) -> None:
    class Moved(KeptClock):
        ahead = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.ahead

    clock = Moved()
    pune, delhi = Host(tmp_path, "pune", clock), Host(tmp_path, "delhi")
    assert await pune.did()
    with Ledger(pune.configuration.ledger_place) as ledger, ledger.transaction() as t:
        # Nothing was heard of it while the ledger was away.
        t._database.change("UPDATE hosts SET heard_at = heard_at - 3600000 WHERE name = 'delhi'")

    async def missed() -> int:
        await pune.sharing.miss_others([pune.configuration], clock.now())
        return await pune.ledger.do(lambda ledger: len(ledger.open_incidents()))

    clock.ahead = 3600
    await pune.sharing.turn()
    assert await missed() == 0, "it is as long since this one was heard itself"
    for _ in range(4):
        clock.ahead += SILENT.total_seconds() / 3
        await pune.sharing.turn()
    assert await missed() == 1
    await delhi.sharing.turn()
    assert await missed() == 0


async def test_a_chain_of_seals_goes_on_with_one_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pune, delhi = Host(tmp_path, "pune"), Host(tmp_path, "delhi")
    now, keep = datetime.now(UTC), Keep(30, 800)

    def noted(ledger: Ledger) -> None:
        with ledger.transaction() as t:
            for days in (5, 4, 3):
                seen, verdict = Observation(), Verdict(State.OK)
                t.record("portal", "portal", "scheduled", now - days * DAY, seen, verdict)

    await pune.ledger.do(noted)

    async def sealed(host: Host, at: datetime) -> int:
        state = host.configuration.state
        retention = Retention(host.ledger, lambda: key_of(state, make=True))
        await retention.tidy(keep, lambda _: DAY, at)
        return len(await host.ledger.do(lambda ledger: ledger.seals()))

    first = await sealed(pune, now)
    assert first
    with caplog.at_level(logging.ERROR):
        assert await sealed(delhi, now + 2 * DAY) == first
    assert "another host has sealed it" in caplog.text
    (delhi.configuration.state / "backup.key").write_text(
        (pune.configuration.state / "backup.key").read_text()
    )
    assert await sealed(delhi, now + 2 * DAY) > first
