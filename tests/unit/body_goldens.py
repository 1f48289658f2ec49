"""The golden bodies: what each release wrote of each kind of body, and what now reads otherwise.

A golden that was released is never edited. A kind has a new one in a release only where its keys
have changed; that of the coming release is in the folder `next`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from checks.body import Body
from checks.data.backup.store.manifest import MANIFEST, PROOF, read_manifest, read_proof
from checks.data.hygiene.journal import CLEANUP
from monitor.core.incident import Closing, Incident
from monitor.ledger import bodies, encoding, happening_bodies
from monitor.ledger.hour_bodies import HOUR, hour_body
from monitor.scheduling.look_journal import LATE_LOOK
from monitor.service.heartbeat import HEARTBEAT
from reports.morning_report import Audit
from reports.ticket import Ticket
from tests.unit import sample_analyses
from tests.unit import sample_bodies as sample
from tests.unit.sample_late_looks import late_looks

GOLDEN = Path(__file__).parent.parent / "golden" / "bodies"
RELEASED = ("0.1.0", "0.2.0")


@dataclass(frozen=True)
class Kept:
    """One kind: today's samples, how they are written, how a written one is read."""

    samples: Sequence[Any]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    body: Body[Any]


def _encoded(of: Callable[[bytes], Any]) -> Callable[[Any], Any]:
    return lambda told: of(json.dumps(told).encode())


def _verdict(told: dict[str, Any]) -> Any:
    return bodies.VERDICT.read(told)


KINDS = {
    "incident": Kept(
        sample.incidents(), bodies.incident_body, bodies.INCIDENT.read, bodies.INCIDENT
    ),
    "condition": Kept(
        sample.conditions(), bodies.condition_body, bodies.CONDITION.read, bodies.CONDITION
    ),
    "observation": Kept(
        sample.observations(), encoding.observation_body, bodies.OBSERVATION.read,
        bodies.OBSERVATION,
    ),
    "verdict": Kept(
        sample.verdicts(), lambda v: {"state": str(v.state), **encoding.verdict_body(v)}, _verdict,
        bodies.VERDICT,
    ),
    "hour": Kept(sample.hours(), hour_body, HOUR.read, HOUR),
    "ticket": Kept(sample.tickets(), bodies.ticket_body, bodies.TICKET.read, bodies.TICKET),
    "report": Kept(sample.reports(), bodies.report_body, bodies.REPORT.read, bodies.REPORT),
    "manifest": Kept(
        sample.manifests(), lambda one: json.loads(one.encoded()), _encoded(read_manifest), MANIFEST
    ),
    "proof": Kept(
        sample.proofs(), lambda one: json.loads(one.encoded()), _encoded(read_proof), PROOF
    ),
    "cleanup": Kept(
        sample.entries(), lambda one: CLEANUP.numbered(asdict(one)), CLEANUP.read, CLEANUP
    ),
    "analysis": Kept(sample_analyses.analyses(), bodies.rca_body, bodies.RCA.read, bodies.RCA),
    "maintenance": Kept(
        sample_analyses.maintenances(), lambda one: bodies.MAINTENANCE.numbered(one.to_dict()),
        bodies.MAINTENANCE.read, bodies.MAINTENANCE,
    ),
    "late-look": Kept(
        late_looks(), lambda one: LATE_LOOK.numbered(asdict(one)), LATE_LOOK.read, LATE_LOOK
    ),
    "heartbeat": Kept(sample.beats(), HEARTBEAT.numbered, HEARTBEAT.read, HEARTBEAT),
}  # fmt: skip
LATER = {"analysis", "hour", "late-look", "maintenance"}
"""kinds that the first release did not have"""
# Rows of which each has a form of its own: how today's are written.
OF_SEVERAL_FORMS: dict[str, Callable[[], list[Any]]] = {
    "letter": lambda: list(sample.letters()),
    "happening": lambda: [
        (one.kind, happening_bodies.happening_body(one.kind, one.facts))
        for one in sample.happenings()
    ],
}


def _incident_0_2_0(one: Incident) -> Incident:
    """With its first acknowledgement alone, and without when its customer heard of it, or its loss
    eased."""
    return replace(one, acknowledged_again=(), updated_at=None, eased_since=None, eased_rank=None)


def _incident_0_1_0(one: Incident) -> Incident:
    """Without the reasons of an end; what ended by itself was taken for a recovery."""
    return replace(
        _incident_0_2_0(one),
        evidence=replace(one.evidence, layer=None, lost=0, of=0),
        closing=Closing.RECOVERED if one.closed_at else None,
        goes_on_as=None,
        unrepaired=(),
        unwatched_since=None,
        layer=None,
        failing_below=(),
        returns=0,
        resolved_by="",
        classified_by="",
        classified_at=(0, 0),
        seen_rank=None,
        reminded_at=None,
        joined_untold=(),
        joined_since=None,
        severity=replace(one.severity, targets=one.severity.targets[:2]),
        levels_unheard=(),
        pauses=(),
        escalated_at=None,
        escalated_by="",
        rca_sent_at=None,
        prevention_sent_at=None,
        rca_waits=(),
        rca_steps=(),
        opened_by="",
        request="",
    )


def _ticket_0_2_0(one: Ticket) -> Ticket:
    """Without what its check looks at."""
    return replace(one, target="")


def _ticket_0_1_0(one: Ticket) -> Ticket:
    one = _ticket_0_2_0(one)
    clocks = tuple(clock for clock in one.clocks if clock.state != "stopped")
    closing: Literal["", "recovered"] = "recovered" if one.closed_at else ""
    clocks = tuple(replace(clock, paused=False) for clock in clocks)
    return replace(
        one, clocks=clocks, closing=closing, goes_on_as="", opened_by="", request="", page=""
    )


def _report_0_2_0(one: Audit) -> Audit:
    """Before it said what people answer, what was released, and what is planned."""
    lines = tuple(line for line in one.checklist if line.name not in ("power", "releases"))
    return replace(one, checklist=lines, answers=(), releases=(), compared_with=None, planned=())


def _report_0_1_0(one: Audit) -> Audit:
    one = _report_0_2_0(one)
    past = tuple(replace(trouble, closing="", goes_on_as="", request="") for trouble in one.past)
    return replace(one, past=past, maintenance=(), rca=())


# What a release of before did not know yet, as it is read now: (release, kind) -> what differs from
# today's samples.
AS_READ: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("0.1.0", "incident"): _incident_0_1_0,
    ("0.2.0", "incident"): _incident_0_2_0,
    ("0.1.0", "condition"): lambda one: replace(one, looks_counted=0),
    ("0.1.0", "ticket"): _ticket_0_1_0,
    ("0.2.0", "ticket"): _ticket_0_2_0,
    ("0.1.0", "report"): _report_0_1_0,
    ("0.2.0", "report"): _report_0_2_0,
    ("0.1.0", "proof"): lambda one: replace(one, not_run=()),
    ("0.1.0", "heartbeat"): lambda one: {**one, "stuck": ""},
}
# The same of what happened: (release, kind of happening) -> what it reads more than was kept.
HAPPENED_AS_READ: dict[tuple[str, str], dict[str, Any]] = {
    ("0.1.0", "closed"): {"closing": "resolved", "goes_on_as": None},
    ("0.1.0", "reopened"): {"after": "", "by": "", "worked": True},
    ("0.1.0", "escalated"): {"missed": []},
    ("0.1.0", "reclassified"): {"severity": ""},
    ("0.2.0", "reclassified"): {"severity": ""},
}


def goldens() -> list[tuple[str, str]]:
    """Every release that has a golden of a kind."""
    found = [(path.parent.name, path.stem) for path in GOLDEN.glob("*/*.json")]
    return sorted(found, key=lambda one: (one[1], _place(one[0])))


def golden(release: str, kind: str) -> list[Any]:
    told: list[Any] = json.loads((GOLDEN / release / f"{kind}.json").read_text(encoding="utf-8"))
    return told


def _place(release: str) -> tuple[int, ...]:
    return (10**9,) if release == "next" else tuple(map(int, release.split(".")))


def newest(kind: str) -> str:
    return max((release for release, other in goldens() if other == kind), key=_place, default="")


def releases(kind: str) -> list[str]:
    return [release for release, other in goldens() if other == kind]


def as_read(release: str, kind: str) -> Callable[[Any], Any]:
    return AS_READ.get((release, kind), lambda one: one)


def written(kind: str) -> list[Any]:
    if kind in OF_SEVERAL_FORMS:
        rows: list[Any] = sample.plain(OF_SEVERAL_FORMS[kind]())
        return rows
    kept = KINDS[kind]
    told: list[Any] = sample.plain([kept.write(one) for one in kept.samples])
    return told


def renamed(told: Any, path: tuple[Any, ...], name: str) -> Any:
    changed = sample.plain(told)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[name] = inner.pop(path[-1])
    return changed
