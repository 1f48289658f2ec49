"""A call that fails and the PRI below it: whose ticket it is. The gateway is a real SNMP agent, the
rest a scene.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from checks.contract import Failed
from checks.settings import Secret
from checks.telephony.gateway import mibs
from checks.telephony.gateway.pri_snmp import PriSnmp
from monitor.core.incident import Incident
from monitor.incidents import store
from monitor.testing.scenario import Scene
from tests.loopback.snmp_agent import COUNTER, INTEGER, STATUS, TICKS, Gateway, gateway

# Its agent takes seconds to start: once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("one gateway")

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 08:30 in Pune
SILENT = Failed("silent", "no sound for 8 s")


@pytest.fixture(scope="module")
def one_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def agent(one_agent: Gateway) -> Gateway:
    one_agent.pri(uptime=8_640_000)
    return one_agent


@pytest.fixture
def site(agent: Gateway, tmp_path: Path) -> Iterator[Scene]:
    (tmp_path / "community").write_text("public", encoding="utf-8")
    community = Secret(file=tmp_path / "community")
    pri = PriSnmp(host=f"127.0.0.1:{agent.port}", community=community, flap_window=900.0)
    scene = Scene(
        START,
        {
            "main-number": {"at": (time(8, 30), time(17, 30)), "diagnose": ("pri-1",)},
            "pri-1": {"probe": pri, "every": 300.0, "confirm_after": 30.0},
        },
        folder=tmp_path,
    )
    yield scene
    scene.stop_daemon()


def incidents(site: Scene) -> list[Incident]:
    return [store.incident_of(row) for row in site.ledger.incidents()]


def gateways_clock(agent: Gateway, site: Scene) -> tuple[str, int]:
    """sysUpTime, as far on as the scene's clock."""
    return TICKS, 8_640_000 + round((site.clock.now() - START).total_seconds() * 100)


async def test_the_signal_is_lost_and_the_call_fails_one_ticket_for_the_telco(
    site: Scene, agent: Gateway
) -> None:
    agent.tell({f"{STATUS}.1": (INTEGER, 64)})
    site.world["main-number"] = SILENT
    await site.run_for(minutes=10)
    (ticket,) = incidents(site)
    assert (ticket.issue, ticket.owner, ticket.severity.id) == ("pri-down", "telco", "P2")
    assert ticket.causes == ("pri-1",) and "main-number" in ticket.attached
    opened = [letter for letter in site.desk.letters if letter.kind == "opened"]
    assert len({letter.incident for letter in opened}) == 1
    assert "loss of signal" in str(opened[0].body)


async def test_the_line_stands_and_the_call_fails_one_ticket_for_the_vendor(site: Scene) -> None:
    site.world["main-number"] = SILENT
    await site.run_for(minutes=10)
    (ticket,) = incidents(site)
    assert (ticket.issue, ticket.owner, ticket.severity.id) == ("ivr-not-working", "vendor", "P0")
    assert ticket.causes == ("main-number",)


async def test_a_flap_between_two_looks_and_a_restart_is_one_ticket_that_heals(
    site: Scene, agent: Gateway
) -> None:
    await site.run_for(minutes=6)
    assert incidents(site) == []
    site.stop_daemon()
    agent.tell(
        {f"{mibs.LAPD_PEER_SABME}.101": (COUNTER, 11), mibs.UPTIME: gateways_clock(agent, site)}
    )
    site.start_daemon()
    await site.run_for(minutes=6)
    (ticket,) = incidents(site)
    assert (ticket.issue, ticket.open) == ("pri-down", True)
    assert "flapping" in str(ticket.evidence)
    end = site.clock.now() + timedelta(minutes=30)
    while site.clock.now() < end:
        await site.run_for(minutes=1)
        agent.tell({mibs.UPTIME: gateways_clock(agent, site)})
    (ticket,) = incidents(site)
    assert ticket.recovered_at is not None
