"""What a desk takes is said by its own class: a helpdesk hears of every event of a ticket once,
people by letter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import ClassVar

import pytest

from checks.contract import Failed
from monitor.config.section_models import Audit
from monitor.delivery.last_resort import Alarm
from monitor.delivery.outbox import Outbox
from monitor.desks.built_in import BuiltInSettings
from monitor.desks.desk import Desk, DeskSettings, Takes
from monitor.testing.doubles import FakeDesk
from monitor.testing.scenario import Scene

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)  # 08:30 in Pune
SILENT = Failed("silent", "no sound for 8 s")


class HelpdeskSettings(DeskSettings):
    """A helpdesk of somebody else's."""

    KIND: ClassVar[str] = "fax-to-helpdesk"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets"})

    def desk(self, name: str) -> Desk:
        """One that keeps what it gets."""
        return FakeDesk()


class PagerSettings(HelpdeskSettings):
    """Something that reaches people and is no mail."""

    KIND: ClassVar[str] = "pager"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"people"})


class BothSettings(HelpdeskSettings):
    """A helpdesk that mails its people too."""

    KIND: ClassVar[str] = "both"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets", "people"})


async def told(folder: Path, desks: Mapping[str, DeskSettings]) -> dict[str, list[str]]:
    """One bad call, mended within the hour, and the night after it: what each desk was sent, as
    "event to whom"."""
    checks = {"main-number": {"at": (time(8, 30),)}}
    site = Scene(START, checks, folder=folder, audit=Audit(to=("ops@example.net",)))
    site.stop_daemon()
    site.configuration = replace(site.configuration, desks=desks)
    site.start_daemon()
    kept = {name: FakeDesk() for name in desks}
    site.outbox = Outbox(site.ledger, kept, "scene")
    try:
        site.world["main-number"] = SILENT
        await site.run_for(minutes=10)
        site.world["main-number"] = None
        await site.run_for(hours=24)
    finally:
        site.stop_daemon()
    return {
        name: [f"{one.kind} to {one.recipient.partition('@')[0]}" for one in desk.letters]
        for name, desk in kept.items()
    }


async def test_a_helpdesk_hears_of_every_event_once_and_people_hear_by_the_desk_that_takes_people(
    tmp_path: Path,
) -> None:
    both = await told(tmp_path, {"helpdesk": HelpdeskSettings(), "pagers": PagerSettings()})
    assert both["helpdesk"][0] == "opened to helpdesk"
    assert "closed to helpdesk" in both["helpdesk"]
    assert len(set(both["helpdesk"])) == len(both["helpdesk"]), "once each"
    assert both["pagers"][:2] == ["opened to change-request-desk", "opened to operators"]
    assert "audit to ops" in both["pagers"]
    assert not [one for one in both["helpdesk"] if one.startswith("audit")], "a report is no ticket"


async def test_two_helpdesks_have_the_ticket_each(tmp_path: Path) -> None:
    found = await told(tmp_path, {"here": HelpdeskSettings(), "there": HelpdeskSettings()})
    assert found["here"][0] == "opened to here"
    assert found["there"][0] == "opened to there"


async def test_a_desk_may_take_both(tmp_path: Path) -> None:
    found = await told(tmp_path, {"one": BothSettings()})
    assert {"opened to one", "opened to operators", "audit to ops"} <= set(found["one"])


class KeptSettings(HelpdeskSettings):
    """A helpdesk of which a test keeps what it got."""

    KIND: ClassVar[str] = "kept"
    KEPT: ClassVar[FakeDesk]

    def desk(self, name: str) -> Desk:
        """Always the same one."""
        return self.KEPT


class KeptPagerSettings(KeptSettings):
    """The same for people."""

    KIND: ClassVar[str] = "kept-pager"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"people"})


async def test_the_last_resort_tells_people_and_the_helpdesk_where_no_desk_takes_people(
    tmp_path: Path,
) -> None:
    site = Scene(START, {}, folder=tmp_path)
    site.stop_daemon()
    alone, beside = (
        {"helpdesk": KeptSettings()},
        {"helpdesk": KeptSettings(), "pager": KeptPagerSettings()},
    )
    for desks, whom in ((alone, ["helpdesk"]), (beside, ["operators@example.net"])):
        KeptSettings.KEPT = FakeDesk()
        await Alarm().raise_([replace(site.configuration, desks=desks)], "the disk is full", START)
        assert [letter.recipient for letter in KeptSettings.KEPT.letters] == whom


@pytest.mark.parametrize("settings", [BuiltInSettings()], ids=lambda one: one.KIND)
async def test_a_desk_that_reads_the_ledger_is_sent_nothing(
    settings: DeskSettings, tmp_path: Path
) -> None:
    assert await told(tmp_path, {"tickets": settings}) == {"tickets": []}
