"""Rows of the matrix that take no phone call, each broken in turn before all the checks that look
at them: one ticket, the row's own, and no second beside it. The real daemon and the calls:
./reveille bench rows.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from lab import Lab
from monitor import policies
from monitor.clock import SystemClock
from monitor.config import Configuration, load
from monitor.config.reference import sample
from monitor.core.failure import Case
from monitor.ledger import Ledger
from monitor.scheduling.rounds import Due, Rounds
from monitor.scheduling.runner import Runner
from tests.scenes.matrix import ROWS, Raised, accept_screen

STAGES = ("register", "prompt", "agent", "transfer", "download")
TOGETHER = ("portal", "uplink", "api", "webhook", "report", "ui-config", "websocket")
"""kinds that are quick"""
QUICK = [row for row in ROWS if not row.call and row.check != "chat"]


def test_every_issue_of_the_matrix_has_its_row() -> None:
    issues = [issue["id"] for issue in policies.read("ozonetel")["issue"]]
    assert [row.issue for row in ROWS] == issues[:15], (
        "the published ones stand first, in their order"
    )


@pytest.mark.browser
@pytest.mark.engine
def test_every_row_has_its_check_and_its_fault(lab: Lab, configuration: Configuration) -> None:
    assert {row.check for row in ROWS} <= set(configuration.checks)
    assert {row.fault for row in ROWS} <= set(Lab.FAULTS)
    assert len({row.fault for row in ROWS}) == len(ROWS)


def test_the_sample_has_a_check_for_every_row(tmp_path: Path) -> None:
    file = tmp_path / "reveille.toml"
    file.write_text(sample.sample(), encoding="utf-8")
    configuration = load(file)
    failures = [(stage, code) for stage in STAGES for code in ("timeout", "report-missing")]
    cases = [
        Case(entry.probe.KIND, stage, code, name, entry.component, entry.probe.layer_of(stage))
        for name, entry in configuration.checks.items()
        for stage, code in failures
    ]
    assert {row.issue for row in ROWS} <= {
        configuration.policy.classify(case).issue.id for case in cases
    }


async def raised(configuration: Configuration, folder: Path, number: int) -> Raised:
    """Everything is looked at, at once; a failure counts at once."""
    clock = SystemClock()
    with Ledger(":memory:") as ledger:
        accept_screen(ledger, clock.now())
        rounds = Rounds(ledger, configuration, clock, Runner(clock, folder / f"exhibits-{number}"))
        entries = [entry for entry in configuration.checks.values() if entry.probe.KIND in TOGETHER]
        looks = (rounds.look(Due(replace(entry, confirm=1), "once")) for entry in entries)
        seen = {look.name: look for look in await asyncio.gather(*looks) if look}
        guarding = seen[QUICK[number].check]
        return Raised(
            QUICK[number], tuple(ledger.incidents(50, None)), str(guarding.verdict.reasons), 0.0
        )


async def test_each_is_raised_by_its_fault_and_by_nothing_else(
    lab: Lab, configuration: Configuration, tmp_path: Path
) -> None:
    for number, row in enumerate(QUICK):
        lab.break_(row.fault)
        found = await raised(configuration, tmp_path, number)
        lab.mend()
        assert found.right, (
            row,
            [(one.issue, one.body["evidence"]) for one in found.tickets],
            found.reason,
        )


@pytest.mark.engine
@pytest.mark.slow
async def test_no_ticket_is_opened_where_nothing_is_broken(
    lab: Lab, configuration: Configuration, tmp_path: Path
) -> None:
    clock = SystemClock()
    with Ledger(":memory:") as ledger:
        accept_screen(ledger, clock.now())
        rounds = Rounds(ledger, configuration, clock, Runner(clock, tmp_path / "exhibits"))
        entries = configuration.checks.values()
        await asyncio.gather(
            *(rounds.look(Due(replace(entry, confirm=1), "once")) for entry in entries)
        )
        assert ledger.incidents(50, None) == []
