"""A line's channels across hosts: never more of our calls on it than it has, all hosts together."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from checks.contract import Claim
from monitor.ledger import Ledger
from monitor.lines.channels import Lines
from monitor.scheduling.channel_leases import ChannelLeases, channel_job
from monitor.scheduling.claims import Claims
from tests.ledger.engines import Engine


def lines(name: str, ledger: Ledger) -> tuple[Lines, Claims]:
    claims = Claims(ledger, name)
    return Lines(None, ChannelLeases(ledger, claims).occupy), claims


@pytest.fixture
def both(engine: Engine, tmp_path: Path) -> object:
    with ExitStack() as life:
        made = [life.enter_context(engine.opened(tmp_path)) for _ in range(2)]
        yield made


async def test_hosts_together_have_no_more_calls_than_channels(both: list[Ledger]) -> None:
    busy, most, made = 0, 0, 0
    hosts = [lines(f"host-{number}", ledger)[0] for number, ledger in enumerate(both)]

    async def call(host: Lines, taken: int) -> None:
        nonlocal busy, most, made
        async with host.occupy([Claim("trunk-a", 2, taken)]):
            busy += taken
            most = max(most, busy)
            await asyncio.sleep(0)  # the others have their turn
            busy -= taken
            made += 1

    async with asyncio.timeout(30):
        await asyncio.gather(*(call(host, taken) for host in hosts for taken in (1, 2, 1)))
    assert (made, most) == (6, 2)
    jobs = [channel_job("trunk-a", number) for number in range(2)]
    assert not any(row.held for row in both[0].lease_rows(jobs).values())


async def test_two_lines_are_had_together_or_not_at_all(both: list[Ledger]) -> None:
    (a, _), (_, other) = lines("a", both[0]), lines("b", both[1])
    held = other.take(both[1], [channel_job("trunk-b", 0)])
    wanted = [Claim("trunk-a", 1), Claim("trunk-b", 1)]
    waiting = asyncio.ensure_future(_had(a, wanted))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.2)
    (row,) = both[1].lease_rows([channel_job("trunk-a", 0)]).values() or (None,)
    assert row is None or not row.held, "nothing is held while one is missing"
    other.let_go(held)
    async with asyncio.timeout(30):
        await waiting


async def test_a_line_that_a_dead_host_was_on_is_free_when_its_lease_is_over(
    both: list[Ledger],
) -> None:
    job = channel_job("trunk-a", 0)
    both[0].claim_leases("dead", [job], timedelta(milliseconds=300))
    a, claims = lines("a", both[1])
    async with asyncio.timeout(30), a.occupy([Claim("trunk-a", 1)]):
        assert claims.holds(job)
    assert not claims.holds(job)


async def _had(host: Lines, wanted: list[Claim]) -> None:
    async with host.occupy(wanted):
        pass
