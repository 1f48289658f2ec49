"""What people do at their helpdesk is seen, and stays: on a whole site, with the real outbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checks.contract import Failed
from monitor.delivery.desk_polling import DeskPolling
from monitor.delivery.outbox import Outbox
from monitor.desks.rest_helpdesk import HelpdeskSettings
from monitor.incidents.store import incident_of
from monitor.testing.scenario import Scene
from tests.desks.proxy import Proxy, between
from tests.desks.server import VendorServer, serving
from tests.desks.vendors import MOSTLY_SLOW, VENDORS, Vendor

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
each = pytest.mark.parametrize("vendor", MOSTLY_SLOW)


class Site:
    """A site whose one helpdesk is a vendor's server."""

    def __init__(
        self, vendor: Vendor, server: VendorServer, proxy: Proxy, port: int, folder: Path
    ) -> None:
        self.vendor, self.server, self.proxy = vendor, server, proxy
        self.scene = Scene(START, {"main-number": {"every": 300.0}}, folder=folder)
        self.scene.stop_daemon()
        settings = vendor.configured(port, folder)
        self.scene.configuration = replace(self.scene.configuration, desks={"desk": settings})
        self.scene.start_daemon()
        self.use(settings)

    def use(self, settings: HelpdeskSettings) -> None:
        """Tell it and look at it by these settings."""
        self.settings = settings
        desks = {"desk": settings.desk("desk")}
        self.scene.outbox = Outbox(self.scene.ledger, desks, "scene")
        self.polling = DeskPolling(self.scene.ledger, desks)

    @property
    def incident(self):  # type: ignore[no-untyped-def]
        row = self.scene.ledger.incident(1)
        assert row is not None
        return incident_of(row)

    @property
    def number(self) -> str:
        (alive,) = self.server.alive(f"rv-1.{self.scene.ledger.identity}")
        return alive

    @property
    def stands(self) -> tuple[str, str]:
        return self.server.stands(self.number)[:2]

    async def breaks(self) -> None:
        self.scene.world["main-number"] = Failed("silent")
        await self.scene.run_for(minutes=6)
        self.server.passed(360)

    async def goes_on(self, **span: float) -> None:
        await self.scene.run_for(**span)
        await self.polled()

    async def polled(self) -> None:
        self.scene.clock.advance(61)
        self.server.passed(61)
        now = self.scene.clock.now()
        assert self.polling.due(now)
        await self.polling.poll(self.scene.configuration, now)
        await self.scene.outbox.deliver_due(now)

    def history(self, kind: str) -> list[dict[str, object]]:
        return [row.body for row in self.scene.ledger.history(1) if row.kind == kind]


@asynccontextmanager
async def site(vendor: Vendor, folder: Path) -> AsyncIterator[Site]:
    server = vendor.begun()
    async with serving(server) as port, between(port) as (proxy, way):
        made = Site(vendor, server, proxy, way, folder)
        try:
            await made.breaks()
            yield made
        finally:
            made.scene.stop_daemon()


@each
async def test_who_takes_writes_and_resolves_there_is_seen_here(
    vendor: Vendor, tmp_path: Path
) -> None:
    async with site(vendor, tmp_path) as here:
        await here.polled()
        assert (here.incident.acknowledged_at, here.history("note")) == (None, [])
        here.server.operator(here.number, owner=here.vendor.asha, status=vendor.words.taken)
        here.server.operator(here.number, note="The vendor is called, ref 4711.")
        await here.polled()
        assert here.incident.acknowledged_at == here.scene.clock.now()
        assert "at desk" in here.incident.acknowledged_by
        (note,) = here.history("note")
        assert note["text"] == "The vendor is called, ref 4711."
        texts = here.server.stands(here.number)[2]
        assert sum("4711" in text for text in texts) == 1, "it comes from there, and is not echoed"
        await here.polled()
        assert len(here.history("note")) == 1
        here.server.operator(here.number, status=vendor.words.resolved)
        await here.polled()
        assert here.incident.closing == "resolved"
        assert here.stands[0] == vendor.words.resolved
        assert len(here.server.tickets) == 1


@each
async def test_a_severity_that_was_set_there_is_taken_and_not_overwritten(
    vendor: Vendor, tmp_path: Path
) -> None:
    async with site(vendor, tmp_path) as here:
        was = here.incident.severity.id
        other = {"P0": "P2"}.get(was, "P0")
        word = {"P0": vendor.words.p0, "P2": vendor.words.p2}[other]
        here.server.operator(here.number, severity=word)
        await here.goes_on(minutes=20)
        assert here.incident.severity.id == other
        assert here.incident.classified_by_human
        assert here.stands[1] == word


async def test_a_ticket_that_is_resolved_there_and_fails_on_is_reopened_once(
    tmp_path: Path,
) -> None:
    vendor = VENDORS["zammad"]
    async with site(vendor, tmp_path) as here:
        here.server.operator(here.number, status="closed")
        await here.polled()
        assert not here.incident.open
        await here.scene.run_for(minutes=15)
        assert here.incident.open, "it fails on"
        assert here.stands[0] == "new"
        assert len(here.server.tickets) == 1
        await here.polled()
        assert here.incident.open


async def test_a_desk_that_is_away_takes_and_resolves_nothing(tmp_path: Path) -> None:
    async with site(VENDORS["zammad"], tmp_path) as here:
        here.proxy.plan = lambda _: "overload"
        await here.polled()
        assert here.incident.open and here.incident.acknowledged_at is None


async def test_what_is_not_told_yet_is_not_read_back(tmp_path: Path) -> None:
    """It stands there as it was before our letter: an old end would end it again."""
    vendor = VENDORS["zammad"]
    async with site(vendor, tmp_path) as here:
        here.proxy.plan = lambda _: "overload"
        here.scene.world["main-number"] = None
        await here.scene.run_for(minutes=30)
        here.scene.world["main-number"] = Failed("silent")
        await here.scene.run_for(minutes=30)
        here.server.operator(here.number, status="closed")
        here.proxy.plan = lambda _: "pass"
        now = here.scene.clock.now() + timedelta(seconds=61)
        await here.polling.poll(here.scene.configuration, now)
        assert here.incident.open
