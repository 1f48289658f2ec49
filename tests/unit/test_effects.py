"""Two ladders in one: whoever is on either is on it once, who has heard stays so, and who has not
is called from now on.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core import effects
from monitor.core.escalation import due_levels
from monitor.core.open_hours import NO_CALENDARS
from monitor.core.policy_terms import Classification, Issue, Ladder, Level, Severity
from tests.unit.sample_analyses import NOW
from tests.unit.sample_bodies import incidents

FIRST = incidents()[1]
HOURS = st.lists(st.integers(0, 20), min_size=1, max_size=4).map(sorted)
P0, P1 = (Severity(name, name, "", rank) for rank, name in enumerate(("P0", "P1")))


def ladder(name: str, hours: list[int], shared: bool) -> Ladder:
    roles = [f"{name}-{n}" for n, _ in enumerate(hours)]
    if shared:
        roles[0] = "both"
    return Ladder(
        name,
        tuple(
            Level(n, role, role, hour * 3600)
            for n, (role, hour) in enumerate(zip(roles, hours, strict=True), 1)
        ),
    )


@settings(max_examples=20)
@given(HOURS, HOURS, st.booleans(), st.booleans(), st.integers(0, 4), st.integers(0, 30))
def test_nobody_of_either_ladder_is_lost_told_twice_or_late(
    own: list[int], theirs: list[int], shared: bool, worse: bool, heard: int, after: int
) -> None:
    told = tuple(range(1, min(heard, len(own)) + 1))
    was = replace(
        FIRST, severity=P1, ladder=ladder("own", own, shared), levels_told=told, told=True,
        opened_at=NOW, counts_from=NOW, escalated_at=None, pauses=(), causes=("services",),
    )  # fmt: skip
    now = NOW + timedelta(hours=after, milliseconds=700)
    effect = Classification(
        Issue("portal", "portal is down", "vendor", "P0", "their"),
        P0 if worse else P1, "vendor", ladder("their", theirs, shared), "rule",
    )  # fmt: skip
    is_now = effects.raised(was, effect, "portal", now, NO_CALENDARS).incident
    roles = [level.role for level in is_now.ladder.levels]
    wanted = {level.role for level in (*was.ladder.levels, *effect.ladder.levels)}
    assert sorted(roles) == sorted(wanted)
    by_number = {level.number: level.role for level in is_now.ladder.levels}
    assert [by_number[n] for n in is_now.levels_told] == [
        was.ladder.levels[n - 1].role for n in told
    ]
    assert is_now.severity.id == ("P0" if worse else "P1")
    # Turn by turn, as the daemon goes: everybody whose time is still to come is told once.
    done, at = list(is_now.levels_told), now
    called: list[str] = []
    for _ in range(22):
        due = due_levels(is_now.ladder, is_now.climbs_from, at, done)
        called += [by_number[n] for n in due.levels]
        done += [*due.levels, *due.passed]
        at += timedelta(hours=1)
    missing = {f"their-{n}" for n, _ in enumerate(theirs)} & wanted
    assert len(called) == len(set(called)) and missing - set(called) <= {
        # Turns of one ladder that were due in one moment: the highest is told.
        level.role for level in effect.ladder.levels if level.after_seconds == 0
    }  # fmt: skip
