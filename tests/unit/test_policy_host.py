"""What the faults of a host become: each code that a look can say, under both policies that speak
of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.host.check import HostCheck
from checks.kinds import kinds
from monitor import policies
from monitor.core.failure import Case

TABLE = Path(__file__).parents[1] / "golden" / "policies" / "host_xop.txt"


def rows() -> list[tuple[str, str, str, str]]:
    """Kind, stage, code, urgency."""
    written = [
        line.split()
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line and line[0] != "#"
    ]
    return [
        (kind, "" if stage == "-" else stage, code, urgency)
        for kind, stage, code, _, _, _, urgency in written
    ]


@pytest.mark.parametrize(("kind", "stage", "code", "urgency"), rows())
def test_each_fault_of_a_host_has_its_urgency_under_xop(
    kind: str, stage: str, code: str, urgency: str
) -> None:
    found = policies.load("xop").classify(Case(kind, stage, code))
    assert found.severity.id == urgency, f"by rule {found.rule!r}"


@pytest.mark.parametrize(("kind", "stage", "code", "_urgency"), rows())
def test_no_fault_of_a_host_is_the_vendor_s_or_the_telco_s(
    kind: str, stage: str, code: str, _urgency: str
) -> None:
    assert policies.load("ozonetel").classify(Case(kind, stage, code)).issue.owner == "monitor"


def test_every_code_that_a_look_can_say_stands_in_the_table() -> None:
    told = {(kind, code) for kind, _, code, _ in rows()}
    said = {
        (name, code)
        for name, kind in kinds().items()
        if issubclass(kind, HostCheck)
        for code in kind.WORST
    }
    assert said
    assert said <= told, sorted(said - told)
