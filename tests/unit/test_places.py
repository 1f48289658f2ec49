"""A look from several places: never FAILED by fewer than agree, never silent with so many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.contract import Fault
from monitor.core.place_trouble import Patience, PlaceCondition, Trouble, stepped
from monitor.core.places import Judged, Standing, Word, judged_together
from monitor.core.verdict import State, Verdict

SLOT = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
END = SLOT + timedelta(seconds=60)
PLACES = ("pune-1", "delhi-1", "mumbai-cloud", "london", "singapore")
MISSING, LATE = "missing", "late"
HEARD = st.sampled_from([*State, MISSING, LATE])
FEW = settings(max_examples=60, deadline=None)


def word(place: str, state: State, at: datetime = SLOT, code: str = "sip:503") -> Word:
    fault = Fault("answer", code, "no circuit", "far") if state is State.FAILED else None
    reasons = (f"answer: {code}",) if state in (State.FAILED, State.DEGRADED) else ()
    return Word(place, SLOT, at, Verdict(state, reasons, fault))


def words(said: Sequence[str]) -> list[Word]:
    """What the first places say; a late one says FAILED."""
    return [
        word(place, State.FAILED, END + timedelta(seconds=1))
        if one == LATE
        else word(place, State(one))
        for place, one in zip(PLACES, said, strict=False)
        if one != MISSING
    ]


def judged(said: Sequence[str], agree: int) -> Judged:
    return judged_together(PLACES[: len(said)], agree, SLOT, END, words(said))


@st.composite
def looks(draw: st.DrawFn) -> tuple[list[str], int]:
    said = draw(st.lists(HEARD, min_size=1, max_size=len(PLACES)))
    return [str(one) for one in said], draw(st.integers(1, len(said)))


@FEW
@given(looks())
def test_failed_is_what_enough_places_say_and_nothing_else(look: tuple[list[str], int]) -> None:
    said, agree = look
    state = judged(said, agree).verdict.state
    assert (state is State.FAILED) == (said.count("FAILED") >= agree)
    bad = said.count("FAILED") + said.count("DEGRADED")
    assert (state in (State.FAILED, State.DEGRADED)) == (bad >= agree), "never silent with so many"


@FEW
@given(looks())
def test_all_is_well_only_where_the_silent_cannot_say_otherwise(
    look: tuple[list[str], int],
) -> None:
    said, agree = look
    worst = ["FAILED" if one in (MISSING, LATE, "UNKNOWN") else one for one in said]
    could_be_bad = judged(worst, agree).verdict.state in (State.FAILED, State.DEGRADED)
    assert (judged(said, agree).verdict.state is State.OK) == (not could_be_bad)


@FEW
@given(looks(), st.lists(st.sampled_from(list(State)), min_size=5, max_size=5))
def test_what_is_final_no_word_that_comes_later_changes(
    look: tuple[list[str], int], later: list[State]
) -> None:
    said, agree = look
    before = judged(said, agree)
    filled = [str(new) if one == MISSING else one for one, new in zip(said, later, strict=False)]
    after = judged(filled, agree)
    assert not before.final or after.verdict.state is before.verdict.state


@FEW
@given(looks(), st.randoms())
def test_neither_order_nor_repetition_nor_strangers_matter(
    look: tuple[list[str], int], random: Random
) -> None:
    said, agree = look
    places, heard = PLACES[: len(said)], words(said)
    again = [word(one.place, State.FAILED, one.at + timedelta(seconds=1)) for one in heard]
    other_slot = [Word(one, SLOT + timedelta(minutes=5), SLOT, Verdict(State.OK)) for one in places]
    everything = [*heard, *again, *other_slot, word("mars", State.FAILED)]
    random.shuffle(everything)
    assert judged_together(places, agree, SLOT, END, everything) == judged(said, agree)


@FEW
@given(st.lists(HEARD, min_size=1, max_size=40), st.integers(2, 3))
def test_one_place_alone_never_fails_the_platform(one: list[str], agree: int) -> None:
    """However it flaps, falls silent or comes late."""
    for said in one:
        state = judged([str(said), "OK", "OK"], agree).verdict.state
        assert state is State.OK


@pytest.mark.parametrize(
    ("said", "agree", "state"),
    [
        (("FAILED", "FAILED", "OK"), 2, State.FAILED),
        (("FAILED", "OK", "OK"), 2, State.OK),
        (("FAILED", MISSING, "OK"), 2, State.UNKNOWN),
        (("FAILED", LATE, "OK"), 2, State.UNKNOWN),
        (("FAILED", "DEGRADED", "OK"), 2, State.DEGRADED),
        (("FAILED", "UNKNOWN", "UNKNOWN"), 1, State.FAILED),
        ((MISSING, MISSING, MISSING), 2, State.UNKNOWN),
        (("OK", "OK", MISSING), 2, State.OK),
        (("OK",), 1, State.OK),
    ],
)
def test_as_the_reference_says(said: tuple[str, ...], agree: int, state: State) -> None:
    assert judged(said, agree).verdict.state is state


def test_the_ticket_says_who_saw_what() -> None:
    heard = [
        word("pune-1", State.FAILED, code="timeout"),
        word("delhi-1", State.FAILED),
        word("mumbai-cloud", State.FAILED),
        word("london", State.OK),
        word("singapore", State.FAILED, END + timedelta(seconds=1)),
    ]
    told = judged_together(PLACES, 3, SLOT, END, heard)
    assert told.verdict.fault == Fault("answer", "sip:503", "no circuit", "far")
    assert told.verdict.reasons == (
        "seen from 3 of 5 places: pune-1, delhi-1, mumbai-cloud",
        "answer: timeout",
        "answer: sip:503",
    )
    assert [one.standing for one in told.seen] == [
        *[Standing.FAILED] * 3,
        Standing.GOOD,
        Standing.LATE,
    ]


@pytest.mark.parametrize(
    ("places", "agree"), [((), 1), (("a", "a"), 1), (("a", "b"), 0), (("a", "b"), 3)]
)
def test_a_senseless_question_is_refused(places: tuple[str, ...], agree: int) -> None:
    with pytest.raises(ValueError, match=r"from names|agree is"):
        judged_together(places, agree, SLOT, END, ())


def went(*slots: str) -> list[Trouble]:
    """How pune-1 stands after each slot; "F" it fails, "." it is good, "?" silent, "!" all fail,
    "-" the others are silent.
    """
    by_sign = {
        "F": ("FAILED", "OK", "OK"),
        ".": ("OK", "OK", "OK"),
        "?": (MISSING, "OK", "OK"),
        "!": ("FAILED", "FAILED", "FAILED"),
        "-": ("FAILED", MISSING, MISSING),
    }
    condition, found = PlaceCondition("pune-1"), []
    for sign in "".join(slots):
        condition = stepped(condition, judged(by_sign[sign], 2), Patience())
        found.append(condition.trouble)
    return found


def test_a_place_that_alone_sees_trouble_for_long_has_it_itself() -> None:
    assert went("FFF")[-2:] == [Trouble.NONE, Trouble.ALONE]
    assert went("FFF.F.")[-1] is Trouble.ALONE, "it is over when it has agreed for a while"
    assert went("FFF..")[-1] is Trouble.NONE
    assert went("FF!-F")[-1] is Trouble.ALONE, "the platform's trouble says nothing of the place"
    assert went("!!!!", "----")[-1] is Trouble.NONE


def test_a_place_from_which_nothing_comes_is_not_heard() -> None:
    assert went("???")[-1] is Trouble.SILENT
    assert went("???F")[-1] is Trouble.NONE
    assert went("FFF???")[-1] is Trouble.SILENT and went("FFF???F")[-1] is Trouble.ALONE


@FEW
@given(st.lists(st.sampled_from(["F.", "FF.", "?.", "F?."]), max_size=20))
def test_a_place_that_flaps_is_nobodys_ticket(parts: list[str]) -> None:
    assert set(went(*parts)) <= {Trouble.NONE}
