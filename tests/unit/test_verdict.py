"""From an observation to a verdict."""

from __future__ import annotations

import math

import pytest

from checks.contract import Fault, Observation, Stage
from monitor.core.verdict import Expectation, State, judge


def expecting(*written: str) -> list[Expectation]:
    return [Expectation.parse(one) for one in written]


ANSWERED = Observation(
    stages=(Stage("answer", 0.2, 6.2, True),), measures={"answer_seconds": 6.2, "mos": 4.1}
)


def test_an_attempt_without_fault_and_without_expectations_is_ok() -> None:
    assert judge(ANSWERED).state is State.OK


def test_a_broken_expectation_prints_its_own_evidence_and_names_the_stage_that_was_timed() -> None:
    verdict = judge(ANSWERED, expecting("answer_seconds <= 4", "mos >= 3.6"))
    assert (verdict.state, verdict.reasons) == (State.FAILED, ("answer_seconds (6.2) <= 4",))
    assert verdict.fault == Fault("answer", "expected:answer_seconds", "answer_seconds (6.2) <= 4")


def test_a_broken_expectation_without_a_stage_is_named_by_its_measure() -> None:
    verdict = judge(ANSWERED, expecting("mos >= 4.2"))
    assert verdict.fault == Fault("mos", "expected:mos", "mos (4.1) >= 4.2")


def test_a_broken_wish_is_only_degraded() -> None:
    verdict = judge(ANSWERED, expecting("answer_seconds <= 8"), expecting("answer_seconds <= 4"))
    assert (verdict.state, verdict.reasons, verdict.fault) == (
        State.DEGRADED,
        ("answer_seconds (6.2) <= 4",),
        None,
    )


def test_what_the_far_end_itself_calls_a_warning_is_degraded_in_its_words() -> None:
    warned = Observation(
        warnings=("DISK WARNING - free space: / 900 MiB",), measures={"used_bytes": 5.0}
    )
    assert judge(warned).state is State.DEGRADED
    assert judge(warned, (), expecting("used_bytes <= 4")).reasons == (
        *warned.warnings,
        "used_bytes (5) <= 4",
    )


def test_a_warning_hides_no_failure_and_does_not_make_up_for_what_was_not_measured() -> None:
    warned = Observation(warnings=("slow",), measures={"answer_seconds": 5.0})
    assert judge(warned, expecting("answer_seconds <= 4")).state is State.FAILED
    assert judge(warned, expecting("mos >= 3")).state is State.UNKNOWN


def test_an_expectation_outweighs_a_wish() -> None:
    verdict = judge(ANSWERED, expecting("mos >= 4.2"), expecting("answer_seconds <= 4"))
    assert (verdict.state, verdict.reasons) == (State.FAILED, ("mos (4.1) >= 4.2",))


def test_what_was_expected_and_not_measured_is_unknown_and_never_ok() -> None:
    verdict = judge(ANSWERED, expecting("rx_loss_percent <= 1"))
    assert verdict.state is State.UNKNOWN
    assert "rx_loss_percent was not measured" in verdict.reasons[0]


@pytest.mark.parametrize("written", ["mos >= 3.6", "mos != 3.6", "mos <= 3.6"])
def test_a_measure_that_is_not_a_number_was_not_measured(written: str) -> None:
    verdict = judge(Observation(measures={"mos": math.nan}), expecting(written))
    assert verdict.state is State.UNKNOWN


def test_a_fault_is_failed_with_the_far_ends_words_and_whatever_else_was_broken() -> None:
    fault = Fault("hold", "early-hang-up", "Q.850;cause=16")
    seen = Observation(measures={"answer_seconds": 6.2}, fault=fault)
    verdict = judge(seen, expecting("answer_seconds <= 4", "mos >= 3.6"))
    assert (verdict.state, verdict.fault) == (State.FAILED, fault)
    assert verdict.reasons == ("hold: early-hang-up, Q.850;cause=16", "answer_seconds (6.2) <= 4")


def test_it_is_said_when_a_status_was_made_up_on_our_own_side() -> None:
    verdict = judge(
        Observation(fault=Fault("signalling", "sip:408", "Request Timeout", origin="local"))
    )
    assert verdict.reasons == ("signalling: sip:408, Request Timeout (said by our own side)",)


def test_a_blind_attempt_is_unknown_whatever_else_it_says() -> None:
    verdict = judge(
        Observation(blind="the engine died", measures={"answer_seconds": 9}),
        expecting("answer_seconds <= 4"),
    )
    assert (verdict.state, verdict.reasons) == (State.UNKNOWN, ("the engine died",))


@pytest.mark.parametrize(
    ("written", "value", "holds"),
    [
        ("answer_seconds <= 4", 4.0, True),
        ("answer_seconds < 4", 4.0, False),
        ("mos >= 3.6", 3.6, True),
        ("mos > 3.6", 3.6, False),
        ("spans == 4", 4.0, True),
        ("alarms != 0", 1.0, True),
        ("offset_seconds >= -0.5", -0.6, False),
    ],
)
def test_comparisons_at_their_bounds(written: str, value: float, holds: bool) -> None:
    assert Expectation.parse(written).holds(value) is holds


@pytest.mark.parametrize(
    "written",
    ["", "answer <= ", "answer_seconds =< 4", "4 >= answer", "Answer <= 4", "a <= 4s", "a <= nan"],
)
def test_a_badly_written_expectation_is_answered_with_the_right_form(written: str) -> None:
    with pytest.raises(ValueError, match="as in 'answer_seconds <= 4'"):
        Expectation.parse(written)


def test_an_expectation_reads_back_as_it_was_written() -> None:
    assert str(Expectation.parse("  answer_seconds<=4 ")) == "answer_seconds <= 4"
