"""What is new is looked at when its time comes: no backup, burst or call begins in the busy hour in
which somebody configured it; a look that costs nothing shows its author his mistake at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from checks.kinds import kinds
from monitor.config import Configuration, difference, effective
from monitor.core.timetable import Daily
from monitor.scheduling.rounds import FIRST
from monitor.testing.scenario import Scene, Scripted

ZONE = "Asia/Kolkata"
NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)  # 12:00 in Kolkata


class Costly(Scripted):
    """Burdens whatever it looks at."""

    KIND: ClassVar[str] = "burst"
    BURDENS: ClassVar[bool] = True


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Scenes in the test's folder; each is stopped with the test."""
    made: list[Scene] = []

    def make(start: datetime, checks: dict[str, dict[str, Any]]) -> Scene:
        made.append(Scene(start, checks, folder=tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.stop_daemon()


def looks(site: Scene) -> list[str]:
    """When each look was made, by the site's wall, and for which slot."""
    return [
        f"{due.name} {(at + timedelta(hours=5, minutes=30)):%d %H:%M}" for at, due, _ in site.seen
    ]


def reconfigured(site: Scene, name: str, **given: Any) -> None:
    """The check with other times, as a reload brings it."""
    entry = replace(site.configuration.checks[name], **given)
    if entry.at:
        entry = replace(entry, timetable=Daily(entry.at, ZONE))
    site.configuration = replace(
        site.configuration, checks={**site.configuration.checks, name: entry}
    )
    site.rounds.configuration = site.configuration


@pytest.mark.parametrize(
    "given",
    [
        {"at": (time(8, 30), time(17, 30))},
        {"at": (time(11, 59),)},
        {"every": 3600.0, "of": Costly},
        {"at": (time(3, 0),), "of": Costly},
    ],
    ids=str,
)
async def test_a_new_check_with_a_time_or_a_cost_waits(
    given: dict[str, Any], scene: Callable[..., Scene]
) -> None:
    site = scene(NOON, {"new": given})
    await site.turn()
    assert site.seen == []
    site.stop_daemon()
    site.start_daemon()
    await site.turn()
    assert site.seen == [], "nor does a restart make up for what was not yet configured"
    await site.run_for(hours=25)
    assert site.seen
    assert all(due.slot and due.slot.at > NOON for _, due, _ in site.seen)


async def test_a_cheap_one_on_a_grid_is_looked_at_at_once(scene: Callable[..., Scene]) -> None:
    site = scene(NOON, {"new": {"every": 300.0}})
    await site.turn()
    assert [due.slot.key for _, due, _ in site.seen if due.slot] == [FIRST]


async def test_a_time_that_is_moved_to_an_earlier_one_today_waits_for_tomorrow(
    scene: Callable[..., Scene],
) -> None:
    site = scene(NOON, {"backup": {"at": (time(17, 30),), "of": Costly}})
    await site.run_for(hours=24)
    assert looks(site) == ["backup 23 17:30"]
    reconfigured(site, "backup", at=(time(11, 0),))
    await site.turn()
    assert looks(site) == ["backup 23 17:30"], "11:00 has gone by before it was configured"
    site.stop_daemon()
    site.start_daemon()
    await site.run_for(hours=24)
    assert looks(site) == ["backup 23 17:30", "backup 25 11:00"]


async def test_a_grid_that_becomes_a_time_of_day_waits_for_it(scene: Callable[..., Scene]) -> None:
    site = scene(NOON, {"portal": {"every": 300.0}})
    await site.run_for(minutes=20)
    before = len(site.seen)
    reconfigured(site, "portal", every=None, at=(time(8, 0),))
    await site.run_for(hours=2)
    assert len(site.seen) == before
    await site.run_for(hours=20)
    assert looks(site)[before:] == ["portal 24 08:00"]


async def test_a_run_that_was_missed_is_made_up_for_as_ever(scene: Callable[..., Scene]) -> None:
    site = scene(NOON, {"call": {"at": (time(17, 30),)}})
    await site.run_for(hours=4)
    site.stop_daemon()
    site.clock.advance(3 * 3600)
    site.start_daemon()
    await site.turn()
    assert looks(site) == ["call 23 19:00"]


def test_every_kind_that_burdens_others_says_so() -> None:
    costly = {name for name, kind in kinds().items() if kind.BURDENS}
    assert costly == {
        "backup",
        "backup-proof",
        "burst",
        "hygiene",
        "outbound-dialer",
        "virus",
        "voice-log-archive",
    }


def test_a_reload_says_what_has_changed(scene: Callable[..., Scene]) -> None:
    old = scene(NOON, {name: {"every": 60.0} for name in ("a", "b", "c")}).configuration

    def changes(before: Configuration, after: Configuration) -> str:
        return difference(effective(before), effective(after)).in_short()

    assert changes(old, old) == "nothing changed"
    kept = {name: old.checks[name] for name in ("a", "b")}
    new = replace(
        old,
        checks={
            **{f"new-{n}": replace(kept["a"], name=f"new-{n}") for n in range(2)},
            "a": kept["a"],
            "b": replace(kept["b"], limit=5.0),
        },
        people=old.people[1:],
    )
    assert changes(old, new) == "2 checks added, 1 removed, 1 changed; 1 person removed"
    assert changes(new, replace(new, checks=old.checks)) == "1 check added, 2 removed, 1 changed"
