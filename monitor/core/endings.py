"""How an incident ends and comes back: four reasons to close it, of which one says that it works
again.

The table of what moves it, and the rules, stand in monitor/core/incident_transitions.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.core.incident import Change, Closing, Evidence, Happening, Incident, Tell, remembered
from monitor.core.intermittence import (
    REOPEN_WITHIN_SECONDS,
    TOLD_RETURNS,
    hold_seconds,
    reopen_within_seconds,
)

# A failing check that is renamed is found under its new name at its first looks: seconds, or one
# recheck (5 min).
WITHDRAW_AFTER_SECONDS = 600.0


def left(
    was: Incident, check: str, how: Closing, why: str, now: datetime, goes_on_as: int | None = None
) -> Change:
    """A check is no cause any more; with the last cause gone the incident is over, for the gravest
    of their reasons.
    """
    causes, attached = without(was.causes, check), without(was.attached, check)
    ended = (
        was.unrepaired
        if how is Closing.RECOVERED or check not in was.causes
        else (*was.unrepaired, (check, how))
    )
    gone = replace(
        was,
        causes=causes,
        attached=attached,
        unrepaired=ended,
        goes_on_as=goes_on_as or was.goes_on_as,
    )
    if causes or check not in was.causes:
        return Change(
            gone, (), (Happening("left", {"check": check, "why": why}),) if gone != was else ()
        )
    # A person has seen it, and no look can say for him that it is over.
    if was.opened_by:
        stays = f"{why}; {was.opened_by} has opened the ticket, which a person closes"
        facts = {"check": check, "why": stays}
        return remembered(gone, "left", facts, Tell.UPDATED, stays)
    # One cause that was explained or withdrawn outweighs all that recovered: "recovered" would
    # claim a repair that nobody saw.
    closing = next(
        (one for one in (Closing.EXPLAINED, Closing.WITHDRAWN) if one in dict(ended).values()), how
    )
    if closing is not Closing.RECOVERED:
        return closed(gone, now, why, closing)
    works = replace(gone, recovered_at=now)
    return (
        _held(works, why)
        if was.told and hold_seconds(was.returns)
        else closed(works, now, why, closing)
    )


def unwatched(was: Incident, now: datetime) -> Change:
    """Nothing looks at any of its causes any more: it waits for a check that finds the same, and is
    then withdrawn.
    """
    facts = {"checks": list(was.causes)}
    return Change(replace(was, unwatched_since=now), (), (Happening("unwatched", facts),))


def closed(was: Incident, now: datetime, resolution: str, closing: Closing, by: str = "") -> Change:
    """Over, for one of the four reasons; `by` is the human who resolved it."""
    over = replace(
        was, closed_at=now, resolution=resolution, flapping=False, closing=closing, resolved_by=by
    )
    facts = {
        "resolution": resolution,
        "by": by,
        "closing": str(closing),
        "goes_on_as": over.goes_on_as,
    }
    if not was.told:
        return Change(over, (), (Happening("closed", facts),))
    return remembered(over, "closed", facts, Tell.CLOSED, resolution)


def confirmed(was: Incident, check: str, now: datetime) -> Change:
    """A check of what a human has resolved is good: with the last one, looks bear the human out."""
    causes = without(was.causes, check)
    if causes or check not in was.causes:
        return Change(replace(was, causes=causes))
    return Change(
        replace(was, causes=(), recovered_at=now), (), (Happening("confirmed", {"check": check}),)
    )


def may_reopen(was: Incident | None, now: datetime) -> bool:
    """Whether trouble under the key of a closed incident is its continuation."""
    return was is not None and ended_within(was, reopen_within_seconds(was.returns), now)


def reopened(was: Incident, evidence: Evidence, now: datetime) -> Change:
    """The same trouble is back: the old ticket goes on. Within the hour its clocks never stopped,
    later they begin anew.
    """
    # Within the hour the site has hardly had it back: to its people it is the same outage, and its
    # targets run on.
    soon = ended_within(was, REOPEN_WITHIN_SECONDS, now)
    # What a person has seen has no check.
    back = failing(was, (evidence.check,) if evidence.check else (), evidence)
    back = replace(
        back,
        closed_at=None,
        resolution="",
        closing=None,
        goes_on_as=None,
        unrepaired=(),
        # What is analysed is the whole of it: an analysis that went out before is none of this.
        rca_sent_at=None,
        prevention_sent_at=None,
        rca_waits=(),
        rca_steps=(),
        counts_from=was.counts_from if soon else now,
    )
    return back_again(back, evidence, was)


def back_again(back: Incident, evidence: Evidence, was: Incident) -> Change:
    """Bad once more. What works and breaks again and again is told a few times, and then only
    counted.
    """
    worked = was.works_since is not None
    back = replace(back, times_bad=was.times_bad + 1, returns=was.returns + worked)
    kind = "returned" if was.open else "reopened"
    facts = {
        "check": evidence.check,
        "reasons": list(evidence.reasons),
        "after": str(was.closing or Closing.RECOVERED),
        "by": was.resolved_by,
        "worked": worked,
    }
    if not was.told:
        return Change(back, (), (Happening(kind, facts),))
    if back.returns <= TOLD_RETURNS or not was.open:
        # after a hold and a closing of its own it is news again
        return remembered(back, kind, facts, Tell.REOPENED, f"bad for the {back.times_bad}. time")
    if was.returns > TOLD_RETURNS:
        return Change(back, (), (Happening(kind, facts),))
    why = (
        f"it comes and goes, and is bad for the {back.times_bad}. time: from now on each time is"
        " only counted, and the"
    )
    why += " ticket is closed when it has been quiet for long"
    return remembered(back, kind, facts, Tell.UPDATED, why)


def failing(was: Incident, causes: tuple[str, ...], evidence: Evidence) -> Incident:
    """The incident with these causes, of which the newest has just been seen to fail."""
    newest = causes[-1] if causes else ""
    return replace(
        was,
        causes=causes,
        attached=without(was.attached, newest),
        unrepaired=tuple(one for one in was.unrepaired if one[0] != newest),
        unwatched_since=None,
        recovered_at=None,
        evidence=evidence,
    )


def _held(works: Incident, why: str) -> Change:
    """It works, and has come back before: the ticket stays open until it has been quiet for a
    while.
    """
    facts = {"text": why, "hold_seconds": hold_seconds(works.returns)}
    if works.returns > TOLD_RETURNS:
        return Change(works, (), (Happening("recovered", facts),))
    return remembered(works, "recovered", facts, Tell.RECOVERED, why)


def ended_within(was: Incident, seconds: float, now: datetime) -> bool:
    """Whether an incident was closed within the last `seconds`."""
    # A negative age comes of a clock that was set back. It proves nothing, and a new ticket is the
    # safe side.
    return was.closed_at is not None and 0 <= (now - was.closed_at).total_seconds() <= seconds


def without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The names without this one, in their order."""
    return tuple(n for n in names if n != name)
