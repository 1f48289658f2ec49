"""The life of an incident: what each turn makes of it, whom it has to be told to, and what is
remembered.

Rule 1: every function takes the incident as it was, and returns a `Change`: the incident as it is,
what to tell (orders) and what happened (for the history). Nothing here sends, stores or asks the
time. Rule 2: a muted incident lives as any other but is not told; `unmuted` tells it if it is still
open. Rule 3: whoever was told of the problem is told of the recovery; what was never told is closed
in silence. Rule 4: a recorded breach is never cleared, and a human's classification is not
overruled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Change, Evidence, Happening, Incident, Order, Tell, key_of
from monitor.core.policy_terms import Classification
from monitor.core.sla import Clock

REOPEN_WITHIN_SECONDS = 3600.0
"""The same trouble within this time after closing goes on under the old ticket."""


def opened(
    site: str,
    found: Classification,
    policy: str,
    evidence: Evidence,
    since: datetime,
    now: datetime,
) -> Change:
    """A new incident, not told yet: `unmuted` tells it, at once or when a maintenance ends."""
    issue = found.issue
    incident = Incident(
        key=key_of(site, issue.id),
        site=site,
        issue=issue.id,
        title=issue.title,
        severity=found.severity,
        owner=issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        rule=found.rule,
        policy=policy,
        opened_at=since,
        counts_from=now,
        evidence=evidence,
        causes=(evidence.check,),
    )
    return Change(
        incident,
        (),
        (Happening("opened", {"check": evidence.check, "reasons": list(evidence.reasons)}),),
    )


def unmuted(
    was: Incident, now: datetime, levels: tuple[int, ...], skipped: tuple[int, ...] = ()
) -> Change:
    """Tell an incident that nobody has heard of to the first `levels`; `skipped` ones have nobody
    to hear it.
    """
    if was.told or not was.open:
        return Change(was)
    first = _heard(replace(was, told=True, counts_from=now), levels, skipped)
    return _tell(first, Tell.OPENED, "first notification", {}, levels)


def joined(was: Incident, check: str) -> Change:
    """One more check fails with the same issue."""
    if check in was.causes:
        return Change(was)
    now_caused = replace(
        was, causes=(*was.causes, check), attached=_without(was.attached, check), recovered_at=None
    )
    return _remembered(
        now_caused, "joined", {"check": check}, Tell.UPDATED, f"{check} fails in the same way"
    )


def hung_on(was: Incident, checks: tuple[str, ...]) -> Change:
    """Checks whose failure this incident explains: attached, not ticketed."""
    new = tuple(c for c in checks if c not in was.attached and c not in was.causes)
    if not new:
        return Change(was)
    return Change(
        replace(was, attached=(*was.attached, *new)),
        (),
        (Happening("attached", {"checks": list(new)}),),
    )


def failed_again(was: Incident, evidence: Evidence, relapsed: bool, flapping: bool) -> Change:
    """The newest evidence of a check that is still, or again, broken."""
    seen = replace(
        was, evidence=evidence if evidence.check in was.causes else was.evidence, recovered_at=None
    )
    if relapsed:
        seen = replace(seen, times_bad=was.times_bad + 1)
    if flapping and not was.flapping:
        return _remembered(
            replace(seen, flapping=True),
            "flapping",
            {"check": evidence.check},
            Tell.UPDATED,
            "it is flapping",
        )
    return Change(seen, (), (Happening("relapsed", {"check": evidence.check}),) if relapsed else ())


def left(was: Incident, check: str, why: str, now: datetime) -> Change:
    """A check is no cause any more; with the last cause gone the incident is over."""
    causes, attached = _without(was.causes, check), _without(was.attached, check)
    gone = replace(was, causes=causes, attached=attached)
    if causes or check not in was.causes:
        return Change(
            gone, (), (Happening("left", {"check": check, "why": why}),) if gone != was else ()
        )
    return closed(replace(gone, recovered_at=now), now, why, by="")


def closed(was: Incident, now: datetime, resolution: str, by: str) -> Change:
    """Over: recovered by itself, or resolved by a human (`by`)."""
    over = replace(was, closed_at=now, resolution=resolution, flapping=False)
    facts = {"resolution": resolution, "by": by}
    if not was.told:
        return Change(over, (), (Happening("closed", facts),))
    return _remembered(over, "closed", facts, Tell.CLOSED, resolution)


def may_reopen(was: Incident | None, now: datetime) -> bool:
    """Whether trouble under the key of a closed incident is its continuation."""
    return (
        was is not None
        and was.closed_at is not None
        and 0 <= (now - was.closed_at).total_seconds() <= REOPEN_WITHIN_SECONDS
    )


def reopened(was: Incident, evidence: Evidence) -> Change:
    """The same trouble is back: the old ticket goes on, its clocks never stopped."""
    back = replace(
        was,
        closed_at=None,
        recovered_at=None,
        resolution="",
        times_bad=was.times_bad + 1,
        causes=(evidence.check,),
        evidence=evidence,
    )
    facts = {"check": evidence.check, "reasons": list(evidence.reasons)}
    if not was.told:
        return Change(back, (), (Happening("reopened", facts),))
    return _remembered(
        back, "reopened", facts, Tell.REOPENED, f"bad for the {back.times_bad}. time"
    )


def escalated(was: Incident, levels: tuple[int, ...], skipped: tuple[int, ...], why: str) -> Change:
    """The next level takes over; each level is told exactly once."""
    up = _heard(was, levels, skipped)
    who = ", ".join(level.name for level in was.ladder.levels if level.number in levels)
    facts = {"level": max(levels), "who": who, "skipped": list(skipped), "why": why}
    return _remembered(up, "escalated", facts, Tell.ESCALATED, why, levels)


def breached(was: Incident, clock: Clock) -> Change:
    """A target was missed; recorded once and for good."""
    if clock.name in dict(was.breaches):
        return Change(was)
    late = replace(was, breaches=(*was.breaches, (clock.name, clock.due_at)))
    facts = {"clock": clock.name, "due_at": clock.due_at.isoformat()}
    return _remembered(
        late, "breached", facts, Tell.BREACHED, f"the {clock.name} target was missed"
    )


def acknowledged(was: Incident, by: str, now: datetime) -> Change:
    """The first human answer: the response clock stops."""
    if was.acknowledged_at is not None:
        return Change(was)
    heard = replace(was, acknowledged_at=now, acknowledged_by=by)
    return _remembered(
        heard, "acknowledged", {"by": by}, Tell.ACKNOWLEDGED, f"acknowledged by {by}"
    )


def noted(was: Incident, by: str, text: str) -> Change:
    """A human's remark, for all who follow the ticket."""
    return _remembered(was, "note", {"by": by, "text": text}, Tell.NOTE, f"note by {by}")


def reclassified(was: Incident, found: Classification, policy: str, by: str) -> Change:
    """Another issue, the same ticket: targets run from the original start, recorded breaches stay.
    On another ladder nobody has been told yet; whoever heard of it on the old one goes on hearing.
    """
    issue = found.issue
    same_ladder = found.ladder.name == was.ladder.name
    moved = replace(
        was,
        key=key_of(was.site, issue.id),
        issue=issue.id,
        title=issue.title,
        severity=found.severity,
        owner=issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        levels_told=was.levels_told if same_ladder else (),
        levels_skipped=was.levels_skipped if same_ladder else (),
        rule=found.rule,
        policy=policy,
        classified_by_human=was.classified_by_human or bool(by),
    )
    same = was.issue == issue.id
    why = (
        f"was {was.severity.id}, is {found.severity.id}"
        if same
        else f"was {was.title}, is {issue.title}"
    )
    before = f"{was.severity.id} {was.severity.name}, {was.title}"
    facts = {
        "was": before,
        "from": was.issue,
        "to": issue.id,
        "title": issue.title,
        "by": by,
        "reason": found.rule,
    }
    return _remembered(moved, "reclassified", facts, Tell.RECLASSIFIED, why)


def _heard(was: Incident, levels: tuple[int, ...], skipped: tuple[int, ...]) -> Incident:
    """The turn of these levels is past, and their roles know of it."""
    roles = [level.role for level in was.ladder.levels if level.number in levels]
    return replace(
        was,
        levels_told=(*was.levels_told, *levels),
        levels_skipped=(*was.levels_skipped, *skipped),
        roles_told=tuple(dict.fromkeys((*was.roles_told, *roles))),
    )


def _tell(
    incident: Incident,
    tell: Tell,
    why: str,
    facts: Mapping[str, object],
    levels: tuple[int, ...] = (),
) -> Change:
    counted = replace(incident, sequence=incident.sequence + 1)
    return Change(counted, (Order(tell, counted.sequence, why, levels, facts),))


def _remembered(
    incident: Incident,
    kind: str,
    facts: Mapping[str, object],
    tell: Tell,
    why: str,
    levels: tuple[int, ...] = (),
) -> Change:
    """Something happened; it is told if the incident has been told at all."""
    remembered = Change(incident, (), (Happening(kind, facts),))
    return (
        remembered.then(_tell(incident, tell, why, {"text": why, **facts}, levels))
        if incident.told
        else remembered
    )


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(n for n in names if n != name)
