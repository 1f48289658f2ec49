"""The cadence keeps time by the real `schedule`; the clock that it reads is turned by hand."""

from __future__ import annotations

import asyncio
import datetime as real
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import schedule

from monitor.core.timetable import Daily, newest_owed
from monitor.ledger import Ledger
from monitor.scheduling.ticker import Cadence

MINUTE = 60


class Hands:
    """A wall clock that moves when told to. Everything else of `datetime` stays itself."""

    def __init__(self) -> None:
        self.epoch = real.datetime(2026, 1, 5, 12, tzinfo=real.UTC).timestamp()

    def set(self, utc: str) -> None:
        self.epoch = real.datetime.fromisoformat(f"{utc}+00:00").timestamp()

    def utc(self) -> real.datetime:
        return real.datetime.fromtimestamp(self.epoch, real.UTC)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    hands = Hands()

    class Turned(real.datetime):
        @classmethod
        def now(cls, tz: real.tzinfo | None = None) -> Turned:
            return cls.fromtimestamp(hands.epoch, tz)

    names = {**vars(real), "datetime": Turned}
    monkeypatch.setattr(schedule, "datetime", SimpleNamespace(**names))
    yield hands
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def host_zone(monkeypatch: pytest.MonkeyPatch, hands: Hands) -> Callable[[str], None]:
    """The time zone of the machine itself."""

    def live_in(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    live_in("UTC")
    return live_in


def never(name: str, error: Exception) -> None:
    raise AssertionError(f"{name}: {error}")


def turn(cadence: Cadence, hands: Hands, seconds: int, step: int = 1) -> None:
    for _ in range(0, seconds, step):
        hands.epoch += step
        cadence.run_due()


def test_a_look_every_five_seconds_and_a_nudge_on_the_second(
    hands: Hands, host_zone: Callable[[str], None]
) -> None:
    hands.set("2026-01-05T02:59:00")
    looks: list[float] = []
    nudges: list[str] = []
    cadence = Cadence(never)
    cadence.every(5, "look", lambda: looks.append(hands.epoch))
    cadence.daily(
        [real.time(8, 30), real.time(17, 30)],
        "Asia/Kolkata",
        "main-number",
        lambda: nudges.append(str(hands.utc())),
    )

    turn(cadence, hands, 120)
    assert len(looks) == 24
    assert nudges == ["2026-01-05 03:00:00+00:00"]

    turn(cadence, hands, 9 * 3600, step=MINUTE)
    assert nudges[1:] == ["2026-01-05 12:00:00+00:00"]


def test_a_job_that_raises_is_told_and_stays_and_the_others_run(
    hands: Hands, host_zone: Callable[[str], None]
) -> None:
    told: list[str] = []
    others: list[float] = []

    def broken() -> None:
        raise RuntimeError("disk full")

    cadence = Cadence(lambda name, error: told.append(f"{name}: {error}"))
    cadence.every(5, "broken", broken)
    cadence.every(5, "outbox", lambda: others.append(hands.epoch))

    turn(cadence, hands, 20)
    assert told == ["broken: disk full"] * 4
    assert len(others) == 4


def test_a_job_that_returns_something_stays(hands: Hands, host_zone: Callable[[str], None]) -> None:
    runs: list[float] = []

    def once_only() -> object:
        runs.append(hands.epoch)
        return schedule.CancelJob

    cadence = Cadence(never)
    cadence.every(1, "look", once_only)
    turn(cadence, hands, 3)
    assert len(runs) == 3


def test_a_clock_set_back_two_hours_silences_nothing(
    hands: Hands, host_zone: Callable[[str], None]
) -> None:
    looks: list[float] = []
    cadence = Cadence(never)
    cadence.every(5, "look", lambda: looks.append(hands.epoch))
    cadence.daily([real.time(4)], "UTC", "audit", lambda: None)
    turn(cadence, hands, 60)

    hands.epoch -= 7200
    looks.clear()
    turn(cadence, hands, 60)
    assert len(looks) >= 11


def test_a_clock_set_on_two_days_is_one_look(
    hands: Hands, host_zone: Callable[[str], None]
) -> None:
    looks: list[float] = []
    cadence = Cadence(never)
    cadence.every(5, "look", lambda: looks.append(hands.epoch))
    turn(cadence, hands, 5)

    hands.epoch += 2 * 86400
    looks.clear()
    cadence.run_due()
    assert len(looks) == 1


@pytest.mark.parametrize("seconds", [0, -5])
def test_never_every_zero(seconds: int) -> None:
    with pytest.raises(ValueError, match=f"'look' cannot be looked at every {seconds} s"):
        Cadence(never).every(seconds, "look", lambda: None)


def test_idle_until_the_next_job(hands: Hands, host_zone: Callable[[str], None]) -> None:
    cadence = Cadence(never)
    assert cadence.idle_seconds() == 1.0
    cadence.every(5, "look", lambda: None)
    assert cadence.idle_seconds(longest=60) == 5.0
    assert cadence.idle_seconds() == 1.0
    hands.epoch += 9
    assert cadence.idle_seconds() == 0.0


def test_a_zone_that_pytz_lacks_is_told_and_left_to_the_looks(
    hands: Hands, host_zone: Callable[[str], None]
) -> None:
    told: list[str] = []
    looks: list[float] = []
    cadence = Cadence(lambda name, error: told.append(f"{name}: {type(error).__name__}"))
    cadence.daily([real.time(4)], "Mars/Olympus", "audit", lambda: None)
    cadence.every(5, "look", lambda: looks.append(hands.epoch))
    turn(cadence, hands, 10)
    assert told == ["audit: UnknownTimeZoneError"]
    assert len(looks) == 2


@pytest.mark.parametrize("host", ["UTC", "America/Chicago", "Europe/Berlin"])
@pytest.mark.parametrize(
    ("night", "at", "owed"),
    [
        ("2026-03-07T12:00:00", "02:30", ["2026-03-08T02:30", "2026-03-09T02:30"]),
        ("2026-10-31T12:00:00", "01:30", ["2026-11-01T01:30", "2026-11-02T01:30"]),
    ],
    ids=["spring", "autumn"],
)
def test_whatever_the_nudges_do_on_a_night_that_changes_the_clock_the_ledger_runs_each_once(
    hands: Hands, host_zone: Callable[[str], None], host: str, night: str, at: str, owed: list[str]
) -> None:
    host_zone(host)
    hands.set(night)
    ledger, runs = Ledger(":memory:"), list[str]()
    wall = real.time.fromisoformat(at)
    timetable = Daily((wall,), "America/Chicago")
    started = hands.utc()

    def look() -> None:
        last = ledger.newest_slot("main-number")
        slot = newest_owed(timetable, hands.utc(), last.slot_at if last else started)
        if slot is None:
            return
        with ledger.transaction() as t:
            if t.claim("main-number", slot.key, slot.at, hands.utc()):
                runs.append(slot.key)

    cadence = Cadence(never)
    cadence.every(300, "look", look)
    cadence.daily([wall], "America/Chicago", "main-number", look)
    turn(cadence, hands, 48 * 3600, step=MINUTE)

    assert runs == owed
    ledger.close()


async def test_the_loop_turns_by_itself_and_stops_when_told() -> None:
    stopping, looked = asyncio.Event(), asyncio.Event()
    cadence = Cadence(never)
    cadence.every(1, "look", looked.set)
    keeping = asyncio.create_task(cadence.keep(stopping))

    await asyncio.wait_for(looked.wait(), 5)
    stopping.set()
    await asyncio.wait_for(keeping, 1)


def test_the_library_alone_would_have_failed(
    hands: Hands, host_zone: Callable[[str], None]
) -> None:
    """Why there is a cadence: when this fails, `schedule` has been mended and the cures can go."""
    plain = schedule.Scheduler()
    plain.every(5).seconds.do(lambda: 1 / 0)
    hands.epoch += 5
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            plain.run_pending()
