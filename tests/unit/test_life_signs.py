"""A heartbeat is a file, and its disk may be slow or gone: the loop never waits for it."""

from __future__ import annotations

import asyncio
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

from monitor.service.heartbeat import Presence, heartbeat
from monitor.service.life_signs import LifeSigns
from monitor.testing.doubles import ManualClock

NOW = datetime(2026, 11, 30, 4, 0, tzinfo=UTC)


class Disk(Presence):
    """A presence whose disk answers when it is let."""

    answers = threading.Event()

    def beat(self, now: datetime, doing: str = "", stuck: str = "") -> None:
        self.answers.wait(30)
        super().beat(now, doing, stuck)


def signs_of(presence: Presence, told: list[BaseException]) -> LifeSigns:
    return LifeSigns(presence, ManualClock(NOW), lambda _, error: told.append(error))


async def test_a_disk_that_hangs_holds_up_no_loop_and_the_newest_beat_is_written(
    tmp_path: Path,
) -> None:
    disk, told = Disk(tmp_path), list[BaseException]()
    signs = signs_of(disk, told)
    first = signs.beat()
    signs.heard("main-number", "prompt")
    signs.stuck = "its disk hangs"
    assert signs.beat() is first, "one at a time"
    await asyncio.sleep(0)
    assert not first.done()
    disk.answers.set()
    await first
    while (seen := heartbeat(tmp_path)) is None or not seen.doing:
        await asyncio.sleep(0.01)
    assert (seen.doing, seen.stuck, told) == ("main-number: prompt", "its disk hangs", [])
    disk.leave()


async def test_a_beat_that_cannot_be_written_is_told_unless_its_folder_is_gone(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    presence, told = Presence(state), list[BaseException]()
    signs = signs_of(presence, told)
    (state / "heartbeat.json").mkdir()
    await signs.beat()
    assert [type(one) for one in told] == [IsADirectoryError]
    shutil.rmtree(state)
    await signs.beat()
    assert len(told) == 1, "who holds on to the folder tells that, and puts it back"
    state.mkdir()
    await signs.beat()
    assert heartbeat(state) is not None
    presence.leave()
