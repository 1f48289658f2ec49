"""The clocks of whole lives against an oracle that counts minutes (clock_oracle.py): pauses by
people, reclassification from the original start, analyses that wait for evidence.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core import incident_transitions, pauses, root_cause
from monitor.core.incident import Closing, Evidence, Incident
from monitor.core.open_hours import Calendar, Calendars, Hours
from monitor.core.policy_terms import Classification, Issue, Ladder, Level, Severity
from monitor.core.policy_terms import Target as Promised
from tests.unit.clock_oracle import DAY, Story, Target

ZERO = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
LADDER = Ladder("general", (Level(1, "desk", "desk", 0),))
# Zones without summer time, each with its distance from UTC in minutes.
ZONES = {"UTC": 0, "Asia/Kolkata": 330, "Asia/Dubai": 240, "America/Phoenix": -420}
HOURS = {"office": (5, 8 * 60, 18 * 60), "late": (6, 12 * 60, 20 * 60)}


def at(minute: int) -> datetime:
    return ZERO + timedelta(minutes=minute)


CALENDARS = {
    f"{name} {zone}": Calendar(zone, tuple(Hours(day, first, last) for day in range(days)))
    for name, (days, first, last) in HOURS.items()
    for zone in ZONES
}

TARGETS = st.builds(
    lambda minutes, calendar: (minutes, calendar),
    st.integers(1, DAY),
    st.sampled_from(["24x7", *CALENDARS]),
)
SEVERITIES = st.tuples(TARGETS, TARGETS, TARGETS)


def severity(name: str, targets: tuple[tuple[int, str], ...]) -> Severity:
    names = (("response", "opened"), ("resolution", "opened"), ("rca", "resolved"))
    return Severity(name, name, "", 0, tuple(
        Promised(clock, minutes * 60, calendar, since, waits_for_evidence=clock == "rca")  # type: ignore[arg-type]
        for (clock, since), (minutes, calendar) in zip(names, targets, strict=True)
    ))  # fmt: skip


def counted(targets: tuple[tuple[int, str], ...]) -> dict[str, Target]:
    names = (("response", "opened"), ("resolution", "opened"), ("rca", "resolved"))
    found = {}
    for (clock, since), (minutes, calendar) in zip(names, targets, strict=True):
        name, _, zone = calendar.partition(" ")
        found[clock] = Target(minutes, since, HOURS.get(name), ZONES.get(zone, 0))
    return found


def lived(
    story: Story, first: Severity, second: Severity | None, steps: list[tuple[int, str]]
) -> Incident:
    """The same story, by the product's own transitions."""
    one = Incident(
        key="k", site="s", issue="i", title="t", severity=first, owner="vendor", owner_title="v",
        ladder=LADDER, rule="r", policy="p", opened_at=at(story.opened),
        counts_from=at(story.opened), evidence=Evidence("main", "sip-call"), causes=("main",),
        told=True, levels_told=(1,),
    )  # fmt: skip
    for minute, step in steps:
        now = at(minute)
        if step == "acknowledge":
            one = incident_transitions.acknowledged(one, "asha", now).incident
        elif step == "pause":
            one = pauses.waiting(one, "access", "asha", now).incident
        elif step == "go on":
            one = pauses.going_on(one, "asha", now).incident
        elif step == "reclassify":
            assert second is not None
            issue = Issue("other", "o", "vendor", second.id, "general")
            found = Classification(issue, second, "v", LADDER, "r")
            one = incident_transitions.reclassified(one, found, "p", "asha").incident
        elif step == "resolve":
            one = replace(one, recovered_at=now, closed_at=now, closing=Closing.RECOVERED)
        elif step == "wait":
            one = root_cause.waits(one, "logs", "asha", now).incident
        elif step == "evidence":
            one = root_cause.goes_on(one, "asha", now).incident
        else:
            one = root_cause.sent(one, "rca", "asha", {}, now).incident
    return one


@st.composite
def lives(draw: st.DrawFn) -> tuple[Story, Severity, Severity | None, list[tuple[int, str]], int]:
    """A story, and its steps in order, each of which may be left out; the last ones may not be
    reached.
    """
    first, second = draw(SEVERITIES), draw(st.none() | SEVERITIES)
    opened = draw(st.integers(0, 7 * DAY))
    order = ("pause", "go on", "acknowledge", "reclassify", "pause", "go on", "resolve")
    after = ("wait", "evidence", "wait", "evidence", "send")
    ahead = draw(st.lists(st.integers(0, DAY // 2), min_size=12, max_size=12))
    reached = draw(st.integers(0, 12))
    story = Story(opened, counted(first))
    steps, minute = list[tuple[int, str]](), opened
    for step, gap in list(zip((*order, *after), ahead, strict=True))[:reached]:
        minute += gap
        if (step == "reclassify" and second is None) or (
            step == "acknowledge" and draw(st.booleans())
        ):
            continue
        steps.append((minute, step))
        _told(story, step, minute, counted(second) if second else None)
    relabelled = severity("second", second) if second else None
    return (
        story,
        severity("first", first),
        relabelled,
        steps,
        minute + draw(st.integers(0, 2 * DAY)),
    )


def _told(story: Story, step: str, minute: int, relabelled: dict[str, Target] | None) -> None:
    if step == "acknowledge":
        story.acknowledged = minute
    elif step == "pause":
        story.pauses.append((minute, None))
    elif step == "go on":
        story.pauses[-1] = (story.pauses[-1][0], minute)
    elif step == "reclassify":
        story.relabelled = relabelled
    elif step == "resolve":
        story.resolved = minute
    elif step == "wait":
        story.waits.append((minute, None))
    elif step == "evidence":
        story.waits[-1] = (story.waits[-1][0], minute)
    else:
        story.sent = minute


@settings(derandomize=True, deadline=None, database=None, max_examples=25)
@given(lives())
def test_every_clock_of_a_life_agrees_with_counting_minutes(
    life: tuple[Story, Severity, Severity | None, list[tuple[int, str]], int],
) -> None:
    story, first, second, steps, now = life
    shown = lived(story, first, second, steps).clocks(at(now), Calendars(tuple(CALENDARS.items())))
    expected = {name: story.due(name, now) for name in ("response", "resolution", "rca")}
    assert {clock.name for clock in shown} == {n for n, due in expected.items() if due is not None}
    for clock in shown:
        due = expected[clock.name]
        assert due is not None
        assert clock.due_at == at(due), clock.name
        assert str(clock.state) == story.state(clock.name, now), clock.name


def test_the_oracle_itself_counts_what_a_person_would() -> None:
    """Friday 17:59 with two office hours: one minute, and Monday's 119."""
    friday = 4 * DAY + 17 * 60 + 59
    story = Story(friday, {"response": Target(120, "opened", HOURS["office"])})
    assert story.due("response", friday) == 7 * DAY + 8 * 60 + 119
    story.pauses.append((7 * DAY + 8 * 60, 7 * DAY + 9 * 60))
    assert story.due("response", 8 * DAY) == 7 * DAY + 9 * 60 + 119


def test_a_pause_that_begins_as_another_ends_is_a_pause() -> None:
    """Found by the oracle: both moments of one instant, in the order in which they happened."""
    story = Story(0, counted(((1, "24x7"),) * 3), pauses=[(0, 0), (0, None)])
    steps = [(0, "pause"), (0, "go on"), (0, "pause")]
    first = severity("first", ((1, "24x7"),) * 3)
    clocks = {one.name: one for one in lived(story, first, None, steps).clocks(at(1))}
    assert clocks["response"].due_at == at(2)
    assert clocks["response"].paused
