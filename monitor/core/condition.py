"""The condition of one check: what its verdicts, in a row, amount to.

Rule 1: confirm, don't retry: one failure is a suspicion, `confirm` of them in a row are a break,
and so are six of the last 21 looks (monitor/core/intermittence.py); `recover` good looks in a row
are a recovery. Rule 2: UNKNOWN neither breaks nor heals; it is counted by itself. Rule 3: while a
check flaps it does not recover; it stays on its one ticket.

The life of a condition (rows: phase, columns: what the look said; confirmed: by a row, or by so
many of the last):

| phase      | good                               | bad                               | unknown   |
|------------|------------------------------------|-----------------------------------|-----------|
| good       | good                               | suspect, or broken when confirmed | as it was |
| suspect    | good                               | suspect, or broken when confirmed | as it was |
| broken     | recovering, or good (recover = 1)  | broken                            | as it was |
| recovering | recovering, or good when recovered | broken                            | as it was |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from monitor.core.flapping import STATES, Flap
from monitor.core.intermittence import BAD_LOOKS, misses
from monitor.core.verdict import State

# UNKNOWN looks in a row after which the monitor calls itself blind for a check.
# One such look is a busy probe host or a lost child process; three last over two extra looks, so it
# is no moment's trouble.
BLIND_AFTER = 3


class Phase(StrEnum):
    """Where a check stands."""

    GOOD = "good"
    SUSPECT = "suspect"
    BROKEN = "broken"
    RECOVERING = "recovering"


class Signal(StrEnum):
    """What a look changed, if anything."""

    NOTHING = "nothing"
    SUSPECTED = "suspected"
    CLEARED = "cleared"  # a suspicion that was not confirmed
    BROKE = "broke"
    STILL_BROKEN = "still broken"
    RELAPSED = "relapsed"  # bad again before it had recovered
    RECOVERING = "recovering"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True)
class Patience:
    """How many looks in a row it takes, and how soon the next comes (seconds)."""

    # Nagios has the same as max_check_attempts. Two cost one more look, and keep a single lost
    # datagram from opening a ticket.
    confirm: int = 2
    # Soon enough that a ticket opens within half a minute; late enough that a service which was
    # just being restarted is back.
    confirm_after_seconds: float = 20.0
    recover: int = 2
    # As often as the usual grid (`every = "5m"`): what is down already is not asked more often than
    # what works.
    recheck_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Condition:
    """The current state of one check. `next_look` is an extra look that is owed beside the
    timetable.
    """

    check: str
    phase: Phase = Phase.GOOD
    state: State | None = None
    looked_at: datetime | None = None
    bad_in_row: int = 0
    good_in_row: int = 0
    unknown_in_row: int = 0
    bad_since: datetime | None = None
    flap: Flap = field(default_factory=Flap)
    next_look: datetime | None = None
    purpose: str = ""
    incident: int | None = None
    """number of the open incident that it is a cause of, or hangs on"""
    other_issue: str = ""
    """an issue unlike its incident's that the newest looks pointed to"""
    other_in_row: int = 0
    memory: Mapping[str, Any] = field(default_factory=dict)
    """what its last look that could tell has left to the next one"""
    looks_counted: int = 0
    """looks since it last recovered, of those that the flap rule keeps: what may break it without a
    row
    """

    @property
    def misses(self) -> tuple[int, int]:
        """How many of the looks that count have failed, and of how many."""
        return misses(self.flap.states, self.looks_counted, State.FAILED)

    def broken_by_misses(self, patience: Patience) -> bool:
        """Whether it is broken by so many of the last looks, and not by a row."""
        return self.bad_in_row < patience.confirm and _often(self.misses[0], patience)

    @property
    def bad(self) -> bool:
        """Whether its failure is confirmed and not over."""
        return self.phase in (Phase.BROKEN, Phase.RECOVERING)

    @property
    def blind(self) -> bool:
        """Whether too many looks in a row could not tell."""
        return self.unknown_in_row >= BLIND_AFTER


def step(
    was: Condition, state: State, patience: Patience, now: datetime
) -> tuple[Condition, Signal]:
    """The condition after one more look at `now`, and what that changed."""
    # Trouble of the probe itself (a starved CPU, a dead engine) says nothing of the far end:
    # neither row goes on or ends.
    if state is State.UNKNOWN:
        counted = replace(was, state=state, looked_at=now, unknown_in_row=was.unknown_in_row + 1)
        return _look_again(counted, patience, now), Signal.NOTHING
    bad = state is State.FAILED
    counted = replace(
        was,
        state=state,
        looked_at=now,
        unknown_in_row=0,
        bad_in_row=was.bad_in_row + 1 if bad else 0,
        good_in_row=0 if bad else was.good_in_row + 1,
        bad_since=(was.bad_since or now) if bad else was.bad_since,
        flap=was.flap.seen(State.FAILED if bad else State.OK, now),
        looks_counted=min(was.looks_counted + 1, STATES),
    )
    phase, signal = _TABLE[was.phase, bad](counted, patience)
    moved = replace(counted, looks_counted=0) if signal is Signal.RECOVERED else counted
    # A good check keeps no `bad_since`: an old one would date the next incident back to a failure
    # that was over.
    if phase is not counted.phase or (phase is Phase.GOOD and counted.bad_since is not None):
        moved = replace(
            moved, phase=phase, bad_since=None if phase is Phase.GOOD else moved.bad_since
        )
    return _look_again(moved, patience, now), signal


def remembering(was: Condition, state: State, memory: Mapping[str, Any]) -> Condition:
    """The condition with what a look left to the next; one that could not tell changes nothing."""
    return (
        was if state is State.UNKNOWN or was.memory == memory else replace(was, memory=dict(memory))
    )


def confirming(was: Condition, state: State, patience: Patience) -> bool:
    """Whether a look that says `state` would make or keep the check broken: then the layers below
    are looked at.
    """
    if state is not State.FAILED or was.bad:
        return state is State.FAILED
    bad, _ = misses(
        (*was.flap.states, state)[-STATES:], min(was.looks_counted + 1, STATES), State.FAILED
    )
    return was.bad_in_row + 1 >= patience.confirm or _often(bad, patience)


def blamed(was: Condition, now: datetime, patience: Patience) -> Condition:
    """A lower check named as the cause of a confirmed failure is broken by that, without more looks
    of its own.
    """
    since = was.bad_since or now
    return _look_again(
        replace(was, phase=Phase.BROKEN, bad_since=since, good_in_row=0), patience, now
    )


def recovering(was: Condition, patience: Patience, now: datetime) -> Condition:
    """A recovery that could not be told to its incident: the next good look tells it."""
    return _look_again(replace(was, phase=Phase.RECOVERING), patience, now)


def looked_at_again(was: Condition, now: datetime) -> Condition:
    """There is a reason to think that what is broken works again: it is looked at at once."""
    if not was.bad or (was.next_look is not None and was.next_look <= now):
        return was
    return replace(was, next_look=now, purpose="recheck")


def released(was: Condition, now: datetime) -> Condition:
    """What hung on an incident that is over is looked at again at once, and has to fail anew to be
    confirmed.
    """
    # Its failure was explained by an incident that is over. It may fail on for a reason of its own,
    # so it proves that anew.
    phase = Phase.SUSPECT if was.bad else was.phase
    return replace(
        was,
        phase=phase,
        bad_in_row=0,
        looks_counted=0,
        incident=None,
        next_look=now,
        purpose="recheck",
    )


def _bad_from_good(seen: Condition, patience: Patience) -> tuple[Phase, Signal]:
    if seen.bad_in_row >= patience.confirm or _often(seen.misses[0], patience):
        return Phase.BROKEN, Signal.BROKE
    return Phase.SUSPECT, Signal.SUSPECTED


def _often(bad: int, patience: Patience) -> bool:
    return bad >= max(BAD_LOOKS, patience.confirm)


def _bad_from_broken(_seen: Condition, _patience: Patience) -> tuple[Phase, Signal]:
    return Phase.BROKEN, Signal.STILL_BROKEN


def _bad_from_recovering(_seen: Condition, _patience: Patience) -> tuple[Phase, Signal]:
    return Phase.BROKEN, Signal.RELAPSED


def _good_from_good(_seen: Condition, _patience: Patience) -> tuple[Phase, Signal]:
    return Phase.GOOD, Signal.NOTHING


def _good_from_suspect(_seen: Condition, _patience: Patience) -> tuple[Phase, Signal]:
    return Phase.GOOD, Signal.CLEARED


def _good_from_broken(seen: Condition, patience: Patience) -> tuple[Phase, Signal]:
    # Nagios suppresses the notifications of a flapping service for the same reason: each recovery
    # would be taken back.
    if seen.good_in_row >= patience.recover and not seen.flap.flapping:
        return Phase.GOOD, Signal.RECOVERED
    return Phase.RECOVERING, Signal.RECOVERING


_TABLE = {
    (Phase.GOOD, True): _bad_from_good,
    (Phase.SUSPECT, True): _bad_from_good,
    (Phase.BROKEN, True): _bad_from_broken,
    (Phase.RECOVERING, True): _bad_from_recovering,
    (Phase.GOOD, False): _good_from_good,
    (Phase.SUSPECT, False): _good_from_suspect,
    (Phase.BROKEN, False): _good_from_broken,
    (Phase.RECOVERING, False): _good_from_broken,
}


def _look_again(seen: Condition, patience: Patience, now: datetime) -> Condition:
    """When the next extra look is owed: soon while something is unsettled, at `recheck` while it is
    broken.
    """
    if _unsettled(seen):
        wait, purpose = patience.confirm_after_seconds, "confirm"
    elif seen.phase is not Phase.GOOD or seen.unknown_in_row:
        wait, purpose = patience.recheck_seconds, "recheck"
    else:
        return replace(seen, next_look=None, purpose="") if seen.next_look or seen.purpose else seen
    return replace(seen, next_look=now + timedelta(seconds=wait), purpose=purpose)


def _unsettled(seen: Condition) -> bool:
    """Whether the next looks will decide something."""
    # Two more looks soon tell a moment's trouble of the probe from blindness; after that the slower
    # recheck is enough.
    if seen.unknown_in_row:
        return seen.unknown_in_row < BLIND_AFTER
    return seen.phase is Phase.SUSPECT or (
        seen.phase is Phase.RECOVERING and not seen.flap.flapping
    )
