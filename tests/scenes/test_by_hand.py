"""Stories of a human's word on how bad it is: it stays theirs, it keeps what was counted, and
growth is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from checks.contract import Check, Failed, Layer, Trace
from monitor import policies
from monitor.core.incident import Incident
from monitor.core.policy import Policy
from monitor.incidents import store
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.testing.scenario import Scene, World

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ROLES = ("operators", "level-1-support", "level-2-specialists", "level-3-experts", "client-it-team")


@dataclass
class Missing(Exception):
    """So many of a hundred agents cannot take calls."""

    lost: int


class Queue(Check):
    """Agents that are missing, counted."""

    KIND: ClassVar[str] = "queue-state"
    LAYER: ClassVar[Layer] = Layer.AGENT
    name: str
    world: World

    async def probe(self, trace: Trace) -> None:
        """One count."""
        with trace.stage("agents"):
            if isinstance(wrong := self.world[self.name], Missing):
                trace.measure("agents_missing", float(wrong.lost))
                trace.measure("seats", 100.0)
                raise Failed("too-few-agents", f"{wrong.lost} of 100")

    def measures(self) -> dict[str, str]:
        """What it counts."""
        return {"agents_missing": "agents that cannot take calls", "seats": "agents that should"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(
        START,
        {"q": {"of": Queue, "every": 300.0}},
        folder=tmp_path,
        people={role: role for role in ROLES},
    )
    under_exotel(made)
    yield made
    made.stop_daemon()


def under_exotel(made: Scene) -> None:
    made.stop_daemon()
    policy = Policy.parse(policies.read("exotel"), policies.read("house"))
    made.configuration = replace(made.configuration, policy=policy)
    made.start_daemon()


Say = Callable[[str, str], Incident]


@pytest.fixture
def say(site: Scene) -> Say:
    def reclassify(issue: str, severity: str) -> Incident:
        counter = TicketActions(site.ledger, site.configuration, site.clock.now())
        return counter.reclassify(1, "asha", issue, severity)

    return reclassify


def severity(site: Scene) -> str:
    (row,) = site.ledger.open_incidents()
    return store.incident_of(row).severity.id


def updates(site: Scene) -> list[str]:
    return [
        str(one.body["extra"]["text"])
        for one in site.desk.letters
        if one.kind == "updated" and one.recipient.startswith("operators")
    ]


async def test_the_same_issue_said_again_is_as_bad_as_was_counted(site: Scene, say: Say) -> None:
    site.world["q"] = Missing(5)
    await site.run_for(minutes=20)
    assert severity(site) == "major"
    issue = say("", "minor").issue
    assert severity(site) == "minor"
    assert say(issue, "").severity.id == "major", "the counted loss decides again"


async def test_growth_over_a_threshold_is_told_though_a_human_has_spoken(
    site: Scene, say: Say
) -> None:
    site.world["q"] = Missing(5)
    await site.run_for(minutes=20)
    say("other", "")
    await site.run_for(minutes=10)
    assert updates(site) == [], "what the human knew is no news"
    site.world["q"] = Missing(90)
    await site.run_for(hours=1)
    assert updates(site) == [
        "it has grown: 90 of 100 lost, which is critical; asha said minor at 5 of 100"
    ]
    assert severity(site) == "minor", "it stays theirs"


async def test_a_severity_that_the_policy_has_not_is_refused_with_those_it_has(
    site: Scene, say: Say
) -> None:
    site.world["q"] = Missing(5)
    await site.run_for(minutes=20)
    with pytest.raises(NotPossible, match=r"no severity 'P0'.*critical"):
        say("", "P0")
    with pytest.raises(NotPossible, match="no issue 'nonsense'"):
        say("nonsense", "")


async def test_a_human_may_call_it_worse_and_is_not_told_that_it_has_grown(
    site: Scene, say: Say
) -> None:
    site.world["q"] = Missing(5)
    await site.run_for(minutes=20)
    say("", "critical")
    site.world["q"] = Missing(90)
    await site.run_for(hours=1)
    assert updates(site) == []
    assert severity(site) == "critical"


async def test_a_loss_that_has_eased_is_told_once_and_a_person_lowers_it(
    site: Scene, say: Say
) -> None:
    site.world["q"] = Missing(60)
    await site.run_for(minutes=20)
    site.world["q"] = Missing(3)
    await site.run_for(hours=1.5)
    assert updates(site) == [
        "it has eased: 3 of 100 lost for 30 min, which would be major; it stays critical, with its"
        " promises, until somebody lowers it"
    ]
    assert severity(site) == "critical", "looks never lower what people were told"
    say("", "major")
    await site.run_for(hours=1)
    assert len(updates(site)) == 1, "what a person has said is no news to them"


async def test_what_eases_and_grows_again_is_told_as_such(site: Scene) -> None:
    site.world["q"] = Missing(60)
    await site.run_for(minutes=20)
    site.world["q"] = Missing(1)
    await site.run_for(minutes=50)
    site.world["q"] = Missing(40)
    await site.run_for(minutes=10)
    assert [text.split(":")[0] for text in updates(site)] == ["it has eased", "it has grown again"]
    assert "40 of 100 lost, which is critical, as the ticket is" in updates(site)[1]


async def test_a_loss_that_swings_about_a_threshold_sends_nothing(site: Scene) -> None:
    for turn in range(12):
        site.world["q"] = Missing(21 if turn % 2 else 19)
        await site.run_for(minutes=20)
    assert [text for text in updates(site) if "eased" in text or "again" in text] == []


async def test_one_check_of_two_that_eases_is_no_easing(tmp_path: Path) -> None:
    both = {name: {"of": Queue, "every": 300.0} for name in ("q", "r")}
    site = Scene(START, both, folder=tmp_path, people={role: role for role in ROLES})
    under_exotel(site)
    site.world["q"] = site.world["r"] = Missing(60)
    await site.run_for(minutes=20)
    site.world["q"] = Missing(3)
    await site.run_for(hours=2)
    assert not [text for text in updates(site) if "eased" in text]
    site.world["r"] = None
    await site.run_for(hours=1)
    assert [text.split(":")[0] for text in updates(site)].count("it has eased") == 1
    site.stop_daemon()
