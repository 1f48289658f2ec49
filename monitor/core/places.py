"""A look from several places, judged together: `from = [...]`, `agree = 2`.

A platform that is down from one place alone is not down. What each place says of one slot, its
word, is counted so:

| its word                        | counts as                                                    |
|---------------------------------|--------------------------------------------------------------|
| OK                              | good                                                         |
| DEGRADED                        | bad                                                          |
| FAILED                          | bad, and failed                                              |
| UNKNOWN                         | silent: nothing is known from there                          |
| none by the end of the slot     | silent: missing                                              |
| one that came after that        | silent: late; it is shown, and changes nothing               |
| a second one of the same slot   | nothing: the first holds                                     |
| of a place that is not in `from` | nothing                                                     |

Rules:
1. FAILED where `agree` places or more have failed, and only there.
2. DEGRADED where not so many have failed, but so many are bad.
3. OK only where the silent could not make up `agree` with the bad, whatever they saw.
4. Else UNKNOWN, which opens nothing and heals nothing.
5. FAILED and OK are final: no word that is still to come changes them, so nobody waits for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from checks.contract import Fault
from monitor.core.verdict import State, Verdict


@dataclass(frozen=True, slots=True)
class Word:
    """What one place says of one slot."""

    place: str
    slot: datetime
    at: datetime
    """when it was said"""
    verdict: Verdict


class Standing(StrEnum):
    """How a place's word of a slot counts."""

    GOOD = "good"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    LATE = "late"
    MISSING = "missing"

    @property
    def bad(self) -> bool:
        """Whether it speaks against the platform."""
        return self in (Standing.DEGRADED, Standing.FAILED)

    @property
    def silent(self) -> bool:
        """Whether nothing is known from there."""
        return self in (Standing.UNKNOWN, Standing.LATE, Standing.MISSING)


_COUNTS = {
    State.OK: Standing.GOOD,
    State.DEGRADED: Standing.DEGRADED,
    State.FAILED: Standing.FAILED,
    State.UNKNOWN: Standing.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One place in a judgement: how its word counted, and the word itself where there is one."""

    place: str
    standing: Standing
    word: Word | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One slot, judged together."""

    slot: datetime
    verdict: Verdict
    seen: tuple[Seen, ...]
    """who saw what, in the order of `from`: what the ticket shows"""
    final: bool
    """whether no word that is still to come changes it"""

    def of(self, place: str) -> Seen:
        """What a place saw. Raises LookupError for a stranger."""
        for one in self.seen:
            if one.place == place:
                return one
        raise LookupError(f"{place!r} is none of the places of this look")


def refuse_senseless(places: Sequence[str], agree: int) -> None:
    """Raises ValueError: what is wrong, and what would be right."""
    if len(set(places)) != len(places) or not places:
        raise ValueError("from names each place once, and at least one")
    if not 1 <= agree <= len(places):
        raise ValueError(f"agree is from 1 to the number of places, {len(places)}")


def judged_together(
    places: Sequence[str], agree: int, slot: datetime, end: datetime, words: Iterable[Word]
) -> Judged:
    """What the words of a slot come to; `end` is the last moment at which one counts. Raises
    ValueError for a senseless question.
    """
    refuse_senseless(places, agree)
    first = _first_words(slot, words)
    seen = tuple(_seen(place, first.get(place), end) for place in places)
    verdict = _verdict(seen, agree)
    return Judged(slot, verdict, seen, verdict.state in (State.FAILED, State.OK))


def _first_words(slot: datetime, words: Iterable[Word]) -> dict[str, Word]:
    found: dict[str, Word] = {}
    for word in words:
        known = found.get(word.place)
        if word.slot == slot and (known is None or word.at < known.at):
            found[word.place] = word
    return found


def _seen(place: str, word: Word | None, end: datetime) -> Seen:
    if word is None:
        return Seen(place, Standing.MISSING, None)
    return Seen(place, Standing.LATE if word.at > end else _COUNTS[word.verdict.state], word)


def _verdict(seen: Sequence[Seen], agree: int) -> Verdict:
    failed = [one for one in seen if one.standing is Standing.FAILED]
    bad = [one for one in seen if one.standing.bad]
    silent = [one for one in seen if one.standing.silent]
    if len(failed) >= agree:
        return Verdict(State.FAILED, _reasons(failed, seen), _commonest(failed))
    if len(bad) >= agree:
        return Verdict(State.DEGRADED, _reasons(bad, seen), _commonest(bad))
    if len(bad) + len(silent) < agree:
        return Verdict(State.OK)
    heard = len(seen) - len(silent)
    said = f"{heard} of {len(seen)} places could tell, {len(bad)} of them saw trouble"
    return Verdict(State.UNKNOWN, (said,))


def _reasons(those: Sequence[Seen], seen: Sequence[Seen]) -> tuple[str, ...]:
    """From where, and then each reason once, in the order of the places."""
    told = [reason for one in those if one.word for reason in one.word.verdict.reasons]
    names = ", ".join(one.place for one in those)
    return (f"seen from {len(those)} of {len(seen)} places: {names}", *dict.fromkeys(told))


def _commonest(those: Sequence[Seen]) -> Fault | None:
    """The fault that most of them have, by stage and code; of two as common the one of the first
    place.
    """
    faults = [one.word.verdict.fault for one in those if one.word and one.word.verdict.fault]
    if not faults:
        return None
    counts = Counter((fault.stage, fault.code) for fault in faults)
    return max(faults, key=lambda fault: counts[fault.stage, fault.code])
