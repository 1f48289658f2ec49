"""The shipped xop policy against the published process: urgencies, targets, levels, and failure by
failure.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.contract import Layer
from checks.durations import write_duration
from monitor import policies
from monitor.core.duration import duration_seconds
from monitor.core.failure import Case
from monitor.core.policy import Policy

TABLE = Path(__file__).parents[1] / "golden" / "policies" / "xop.txt"


@pytest.fixture(scope="module")
def xop() -> Policy:
    return policies.load("xop")


def lines() -> list[str]:
    written = TABLE.read_text(encoding="utf-8").splitlines()
    return [" ".join(line.split()) for line in written if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("line", lines())
def test_each_failure_becomes_the_row_of_the_golden_table(xop: Policy, line: str) -> None:
    failure, expected = line.split(" -> ")
    kind, stage, code, layer, component = ("" if word == "-" else word for word in failure.split())
    found = xop.classify(Case(kind, stage, code, component=component, layer=Layer[layer.upper()]))
    got = f"{found.issue.id} {found.severity.id} {found.issue.owner} {found.ladder.name}"
    assert got == expected, f"by rule {found.rule!r}"


def test_the_golden_table_raises_every_issue(xop: Policy) -> None:
    assert {line.split(" -> ")[1].split()[0] for line in lines()} == {
        issue.id for issue in xop.issues
    }


def test_response_and_recovery_are_the_published_ones(xop: Policy) -> None:
    shown = [
        (one.id, *(write_duration(target.seconds) for target in one.targets))
        for one in xop.severities
    ]
    assert shown == [
        ("critical", "2h", "2h", "6h", "3d", "1d", "3d"),
        ("major", "2h", "8h", "12h", "1w", "2d", "1w"),
        ("minor", "2h", "1d", "1d", "4w2d", "3d", "4w2d"),
    ]
    assert [target.name for target in xop.severities[0].targets] == [
        "acknowledgement",
        "response",
        "recovery",
        "resolution",
        "rca",
        "prevention",
    ]


def test_every_urgency_climbs_to_product_development_whose_window_is_the_published_resolution(
    xop: Policy,
) -> None:
    windows = {"critical": "3d", "major": "7d", "minor": "30d"}
    plan = next(ladder for ladder in xop.ladders if ladder.name == "general")
    for severity in xop.severities:
        ladder = plan.under(severity)
        assert [level.number for level in ladder.levels] == [1, 2, 3, 4]
        assert ladder.levels[2].after_seconds == 7200, "level 2 has two hours"
        last = ladder.levels[-1]
        assert last.role == "product-development"
        assert last.until_seconds == duration_seconds(windows[severity.id])


def test_no_person_is_in_the_file(xop: Policy) -> None:
    """The published desks alone, which are shown and never told."""
    assert {desk.title for desk in xop.desks} == {"XOP support", "XOP emergency desk"}
