"""What is owed of a check that several places look at: this place's word of a moment, and the
judgement of all, which is made once, by whoever finds it ready.

Rules: a moment is a slot or an extra look of the check's condition, the same on every host. A
place's word is a job of its own (`portal@pune-1`), done up to a moment; the judgement is the
check's. It is ready when all have spoken, when nothing that is still to come can change it, or when
its time is over; then whoever was not heard is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.config import CheckEntry
from monitor.core.condition import Condition
from monitor.core.places import Judged, Standing
from monitor.core.timetable import Slot, beyond, newest_owed
from monitor.core.verdict import State
from monitor.incidents.place_words import word_name
from monitor.ledger import Ledger, Purpose
from monitor.ledger.encoding import milliseconds, moment
from monitor.scheduling.claims import Alone
from monitor.scheduling.extra_looks import purpose_of

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# Beyond the attempt's own limit: waiting for a line, and a host that has to take over.
_MARGIN_SECONDS = 15.0
# Of an interval: the next moment's words are not to meet this one's.
_SHARE = 0.75
_ASK_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Place:
    """What is owed of a moment: a word from `place`, or with "" the judgement alone."""

    place: str
    moment: datetime

    def job(self, check: str) -> str:
        """What is claimed for it."""
        return word_name(check, self.place) if self.place else check


def end_of(ledger: Ledger, entry: CheckEntry, moment: datetime) -> datetime:
    """The last moment at which a word counts. A run that is made up for is as late as its first
    word, and the others have their time from there.
    """
    seconds = entry.limit + _MARGIN_SECONDS
    if entry.every:
        seconds = min(seconds, _SHARE * entry.every)
    words = [word.said_at for word in ledger.words(entry.name, moment)]
    return max(moment, min(words, default=moment)) + timedelta(seconds=seconds)


def ready(judged: Judged, end: datetime, now: datetime) -> bool:
    """Whether it can be judged by now."""
    missing = any(one.standing is Standing.MISSING for one in judged.seen)
    return judged.verdict.state is State.FAILED or not missing or now > end


@dataclass(frozen=True, slots=True)
class Owed:
    """What one host owes of such a check, and when it is to be asked again."""

    what: Place | None
    slot: Slot | None = None
    purpose: Purpose = "scheduled"
    again: datetime | None = None


def owed(
    ledger: Ledger,
    claims: Alone,
    here: str,
    entry: CheckEntry,
    condition: Condition | None,
    now: datetime,
    since: datetime,
) -> Owed:
    """What is owed at `now` by the host whose place is `here`, and which is at work `since`."""
    own = word_name(entry.name, here)
    rows = claims.rows(ledger, [entry.name, own])
    done = {
        job: row.done_to
        for job, row in rows.items()
        if not beyond(entry.timetable, row.done_to, now)
    }
    said, judged = done.get(own, _NEVER), done.get(entry.name, _NEVER)
    again: datetime | None = None
    for slot, purpose in _moments(entry, condition, now):
        if slot.at > now or slot.at <= judged:
            continue
        if here in entry.places and said < slot.at:
            return Owed(Place(here, slot.at), slot, purpose)
        if claims.only_looks:
            continue
        # Of what was before, others may still have to speak; a new check owes nothing of it.
        spoken = {word.place for word in ledger.words(entry.name, slot.at)}
        if slot.at < since and not spoken:
            continue
        end = end_of(ledger, entry, slot.at)
        # Whoever speaks last judges, unless its role does not let it.
        if now > end or spoken >= set(entry.places):
            return Owed(Place("", slot.at), slot, purpose)
        # Nobody tells a host that has no word of its own when all have spoken.
        asks = end if here in entry.places else min(end, now + _ASK_AGAIN)
        again = min(again or asks, asks)
    return Owed(None, again=again + _ASK_AGAIN if again else None)


def _moments(
    entry: CheckEntry, condition: Condition | None, now: datetime
) -> list[tuple[Slot, Purpose]]:
    """The moments of which something may be owed, the oldest first."""
    found = list[tuple[Slot, Purpose]]()
    if condition and condition.next_look:
        # As the ledger keeps moments: by a part of a millisecond more it would be owed for ever.
        at = moment(milliseconds(condition.next_look))
        extra = Slot(f"extra {condition.next_look}", at)
        found.append((extra, purpose_of(condition)))
    if entry.timetable and (slot := newest_owed(entry.timetable, now, None, entry.grace)):
        found.append((slot, "scheduled"))
    return sorted(found, key=lambda one: one[0].at)
