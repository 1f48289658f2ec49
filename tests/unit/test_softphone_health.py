"""How a softphone gets on: a loop that stands still, threads that queue for a CPU, frames that do
not leave in time. Nothing of it may be told as if it had been measured and was none.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.telephony.call.probe_health import Health, ProbeLimits, health_of
from checks.telephony.phone.process_health import queued
from checks.webrtc.browser.rtc_stats import Source
from checks.webrtc.loop_health import LoopPulse
from checks.webrtc.pace import FRAME_SECONDS, Pace


def test_a_loop_that_stands_still_is_told_by_its_length_and_its_sum() -> None:
    pulse = LoopPulse(lambda: [])
    for still in (0.3, 0.4, 0.02):
        pulse.stood(still)
    told = pulse.figures()
    assert told["stall_seconds"] == 0.4
    assert told["stalled_percent"] == pytest.approx(7, abs=0.1), "of ten seconds at least"


def test_what_came_before_the_call_spoils_nothing() -> None:
    pulse = LoopPulse(lambda: [])
    pulse.stood(5.0)
    pulse.begin()
    assert pulse.figures()["stall_seconds"] == 0.0


def test_a_sleep_that_takes_longer_is_a_stand_still() -> None:
    pulse = LoopPulse()
    with pulse.sleeping(0.01):
        time.sleep(0.2)  # stands still: this is what is to be noticed
    assert pulse.figures()["stall_seconds"] >= 0.18


@pytest.fixture
def one_cpu() -> Iterator[None]:
    """This thread and a rival that never rests, on one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as rival:
            yield
            rival.kill()
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_cpu")
def test_a_thread_that_shares_its_cpu_is_seen_to_queue() -> None:
    pulse, enough = LoopPulse(), time.monotonic() + 20
    while pulse.figures()["wait_percent"] < 0.5 and time.monotonic() < enough:
        sum(range(100_000))
    assert pulse.figures()["wait_percent"] >= 0.5


def test_a_process_that_has_ended_tells_nothing() -> None:
    assert queued([1 << 30]) == {}


def frames(pace: Pace, count: int, now: float) -> float:
    """So many frames in their time; returns when the last one left."""
    for _ in range(count):
        now += pace.wait(now)
    return now


def test_a_microphone_that_keeps_pace_misses_nothing() -> None:
    pace = Pace()
    assert frames(pace, 500, 100.0) == pytest.approx(100 + 499 * FRAME_SECONDS)
    assert pace.unsent_percent == 0.0


def test_a_hiccup_that_a_jitter_buffer_hides_misses_nothing() -> None:
    pace = Pace()
    now = frames(pace, 10, 100.0)
    frames(pace, 500, now + 0.06)
    assert pace.unsent_percent == 0.0


def test_frames_that_leave_too_late_are_as_good_as_unsent() -> None:
    pace = Pace()
    now = frames(pace, 250, 100.0)
    now = frames(pace, 250, now + 0.16)
    # Seven frames were late when the eighth was due; 60 ms of lateness are hidden.
    assert pace.unsent_percent == pytest.approx(100 * 4 / 504, abs=0.3)


@given(st.floats(0.3, 30.0), st.integers(0, 2000))
@settings(max_examples=30, deadline=None)
def test_time_that_is_skipped_is_missing_in_full(still: float, after: int) -> None:
    pace = Pace()
    now = frames(pace, 500, 0.0)
    frames(pace, after, now + still)
    gone = 0 if after == 0 else still / FRAME_SECONDS - 1
    assert pace.unsent_percent == pytest.approx(100 * gone / (500 + after + gone), abs=0.2)


def test_a_browser_that_makes_less_sound_than_time_goes_by_is_starved() -> None:
    source = Source()

    def look(made: float, now: float) -> float:
        return source.unsent_percent({"media-source": {"totalSamplesDuration": made}}, now)

    assert look(0.4, 100.0) == 0.0
    assert look(20.4, 120.0) == 0.0
    assert look(27.9, 130.0) == pytest.approx(100 * 2.5 / 30)
    assert Source().unsent_percent({}, 100.0) == 0.0, "one that does not count it"


def test_every_figure_of_a_softphone_reaches_the_judgement() -> None:
    """A figure that nobody told would stand at 0.0, as if it had been measured."""
    told = {**LoopPulse().figures(), "unsent_percent": Pace().unsent_percent}
    daemons = {"late_seconds", "load"}
    assert {one.name for one in fields(Health)} - daemons == set(told)
    sick = dict.fromkeys(told, 99.0)
    assert len(health_of([sick], 0.0).beyond(ProbeLimits())) == 4
