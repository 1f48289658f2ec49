"""The E-model against the standard's own figures, and what must hold of it anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from checks.telephony.quality.emodel import (
    Path,
    Scale,
    effective_impairment,
    mos,
    rating,
    rating_on,
)

DELAYS = [
    (0, 93.21, 4.409), (50, 91.76, 4.380), (100, 90.66, 4.355), (150, 89.54, 4.328),
    (175, 88.23, 4.293), (200, 85.80, 4.223), (250, 79.18, 3.993), (300, 72.67, 3.719),
    (400, 62.25, 3.216), (500, 54.80, 2.828),
]  # fmt: skip
LOSSES = {
    (0, 25.1): (4.409, 4.328, 4.235, 4.134, 3.923, 3.411, 2.631),
    (0, 4.3): (4.409, 3.834, 3.256, 2.794, 2.169, 1.481, 1.124),
    (11, 19): (4.104, 3.946, 3.787, 3.632, 3.340, 2.745, 2.021),
    (5, 10): (4.292, 4.025, 3.743, 3.474, 3.006, 2.223, 1.536),
    (15, 16.1): (3.954, 3.758, 3.567, 3.386, 3.061, 2.447, 1.776),
}
PERCENT = (0, 1, 2, 3, 5, 10, 20)
delays = some.integers(min_value=1, max_value=2000).map(float)
percent = some.floats(min_value=0, max_value=100)
impairments = some.floats(min_value=0, max_value=60)
robustness = some.floats(min_value=0.5, max_value=60)


def test_with_every_default_it_is_the_standards_own_rating() -> None:
    assert rating(Path()) == pytest.approx(93.206, abs=0.001)
    assert mos(rating(Path())) == pytest.approx(4.409, abs=0.001)


@pytest.mark.parametrize(("one_way_ms", "r", "score"), DELAYS)
def test_delay_costs_what_the_vectors_say(one_way_ms: float, r: float, score: float) -> None:
    assert rating(Path.delayed(one_way_ms)) == pytest.approx(r, abs=0.01)
    assert mos(rating(Path.delayed(one_way_ms))) == pytest.approx(score, abs=0.001)


@pytest.mark.parametrize(("codec", "scores"), LOSSES.items())
def test_loss_costs_what_the_vectors_say(
    codec: tuple[float, float], scores: tuple[float, ...]
) -> None:
    for loss, score in zip(PERCENT, scores, strict=True):
        seen = rating(Path(ie=codec[0], bpl=codec[1], ppl=loss))
        assert mos(seen) == pytest.approx(score, abs=0.0015), loss
        assert seen == pytest.approx(
            93.206 - codec[0] - (95 - codec[0]) * loss / (loss + codec[1]), abs=0.01
        )


def test_losses_that_cluster_cost_more() -> None:
    seen = [mos(rating(Path(bpl=25.1, ppl=5, burst_ratio=ratio))) for ratio in (1, 2, 4)]
    assert seen == pytest.approx([3.923, 3.864, 3.829], abs=0.0015)


def test_talker_echo_is_not_forgotten() -> None:
    """The shortcut that counts only the absolute delay would say 4.343 at 200 ms."""
    assert mos(rating(Path.delayed(200))) < 4.25
    assert rating(Path.delayed(100, telr=45)) < rating(Path.delayed(100)) - 10


def test_the_sidetone_rules_of_the_standard_apply_at_both_ends() -> None:
    """STMR below 9 dB and above 20 dB have formulas of their own (7.4)."""
    for stmr in (7.0, 22.0):
        assert 50 < rating(Path.delayed(100, stmr=stmr)) < 93.3


@given(delays, delays, percent, impairments, robustness)
def test_more_delay_is_never_better(a: float, b: float, loss: float, ie: float, bpl: float) -> None:
    short, long = sorted((a, b))
    better, worse = (rating(Path.delayed(ms, ppl=loss, ie=ie, bpl=bpl)) for ms in (short, long))
    assert worse <= better + 1e-6


@given(percent, percent, impairments, robustness, some.floats(min_value=1, max_value=20))
def test_more_loss_is_never_better(a: float, b: float, ie: float, bpl: float, burst: float) -> None:
    little, much = sorted((a, b))
    better, worse = (
        rating(Path(ppl=loss, ie=ie, bpl=bpl, burst_ratio=burst)) for loss in (little, much)
    )
    assert worse <= better + 1e-9


@given(percent, impairments, robustness, some.floats(min_value=1, max_value=1e6))
def test_the_impairment_stays_within_its_bounds(
    loss: float, ie: float, bpl: float, burst: float
) -> None:
    """Bursts of any length cannot take more than loss without concealment: (95 - Ie) Ppl / Bpl."""
    lost = effective_impairment(Path(ppl=loss, ie=ie, bpl=bpl, burst_ratio=burst)) - ie
    assert 0 <= lost <= (95 - ie) * loss / bpl + 1e-9


@given(some.floats(min_value=-500, max_value=500), some.floats(min_value=-500, max_value=500))
def test_a_mos_lies_between_1_and_4_5_and_grows_with_r(a: float, b: float) -> None:
    low, high = sorted((a, b))
    for scale in Scale:
        assert 1 <= mos(low, scale) <= mos(high, scale) + 1e-9 <= 4.5 + 1e-9


@given(delays, percent)
def test_each_scale_has_its_own_best_value(delay: float, loss: float) -> None:
    for scale, best in ((Scale.WIDEBAND, 129.0), (Scale.FULLBAND, 148.0)):
        assert rating_on(scale, Path()) == pytest.approx(best)
        assert rating_on(scale, Path.delayed(delay, ppl=loss)) <= best + 1e-9
