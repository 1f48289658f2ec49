"""The one story of a ticket, told to every helpdesk; and what lies in between does its worst."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from monitor.desks.desk import TryLater
from tests.desks.lanes import lived_at_once, through_trouble
from tests.desks.proxy import FAULTS, between
from tests.desks.server import serving
from tests.desks.story import letters
from tests.desks.vendor_lanes import lanes_to
from tests.desks.vendors import MOSTLY_SLOW, VENDORS, Vendor

each = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)


@each
async def test_a_ticket_is_opened_taken_reclassified_resolved_and_reopened(
    vendor: Vendor, tmp_path: Path
) -> None:
    server, reference = vendor.begun(), None
    steps = []
    async with serving(server) as port:
        desk = vendor.desk(port, tmp_path)
        for letter in letters(12):
            reference = await desk.deliver(replace(letter, reference=reference))
            (alive,) = server.alive(letter.thread)
            assert alive == reference
            status, severity, _ = server.stands(alive)
            steps.append((letter.kind, status, severity))
    words = vendor.words
    assert steps == [
        ("opened", words.open, words.p0),
        ("acknowledged", words.taken, words.p0),
        ("reclassified", words.taken, words.p2),
        ("note", words.taken, words.p2),
        ("closed", words.resolved, words.p2),
        ("reopened", words.open, words.p2),
        ("updated", words.open, words.p2),
        ("closed", words.resolved, words.p2),
    ]
    vendor.ended_well(server, 12)


@pytest.mark.parametrize("vendor", MOSTLY_SLOW)
async def test_a_ticket_lives_through_whatever_lies_in_between(
    vendor: Vendor, tmp_path: Path
) -> None:
    """Every fault at the two requests where it hurts: the one that opens, the ones after it."""
    server, dice = vendor.begun(), random.Random(vendor.kind)
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path, timeout=0.1)
        slow = iter(("hold", "late"))

        def trouble(n: int) -> str:
            quick = dice.choice(("drop", "lose", "twice", "overload", *["pass"] * 20))
            return next(slow, quick) if n == vendor.opens_with else quick

        await through_trouble(server.passed, proxy, desk, 1, trouble)
        vendor.ended_well(server, 1, copies=True)


@each
async def test_a_ticket_lives_where_each_request_arrives_twice(
    vendor: Vendor, tmp_path: Path
) -> None:
    """The second answer is the one that comes back: no vendor solves what is solved."""
    server = vendor.begun()
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path)
        await through_trouble(server.passed, proxy, desk, 1, lambda _: "twice")
        vendor.ended_well(server, 1, copies=True)


@pytest.mark.slow
@each
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_ticket_lives_through_each_fault_at_each_point(
    vendor: Vendor, fault: str, tmp_path: Path
) -> None:
    server = vendor.begun()
    async with serving(server) as port, between(port) as (proxy, way):
        desk = vendor.desk(way, tmp_path, timeout=0.3)
        await through_trouble(server.passed, proxy, desk, 0, lambda _: "pass")
        for point in range(proxy.requests):
            plan = partial(lambda at, n: fault if n == at else "pass", point)
            await through_trouble(server.passed, proxy, desk, point + 1, plan)
            vendor.ended_well(server, point + 1, copies=True)


@each
async def test_what_is_missing_is_said_before_it_is_needed(vendor: Vendor, tmp_path: Path) -> None:
    server = vendor.begun()
    async with serving(server) as port:
        good = vendor.configured(port, tmp_path)
        assert "are there" in await good.try_out()
        assert server.tickets == {} and server.writes == []
        wrong = vendor.configured(port, tmp_path, severities={"P0": vendor.wrong})
        with pytest.raises(TryLater, match=vendor.wrong):
            await wrong.try_out()
        for secret in vendor.secrets:
            (tmp_path / secret).write_text("wrong", encoding="utf-8")
            with pytest.raises(TryLater):
                await good.try_out()


@pytest.mark.slow
@each
async def test_five_hundred_lives_through_a_way_that_fails_at_every_point(
    vendor: Vendor, tmp_path: Path
) -> None:
    async with AsyncExitStack() as opened:
        lanes = await lanes_to(vendor, tmp_path, opened)
        await lived_at_once(lanes, range(500), vendor.kind, seen := Counter[str]())
        assert seen["well"] == 500, seen
