"""A look from several places, in the ledger: each place's word is an attempt of its own
("portal@pune-1"), and what they come to together is the check's attempt, from which tickets come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from checks.contract import Observation
from monitor.config import CheckEntry, Configuration
from monitor.core.condition import remembering
from monitor.core.place_trouble import Patience, PlaceCondition, Trouble, stepped
from monitor.core.places import Judged, Seen, Standing, Word, judged_together
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.incidents.attempt_result import AttemptResult
from monitor.incidents.house_troubles import LONE_PLACE, HouseTroubles
from monitor.ledger import AttemptRow, Ledger, Purpose, Transaction
from monitor.ledger.words import PlaceRow

# Whoever comes back from an outage may still have a word to say of this time; it changes nothing.
_WORDS_KEPT = timedelta(days=1)
_PATIENCE = Patience()
# Hosts say every four seconds that they are there: one that has not is silent, or will be, and that
# is a ticket of its own.
_HEARD_WITHIN = timedelta(seconds=10)
_SAYS = {
    Standing.GOOD: "good",
    Standing.DEGRADED: "degraded",
    Standing.FAILED: "failed",
    Standing.UNKNOWN: "could not tell",
    Standing.LATE: "told too late",
    Standing.MISSING: "nothing heard",
}


def word_name(check: str, place: str) -> str:
    """What a place's own looks at a check are called; no check can be called so."""
    return f"{check}@{place}"


def say(ledger: Ledger, t: Transaction, seen: AttemptResult, place: str, moment: datetime) -> None:
    """A place's word of one moment."""
    name, look = word_name(seen.name, place), seen.observation
    number = t.record(
        name, seen.entry.probe.KIND, seen.purpose, seen.started_at, look, seen.verdict
    )
    t.propose(seen.name, look.proposals, seen.started_at)
    t.say_word(seen.name, moment, place, number)
    if look.memory:
        before = store.condition_of(ledger, name)
        store.keep_condition(t, remembering(before, seen.verdict.state, look.memory))


def heard(
    ledger: Ledger, entry: CheckEntry, moment: datetime, end: datetime
) -> tuple[Judged, Mapping[str, AttemptRow]]:
    """What the places have said of a moment so far, judged together; and their attempts."""
    rows, words = dict[str, AttemptRow](), list[Word]()
    for word in ledger.words(entry.name, moment):
        if (row := ledger.attempt(word.attempt)) is not None:
            rows[word.place] = row
            words.append(Word(word.place, moment, word.said_at, row.verdict))
    return judged_together(entry.places, entry.agree, moment, end, words), rows


def result(
    entry: CheckEntry,
    purpose: Purpose,
    judged: Judged,
    rows: Mapping[str, AttemptRow],
    early: bool,
) -> AttemptResult:
    """The check's own attempt: with the evidence of a place that saw what it came to. `early`: it
    was judged before all had to have spoken.
    """
    verdict = judged.verdict
    said = tuple(_said(one, early) for one in judged.seen)
    shown = _shown(judged, rows)
    if verdict.state is not State.OK:
        # The fault first: tickets take their sentence from it.
        own = shown.verdict.reasons if shown else ()
        verdict = replace(verdict, reasons=(*own, *verdict.reasons[:1], *said))
    if shown is None or verdict.state is State.UNKNOWN:
        seen = Observation(blind="; ".join(verdict.reasons), notes=said)
    else:
        seen = replace(shown.observation, notes=(*said, *shown.observation.notes))
    started = shown.started_at if shown else judged.slot
    return AttemptResult(entry, purpose, started, seen, verdict)


def settle_places(
    ledger: Ledger,
    t: Transaction,
    configuration: Configuration,
    entry: CheckEntry,
    judged: Judged,
    now: datetime,
    early: bool,
) -> None:
    """Where each place stands after a moment; one that disagrees for long has a ticket of its own.
    `early`: it was judged before all had to have spoken.
    """
    known, kept = ledger.places(entry.name), list[PlaceRow]()
    troubles = HouseTroubles(ledger, t, configuration, now)
    lost = {host.name for host in ledger.hosts() if host.silent >= _HEARD_WITHIN}
    for one in judged.seen:
        # That it has not spoken yet says nothing.
        if one.standing is Standing.MISSING and early:
            continue
        before = _condition(known.get(one.place, PlaceRow(one.place)))
        after = stepped(before, judged, _PATIENCE)
        # What its host does not say counts for nothing, also once it is there again: it has a word
        # to get in first.
        if one.standing is Standing.MISSING and one.place in lost:
            after = before
        kept.append(
            PlaceRow(one.place, after.alone, after.silent, after.agreed, after.trouble.value)
        )
        name = f"@{word_name(entry.name, one.place)}"
        if after.trouble not in (Trouble.NONE, before.trouble):
            title = _title(after.trouble, entry.name, one.place)
            looks = f"so it was in {_PATIENCE.after} looks in a row"
            reasons = (f"{title}, {looks}", *(_said(seen) for seen in judged.seen))
            troubles.begins(LONE_PLACE, name, title, reasons, now)
        elif after.trouble is Trouble.NONE:
            troubles.ends(LONE_PLACE, name, f"{one.place} sees {entry.name} as the others do")
    t.keep_places(entry.name, kept)
    t.forget_words(entry.name, judged.slot - _WORDS_KEPT)


def _condition(row: PlaceRow) -> PlaceCondition:
    return PlaceCondition(row.place, row.alone, row.silent, row.agreed, Trouble(row.trouble))


def _title(trouble: Trouble, check: str, place: str) -> str:
    if trouble is Trouble.ALONE:
        return f"{place} alone sees trouble with {check}"
    return f"nothing is known of {check} from {place}"


def _said(one: Seen, early: bool = False) -> str:
    if early and one.standing is Standing.MISSING:
        return f"{one.place}: had not spoken yet"
    reasons = one.word.verdict.reasons if one.word else ()
    return f"{one.place}: {_SAYS[one.standing]}" + (f", {reasons[0]}" if reasons else "")


def _shown(judged: Judged, rows: Mapping[str, AttemptRow]) -> AttemptRow | None:
    """The attempt that stands for all: the first with the very fault, else of the very state."""
    own = [rows[one.place] for one in judged.seen if one.place in rows]
    verdict = judged.verdict
    if verdict.fault is not None:
        of = (verdict.fault.stage, verdict.fault.code)
        alike = [
            row
            for row in own
            if row.verdict.fault and (row.verdict.fault.stage, row.verdict.fault.code) == of
        ]
        return next(iter(alike), None)
    return next((row for row in own if row.verdict.state is verdict.state), None)
