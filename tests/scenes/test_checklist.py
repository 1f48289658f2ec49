"""The daily checklist: what Reveille ticks, what people are asked and have answered, and what was
released and is planned.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from monitor.audit import checklist_lines, releases
from monitor.audit.gathering import Asked, Reporting
from monitor.audit.releases import Inventory, changed
from monitor.config import Configuration
from monitor.config.section_models import Audit
from monitor.core.maintenance import Daily, Once, Window
from monitor.incidents import checklist_answers
from monitor.incidents.ticket_actions import NotPossible
from monitor.ledger import Ledger
from monitor.testing.scenario import Scene
from reports.checklist import Release
from reports.morning_report import Audit as Report
from reports.render import render_audit, render_text
from tests.scenes.conftest import Make

OWN = "Recordings of yesterday can be played <b>"
DAY = date(2026, 11, 22)
FAR = datetime(2027, 1, 1)  # noqa: DTZ001 - a wall time of the site


@pytest.fixture
def site(scene: Make) -> Scene:
    made = scene({"main": {"every": 3600.0}}, zone="UTC")
    audit = Audit(to=("ops@example.net",), asks=(OWN,))
    made.configuration = replace(made.configuration, audit=audit)
    return made


def whose(site: Scene) -> tuple[Ledger, Configuration, datetime]:
    return site.ledger, site.configuration, site.clock.now()


async def report(site: Scene) -> Report:
    reporting = Reporting(site.ledger, site.configuration)
    return await reporting.make(
        Asked(DAY), site.clock.now(), await releases.taken(site.configuration)
    )


def say(site: Scene, line: str, done: bool, text: str = "") -> None:
    lines = checklist_lines.lines(
        site.ledger, site.configuration, {}, compared=False, now=site.clock.now()
    )
    found = checklist_answers.asked(lines, line)
    checklist_answers.answer(site.ledger, found, done, text, "asha", site.clock.now())


async def test_what_no_check_sees_to_is_asked_and_the_answer_is_remembered(site: Scene) -> None:
    await site.run_for(minutes=10)
    before = render_audit(await report(site))
    assert "Power and batteries are well: not watched here" in before.text
    assert "Somebody has to look" in before.html and "recordings of yesterday" in before.html
    say(site, "power", done=True)
    say(site, OWN, done=True, text="three of them, with <i>sound")
    made = await report(site)
    mail = render_audit(made)
    assert "✓ Power and batteries are well\n      asha, Mon" in mail.text
    assert "three of them, with <i>sound" in mail.text
    assert "&lt;i&gt;sound" in mail.html and "can be played &lt;b&gt;" in mail.html
    assert made.tone == "OK"
    await site.run_for(hours=30)
    later = render_audit(await report(site)).text
    assert "✓ Power and batteries" not in later and "last answered by asha" in later


async def test_what_a_person_crosses_is_something_to_look_at(site: Scene) -> None:
    await site.run_for(minutes=10)
    say(site, "chat", done=True)
    say(site, "chat", done=False, text="nobody answers")
    made = await report(site)
    assert made.tone == "WARN"
    assert "✗ The chat answers" in render_audit(made).text
    assert "nobody answers" in render_audit(made).text


async def test_a_cross_stands_until_somebody_ticks_it_and_a_tick_for_a_day(site: Scene) -> None:
    await site.run_for(minutes=10)
    say(site, "chat", done=False, text="nobody answers")
    say(site, "power", done=True)
    await site.run_for(hours=72)
    made = await report(site)
    assert made.tone == "WARN" and "✗ The chat answers" in render_audit(made).text
    seen = render_text("checklist", checklist=checklist_lines.view(*whose(site)))
    assert "crossed   The chat answers" in seen and "ticked   " not in seen
    assert "to be looked at again; last ticked by asha" in " ".join(seen.split())


async def test_a_check_that_nobody_looks_at_any_more_ticks_nothing(site: Scene) -> None:
    await site.run_for(minutes=10)
    before = {one.state for one in checklist_lines.view(*whose(site)).lines if one.checks}
    site.clock.advance(3 * 3600.0)
    after = {one.state for one in checklist_lines.view(*whose(site)).lines if one.checks}
    assert (before, after) == ({"OK"}, {"UNKNOWN"})
    assert "? Whatever else is watched" in render_audit(await report(site)).text


def test_an_answer_is_refused_with_what_would_be_right(site: Scene) -> None:
    for line, done, text, why in (
        ("chta", True, "", "did you mean 'chat'"),
        ("99", True, "", "`reveille checklist` numbers them"),
        ("others", True, "", "Reveille sees to it itself"),
        ("chat", False, " ", "say what is wrong"),
        ("chat", True, "x" * 301, "at most 300"),
    ):
        with pytest.raises(NotPossible, match=why):
            say(site, line, done, text)
    assert checklist_answers.answers(site.ledger) == ()


def before(site: Scene, hours: float, inventory: Inventory) -> None:
    with site.ledger.transaction() as t:
        releases.keep(site.ledger, t, inventory, site.clock.now() - timedelta(hours=hours))


async def test_what_was_released_stands_in_the_report(site: Scene) -> None:
    await site.run_for(minutes=10)
    first = await report(site)
    assert first.compared_with is None
    assert "What was released, and is planned: not watched" in render_audit(first).text
    now = await releases.taken(site.configuration)
    older = replace(now, program="0.0.1", configuration="other")
    before(site, 24, older)
    before(site, 1, replace(now, program="0.0.2"))
    made = await report(site)
    text = " ".join(render_audit(made).text.split())
    assert f"Reveille 0.0.1 -> {now.program}, the configuration was changed" in text
    assert made.tone == "OK", "a release is no fault"


async def test_a_morning_keeps_an_inventory_once_for_as_long_as_it_is_the_same(
    scene: Make,
) -> None:
    site = scene({"main": {"every": 3600.0}}, zone="UTC", audit=Audit(to=("ops@example.net",)))
    await site.run_for(hours=74)
    assert len(site.ledger.newest(releases.KIND, 9)) == 1
    made = await report(site)
    assert made.compared_with is not None and made.releases == ()
    assert "✓ What was released, and is planned" in render_audit(made).text


def test_packages_that_came_went_and_changed(tmp_path: Path) -> None:
    def told(packages: dict[str, str]) -> Inventory:
        return Inventory("0.3.0", "d", "p 1", packages)

    found = changed(told({"a": "1", "b": "1", "c": "1"}), told({"a": "2", "c": "1", "d": "1"}))
    assert [(one.name, one.before, one.after) for one in found] == [
        ("a", "1", "2"), ("b", "1", ""), ("d", "", "1"),
    ]  # fmt: skip
    assert changed(told({}), told({"a": "1"})) == (), "nothing is known of before"
    many = changed(told({"x": "1"}), told({f"p{n}": "1" for n in range(500)}))
    assert len(many) == releases.MOST_NAMED
    assert all(isinstance(one, Release) for one in many)


async def test_the_packages_of_a_debian_are_read_again_when_they_change(
    site: Scene, tmp_path: Path
) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    stanza = "Package: {}\nStatus: {}\nVersion: {}\n\n"
    status.write_text(stanza.format("openssl", "install ok installed", "3.0.11"))
    first = await releases.taken(site.configuration, tmp_path)
    assert first.packages == {"openssl": "3.0.11"}
    gone = stanza.format("vim", "deinstall ok config-files", "9")
    status.write_text(stanza.format("openssl", "install ok installed", "3.0.13") + gone)
    second = await releases.taken(site.configuration, tmp_path)
    assert changed(first, second) == (Release("package", "openssl", "3.0.11", "3.0.13"),)
    assert (await releases.taken(site.configuration, tmp_path / "none")).packages == {}


async def test_what_is_planned_until_tomorrow_is_said(site: Scene) -> None:
    before(site, 24, await releases.taken(site.configuration))
    soon = Window(("portal-*",), Daily(time(2), time(3)), "UTC", "database work")
    late = Window(("*",), Once(FAR, FAR + timedelta(days=1)), "UTC", "move")
    site.configuration = replace(site.configuration, maintenance=(soon, late))
    text = " ".join(render_audit(await report(site)).text.split())
    assert "nothing was released; planned: maintenance of portal-* from" in text
    assert "for 1 h (database work)" in text and "move" not in text


@pytest.mark.parametrize("now", ["2026-10-24T23:30:00+00:00", "2026-03-28T23:30:00+00:00"])
def test_the_next_window_is_found_in_the_nights_in_which_clocks_change(now: str) -> None:
    window = Window(("*",), Daily(time(2, 30), time(4)), "Europe/Berlin")
    at = datetime.fromisoformat(now)
    span = window.begins_within(at, timedelta(hours=25))
    assert span is not None and at < span[0] <= at + timedelta(hours=25)
    assert window.begins_within(at, timedelta(minutes=10)) is None
