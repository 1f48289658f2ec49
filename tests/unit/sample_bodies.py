"""Real instances of everything that is kept as JSON, every field filled, and the smallest of each,
as today's code writes them. Made of rules, so that they are the same every time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from checks.contract import Exhibit, Fault, Layer, Observation, Stage
from checks.data.backup.store.archive_file import Artefact
from checks.data.backup.store.manifest import Content, Link, Manifest, Proof
from checks.data.hygiene.journal import Entry
from monitor.core import easing, effects, endings, incident_escalation, pauses, reported, root_cause
from monitor.core import incident_transitions as transitions
from monitor.core.condition import Condition, Phase
from monitor.core.diagnosis import Finding
from monitor.core.flapping import Flap
from monitor.core.incident import Change, Closing, Evidence, Happening, Incident, Pause
from monitor.core.open_hours import NO_CALENDARS
from monitor.core.policy_terms import Classification, Issue, Ladder, Level, Severity, Target
from monitor.core.rollup import Counts, Spread
from monitor.core.sla import Clock, ClockState
from monitor.core.verdict import State, Verdict
from monitor.ledger import bodies
from reports.checklist import Answer, Release
from reports.morning_report import Audit
from reports.ticket import ClockLine, RungLine, RungState, StageLine, Ticket
from reports.ticket import Finding as FindingLine
from tests.unit.sample_analyses import NOW, analyses, maintenance_line, maintenances, rca_line
from tests.unit.sample_report import report, undelivered
from tests.unit.sample_ticket import EXTRAS, OPENED, later, ticket

_SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def promised() -> tuple[Target, ...]:
    return (
        Target("response", 1800),
        Target("resolution", 7200),
        Target("rca", 86400, "business-days", "resolved", 0, 3, waits_for_evidence=True),
    )


def ladder() -> Ladder:
    return Ladder(
        "general",
        (
            Level(1, "customer support desk", "customer-support-desk", 0, 1800, "not-acknowledged"),
            Level(2, "shift team leader", "shift-team-leader", 1800, None, "not-resolved"),
        ),
    )


def evidence() -> Evidence:
    """One finding for each layer and each state."""
    states = (*State, *State)
    found = tuple(
        Finding(layer, f"check-{layer.name.lower()}", state, "said so")
        for layer, state in zip(Layer, states[: len(Layer)], strict=True)
    )
    return Evidence(
        check="main-number",
        kind="sip-call",
        reasons=("prompt: silent, no sound for 8 s", "answer_seconds (6.2) <= 4"),
        stages=(("connect", 0.125, True), ("prompt", 8.0, False)),
        exhibits=(("ladder.txt", "/var/lib/reveille/exhibits/2026-11-22/a/ladder.txt"),),
        findings=found,
        attempt=4711,
        layer=Layer.PROMPT,
        lost=7,
        of=30,
    )


def _eased(told: Incident, owner: Classification) -> Change:
    since = replace(told, eased_since=NOW - timedelta(hours=1))
    milder = replace(owner, severity=replace(owner.severity, id="P9", rank=9))
    return easing.eased(since, milder, (1, 30), NOW)


def incidents() -> tuple[Incident, ...]:
    small = Incident(
        key="Pune/ivr-not-working",
        site="Pune",
        issue="ivr-not-working",
        title="PRI is up but IVR is not working",
        severity=Severity("P0", "critical", "nobody can call", 0, promised()),
        owner="vendor",
        owner_title="Ozonetel",
        ladder=ladder(),
        rule="ivr-silent",
        policy="ozonetel 2026-11",
        opened_at=NOW,
        counts_from=NOW + timedelta(seconds=20),
        evidence=Evidence("main-number", "sip-call"),
    )
    full = replace(
        small,
        evidence=evidence(),
        number=12,
        causes=("main-number", "second-number"),
        attached=("agent-portal",),
        acknowledged_at=NOW + timedelta(minutes=5),
        acknowledged_by="asha",
        recovered_at=NOW + timedelta(minutes=50),
        closed_at=NOW + timedelta(minutes=51),
        resolution="main-number has recovered",
        times_bad=3,
        flapping=True,
        told=True,
        roles_told=("customer-support-desk", "shift-team-leader"),
        levels_told=(1,),
        levels_skipped=(2,),
        levels_unheard=(1,),
        breaches=(("response", NOW + timedelta(minutes=30)),),
        sequence=7,
        classified_by_human=True,
        closing=Closing.EXPLAINED,
        goes_on_as=13,
        unrepaired=(("third-number", Closing.WITHDRAWN),),
        unwatched_since=NOW + timedelta(minutes=49),
        layer=Layer.PROMPT,
        failing_below=("uplink",),
        returns=2,
        resolved_by="ravi",
        classified_by="asha",
        classified_at=(7, 30),
        seen_rank=0,
        reminded_at=NOW + timedelta(minutes=48),
        joined_untold=("second-number",),
        joined_since=NOW + timedelta(minutes=4),
        pauses=(
            Pause(NOW + timedelta(minutes=10), NOW + timedelta(minutes=12), "maintenance"),
            Pause(NOW + timedelta(minutes=20), None, "access to the rack", "asha"),
        ),
        escalated_at=NOW + timedelta(minutes=5),
        escalated_by="asha",
        rca_sent_at=NOW + timedelta(hours=20),
    )
    return _analysed(full), small


def _analysed(one: Incident) -> Incident:
    """With what people do beside it: its analyses, and that a person has opened it."""
    return replace(
        one,
        eased_since=NOW + timedelta(minutes=15),
        eased_rank=2,
        acknowledged_again=((NOW + timedelta(minutes=31), "ravi"),),
        updated_at=NOW + timedelta(minutes=48),
        prevention_sent_at=NOW + timedelta(hours=21),
        rca_waits=(Pause(NOW + timedelta(hours=2), None, "debug logs", "asha"),),
        rca_steps=("drafted", "rca"),
        opened_by="asha",
        request="change",
    )


def conditions() -> tuple[Condition, ...]:
    """One for each phase and each state."""
    full = Condition(
        check="main-number",
        phase=Phase.BROKEN,
        state=State.FAILED,
        looked_at=NOW,
        bad_in_row=3,
        good_in_row=0,
        unknown_in_row=1,
        bad_since=NOW - timedelta(minutes=9),
        flap=Flap(("OK", "FAILED", "OK"), True, NOW - timedelta(minutes=1)),
        next_look=NOW + timedelta(minutes=5),
        purpose="recheck",
        incident=12,
        other_issue="pri-down",
        other_in_row=1,
        memory={"totals": {"support": [1, 2.5, None]}, "at": 1795316400.0},
        looks_counted=3,
    )
    rest = zip(
        (Phase.GOOD, Phase.SUSPECT, Phase.RECOVERING),
        (State.OK, State.UNKNOWN, State.DEGRADED),
        strict=True,
    )
    return (
        full,
        Condition("new-check"),
        *(replace(full, phase=phase, state=state) for phase, state in rest),
    )


def observations() -> tuple[Observation, ...]:
    full = Observation(
        stages=(Stage("connect", 0.0, 0.125, True), Stage("prompt", 0.125, 8.0, False)),
        measures={"connect_seconds": 0.125, "mos": 4.1},
        fault=Fault("prompt", "silent", "no sound for 8 s", "local"),
        notes=("a fact",),
        exhibits=(Exhibit("call.wav", "audio/wav", Path("/var/lib/reveille/exhibits/a/call.wav")),),
        seconds=8.125,
        warnings=("in its own words",),
    )
    return full, Observation(), Observation(blind="the engine died", seconds=1.5)


def hours() -> tuple[Counts, ...]:
    full = Counts({"OK": 59, "FAILED": 1}, 2, {"seconds": Spread(60, 1.25, 0.5, 9.0)})
    return full, Counts({"UNKNOWN": 1}, 0, {})


def verdicts() -> tuple[Verdict, ...]:
    failed = Verdict(
        State.FAILED, ("prompt: silent",), Fault("prompt", "silent", "no sound for 8 s", "far")
    )
    return failed, *(Verdict(state, ("why",), None) for state in State), Verdict(State.OK)


# The words that 0.1.0 has kept: a golden is compared with what it was made of.
_KEPT_WORDS: dict[str, Any] = {
    "summary": (
        "main-number: the call is answered after 1.2 s, but nothing is heard for 6 s where"
        " “welcome” should be."
    ),
    "reasons": (
        "prompt: silent nothing was heard within 6 s (level -78 dBFS)",
        "confirmed by a second call 20 s later",
    ),
    "stages": (
        StageLine("register", 0.041, True, "200 OK from 10.0.0.5"),
        StageLine("signalling", 0.02, True),
        StageLine("ring", 1.1, True, "180 Ringing"),
        StageLine("answer", 1.2, True, "200 OK"),
        StageLine("media", 0.09, True, "50 packets a second, from the address in the SDP"),
        StageLine("prompt", 6.0, False, "silent: nothing was heard within 6 s (level -78 dBFS)"),
    ),
    "findings": (
        FindingLine("uplink", "uplink", "OK", "8 ms to the edge, no loss"),
        FindingLine("line", "pri-1", "OK", "D-channel up, 0 alarms, 2 of 30 channels busy"),
        FindingLine("signalling", "main-number", "OK", "answered after 1.2 s"),
        FindingLine("media", "main-number", "OK", "RTP flows both ways"),
        FindingLine("prompt", "main-number", "FAILED", "silent where “welcome” should be"),
        FindingLine("agent", "", "UNKNOWN", ""),
    ),
    "history": (
        (OPENED - timedelta(seconds=22), "main-number failed: prompt, silent"),
        (OPENED, "confirmed by a second call; opened as P0, told level 1"),
    ),
}


def tickets() -> tuple[Ticket, ...]:
    standings: tuple[RungState, ...] = ("told", "next", "later", "skipped")
    full = ticket(
        **_KEPT_WORDS,
        closed_at=later(hours=2),
        recovered_at=later(hours=1),
        acknowledged_at=later(minutes=9),
        acknowledged_by="asha",
        state="closed",
        clocks=(
            ClockLine("response", later(minutes=30), "met", later(minutes=9)),
            ClockLine("resolution", later(hours=2), "breached", later(hours=2)),
            ClockLine("other", later(hours=4), "running", paused=True),
            ClockLine("fourth", later(hours=4), "stopped", later(hours=2)),
        ),
        ladder=tuple(
            RungLine(number, f"level {number}", "a@example.net", later(minutes=number), state)
            for number, state in enumerate(standings, 1)
        ),
        next_step="call the vendor",
        attached=("agent-portal",),
        muted=True,
        closing="explained",
        opened_by="asha",
        request="change",
        goes_on_as="RV-13",
        page="https://reveille.example.net/tickets/RV-12",
        target="https://agents.example.net/login",
    )
    return full, Ticket(
        "RV-1", "Pune", "Asia/Kolkata", "t", "s", "P0", "critical", "o", "open", OPENED
    )


def reports() -> tuple[Audit, ...]:
    (over,) = report().past
    full = report(
        late_seconds=12.5, made_up=True, replaces=411, by_hand=True, undelivered=(undelivered(),),
        missing=(report().day - timedelta(days=3),),
        past=(replace(over, closing="explained", goes_on_as="RV-44", request="feature"),),
        maintenance=(maintenance_line(),), rca=(rca_line(),), planned=(maintenance_line(),),
        answers=(Answer("power", True, "the UPS was tested", "asha", NOW),),
        releases=(Release("package", "openssl", "3.0.11-1", "3.0.13-1"),), compared_with=NOW,
    )  # fmt: skip
    return full, Audit("Pune", "Asia/Kolkata", full.day, full.made_at, 1)


def manifests() -> tuple[Manifest, ...]:
    full = Manifest(
        id="20261122T030000.123Z-0a1b2c",
        engine="postgresql",
        source="asterisk on 127.0.0.1:5432",
        data_as_of="2026-11-22T03:00:00.123Z",
        tool="pg_dump 15.8",
        server="PostgreSQL 15.8",
        tables={
            "public.cdr": Content(1284311, "00ff", 4096, "cdr.zst"),
            "public.cel": Content(0, "", 0),
        },
        artefacts=(
            Artefact("dump.zst.age", 352000000, _SHA, 900000000),
            Artefact("cdr.zst", 12, _SHA, 30, "20261121T030000.123Z-0a1b2c"),
        ),
        hashed_by="sha256 of each row, added",
        seconds=63.2,
        snapshot="00000003-0000001B-1",
        position="0/3000060",
        schema_sha256=_SHA,
        newest_record="2026-11-22T02:59:58Z",
        facts={"encoding": "UTF8", "extensions": ["plpgsql"]},
        recipients=("age1qqqq",),
        previous=Link("20261121T030000.123Z-0a1b2c", _SHA),
    )
    small = replace(
        full,
        tables={},
        artefacts=(),
        newest_record=None,
        facts={},
        recipients=(),
        previous=None,
    )
    return full, small


def proofs() -> tuple[Proof, ...]:
    good = Proof(
        _SHA, "2026-11-22T03:01:00.000Z", True, 50.1, 27.2, 1284311, "", ("extension dblink",)
    )
    return good, replace(good, equal=False, fault="differs: public.cdr has a row less")


def entries() -> tuple[Entry, ...]:
    return tuple(
        Entry(do, "2026-11-22T03:00:00Z", "live", "cdr", "2026-08-21", 5012, "00ff")
        for do in ("rehearsed", "intend", "removed")
    )


def letters() -> tuple[dict[str, Any], ...]:
    told, (full, small) = [bodies.ticket_body(one) for one in tickets()], reports()
    analysis, (over, _) = bodies.rca_body(analyses()[0]), maintenances()
    return (
        {
            "ticket": told[0],
            "extra": {**EXTRAS["escalated"], "audience": "copy"},
            "acknowledgement": True,
        },
        {"ticket": told[1], "extra": {}, "acknowledgement": False},
        {"report": bodies.report_body(full)},
        {"report": bodies.report_body(small), "pdf": True},
        # Forms that came later are last: what a release wrote is compared with the first of these.
        bodies.maintenance_letter(over),
        {
            "ticket": told[1],
            "extra": {"by": "asha", "part": "rca", "rca": analysis},
            "acknowledgement": False,
        },
    )


def beats() -> tuple[dict[str, Any], ...]:
    return tuple(
        {"at": NOW.isoformat(), "pid": 4711, "doing": doing, "stuck": stuck}
        for doing, stuck in (("main-number: prompt", ""), ("", "its disk hangs"))
    )


def happenings() -> tuple[Happening, ...]:
    """One of each kind, as the core and those who tell make them."""
    of_tickets = (happening for change in _changes() for happening in change.happenings)
    began = {
        "number": 3,
        "checks": ["*"],
        "until": NOW.isoformat(),
        "why": "firmware",
        "by": "asha",
    }
    inventory = {
        "program": "0.3.0",
        "configuration": "5d41402a",
        "policy": "ozonetel 2026-11",
        "packages": {"openssl": "3.0.13-1"},
    }
    return (
        *of_tickets,
        Happening("maintenance-began", began),
        Happening("maintenance-stopped", {"number": 3, "by": "asha"}),
        Happening("maintenance-over", {"number": 3}),
        Happening("checklist", {"line": "power", "done": True, "text": "both feeds", "by": "asha"}),
        Happening("inventory", inventory),
        Happening("answered", {"by": "asha", "text": "Asha: pressed 1, as an event"}),
        Happening("conference", {"text": "3 joined, 4 min 10 s, conference.wav"}),
        Happening("replied", {"by": "asha", "way": "mail", "identity": "mail:0123"}),
        Happening("rests", {"who": "asha@example.net", "until": "Mon 07:00"}),
    )


def _changes() -> Iterator[Change]:
    (full, small), seen = incidents(), evidence()
    told = replace(small, told=True, causes=("main-number",))
    second = replace(seen, check="second-number")
    owner = Classification(
        Issue("pri-down", "PRI is down", "telco", "P0", "general"),
        full.severity,
        "telco",
        ladder(),
        "r",
    )
    yield transitions.opened("Pune", owner, "ozonetel 2026-11", seen, NOW, NOW)
    yield transitions.joined(told, second, NOW)
    yield transitions.hung_on(told, ("agent-portal",))
    yield transitions.failed_again(told, seen, relapsed=True, flapping=False)
    yield transitions.failed_again(told, seen, relapsed=False, flapping=True)
    yield transitions.fails_below(told, "uplink", "no answer")
    graver = replace(owner, severity=replace(owner.severity, id="P-1", rank=-1))
    yield transitions.outgrown(replace(told, classified_by="asha"), graver, 12, 30)
    yield _eased(told, owner)
    yield effects.raised(told, replace(graver, ladder=ladder()), "portal", NOW, NO_CALENDARS)
    yield incident_escalation.formally(told, ladder(), "asha", "callers are cut off", NOW)
    yield incident_escalation.unheard(told, {1: "desk@example.net: 550 no such user"})
    yield pauses.waiting(told, "access to the rack", "asha", NOW)
    yield pauses.going_on(pauses.waiting(told, "access", "asha", NOW).incident, "asha", NOW)
    yield from _ends(told, replace(full, closing=Closing.RESOLVED), seen)
    late = Clock("response", NOW, ClockState.BREACHED, NOW)
    yield incident_escalation.escalated(told, (1,), (2,), (late,))
    yield incident_escalation.escalated(told, (), (2,))
    yield incident_escalation.reminded(told, NOW)
    yield transitions.acknowledged(told, "asha", NOW)
    yield transitions.noted(told, "asha", "a note")
    yield transitions.reclassified(told, owner, "ozonetel 2026-11", "asha")
    yield reported.seen("Pune", owner, "ozonetel 2026-11", "callers hear nothing", "asha", NOW)
    yield root_cause.drafted(told)
    yield root_cause.edited(told, "asha", {"cause": "A full disk."})
    waiting = root_cause.waits(told, "debug logs", "asha", NOW)
    yield waiting
    yield root_cause.goes_on(waiting.incident, "asha", NOW)
    yield root_cause.sent(told, "rca", "asha", bodies.rca_body(analyses()[1]), NOW)
    works = replace(told, closed_at=NOW, recovered_at=NOW, closing=Closing.RECOVERED)
    yield root_cause.watched(replace(works, rca_steps=("drafted",)), NOW + timedelta(hours=23))


def _ends(told: Incident, resolved: Incident, seen: Evidence) -> Iterator[Change]:
    """Left, ended for each reason, and back again."""
    both = replace(told, causes=("main-number", "second-number"))
    yield endings.left(both, "second-number", Closing.RECOVERED, "it has recovered", NOW)
    yield endings.unwatched(told, NOW)
    explained = "it turned out as: PRI is down"
    yield endings.left(told, "main-number", Closing.EXPLAINED, explained, NOW, 13)
    yield endings.closed(told, NOW, "over", Closing.RESOLVED, "asha")
    yield endings.confirmed(replace(resolved, causes=("main-number",)), "main-number", NOW)
    yield endings.reopened(resolved, seen, NOW)
    held = endings.left(
        replace(told, returns=2), "main-number", Closing.RECOVERED, "main-number has recovered", NOW
    )
    yield held
    yield transitions.joined(held.incident, seen, NOW)


def plain(value: Any) -> Any:
    """As it comes out of a file."""
    return json.loads(json.dumps(value))
