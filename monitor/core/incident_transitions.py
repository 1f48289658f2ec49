"""The life of an incident: what each turn makes of it, whom it has to be told to, and what is
remembered.

Rule 1: every function takes the incident as it was, and returns a `Change`: the incident as it is,
what to tell (orders) and what happened (for the history). Nothing here sends, stores or asks the
time. Rule 2: a muted incident lives as any other but is not told; `unmuted`
(incident_escalation.py) tells it if it is still
open. Rule 3: whoever was told of the problem is told of the recovery; what was never told is closed
in silence. Rule 4: a recorded breach is never cleared, and a human's classification is not
overruled. Rule 5: an end is not a repair. Each end has its reason (`Closing`), and only "recovered"
says that it works again.

Where an incident stands, and what moves it (held: it works, and is watched for a while since it
came back before; the turns to "held" and "closed" and back from there are in
monitor/core/endings.py):

| what happens         | open                       | held                | closed                 |
|----------------------|----------------------------|---------------------|------------------------|
| a cause fails        | open                       | open, bad once more | open again, if soon    |
| last cause recovers  | closed: recovered; or held | -                   | if resolved: confirmed |
| turns out as another | closed: explained          | -                   | -                      |
| nothing looks at it  | closed: withdrawn, later   | -                   | -                      |
| a human resolves it  | closed: resolved           | closed: resolved    | -                      |
| quiet for long       | -                          | closed: recovered   | -                      |
| a lower layer fails  | open, told once            | -                   | -                      |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.core.endings import back_again, ended_within, failing
from monitor.core.incident import (
    Change,
    Evidence,
    Happening,
    Incident,
    Tell,
    key_of,
    remembered,
    told,
)
from monitor.core.intermittence import RECUR_WITHIN_SECONDS
from monitor.core.open_hours import NO_CALENDARS, Calendars
from monitor.core.policy_terms import UNSORTED, Classification, Issue


def opened(
    site: str,
    found: Classification,
    policy: str,
    evidence: Evidence,
    since: datetime,
    now: datetime,
    before: Incident | None = None,
) -> Change:
    """A new incident, not told yet: `unmuted` tells it, at once or when a maintenance ends.
    `before` is the one that its key had last: soon after that it is trouble that comes back.
    """
    issue = found.issue
    back = before is not None and ended_within(before, RECUR_WITHIN_SECONDS, now)
    incident = Incident(
        key=key_of(site, issue.id),
        site=site,
        issue=issue.id,
        title=_title(issue, evidence),
        severity=found.severity,
        owner=issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        rule=found.rule,
        policy=policy,
        # The trouble is as old as its first bad look; a promise runs from the moment at which there
        # is a ticket.
        opened_at=since,
        counts_from=now,
        evidence=evidence,
        causes=(evidence.check,),
        layer=evidence.layer,
        returns=before.returns + 1 if before and back else 0,
    )
    return Change(
        incident,
        (),
        (Happening("opened", {"check": evidence.check, "reasons": list(evidence.reasons)}),),
    )


# One letter for what joins within it: as Alertmanager's group_interval (5 min), and as one round of
# `every = "5m"`.
GATHER_SECONDS = 300.0
# Up to three more within the first minute say nothing that the opening has not said: no letter of
# their own.
FEW, AT_ONCE_SECONDS = 3, 60.0


def joined(was: Incident, evidence: Evidence, now: datetime) -> Change:
    """One more check fails with the same issue; if all worked again, the trouble is back. Several
    that join within a while are told in one letter.
    """
    check = evidence.check
    if was.held:
        return back_again(failing(was, (check,), evidence), evidence, was)
    if check in was.causes:
        return Change(was)
    # A check that was renamed finds the same trouble: the ticket goes on under the new name, and no
    # second one is opened.
    if was.unwatched_since is not None:
        taken_over = failing(was, (check,), evidence)
        why = f"{check} finds it now; {', '.join(was.causes)} is no longer looked at"
        return remembered(taken_over, "joined", {"check": check}, Tell.UPDATED, why)
    caused = failing(was, (*was.causes, check), was.evidence)
    if was.told:
        at_once = (now - was.counts_from).total_seconds() <= AT_ONCE_SECONDS and len(
            was.joined_untold
        ) < FEW
        since = was.joined_since or (None if at_once else now)
        caused = replace(caused, joined_untold=(*was.joined_untold, check), joined_since=since)
    return Change(caused, (), (Happening("joined", {"check": check}),))


def gathered(was: Incident) -> Change:
    """Tell what has joined. One that has recovered meanwhile is not told of."""
    new = tuple(check for check in was.joined_untold if check in was.causes)
    done = replace(was, joined_untold=(), joined_since=None)
    if not new or not was.open:
        return Change(done)
    # A trunk that dies takes fifty checks along. Five names are read at a glance; the number says
    # the rest.
    named = ", ".join(new[:5]) + (f" and {len(new) - 5} more" if len(new) > 5 else "")
    why = f"{named} {'fails' if len(new) == 1 else 'fail'} in the same way"
    return told(done, Tell.UPDATED, why, {"text": why, "checks": list(new)})


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
    # An attached check shows a consequence; the ticket keeps the evidence of a cause.
    newest = evidence if evidence.check in was.causes else was.evidence
    seen = replace(was, evidence=newest, recovered_at=None, unwatched_since=None)
    if relapsed:
        seen = replace(seen, times_bad=was.times_bad + 1)
    if flapping and not was.flapping:
        return remembered(
            replace(seen, flapping=True),
            "flapping",
            {"check": evidence.check},
            Tell.UPDATED,
            "it is flapping",
        )
    return Change(seen, (), (Happening("relapsed", {"check": evidence.check}),) if relapsed else ())


def fails_below(was: Incident, check: str, text: str) -> Change:
    """A lower layer fails later than this broke: it is no cause of it, so nothing changes, and that
    is told once.
    """
    if check in was.failing_below:
        return Change(was)
    seen = replace(was, failing_below=(*was.failing_below, check))
    what = f"{check} now fails earlier" if check in was.causes else f"{check} fails too"
    why = (
        f"{what}: {text}. It was not seen to fail when this broke, so it is not the cause: this"
        " ticket goes on"
    )
    return remembered(seen, "fails-below", {"check": check, "reason": text}, Tell.UPDATED, why)


def outgrown(was: Incident, found: Classification, lost: int, of: int) -> Change:
    """Looks find it worse than the human who classified it knew: told, once for each severity;
    theirs stays.
    """
    # Ranks count from 0, the worst: the smaller is the graver, and only a graver one is news.
    known = was.severity.rank if was.seen_rank is None else min(was.severity.rank, was.seen_rank)
    if found.severity.rank >= known:
        return Change(was)
    count = f"{lost} of {of} lost, which is" if of else f"{found.issue.title}:"
    before = f" at {was.classified_at[0]} of {was.classified_at[1]}" if was.classified_at[1] else ""
    why = (
        f"it has grown: {count} {found.severity.id}; {was.classified_by or 'a human'} said"
        f" {was.severity.id}{before}"
    )
    facts = {"text": why, "severity": found.severity.id, "lost": lost, "of": of}
    return remembered(
        replace(was, seen_rank=found.severity.rank), "outgrown", facts, Tell.UPDATED, why
    )


def acknowledged(
    was: Incident, by: str, now: datetime, calendars: Calendars = NO_CALENDARS
) -> Change:
    """A human answer: the response clock stops. Each is kept; a second one of the same person is
    one only where something has come since that asks for it.
    """
    if was.taken is not None and was.taken[1] == by and not _asked_since(was, now, calendars):
        return Change(was)
    if was.acknowledged_at is None:
        heard = replace(was, acknowledged_at=now, acknowledged_by=by)
    else:
        heard = replace(was, acknowledged_again=(*was.acknowledged_again, (now, by)))
    return remembered(heard, "acknowledged", {"by": by}, Tell.ACKNOWLEDGED, f"acknowledged by {by}")


def _asked_since(was: Incident, now: datetime, calendars: Calendars) -> bool:
    """Whether, since it was last acknowledged, a level's turn has come or it was said again."""
    last = was.acknowledgements[-1][0]
    turns = (rung.at for rung in was.rungs(now, calendars))
    return any(last < at <= now for at in (*turns, was.reminded_at) if at is not None)


def noted(was: Incident, by: str, text: str) -> Change:
    """A human's remark, for all who follow the ticket."""
    return remembered(was, "note", {"by": by, "text": text}, Tell.NOTE, f"note by {by}")


def reclassified(was: Incident, found: Classification, policy: str, by: str) -> Change:
    """Another issue, the same ticket: targets run from the original start, recorded breaches stay.
    On another ladder nobody has been told yet; whoever heard of it on the old one goes on hearing.
    """
    issue = found.issue
    # A level's number is a place on one ladder: level 2 of another ladder is somebody else, who has
    # heard nothing yet.
    same_ladder = found.ladder.name == was.ladder.name
    moved = replace(
        was,
        key=key_of(was.site, issue.id),
        issue=issue.id,
        title=_title(issue, was.evidence),
        severity=found.severity,
        owner=issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        levels_told=was.levels_told if same_ladder else (),
        levels_skipped=was.levels_skipped if same_ladder else (),
        rule=found.rule,
        policy=policy,
        request="",
        eased_since=None,
        eased_rank=None,
    )
    if by:
        moved = replace(
            moved,
            classified_by_human=True,
            classified_by=by,
            classified_at=(was.evidence.lost, was.evidence.of),
            # The worst severity that is known starts at what looks had found: a human who says less
            # is told only of more.
            seen_rank=was.seen_rank if was.classified_by_human else was.severity.rank,
        )
    same = was.issue == issue.id
    why = (
        f"was {was.severity.id}, is {found.severity.id}"
        if same
        else f"was {was.title}, is {issue.title}"
    )
    # Where the issue is the same, what it was is only how bad it was.
    before = was.severity.said if same else f"{was.severity.said}, {was.title}"
    facts = {
        "was": before,
        "from": was.issue,
        "to": issue.id,
        "title": issue.title,
        "severity": found.severity.said,
        "by": by,
        "reason": found.rule,
    }
    return remembered(moved, "reclassified", facts, Tell.RECLASSIFIED, why)


def _title(issue: Issue, evidence: Evidence) -> str:
    """The issue's own, with the check's name where the policy has no words for what failed: a
    subject without either names nothing that a person could look at."""
    unnamed = issue.id == UNSORTED and evidence.check
    return f"{issue.title}: {evidence.check}" if unnamed else issue.title
