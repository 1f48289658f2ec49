"""RFC 6076 and telecom ratios over windows: what counts where, how sure it is, and that nothing is
never alarming.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from checks.contract import Fault, Observation, Stage
from monitor.core.ratios import Figures, Ratio, attempt_of, figures


def answered(seconds: float = 1.0, talk: float = 10.0, ended: Fault | None = None) -> Observation:
    stages = ("signalling", "ring", "answer", "media")
    last = Stage("hang-up", 3.0 + talk, 0.1, ended is None)
    return Observation(
        stages=(*(Stage(name, 3.0, 0.1, True) for name in stages), last),
        measures={
            "answer_seconds": seconds,
            "signalling_seconds": 0.05,
            "pdd_seconds": 0.8,
            "hang_up_seconds": 0.02,
        },
        fault=ended,
    )


def refused(code: str, *stages: str) -> Observation:
    seen = tuple(
        Stage(name, 0.0, 0.1, name != (stages or ("answer",))[-1])
        for name in stages or ("signalling", "answer")
    )
    return Observation(
        stages=seen, fault=Fault("answer", code), measures={"signalling_seconds": 0.05}
    )


def ratio(seen: Figures, name: str) -> Ratio:
    return next(found for found in seen.ratios if found.name == name)


def test_each_outcome_counts_where_the_standards_say() -> None:
    seen = figures(
        [
            answered(),
            refused("sip:486"),
            refused("sip:503/34"),
            refused("sip:302"),
            refused("sip:404"),
            refused("timeout", "signalling", "ring", "answer"),
            refused("timeout", "signalling"),
        ]
    )
    found = {one.name: (one.hits, one.of) for one in seen.ratios}
    assert found == {
        "SER": (1, 6),
        "SEER": (2, 6),
        "ISA": (2, 7),
        "SCR": (1, 7),
        "ASR": (1, 7),
        "NER": (3, 7),
        "IRA": (0, 0),
    }


def test_ner_is_not_a_hundred_less_isa() -> None:
    seen = figures([answered(), refused("sip:404"), refused("sip:503")])
    assert ratio(seen, "NER").percent == pytest.approx(100 / 3)
    assert ratio(seen, "ISA").percent == pytest.approx(100 / 3)


def test_what_could_not_tell_counts_nowhere() -> None:
    seen = figures([answered(), Observation(blind="the probe itself was sick"), Observation()])
    assert seen.attempts == 1
    assert ratio(seen, "ASR").percent == 100


def test_a_registration_that_is_refused_is_no_call_and_counts_as_such() -> None:
    failed = Observation(
        stages=(Stage("register", 0, 0.1, False),), fault=Fault("register", "sip:403")
    )
    seen = figures([failed])
    assert seen.attempts == 0
    assert ratio(seen, "IRA") == Ratio("IRA", 1, 1)


def test_a_far_end_that_hangs_up_is_answered_and_not_completed() -> None:
    seen = figures([answered(ended=Fault("prompt", "early-hang-up"))])
    assert ratio(seen, "ASR").percent == 100
    assert ratio(seen, "SCR").percent == 0


def test_delays_have_their_own_n() -> None:
    seen = figures([answered(talk=10), answered(talk=20), refused("sip:503")])
    by_name = {delay.name: delay for delay in seen.delays}
    assert (by_name["PDD"].n, by_name["SRD"].n) == (2, 3)
    assert by_name["PDD"].mean_seconds == pytest.approx(0.8)
    assert by_name["ACD"].mean_seconds == pytest.approx(15)
    assert by_name["ACD"].longest_seconds == pytest.approx(20)


def test_nothing_has_neither_percentage_nor_interval() -> None:
    for one in figures([]).ratios:
        assert (one.of, one.percent, one.interval) == (0, None, None)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        (0, 10, 0.0, 27.75),
        (10, 10, 72.25, 100.0),
        (1, 2, 9.45, 90.55),
        (45, 48, 83.16, 97.85),
        (50, 100, 40.38, 59.62),
    ],
)
def test_the_interval_is_wilsons(hits: int, of: int, low: float, high: float) -> None:
    assert Ratio("any", hits, of).interval == pytest.approx((low, high), abs=0.02)


@given(some.integers(1, 500).flatmap(lambda n: some.tuples(some.integers(0, n), some.just(n))))
def test_an_interval_holds_its_share_and_stays_within_bounds(share: tuple[int, int]) -> None:
    hits, of = share
    low, high = Ratio("any", hits, of).interval or (0, 0)
    assert 0 <= low <= 100 * hits / of + 1e-9
    assert 100 * hits / of - 1e-9 <= high <= 100


def test_a_look_without_an_invite_is_no_attempt() -> None:
    assert (
        attempt_of(
            Observation(
                stages=(Stage("register", 0, 1, False),), fault=Fault("register", "timeout")
            )
        )
        is None
    )
