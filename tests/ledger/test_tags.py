"""A check that names tags is looked at by hosts that bear them, and by nobody else; and where no
host at work does, `reveille status` says so. So with sites. On each engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.config.ledger import LedgerSettings
from monitor.config.probe import Probe
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Rounds
from monitor.service.standing import standing
from reports.render import render_text
from tests.ledger.engines import Engine
from tests.ledger.test_shared_rounds import Host, Hosts

SERVED = timedelta(seconds=30)
CHECKS: dict[str, dict[str, object]] = {
    "any": {"every": 60.0},
    "lan": {"every": 60.0, "probes": ("lan",)},
    "by-name": {"every": 60.0, "probes": ("b", "nobody")},
    "nobody": {"every": 60.0, "probes": ("moon", "mars")},
}


@pytest.fixture
def hosts(engine: Engine, tmp_path: Path) -> Iterator[Hosts]:
    (tmp_path / "scene").mkdir()
    with ExitStack() as life:
        made = Hosts(engine, tmp_path, life)
        made.watching(CHECKS)
        yield made


def bearing(hosts: Hosts, name: str, *tags: str, sites: tuple[str, ...] = ()) -> Host:
    """A host of this name, with these tags, that is heard."""
    host = hosts.host(name)
    probe = Probe(name=name, tags=tags, sites=sites)
    mine = replace(hosts.scene.configuration, probe=probe)
    host.rounds = Rounds(host.ledger, mine, host.clock, host.runner, claims=host.claims)
    host.ledger.hear_host(name, "", name, SERVED, tags, sites)
    host.claims.hosts = tuple(one.serving for one in host.ledger.hosts())
    return host


async def test_only_who_bears_a_tag_claims_its_checks(hosts: Hosts) -> None:
    a, b = bearing(hosts, "a", "dmz"), bearing(hosts, "b", "lan", "dmz")
    for _ in range(3):
        assert not set(await a.turn()) - {"any"}, "nor once the others had their time"
        assert {"lan", "by-name"} <= set(await b.turn()) <= {"any", "lan", "by-name"}
        hosts.scene.clock.advance(60)
    assert hosts.looks(a.ledger, "nobody") == 0


async def test_a_host_of_other_sites_leaves_these_alone(hosts: Hosts) -> None:
    here = hosts.scene.configuration.site.name
    a, b = bearing(hosts, "a", "lan", sites=("Delhi",)), bearing(hosts, "b", sites=("Delhi", here))
    for _ in range(3):
        assert await a.turn() == [], "nor once the others had their time"
        assert set(await b.turn()) == {"any", "by-name"}, "at the slot: nobody else goes first"
        hosts.scene.clock.advance(60)
    assert said(hosts, a.ledger) == {"nobody": ("moon", "mars"), "lan": ("lan",)}
    a.ledger.host_leaves("b", "b")
    assert said(hosts, a.ledger) == dict.fromkeys(CHECKS, (here,)), "no host is of this site"


def said(hosts: Hosts, ledger: Ledger) -> dict[str, tuple[str, ...]]:
    """What `reveille status` has of the checks that are left to nobody."""
    of_server = LedgerSettings(url="postgresql://reveille@127.0.0.1/reveille?sslmode=disable")
    configuration = replace(hosts.scene.configuration, ledger=of_server)
    status = standing(ledger, configuration, hosts.scene.clock.now())
    left = {line.name: line.left_to for line in status.checks if line.left_to}
    text = " ".join(render_text("status", status=status).split())
    for names in left.values():
        assert f"no host at work has this name, tag or site: {', '.join(names)}." in text
    return left


async def test_a_check_that_nobody_can_look_at_is_said_in_status(hosts: Hosts) -> None:
    ledger = bearing(hosts, "a", "dmz").ledger
    nobody = {"nobody": ("moon", "mars")}
    assert said(hosts, ledger) == {**nobody, "lan": ("lan",), "by-name": ("b", "nobody")}
    bearing(hosts, "b", "lan")
    assert said(hosts, ledger) == nobody
    ledger.host_leaves("b", "b")
    assert set(said(hosts, ledger)) == {"nobody", "lan", "by-name"}, "it stopped"
    ledger.hear_host("a", "", "a", SERVED, ("mars",))
    assert "nobody" not in said(hosts, ledger)
