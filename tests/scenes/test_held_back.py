"""A look that the daemon died over is not what the next one begins with."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from monitor.scheduling.rounds import Rounds
from monitor.scheduling.runner import Runner
from monitor.scheduling.under_way import WAITS_SECONDS, UnderWay
from monitor.testing.doubles import ManualClock
from tests.field.story import configured

HANGS = """
import os, sys
from pathlib import Path
from monitor.scheduling.under_way import UnderWay
under = UnderWay(Path(sys.argv[1]))
with under.of("good"):
    pass
with under.of("hostile"), under.of("by chance"):
    os.kill(os.getpid(), 9)
"""
CHECK = '[checks.{}]\nkind = "tls-certificate"\nhost = "127.0.0.1"\nevery = "5m"\n'


def dies(file: Path) -> None:
    """A process that is killed in the middle of two looks."""
    done = subprocess.run([sys.executable, "-c", HANGS, str(file)], check=False)
    assert done.returncode == -9


def test_what_a_kill_cut_off_waits_longer_each_time(tmp_path: Path) -> None:
    file = tmp_path / "under-way"
    for seconds in (*WAITS_SECONDS, WAITS_SECONDS[-1]):
        dies(file)
        kept = UnderWay(file)
        assert kept.interrupted() == {"hostile": seconds, "by chance": seconds}
        kept.close()
    kept = UnderWay(file)
    assert kept.interrupted()["hostile"] == WAITS_SECONDS[-1], "a clean restart forgets nothing"
    with kept.of("hostile"):
        pass
    kept.close()
    assert UnderWay(file).interrupted().keys() == {"by chance"}, "it was looked at, and all is well"


def test_a_look_that_is_stopped_in_good_order_is_no_suspect(tmp_path: Path) -> None:
    kept = UnderWay(tmp_path / "under-way")
    with pytest.raises(KeyboardInterrupt), kept.of("x"):
        raise KeyboardInterrupt
    assert UnderWay(tmp_path / "under-way").interrupted() == {}


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "under-way").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError):
        UnderWay(tmp_path / "under-way")
    assert (tmp_path / "victim").read_text() == "kept"


async def test_everything_else_is_owed_before_it(tmp_path: Path) -> None:
    configuration = configured(tmp_path, CHECK.format("hostile") + CHECK.format("good"))
    clock = ManualClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    with Ledger(":memory:") as ledger:
        rounds = Rounds(ledger, configuration, clock, Runner(clock, tmp_path / "exhibits"))
        rounds.hold_back("hostile", clock.now() + timedelta(seconds=15))
        assert [due.name for due in await rounds.owed(clock.now())] == ["good"]
        later = clock.now() + timedelta(seconds=16)
        assert "hostile" in [due.name for due in await rounds.owed(later)]
