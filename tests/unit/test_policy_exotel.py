"""The shipped exotel policy: severity by counted loss, in whole numbers; clocks that a next release
has none of.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.contract import Failed, Layer, Trace
from checks.durations import write_duration
from monitor import policies
from monitor.config.section_models import Person
from monitor.core.failure import Case
from monitor.core.policy import Policy
from monitor.core.policy_promises import NEXT_RELEASE
from monitor.testing.scenario import Scene, Scripted

EXOTEL = policies.load("exotel")


@pytest.fixture(scope="module")
def exotel() -> Policy:
    return EXOTEL


def test_response_and_resolution_are_the_published_ones(exotel: Policy) -> None:
    shown = [
        (one.id, [(target.name, write_duration(target.seconds)) for target in one.targets])
        for one in exotel.severities
    ]
    assert shown == [
        ("critical", [("response", "30m"), ("resolution", "3h"), ("rca", "2d")]),
        ("major", [("response", "30m"), ("resolution", "1d"), ("rca", "2d")]),
        ("minor", [("response", "30m")]),
    ]
    assert NEXT_RELEASE in {one["resolution"] for one in policies.read("exotel")["severity"]}


@given(of=st.integers(1, 10_000), share=st.floats(0, 1))
def test_a_limit_is_compared_exactly(of: int, share: float) -> None:
    lost = int(of * share)
    case = Case("burst", "answer", "sip:503", layer=Layer.SIGNALLING, lost=lost, of=of)
    loss = Fraction(lost, of)
    wanted = (
        "critical" if loss >= Fraction(1, 5) else "major" if loss >= Fraction(1, 50) else "minor"
    )
    assert EXOTEL.classify(case).severity.id == wanted


class Burst(Scripted):
    """Calls of which some are rejected, as the world has it: "9 of 400"."""

    KIND: ClassVar[str] = "burst"
    LAYER: ClassVar[Layer] = Layer.SIGNALLING
    STAGE: ClassVar[str] = "answer"

    async def probe(self, trace: Trace) -> None:
        wrong = self.world[self.name]
        if isinstance(wrong, Failed):
            rejected, _, offered = wrong.text.split()
            trace.measure("rejected", float(rejected))
            trace.measure("offered", float(offered))
        await super().probe(trace)


async def test_a_loss_that_grows_makes_the_same_ticket_worse(tmp_path: Path) -> None:
    start = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    site = Scene(start, {"capacity": {"of": Burst, "every": 300.0, "confirm": 1}}, folder=tmp_path)
    site.stop_daemon()
    people = tuple(
        Person(role=role, mail=f"{role}@example.net") for role in (*EXOTEL.roles, "operators")
    )
    site.configuration = replace(site.configuration, policy=EXOTEL, people=people)
    site.start_daemon()
    told: list[tuple[int | None, str]] = []
    for loss in ("9 of 400", "7 of 400", "81 of 400", "9 of 400"):
        site.world["capacity"] = Failed("sip:503/34", loss)
        await site.run_for(minutes=6)
        told += [(row.number, row.severity) for row in site.ledger.incidents()]
    site.stop_daemon()
    assert told == [
        (1, "major"),
        (1, "major"),
        (1, "critical"),
        (1, "critical"),
    ], "never better while it lasts"
    worse = [line for line in site.told() if line.startswith("reclassified RV-1")]
    assert worse
    assert len(worse) == len(set(worse)), "told once to each"
