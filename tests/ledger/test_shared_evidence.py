"""Evidence follows: what one host has seen of a failure lies on every host; on each engine."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checks.contract import Exhibit, Fault, Observation
from monitor.core.verdict import State, Verdict
from monitor.evidence.sharing import SharedEvidence
from monitor.incidents.correlation import AttemptResult, Correlation
from monitor.ledger import Ledger
from monitor.testing.scenario import Scene
from tests.ledger.test_shared_rounds import START

HOUR = timedelta(hours=1)


class Hosts:
    """Two hosts' folders on one ledger."""

    def __init__(self, ledger: Ledger, folder: Path) -> None:
        self.ledger, self._folder = ledger, folder
        self.a = SharedEvidence(folder / "a", "a", most_bytes=1000)
        self.b = SharedEvidence(folder / "b", "b", most_bytes=1000)
        self.scene = Scene(START, {"portal": {"every": 60.0, "confirm": 1}}, folder=folder)
        self.scene.stop_daemon()

    def failed(self, name: str = "portal-a-060000-1", **files: bytes) -> None:
        """Host a looks, and keeps this."""
        made = self._folder / "a" / f"{START:%Y-%m-%d}" / name
        made.mkdir(parents=True)
        for file, body in files.items():
            (made / file).write_bytes(body)
        exhibits = tuple(Exhibit(file, "text/html", made / file) for file in files)
        fault = Fault("response", "refused", "connection refused")
        seen = Observation(fault=fault, exhibits=exhibits)
        verdict = Verdict(State.FAILED, ("connection refused",), fault)
        entry = self.scene.configuration.checks["portal"]
        look = AttemptResult(entry, "scheduled", START, seen, verdict)
        with self.ledger.transaction() as t:
            Correlation(self.ledger, t, self.scene.configuration, START).settle(look)

    def on_b(self) -> dict[str, bytes]:
        root = self._folder / "b"
        return {file.name: file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.fixture
def hosts(ledger: Ledger, tmp_path: Path) -> Hosts:
    return Hosts(ledger, tmp_path)


def test_what_one_host_saw_lies_on_the_other(hosts: Hosts) -> None:
    hosts.failed(page=b"<h1>\x00500\xff</h1>", ladder=b"INVITE", sound=b"\x01" * 2000)
    assert hosts.a.give(hosts.ledger, START, HOUR) == 2
    again = SharedEvidence(hosts._folder / "a", "a", most_bytes=1000)
    for host in (hosts.a, again):
        assert host.give(hosts.ledger, START, HOUR) == 0, "nothing is sent twice"
    assert (hosts.b.take(hosts.ledger), hosts.a.take(hosts.ledger)) == (2, 0)
    assert hosts.on_b() == {"page": b"<h1>\x00500\xff</h1>", "ladder": b"INVITE"}
    assert hosts.b.take(hosts.ledger) == 0
    (file,) = (hosts._folder / "b").rglob("page")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.relative_to(hosts._folder / "b").parts[:2] == ("2026-11-30", "portal-a-060000-1")


def test_much_of_it_is_given_bit_by_bit(hosts: Hosts) -> None:
    hosts.failed(page=b"0123456789", ladder=b"0123456789", sound=b"0123456789")
    host, given = SharedEvidence(hosts._folder / "a", "a", bytes_at_once=10), list[int]()
    while not given or host.behind:
        given.append(host.give(hosts.ledger, START, HOUR))
    assert given == [1, 1, 1] and hosts.b.take(hosts.ledger) == 3


def test_a_path_that_leads_elsewhere_is_not_written(hosts: Hosts) -> None:
    for path in ("../b.txt", "2026-11-30/../../x", "/etc/x", "2026-11-30/x", "exhibits/a/b"):
        hosts.ledger.put_exhibit(path, "a", b"harm")
    assert hosts.b.take(hosts.ledger) == 0 and hosts.on_b() == {}


def test_it_is_kept_for_as_long_as_a_ticket_shows_it(hosts: Hosts) -> None:
    hosts.failed(page=b"shown")
    hosts.ledger.put_exhibit("2026-11-30/other-a-060000-1/page", "a", b"old")
    hosts.a.give(hosts.ledger, START, HOUR)
    configuration = replace(hosts.scene.configuration, keep_evidence=0.0)
    later = hosts.ledger.now() + HOUR
    assert hosts.a.forget(hosts.ledger, configuration, later - 2 * HOUR) == 0
    assert hosts.a.forget(hosts.ledger, configuration, later) == 1
    (left,) = hosts.ledger.exhibits(START - HOUR)
    assert left.path == "2026-11-30/portal-a-060000-1/page" and left.size == 5
