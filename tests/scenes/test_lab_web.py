"""Portals, APIs, reports, the agents' screens and the uplink of the practice centre: each fault is
seen by a real check and becomes the one right ticket; what only hangs on it opens none of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from checks.contract import Fault
from lab import Lab
from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.core.verdict import State
from monitor.incidents.correlation import AttemptResult as Look
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from tests.scenes.web_faults import WEB


class Watch:
    """The lab's site on a ledger in memory; a failure counts at once."""

    def __init__(self, configuration: Configuration, folder: Path) -> None:
        self._clock = SystemClock()
        self.ledger = Ledger(":memory:")
        self._rounds = Rounds(
            self.ledger, configuration, self._clock, Runner(self._clock, folder / "exhibits")
        )
        self._checks = configuration.checks

    async def look(self, check: str) -> Look:
        """One look."""
        seen = await self._rounds.look(Due(replace(self._checks[check], confirm=1), "once"))
        assert seen is not None
        return seen

    async def accept(self, check: str) -> None:
        """As `reveille baseline` does, after a first look."""
        await self.look(check)
        with self.ledger.transaction() as t:
            for proposal in self.ledger.proposals(check):
                t.accept(proposal, "asha", self._clock.now())

    def tickets(self) -> list[tuple[str, list[str]]]:
        """Issue and causes of every open one."""
        return [(row.issue, row.body["causes"]) for row in self.ledger.open_incidents()]


@pytest.fixture
async def watch(configuration: Configuration, tmp_path: Path) -> AsyncIterator[Watch]:
    opened = Watch(configuration, tmp_path)
    yield opened
    opened.ledger.close()


@pytest.mark.parametrize("name", sorted(WEB))
async def test_a_fault_becomes_the_right_ticket(lab: Lab, watch: Watch, name: str) -> None:
    expected = WEB[name]
    if expected.check == "agents-toolbar":
        await watch.accept(expected.check)
    lab.break_(name)
    seen = await watch.look(expected.check)
    assert seen.verdict.state is State.FAILED, seen.observation
    fault = seen.verdict.fault
    assert isinstance(fault, Fault)
    assert (fault.stage, fault.code) == (expected.stage, expected.code), fault.text
    assert watch.tickets() == [(expected.issue, [expected.cause or expected.check])]


@pytest.mark.parametrize(
    "check", ["uplink", "agent-portal", "report-portal", "crm-api", "crm-webhook", "calls-report"]
)
async def test_a_healthy_centre_passes(watch: Watch, check: str) -> None:
    seen = await watch.look(check)
    assert seen.verdict.state is State.OK, seen.verdict.reasons
    assert watch.tickets() == []


async def test_what_was_never_accepted_is_not_known_to_be_right(watch: Watch) -> None:
    assert (await watch.look("agents-toolbar")).verdict.state is State.UNKNOWN
    await watch.accept("agents-toolbar")
    assert (await watch.look("agents-toolbar")).verdict.state is State.OK
    assert watch.tickets() == []


@pytest.mark.parametrize(
    ("fault", "check", "issue", "cause"),
    [
        ("agent-portal-down", "agents-toolbar", "agent-portal-down", "agent-portal"),
        ("report-portal-down", "calls-report", "report-portal-down", "report-portal"),
        ("api-down", "crm-webhook", "api-crm-integration", "crm-api"),
    ],
)
async def test_what_hangs_on_another_trouble_is_not_ticketed(
    lab: Lab, watch: Watch, fault: str, check: str, issue: str, cause: str
) -> None:
    if check == "agents-toolbar":
        await watch.accept(check)
    lab.break_(fault)
    await watch.look(check)
    await watch.look(cause)
    assert watch.tickets() == [(issue, [cause])]


async def test_the_mail_of_a_ticket_tells_what_differs(lab: Lab, watch: Watch) -> None:
    await watch.accept("agents-toolbar")
    lab.break_("ui-changed")
    seen = await watch.look("agents-toolbar")
    assert '- toolbar[].text: "Transfer"' in seen.verdict.reasons[0]
    exhibit = next(one for one in seen.observation.exhibits if one.name == "difference.txt")
    assert '- toolbar[].data-action: "transfer"' in exhibit.path.read_text().splitlines()


async def test_no_secret_is_in_what_is_kept(lab: Lab, watch: Watch) -> None:
    """Of a call that was refused, a report that differs, a callback that is wrong."""
    secrets = [lab.passwords[name].read_text().strip() for name in ("watcher", "api-key")]
    await watch.accept("agents-toolbar")
    kept = []
    for fault in (
        "report-wrong",
        "webhook-wrong",
        "api-form-changed",
        "ui-changed",
        "admin-portal-login",
    ):
        lab.break_(fault)
        seen = await watch.look(WEB[fault].check)
        kept += [
            repr(seen),
            *(one.path.read_text(errors="replace") for one in seen.observation.exhibits),
        ]
    assert not [secret for secret in secrets for text in kept if secret in text]
