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
        (one.id, write_duration(one.response_seconds), write_duration(one.resolution_seconds))
        for one in xop.severities
    ]
    assert shown == [("critical", "2h", "6h"), ("major", "8h", "12h"), ("minor", "1d", "1d")]


def test_every_urgency_climbs_to_product_development_whose_window_is_the_published_resolution(
    xop: Policy,
) -> None:
    windows = {"critical": "3d", "major": "7d", "minor": "30d"}
    for ladder in xop.ladders:
        if ladder.name != "operators":
            assert [level.number for level in ladder.levels] == [1, 2, 3, 4]
            assert ladder.levels[1].until_seconds == 7200, "level 2 responds within two hours"
            last = ladder.levels[-1]
            assert last.role == "product-development" and last.until_seconds
            assert last.until_seconds == duration_seconds(windows[ladder.name])


def test_no_person_is_in_the_file(xop: Policy) -> None:
    """The published desks alone, which are shown and never told."""
    assert {desk.title for desk in xop.desks} == {"XOP support", "XOP emergency desk"}
