"""Stories of root cause analyses: drafted from the ledger as an incident ends, owed by whom the
policy says, reminded of, missed, waiting for evidence, written and sent.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from checks.contract import Failed
from monitor.audit import releases
from monitor.audit.gathering import Asked, Reporting
from monitor.core.incident import Incident
from monitor.incidents import store
from monitor.incidents.analyses import Analyses, NotSent
from monitor.incidents.ticket_actions import TicketActions
from monitor.service.standing import standing
from monitor.testing.scenario import Scene
from reports.rca import Rca, RcaLine
from reports.render import render_audit, render_mail, render_rca, render_text
from reports.ticket import Ticket
from tests.scenes.conftest import Make

SILENT = Failed("silent", "no sound for 8 s")
CALLS: dict[str, dict[str, Any]] = {"main": {"every": 300.0}}


def analyses(site: Scene) -> Analyses:
    return Analyses(site.ledger, site.configuration, site.clock.now())


def incident(site: Scene) -> Incident:
    row = site.ledger.incident(1)
    assert row is not None
    return store.incident_of(row)


def owed(site: Scene) -> list[tuple[str, str]]:
    return [(one.part, one.state) for one in analyses(site).owed()]


def line(site: Scene, part: str = "rca") -> RcaLine:
    return next(one for one in analyses(site).owed() if one.part == part)


def letters(site: Scene, kind: str) -> list[str]:
    """To whom, once each."""
    return [one.recipient.partition("@")[0] for one in site.desk.letters if one.kind == kind]


def sent(site: Scene) -> Rca:
    letter = next(one for one in site.desk.letters if one.kind == "rca")
    return Rca.from_dict(letter.body["extra"]["rca"])


def without_looks(site: Scene) -> Scene:
    """From here on only time matters: days pass at once."""
    site.stop_daemon()
    entry = replace(site.configuration.checks["main"], every=None, timetable=None)
    site.configuration = replace(site.configuration, checks={"main": entry})
    site.start_daemon()
    return site


async def ended(make: Make, policy: str, minutes: int = 60, **more: Any) -> Scene:
    """An outage that is over."""
    # A long outage is looked at seldom: the test is about time.
    site = make({"main": {"every": 300.0, "recheck": 1800.0}}, policy=policy, **more)
    await site.run_for(minutes=20)
    site.world["main"] = SILENT
    await site.run_for(minutes=minutes)
    site.world["main"] = None
    await site.run_for(minutes=15)
    assert not incident(site).open
    return without_looks(site)


WRITTEN = {"cause": "A full disk on the IVR host.", "plan": "Logs are rotated daily."}


async def test_a_draft_says_what_the_ledger_knows_and_what_is_missing(scene: Make) -> None:
    site = await ended(scene, "xop")
    counter = TicketActions(site.ledger, site.configuration, site.clock.now())
    counter.note(1, "asha", "restarted the IVR")
    rca = analyses(site).of(incident(site))
    (looks,) = rca.extent
    assert looks.hits == looks.of > 10
    assert looks.low_percent is not None
    assert 70 < looks.low_percent < 100
    assert rca.last_good_at is not None
    assert rca.last_bad_at is not None
    assert rca.last_good_at < rca.opened_at < rca.last_bad_at
    assert rca.works_since is not None
    assert rca.seconds is not None
    assert rca.least_seconds is not None
    assert rca.most_seconds is not None
    assert rca.least_seconds <= rca.seconds <= rca.most_seconds
    assert "asha: restarted the IVR" in [text for _, text in rca.actions]
    assert any("how many calls of customers" in text for text in rca.unknown)
    page = " ".join(render_rca(rca).text.split())
    for said in ("prompt: silent", "% confidence", "restarted the IVR", "WHAT IS MISSING"):
        assert said in page
    assert [row.kind for row in site.ledger.history(1)].count("rca-drafted") == 1


async def test_level_3_is_reminded_before_and_told_when_it_was_missed_each_once(
    scene: Make,
) -> None:
    site = await ended(scene, "xop")
    assert owed(site) == [("rca", "due")], "level 4 took nothing over: it owes nothing"
    assert line(site).owner == "support engineers"
    due = line(site).due_at
    assert due is not None
    assert due - incident(site).works_since == timedelta(days=1)  # type: ignore[operator]
    await site.run_until(due - timedelta(hours=6, seconds=1))
    assert letters(site, "rca-due") == []
    await site.run_until(due - timedelta(seconds=1))
    assert sorted(letters(site, "rca-due")) == ["operators", "support-engineers"]
    await site.run_until(due + timedelta(days=1))
    assert sorted(letters(site, "rca-due")) == 2 * ["operators"] + 2 * ["support-engineers"]
    assert [name for name, _ in incident(site).breaches] == ["rca"]
    assert owed(site) == [("rca", "overdue")]
    status = standing(site.ledger, site.configuration, site.clock.now())
    assert [one.state for one in status.analyses] == ["overdue"]
    shown = " ".join(render_text("status", status=status).split())
    assert "the root cause analysis was due" in shown
    assert "by support engineers" in shown
    reporting = Reporting(site.ledger, site.configuration)
    report = await reporting.make(
        Asked(date(2026, 11, 24)), site.clock.now(), await releases.taken(site.configuration)
    )
    assert report.overdue == tuple(report.rca)
    assert "OVERDUE, was due" in render_audit(report).text
    assert report.doubtful >= 1
    last = site.desk.letters[-1]
    assert "that time is over" in " ".join(_mail(last).text.split())


async def test_after_a_downtime_only_the_miss_is_told(scene: Make) -> None:
    site = await ended(scene, "xop")
    site.stop_daemon()
    site.clock.advance(2 * 86400)
    site.start_daemon()
    await site.run_for(minutes=1)
    assert sorted(letters(site, "rca-due")) == ["operators", "support-engineers"]
    assert "overdue" in _mail(site.desk.letters[-1]).subject


async def test_it_is_sent_once_a_person_has_written_it_to_all_who_were_told(scene: Make) -> None:
    site = await ended(scene, "xop")
    with pytest.raises(NotSent, match="'Cause' and 'Resolution plan' are not written yet"):
        analyses(site).send(1, "asha", "rca")
    analyses(site).edit(1, "asha", WRITTEN)
    analyses(site).edit(1, "ravi", {"plan": "Logs are rotated hourly."})
    analyses(site).send(1, "ravi", "rca")
    await site.run_for(days=2)
    told = letters(site, "rca")
    assert set(told) >= {"operators", "customer-staff", "support"}
    assert len(told) == len(set(told))
    rca = sent(site)
    assert (rca.written["plan"], rca.written_by) == ("Logs are rotated hourly.", "ravi")
    assert letters(site, "rca-due") == []
    assert owed(site) == []
    assert incident(site).breaches == ()
    state = {clock.name: str(clock.state) for clock in incident(site).clocks(site.clock.now())}
    assert state["rca"] == "met"
    kinds = [(row.kind, row.body.get("by")) for row in site.ledger.history(1)]
    assert ("rca-edited", "asha") in kinds
    assert ("rca-sent", "ravi") in kinds


async def test_what_is_sent_late_stays_a_recorded_breach_and_is_owed_no_more(scene: Make) -> None:
    site = await ended(scene, "xop")
    await site.run_for(days=2)
    analyses(site).edit(1, "asha", WRITTEN)
    analyses(site).send(1, "asha", "rca")
    assert owed(site) == []
    state = {clock.name: str(clock.state) for clock in incident(site).clocks(site.clock.now())}
    assert state["rca"] == "breached"


async def test_level_4_owes_its_own_part_of_what_it_took_over(scene: Make) -> None:
    site = await ended(scene, "xop", minutes=9 * 60)
    assert owed(site) == [("rca", "due"), ("prevention", "due")]
    assert line(site, "prevention").owner == "product development"
    due = line(site, "prevention").due_at
    assert due is not None
    assert due - incident(site).counts_from == timedelta(days=3), "as its resolution"
    analyses(site).edit(1, "asha", WRITTEN)
    analyses(site).send(1, "asha", "rca")
    with pytest.raises(NotSent, match="'Prevention' is not written yet"):
        analyses(site).send(1, "meera", "prevention")
    await site.run_until(due - timedelta(minutes=1))
    assert sorted(letters(site, "rca-due")) == ["operators", "product-development"]
    analyses(site).edit(1, "meera", {"prevention": "The partition is watched."})
    analyses(site).send(1, "meera", "prevention")
    await site.run_for(days=1)
    assert owed(site) == []
    assert not {"rca", "prevention"} & dict(incident(site).breaches).keys()


async def test_exotel_s_waits_for_evidence_visibly_and_its_clock_stands(scene: Make) -> None:
    site = await ended(scene, "exotel")
    before = line(site).due_at
    assert before is not None
    await site.run_for(hours=10)
    analyses(site).wait(1, "asha", "debug logs of the next call that fails")
    with pytest.raises(ValueError, match="waits already"):
        analyses(site).wait(1, "asha", "more")
    await site.run_for(days=5)
    assert letters(site, "rca-due") == []
    assert owed(site) == [("rca", "waits")]
    assert line(site).why == "debug logs of the next call that fails"
    report = await Reporting(site.ledger, site.configuration).make(
        Asked(date(2026, 11, 25)), site.clock.now(), await releases.taken(site.configuration)
    )
    assert "waits for debug logs of the next call" in render_audit(report).text
    analyses(site).go_on(1, "asha")
    assert line(site).due_at == before + timedelta(days=5)
    await site.run_until(before + timedelta(days=5, minutes=1))
    assert [name for name, _ in incident(site).breaches][-1] == "rca"


async def test_only_where_the_policy_lets_it_and_only_what_it_promises(scene: Make) -> None:
    site = await ended(scene, "xop")
    with pytest.raises(ValueError, match="lets no analysis wait for evidence"):
        analyses(site).wait(1, "asha", "logs")


@pytest.mark.parametrize("policy", ["ozonetel", "voxeo"])
async def test_without_a_promise_nothing_is_owed_and_one_may_be_sent(
    scene: Make, policy: str
) -> None:
    site = await ended(scene, policy)
    assert owed(site) == []
    await site.run_for(days=3)
    assert letters(site, "rca-due") == []
    with pytest.raises(ValueError, match="promises no analysis of it"):
        analyses(site).wait(1, "asha", "logs")
    analyses(site).edit(1, "asha", WRITTEN)
    analyses(site).send(1, "asha", "rca")
    await site.run_for(minutes=1)
    assert "operators" in letters(site, "rca")


async def test_what_is_open_is_not_analysed_and_what_comes_back_is_analysed_anew(
    scene: Make,
) -> None:
    site = scene(CALLS, policy="xop")
    site.world["main"] = SILENT
    await site.run_for(minutes=20)
    with pytest.raises(NotSent, match="RV-1 is still open"):
        analyses(site).send(1, "asha", "rca")
    site.world["main"] = None
    await site.run_for(minutes=15)
    analyses(site).edit(1, "asha", WRITTEN)
    analyses(site).send(1, "asha", "rca")
    site.world["main"] = SILENT
    await site.run_for(minutes=20)
    assert incident(site).open
    assert incident(site).rca_sent_at is None
    site.world["main"] = None
    await site.run_for(hours=2)
    assert not incident(site).open
    assert owed(site) == [("rca", "due")]
    assert analyses(site).of(incident(site)).written == WRITTEN, "what was written stays"


async def test_the_customer_is_sent_it_and_is_not_reminded(scene: Make) -> None:
    roles = {role: role for role in ("operators", "customer", "customer-staff", "support")}
    site = await ended(scene, "xop", people=roles)
    await site.run_for(hours=23)
    # Nobody is level 3 here: the operators have it.
    assert letters(site, "rca-due") == ["operators"]
    analyses(site).edit(1, "asha", WRITTEN)
    analyses(site).send(1, "asha", "rca")
    await site.run_for(minutes=1)
    assert "customer" in letters(site, "rca")


def _mail(letter: Any) -> Any:
    ticket = Ticket.from_dict(letter.body["ticket"])
    return render_mail(letter.kind, ticket, letter.body["extra"])
