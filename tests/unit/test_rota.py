"""Who is on call: in turn by the week, stand-ins before it, over changes of the clock, without a
gap.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.rota import Override, Rota, next_duty, on_call, rest_until

PUNE = "Asia/Kolkata"
XMAS = Override(
    datetime.fromisoformat("2026-12-24 18:00"), datetime.fromisoformat("2026-12-26 09:00"), "Meera"
)
ROTA = Rota("operators", ("Asha", "Ravi", "Meera"), 0, time(9), date(2026, 11, 30), PUNE, (XMAS,))


def at(text: str, zone: str = PUNE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_it_hands_over_on_the_minute_and_goes_round() -> None:
    assert on_call(ROTA, at("2026-11-30 08:59:59")).who == "Meera"
    week = on_call(ROTA, at("2026-11-30 09:00"))
    assert (week.who, week.until) == ("Asha", at("2026-12-07 09:00"))
    assert [on_call(ROTA, at(f"2026-12-{day} 12:00")).who for day in ("07", "14", "21")] == [
        "Ravi",
        "Meera",
        "Asha",
    ]
    following = next_duty(ROTA, at("2026-12-01 12:00"))
    assert following is not None
    assert (following.who, following.since) == ("Ravi", at("2026-12-07 09:00"))


def test_a_stand_in_comes_before_the_turn_and_the_turn_goes_on_behind() -> None:
    assert on_call(ROTA, at("2026-12-24 17:59")).until == at("2026-12-24 18:00")
    duty = on_call(ROTA, at("2026-12-25 03:00"))
    assert (duty.who, duty.until) == ("Meera", at("2026-12-26 09:00"))
    behind = on_call(ROTA, at("2026-12-26 09:00"))
    assert (behind.who, behind.until) == ("Asha", at("2026-12-28 09:00"))


def test_one_alone_is_always_on_call_and_nobody_follows() -> None:
    alone = Rota("operators", ("Asha",), 0, time(9), date(2026, 11, 30), PUNE)
    assert next_duty(alone, at("2026-12-01 12:00")) is None


def test_rest_goes_over_midnight() -> None:
    night = (time(22), time(6, 30))
    assert rest_until(night, at("2026-12-01 23:00"), PUNE) == at("2026-12-02 06:30")
    assert rest_until(night, at("2026-12-02 06:29"), PUNE) == at("2026-12-02 06:30")
    assert rest_until(night, at("2026-12-02 06:30"), PUNE) is None
    assert rest_until(None, at("2026-12-02 03:00"), PUNE) is None


def counted_by_days(rota: Rota, now: datetime) -> str:
    """Another way: walk from the first week, a day at a time on the wall, to the wall time of
    `now`.
    """
    wall = now.astimezone(ZoneInfo(rota.zone)).replace(tzinfo=None)
    day, turn = rota.since, 0
    while day.weekday() != rota.weekday:
        day -= timedelta(days=1)
    while (datetime.combine(day + timedelta(days=7), rota.at)) <= wall:
        day, turn = day + timedelta(days=7), turn + 1
    return rota.turn[turn % len(rota.turn)]


@settings(max_examples=60)
@given(
    st.integers(0, 6),
    st.integers(0, 23),
    st.integers(1, 5),
    st.sampled_from([PUNE, "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(8, 400 * 24 * 60),
)
def test_it_agrees_with_days_counted_one_by_one(
    weekday: int, hour: int, people: int, zone: str, minutes: int
) -> None:
    # A minute that the wall shows twice, or never, is asked for nowhere near the hand-over.
    rota = Rota("r", tuple("ABCDE"[:people]), weekday, time(hour, 7), date(2026, 1, 5), zone)
    now = datetime(2026, 1, 12, tzinfo=UTC) + timedelta(minutes=minutes)
    duty = on_call(rota, now)
    assert duty.since <= now < duty.until
    nearest = min(abs(now - duty.since), abs(duty.until - now))
    if nearest > timedelta(hours=2):
        assert duty.who == counted_by_days(rota, now)
    assert on_call(rota, duty.until).since == duty.until, "no gap"
