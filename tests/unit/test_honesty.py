"""Whether the probe was well: figures, limits, and what a sick one may still say."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.probe_health import (
    MEASURES,
    Health,
    ProbeLimits,
    health_of,
    honest,
    said_by_far_end,
)
from checks.telephony.phone.process_health import Pulse
from checks.telephony.phone.rtp_counters import Meter

WELL = {"stall_seconds": 0.02, "stalled_percent": 0.2, "wait_percent": 3.0, "unsent_percent": 0.1}
SICK = {**WELL, "stall_seconds": 0.9}


def trace(folder: Path) -> Trace:
    return Trace(time.monotonic, folder)


async def ends(
    folder: Path, leg: dict[str, float], fault: Exception | None = None, **limits: float
) -> BaseException:
    """How a call ends whose own process told these figures."""
    try:
        with honest(trace(folder), ProbeLimits(**limits), lambda: [leg]):
            if fault:
                raise fault
    except (Failed, CannotTell) as ended:
        return ended
    return KeyError("nothing raised")


async def test_a_well_probe_says_what_it_saw(tmp_path: Path) -> None:
    assert isinstance(await ends(tmp_path, WELL), KeyError)
    assert isinstance(await ends(tmp_path, WELL, Failed("choppy")), Failed)


async def test_a_sick_probe_cannot_tell_and_gives_the_figures(tmp_path: Path) -> None:
    ended = await ends(tmp_path, SICK, Failed("choppy", "12 gaps"))
    assert isinstance(ended, CannotTell)
    assert "stood still for 0.9 s (limit 0.5 s)" in str(ended)
    assert "it saw choppy: 12 gaps" in str(ended)


async def test_a_pass_of_a_sick_probe_counts_no_more_than_its_fault(tmp_path: Path) -> None:
    assert isinstance(await ends(tmp_path, SICK), CannotTell)


async def test_what_the_far_end_said_in_words_stays_a_fact(tmp_path: Path) -> None:
    refused = Failed("sip:503/34", "Service Unavailable")
    assert await ends(tmp_path, SICK, refused) is refused
    assert not said_by_far_end(Failed("sip:408", origin="far")), "the far end waited for us"
    assert not said_by_far_end(Failed("sip:503", origin="local")), "our own stack made it up"
    assert not said_by_far_end(Failed("timeout"))


async def test_limits_are_the_sites_own(tmp_path: Path) -> None:
    assert isinstance(await ends(tmp_path, SICK, probe_stall=2.0), KeyError)
    assert isinstance(await ends(tmp_path, WELL, probe_wait_percent=2.0), CannotTell)


async def test_a_probe_that_breaks_otherwise_breaks_as_it_did(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotTell, match="engine error"),
        honest(trace(tmp_path), ProbeLimits(), lambda: [SICK]),
    ):
        raise CannotTell("engine error: it died")


async def test_an_event_loop_that_hangs_is_noticed(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotTell, match="event loop late by"),
        honest(trace(tmp_path), ProbeLimits(), lambda: [WELL]),
    ):
        time.sleep(1.2)  # noqa: ASYNC251 - the loop hangs: this is what is to be noticed


def test_each_figure_has_its_measure_and_its_limit() -> None:
    assert set(Health().measures()) == set(MEASURES)
    sickest = Health(
        stall_seconds=9, stalled_percent=99, wait_percent=99, unsent_percent=99, late_seconds=9
    )
    assert len(sickest.beyond(ProbeLimits())) == len(MEASURES)
    assert Health().beyond(ProbeLimits()) == ()


def test_the_worst_leg_counts() -> None:
    assert health_of([WELL, SICK], late_seconds=0.1).stall_seconds == 0.9
    assert health_of([], late_seconds=0.0).beyond(ProbeLimits()) == ()


def test_a_wait_that_takes_as_long_as_asked_is_no_stand_still() -> None:
    pulse = Pulse()
    with pulse.waiting(0.3):
        time.sleep(0.2)  # a wait for the engine, within what was asked for
    assert pulse.figures(None)["stall_seconds"] < 0.2


def test_a_wait_that_takes_longer_is_a_stand_still() -> None:
    pulse = Pulse()
    with pulse.waiting(0.01):
        time.sleep(0.3)  # stands still: this is what is to be noticed
    told = pulse.figures(None)
    assert told["stall_seconds"] >= 0.28
    assert 2.8 <= told["stalled_percent"] < 50, "of ten seconds at least"


def test_work_is_no_stand_still() -> None:
    """Only what is neither: a CPU-bound second is not lost, but for what others took of it."""
    pulse = Pulse()
    with pulse.waiting(0.0):
        began, until = time.monotonic(), time.thread_time() + 0.3
        while time.thread_time() < until:
            sum(range(1000))
        taken = time.monotonic() - began
    assert pulse.figures(None)["stall_seconds"] <= taken - 0.3 + 0.05


def looks(meter: Meter, *seen: tuple[float, int, int, int]) -> dict[str, float]:
    """Looks at (seconds, received, empty, sent)."""
    for at, received, empty, sent in seen:
        meter.take({**_NOTHING, "rx_packets": received, "rx_empty": empty, "tx_packets": sent}, at)
    return meter.latest


_NOTHING = {"frame_ms": 20, "rx_lost": 0, "rx_discarded": 0, "far_reports": 0, "far_lost": 0}


def test_packets_that_were_due_and_never_sent_are_counted() -> None:
    well = looks(Meter(), *((10 + n / 4, 0, 0, round(12.5 * n)) for n in range(81)))
    assert well["unsent_percent"] < 0.5
    gaps = looks(Meter(), *((10 + n / 4, 0, 0, round(10 * n)) for n in range(81)))
    assert gaps["unsent_percent"] == pytest.approx(20, abs=1)


def test_a_hold_is_no_failure_to_send() -> None:
    """The sender stops by order, and its stream begins anew at zero."""
    before = [(10 + n / 4, 50, 0, round(12.5 * n)) for n in range(41)]
    held = [(20.1 + n / 4, 50, 0, 500) for n in range(20)]
    after = [(25.1 + n / 4, 0, 0, round(12.5 * n)) for n in range(41)]
    seen = looks(Meter(), *before, *held, *after)
    assert seen["unsent_percent"] < 1
    assert seen["tx_packets"] == 1000
    assert seen["rx_packets"] == 50


def test_a_hold_that_no_look_falls_into_is_no_failure_to_send() -> None:
    """On a busy machine: the stream goes on after it, or begins anew with more than it had."""
    for resumed in (500, 700):
        meter = Meter()
        looks(meter, *((10 + n / 4, n, 0, round(12.5 * n)) for n in range(41)))
        meter.ordered()
        after = [(24.3 + n / 4, 50 + n, 0, resumed + round(12.5 * n)) for n in range(41)]
        assert looks(meter, *after)["unsent_percent"] < 0.5


@pytest.mark.parametrize("pause", [0.1, 0.15])
def test_a_stream_that_is_made_anew_is_no_failure_to_send(pause: float) -> None:
    """A re-INVITE in the middle of a short call: no look falls into the pause."""
    before = [(10 + n / 4, n, 0, round(12.5 * n)) for n in range(9)]
    late = round(50 * pause)
    after = [(12.25 + n / 4, n, 0, round(12.5 * (n + 1)) - late) for n in range(10)]
    assert looks(Meter(), *before, *after)["unsent_percent"] < 0.5


def test_an_empty_buffer_counts_between_packets_and_not_in_a_pause() -> None:
    seen = looks(
        Meter(),
        (10, 100, 0, 100),
        (10.25, 110, 3, 112),
        (10.5, 110, 15, 125),
        (10.75, 122, 16, 137),
    )
    assert seen["rx_empty"] == 4


def test_the_course_of_a_long_call_stays_small() -> None:
    meter = Meter()
    looks(meter, *((n / 4, 12 * n, 0, 12 * n) for n in range(20_000)))
    assert len(meter.losses()) <= 480
    assert sum(look[1] for look in meter.losses()) == pytest.approx(12 * 20_000, rel=0.01)
