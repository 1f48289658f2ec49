"""Quality of each direction out of counts: what loses, what is late, which codec, and what cannot
be said.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from checks.telephony.quality.streams import (
    CODECS,
    Stream,
    assess,
    burst_ratio,
    effective_loss_percent,
)

counts = some.integers(min_value=0, max_value=100_000)


@pytest.mark.parametrize(
    ("lost", "expected"), [(0, 4.409), (1, 4.328), (3, 4.134), (5, 3.923), (10, 3.411)]
)
def test_g711_follows_the_e_model(lost: int, expected: float) -> None:
    for codec in ("PCMA", "pcmu"):
        assert assess(Stream(codec, 100 - lost, lost)).mos_lq == pytest.approx(expected, abs=0.001)


def test_what_came_too_late_or_left_the_buffer_empty_counts_as_lost() -> None:
    assert effective_loss_percent(received=98, lost=2, discarded=1, empty=2) == pytest.approx(5)
    assert effective_loss_percent(0, 0) == 0
    seen = assess(Stream("PCMA", received=98, lost=2, discarded=1, empty=2))
    assert seen.loss_percent == pytest.approx(5)
    assert seen.network_loss_percent == pytest.approx(2)
    assert seen.mos_lq == pytest.approx(3.923, abs=0.001)


def test_losses_in_a_row_are_worse_than_losses_one_by_one() -> None:
    alone = assess(Stream("PCMA", 950, 50, loss_length_packets=1.0))
    in_a_row = assess(Stream("PCMA", 950, 50, loss_length_packets=4.0))
    assert alone.burst_ratio == 1
    assert in_a_row.burst_ratio == pytest.approx(3.8)
    assert in_a_row.mos_lq is not None
    assert alone.mos_lq is not None
    assert in_a_row.mos_lq < alone.mos_lq


def test_random_loss_has_a_burst_ratio_of_one() -> None:
    """Its mean length is 1 / (1 - p)."""
    assert burst_ratio(1 / 0.9, 10) == pytest.approx(1)
    assert burst_ratio(None, 10) == 1


def test_an_unknown_codec_has_no_score_and_says_so() -> None:
    seen = assess(Stream("L16", 500, 0))
    assert (seen.r, seen.mos_lq, seen.mos_cq) == (None, None, None)
    assert seen.said() == "not computed: no settled values for the codec L16"
    assert "not a packet" in assess(Stream("PCMA", 0, 0)).said()


@pytest.mark.parametrize(
    ("codec", "scale"), [("G722", "wideband"), ("opus", "fullband"), ("iLBC", "narrowband")]
)
def test_a_codec_without_settled_values_is_marked_as_an_estimate(codec: str, scale: str) -> None:
    seen = assess(Stream(codec, 500, 0))
    assert (seen.scale, seen.estimate) == (scale, True)
    assert "an estimate" in seen.said()
    assert codec in seen.said()
    assert not assess(Stream("PCMA", 500, 0)).estimate


def test_delay_costs_conversation_and_not_listening() -> None:
    near = assess(Stream("PCMA", 500, 0, rtt_ms=10, buffer_ms=40))
    far = assess(Stream("PCMA", 500, 0, rtt_ms=500, buffer_ms=40))
    assert near.mos_lq == far.mos_lq
    assert (near.delay_ms, far.delay_ms) == (65, 310)
    assert far.mos_cq is not None
    assert near.mos_cq is not None
    assert far.mos_cq < 3.7 < 4.3 < near.mos_cq
    assert far.delay_parts == "half the round trip 250 ms + a packet 20 ms + jitter buffer 40 ms"


def test_a_delay_that_was_measured_beats_one_that_is_reckoned() -> None:
    seen = assess(Stream("PCMA", 500, 0, rtt_ms=10, buffer_ms=40, mouth_to_ear_ms=200))
    assert seen.delay_ms == 200
    assert seen.mos_cq == pytest.approx(4.223, abs=0.001)


def test_without_a_round_trip_there_is_no_conversational_score() -> None:
    seen = assess(Stream("PCMA", 500, 0))
    assert (seen.delay_ms, seen.mos_cq) == (None, None)
    assert "sent no RTCP" in seen.delay_parts


@given(
    some.sampled_from(sorted(CODECS)),
    counts,
    counts,
    counts,
    counts,
    some.floats(min_value=0, max_value=500),
)
def test_whatever_was_counted_a_score_is_a_score(
    codec: str, received: int, lost: int, discarded: int, empty: int, length: float
) -> None:
    seen = assess(Stream(codec, received, lost, discarded, empty, length, rtt_ms=length))
    assert 0 <= seen.network_loss_percent <= seen.loss_percent <= 100
    assert seen.burst_ratio >= 1
    if seen.mos_lq is not None and seen.mos_cq is not None:
        assert 1 <= seen.mos_cq <= seen.mos_lq + 1e-3
        assert seen.mos_lq <= 4.5
