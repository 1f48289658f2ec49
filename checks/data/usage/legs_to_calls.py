"""Legs with one linked id become one call. Pure; only for the child process.

A call begins with its first leg and ends with its last end; it is answered if any leg was, waits
until the first answer (else until its end), and talks as long as any leg was connected: what
overlaps counts once, so a transfer is not two calls and a minute told twice is not two minutes.
Trunk and DID are the first leg's, the agent is the first answered leg's; unanswered, it ended as
its last leg did. The same record again changes nothing.
"""

from __future__ import annotations

import numpy as np

from checks.data.usage.leg_rows import CALL, Rows
from checks.data.usage.record_formats import Outcome
from checks.data.usage.timestamps import Mask, Whole

# Later than any instant of a record, and small enough that a product with a call's number stays
# below 2^63.
_LATE = 2**40


def fold(legs: Rows) -> tuple[Rows, Mask]:
    """The calls, and which of them were answered in a dialogue whose end was never recorded."""
    legs = legs[_in_order(legs)]
    firsts = _firsts(legs["link"])
    # `reduceat` refuses an empty array.
    if not len(legs):
        return np.empty(0, CALL), np.zeros(0, np.bool_)
    calls = np.zeros(len(firsts), CALL)
    of = np.cumsum(_beginnings(legs["link"])) - 1  # the call of each leg
    for name in ("start", "trunk", "did", "queue"):
        calls[name] = legs[name][firsts]
    calls["end"] = np.maximum.reduceat(legs["start"] + legs["length"], firsts)
    calls["own"] = np.logical_or.reduceat(legs["own"], firsts)
    without_end = _close(legs, calls, firsts, of)
    # BYEs first: they give the answered legs of Kamailio their length, which the answers need.
    _answers(legs, calls, firsts, of)
    only_closing = legs["closing"][firsts]
    return calls[~only_closing], without_end[~only_closing]


def _in_order(legs: Rows) -> Whole:
    """Call by call; within one by start, order, outcome and arrival, a BYE last. Most calls have
    one leg: of the others alone the legs are sorted by more than their call.
    """
    order: Whole = np.argsort(legs["link"])
    links = legs["link"][order]
    same = links[1:] == links[:-1]
    several = np.zeros(len(links), np.bool_)
    several[1:] |= same
    several[:-1] |= same
    which = order[several]
    some = legs[which]
    # lexsort takes its last key first: by call, BYEs last, then by start.
    keys = (which, some["outcome"], some["order"], some["start"], some["closing"], some["link"])
    order[several] = which[np.lexsort(keys)]
    return order


def duplicates(legs: Rows, begin: int, end: int) -> int:
    """How many records of these starts came before."""
    within = legs["row"][(legs["start"] >= begin) & (legs["start"] < end)]
    return len(within) - len(np.unique(within))


def _beginnings(links: Rows) -> Mask:
    beginning = np.ones(len(links), np.bool_)
    beginning[1:] = links[1:] != links[:-1]
    return beginning


def _firsts(links: Rows) -> Whole:
    return np.flatnonzero(_beginnings(links))


def _close(legs: Rows, calls: Rows, firsts: Whole, of: Whole) -> Mask:
    """Where a BYE tells the end, the answered leg talks until then. Which calls lack theirs."""
    without = np.zeros(len(calls), np.bool_)
    if not legs["closing"].any():
        return without
    closed = np.full(len(calls), -1, np.int64)
    # The latest BYE: both sides may have hung up at the same moment.
    closing = legs["closing"]
    np.maximum.at(closed, of[closing], legs["start"][closing])
    answered = (legs["outcome"] == Outcome.ANSWERED) & ~closing
    known = answered & (closed[of] >= 0)
    legs["length"][known] = np.maximum(closed[of] - legs["start"], 0)[known]
    legs["talk"][known] = legs["length"][known]
    calls["end"] = np.maximum.reduceat(legs["start"] + legs["length"], firsts)
    without[of[answered & (closed[of] < 0)]] = True
    return without


def _answers(legs: Rows, calls: Rows, firsts: Whole, of: Whole) -> None:
    outcome = np.where(legs["closing"], np.uint8(Outcome.UNKNOWN), legs["outcome"])
    answered = outcome == Outcome.ANSWERED
    answer = np.where(answered, legs["start"] + legs["length"] - legs["talk"], _LATE)
    first_answer = np.minimum.reduceat(answer, firsts)
    reached = first_answer < _LATE
    lasts = _last_attempts(legs, of, len(calls))
    picked = np.where(reached, _first_answered(answered, of, len(calls)), lasts)
    for name in ("outcome", "cause", "agent"):
        calls[name] = legs[name][picked]
    calls["wait"] = np.where(reached, first_answer, calls["end"]) - calls["start"]
    calls["talk"] = _connected(answer, legs["talk"], answered, of, len(calls))


def _last_attempts(legs: Rows, of: Whole, count: int) -> Whole:
    """The last leg of each call that is no BYE (a call of BYEs alone: any)."""
    found = np.zeros(count, np.int64)
    found[of] = np.arange(len(legs))
    attempts = np.flatnonzero(~legs["closing"])
    found[of[attempts]] = attempts
    return found


def _first_answered(answered: Mask, of: Whole, count: int) -> Whole:
    found = np.zeros(count, np.int64)
    # Backwards, so that the first of each call is written last and stays.
    which = np.flatnonzero(answered)[::-1]
    found[of[which]] = which
    return found


def _connected(answer: Whole, talk: Rows, answered: Mask, of: Whole, count: int) -> Whole:
    """Seconds in which any leg of the call was connected: the union of its half-open intervals."""
    which = np.flatnonzero(answered)
    which = which[np.lexsort((answer[which], of[which]))]
    begin, end, call = answer[which], answer[which] + talk[which], of[which]
    covered = np.zeros(count, np.int64)
    if len(which):
        if (call[1:] != call[:-1]).all():  # one answered leg each: nothing overlaps
            covered[call] = end - begin
            return covered
        # The running maximum goes over all calls: the shift keeps the end of one out of the next.
        shift = call * _LATE
        reach = np.maximum.accumulate(end + shift) - shift
        free_from = np.concatenate(([0], reach[:-1]))
        same = np.concatenate(([False], call[1:] == call[:-1]))
        fresh = np.maximum(begin, np.where(same, free_from, begin))
        np.add.at(covered, call, np.maximum(end - fresh, 0))
    return covered
