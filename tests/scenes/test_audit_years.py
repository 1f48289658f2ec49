"""Years of mornings, fast-forwarded: whatever happens to the daemon, its clock and the mail server,
each local date has exactly one report, each report names its predecessor, and each arrives once or
is said not to have.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from checks.contract import Failed
from monitor.audit.gathering import KIND
from monitor.audit.round import MADE_UP_DAYS
from monitor.config.section_models import Audit
from monitor.core.local_time import instant
from monitor.desks.desk import Letter, Never, TryLater
from monitor.ledger import Ledger, bodies
from monitor.ledger.server_address import Place
from monitor.testing.scenario import Scene, ScriptedPortal
from reports.morning_report import Audit as Report
from reports.render import render_audit
from tests.ledger.engines import ON_SERVER, on_server

READERS = ("ops@example.net", "boss@example.net")
TROUBLES = (
    "none",
    "crash",
    "suspend",
    "clock-back",
    "clock-ahead",
    "mail-down",
    "failing-part",
    "long-off",
)
WEIGHTS = (60, 12, 12, 8, 3, 3, 6, 1)


class Years:
    """A site and what befalls it, drawn from a seed."""

    def __init__(
        self, folder: Path, zone: str, start: datetime, seed: int, place: Place | None = None
    ) -> None:
        audit = Audit(to=READERS, checks=("backup",))
        part = {"of": ScriptedPortal, "recheck": 43200.0}
        self.site = Scene(
            start, {"backup": part}, zone=zone, folder=folder, audit=audit, place=place
        )
        self.draw = random.Random(seed)
        self.zone = ZoneInfo(zone)
        self.met: Counter[str] = Counter()
        self.mail_until: datetime | None = None
        self.site.desk.answer = self._answer

    async def live(self, days: int) -> None:
        end = self.site.clock.now() + timedelta(days=days)
        while self.site.clock.now() < end:
            trouble = self.draw.choices(TROUBLES, WEIGHTS)[0]
            self.met[trouble] += 1
            await self._befall(trouble)
            await self.site.run_for(hours=self.draw.uniform(6, 30))
        self.site.world["backup"] = None
        await self.site.run_for(days=4)
        self.site.stop_daemon()

    async def _befall(self, trouble: str) -> None:
        site, clock = self.site, self.site.clock
        if trouble == "crash":
            await self._crash()
        elif trouble == "suspend":
            clock.advance(self.draw.uniform(0.1, 60) * 3600)
        elif trouble == "clock-back":
            clock.advance(-self.draw.uniform(0.1, 20) * 3600)
        elif trouble == "clock-ahead":
            await self._clock_runs_ahead(self.draw.uniform(2, 400))
        elif trouble == "mail-down":
            self.mail_until = clock.now() + timedelta(hours=24)
        elif trouble == "failing-part":
            site.world["backup"] = (
                None if site.world["backup"] else Failed("no-space", "the disk is full")
            )
        elif trouble == "long-off":
            site.stop_daemon()
            clock.advance(self.draw.uniform(9, 20) * 86400)
            site.start_daemon()

    async def _crash(self) -> None:
        """In the middle of an audit, if one is owed soon; else at any moment."""
        site = self.site
        moment = await site.audit.next_moment(site.clock.now())
        assert moment is not None
        site.clock.advance((moment - site.clock.now()).total_seconds())
        if slot := await site.audit.owed(site.clock.now()):
            making = asyncio.get_running_loop().create_task(site.audit.run(slot))
            for _ in range(self.draw.randrange(12)):
                await asyncio.sleep(0)
            making.cancel()
            with suppress(asyncio.CancelledError):
                await making
        site.stop_daemon()
        site.clock.advance(self.draw.uniform(0, 3) * 3600)
        site.start_daemon()

    async def _clock_runs_ahead(self, days: float) -> None:
        """A wrong time server, found out an hour later."""
        self.site.clock.advance(days * 86400)
        await self.site.run_for(hours=1)
        self.site.clock.advance(-days * 86400 - 1800)

    def _answer(self, letter: Letter) -> str:
        if self.mail_until and self.site.clock.now() < self.mail_until:
            raise TryLater("the mail server is down", whole_desk=True)
        return f"taken-{letter.key}"


def kept(folder: Path, zone: str) -> list[Report]:
    """The reports in the ledger, in the order in which they were made."""
    return reports_of(folder / "ledger.sqlite")


def reports_of(place: Place) -> list[Report]:
    with Ledger(place, read_only=True) as ledger:
        return [bodies.REPORT.read(row.body) for row in ledger.history(None) if row.kind == KIND]


@pytest.fixture
def quick_folder(tmp_path: Path) -> Iterator[Path]:
    """In memory, where there is such a place: years are thousands of commits."""
    shared = Path("/dev/shm")
    if not shared.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="reveille-years-", dir=shared) as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("zone", "seed", "days"),
    # Both nights on which its clocks are changed are among them.
    [("America/Chicago", 2, 310)],
)
async def test_each_date_of_years_full_of_trouble_has_one_report(
    quick_folder: Path, zone: str, seed: int, days: int
) -> None:
    await the_years_are_whole(quick_folder, zone, seed, days)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "Pacific/Apia", "America/Santiago", "Asia/Tehran"]
)
async def test_each_date_of_ten_years_full_of_trouble_has_one_report(
    quick_folder: Path, zone: str, seed: int
) -> None:
    await the_years_are_whole(quick_folder, zone, seed, 3652)


@pytest.mark.slow
@ON_SERVER
@pytest.mark.parametrize(("zone", "seed"), [("America/Santiago", 10), ("Pacific/Apia", 13)])
async def test_ten_years_on_a_server_are_as_whole(
    quick_folder: Path, tmp_path: Path, zone: str, seed: int
) -> None:
    await the_years_are_whole(quick_folder, zone, seed, 3652, on_server(tmp_path))


async def the_years_are_whole(
    folder: Path, zone: str, seed: int, days: int, place: Place | None = None
) -> None:
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    years = Years(folder, zone, start, seed, place)
    await years.live(days)
    assert all(years.met[trouble] for trouble in TROUBLES), years.met
    made = reports_of(years.site.place)
    assert [report.number for report in made] == list(range(1, len(made) + 1))
    assert all(after.previous == before.day for before, after in pairwise(made))
    in_force = {report.day: report for report in made}  # the last of a day stands for it
    real = [
        report
        for report in made
        if report.day <= years.site.clock.now().astimezone(years.zone).date()
    ]
    repeated = [report for report in made if report.replaces]
    assert all(
        made[report.replaces - 1].day == report.day for report in repeated if report.replaces
    )
    assert all(_on_a_wrong_clock(made[r.replaces - 1], made) for r in repeated if r.replaces)
    first = min(real, key=lambda report: report.number).day
    last = years.site.clock.now().astimezone(years.zone).date() - timedelta(days=2)
    wanted = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    said_missing = {day for report in made for day in report.missing}
    assert wanted - in_force.keys() <= said_missing
    assert len(wanted - in_force.keys()) <= 20 * years.met["long-off"] + MADE_UP_DAYS
    mailed = [one for one in years.site.desk.letters if one.kind == KIND]
    letters = Counter((one.body["report"]["number"], one.recipient) for one in mailed)
    assert set(letters) == {(report.number, reader) for report in made for reader in READERS}
    assert set(letters.values()) == {1}


def _on_a_wrong_clock(report: Report, made: list[Report]) -> bool:
    """Whether a later report was made at an earlier moment: then the clock had been ahead."""
    return any(later.made_at < report.made_at for later in made[report.number :])


async def test_a_report_that_did_not_arrive_stands_in_the_next_one(tmp_path: Path) -> None:
    start = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)
    site = Scene(
        start,
        {"backup": {"of": ScriptedPortal}},
        folder=tmp_path,
        audit=Audit(to=READERS, checks=("backup",)),
    )

    def refuse(letter: Letter) -> str:
        if letter.recipient == READERS[1]:
            raise Never("550 no such user")
        return "taken"

    site.desk.answer = refuse
    await site.run_for(days=3)
    site.stop_daemon()
    first, second, third = kept(tmp_path, "Asia/Kolkata")
    assert (first.undelivered, first.tone) == ((), "OK")
    assert [(one.number, one.recipient, one.state) for one in second.undelivered] == [
        (1, READERS[1], "failed")
    ]
    assert [one.number for one in third.undelivered] == [2]  # each is told of once
    assert second.tone == "WARN"
    mail = render_audit(second)
    assert (
        "Report 1 of Thu 19 Nov 2026 has not reached boss@example.net, and never will: 550 no such"
        " user" in mail.html
    )
    assert "has not reached boss@example.net" in mail.text
    assert "the one before, 1, was of Thu 19 Nov 2026" in " ".join(mail.text.split())


async def test_a_mail_server_down_for_a_day_costs_no_report(tmp_path: Path) -> None:
    start = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)
    site = Scene(
        start,
        {"backup": {"of": ScriptedPortal}},
        folder=tmp_path,
        audit=Audit(to=READERS, checks=("backup",)),
    )
    up_again = datetime(
        2026, 11, 20, 23, 0, tzinfo=UTC
    )  # half an hour after the second report was made

    def answer(letter: Letter) -> str:
        if site.clock.now() < up_again:
            raise TryLater("connection refused", whole_desk=True)
        return "taken"

    site.desk.answer = answer
    await site.run_for(days=2)
    site.stop_daemon()
    numbers = [(one.body["report"]["number"], one.recipient) for one in site.desk.letters]
    assert sorted(numbers) == [(number, reader) for number in (1, 2) for reader in sorted(READERS)]
    second = kept(tmp_path, "Asia/Kolkata")[1]
    assert [(one.number, one.state) for one in second.undelivered] == [(1, "queued"), (1, "queued")]


def test_a_date_that_a_zone_skipped_has_no_report_and_its_neighbours_have(tmp_path: Path) -> None:
    """Samoa went from Thursday 29 December 2011 to Saturday the 31st."""
    zone = ZoneInfo("Pacific/Apia")
    start = datetime(2011, 12, 27, 20, tzinfo=UTC)
    site = Scene(
        start,
        {"backup": {"of": ScriptedPortal}},
        "Pacific/Apia",
        folder=tmp_path,
        audit=Audit(to=READERS[:1]),
    )
    asyncio.run(site.run_until(instant(datetime.combine(date(2012, 1, 3), time(12)), zone)))
    site.stop_daemon()
    days = [report.day for report in kept(tmp_path, "Pacific/Apia")]
    assert days == [
        date(2011, 12, 27),
        date(2011, 12, 28),
        date(2011, 12, 29),
        date(2011, 12, 31),
        *_january(1, 2),
    ]


def _january(*days: int) -> list[date]:
    return [date(2012, 1, day) for day in days]
