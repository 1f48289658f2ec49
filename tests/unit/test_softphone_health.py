"""How a softphone gets on: a loop that stands still, threads that queue for a CPU, frames that do
not leave in time. Nothing of it may be told as if it had been measured and was none.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import fields
from itertools import repeat
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.process.channel import Channel
from checks.telephony.call.probe_health import Health, ProbeLimits, health_of
from checks.telephony.phone.process_health import queued
from checks.transport.stages import Stages
from checks.webrtc.browser.rtc_stats import Source
from checks.webrtc.loop_health import LoopPulse
from checks.webrtc.pace import FRAME_SECONDS, Pace
from checks.webrtc.softphone import Softphone
from checks.webrtc.station import Station


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


def test_a_process_that_ends_while_it_is_read_tells_nothing() -> None:
    # Whether it ends between two looks at it is chance: of so many one does.
    ends = "for n in $(seq 25); do sleep 0.01 & echo $!; wait; done"
    with subprocess.Popen(["sh", "-c", ends], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        for ending in map(int, shell.stdout):
            while queued(repeat(ending, 20)):
                pass
    assert shell.returncode == 0


class Given(Station):
    """A station that says when it was given back."""

    closed = False

    async def close(self) -> None:
        await super().close()
        self.closed = True


class Blind(Softphone):
    """Beside others in a process; from some moment on who carries its sound cannot be told."""

    blind = False

    def _live_alone(self) -> None:
        """Signals and timers are the test's."""

    def _show_life(self) -> None:
        """As it is said above."""

    def _carriers(self) -> Iterable[int]:
        if self.blind:
            raise psutil.NoSuchProcess(os.getpid())
        return ()

    def _begin(self, command: dict[str, Any]) -> None:
        tell = self._channel.tell
        self.given = self._station = Given(tell, Stages(tell, {}), command, self._pulse)
        self.blind = True


async def test_a_softphone_whose_figures_fail_is_given_back_all_the_same() -> None:
    ours, its = socket.socketpair()
    with ours, closing(Channel(its.detach())) as channel:
        phone = Blind(channel)
        ours.sendall(b'{"do": "open", "life_seconds": 60}\n{"do": "hang-up"}\n')
        with pytest.raises(psutil.NoSuchProcess):
            await phone.run()
    assert phone.given.closed


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
