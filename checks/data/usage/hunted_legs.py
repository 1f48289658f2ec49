"""Which legs are attempts of a call that nothing in their records names. Pure; only for the child
process.

FreeSWITCH fills `bleg_uuid` out of the last leg that a leg has called (switch_channel_get_variable
with "bleg_", switch_core_session_outgoing_channel), and in no leg that was called. So of

    bridge user/1001|user/1002|user/1003        one after the other; with commas, all at once

the caller's leg names the last one alone, and the others name nobody and are named by nobody. Such
a leg that was not answered is an attempt of

    the call whose leg has the same caller, and lasted from before it until after it, to another
    number: the agents of a hunt, of a ring group, of mod_callcenter
    the call whose named leg has the same caller and number, and began when it was over: another
    gateway for the same number

Callers who hide their number are no caller of both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from checks.data.usage.columns import Columns
from checks.data.usage.leg_pairing import Hashes, Pairs, mixed
from checks.data.usage.leg_rows import Rows
from checks.data.usage.record_formats import Outcome
from checks.data.usage.timestamps import Mask, Whole

# What switches write for a caller without a number.
NO_CALLERS = frozenset(
    f(word)
    for word in ("anonymous", "unavailable", "unknown", "restricted", "private", "withheld")
    for f in (str.lower, str.title, str.upper)
) | {"0", "00000000", "0000000000", "+0000000000"}
# Half of a hash: two callers who share it would have to call in the same seconds as well.
SEEN = np.dtype(
    [
        ("id", "u8"),
        ("caller", "u4"),  # 0: nobody
        ("did", "u4"),
        ("start", "u4"),  # UTC seconds
        ("end", "u4"),
        ("names", "?"),
        ("answered", "?"),
    ]
)
# Stamps of one moment are written by two threads: a second is rounded up in one and down in the
# other.
_ROUNDING_SECONDS = 1
_LAST = 2**32


def seen_of(columns: Columns, legs: Rows, link: Hashes) -> Rows:
    """What is kept of a batch; `link` is the leg that each of the legs names, 0 for none."""
    seen = np.zeros(len(legs), SEEN)
    seen["id"], seen["names"] = legs["link"], link != 0
    seen["start"], seen["end"] = legs["start"], legs["start"] + legs["length"]
    seen["answered"] = legs["outcome"] == Outcome.ANSWERED
    for term in ("caller", "did"):
        if term in columns:
            hashes = columns.hashes(term)
            seen[term] = np.where(hashes == 0, 0, mixed(hashes) >> np.uint64(32))
    if "caller" in columns:
        seen["caller"][columns.members("caller", NO_CALLERS)] = 0
    return seen


def attempts(seen: Sequence[Rows], pairs: Sequence[Pairs]) -> list[Pairs]:
    """Legs that no record names, each with a leg of its call; `seen` are of SEEN."""
    legs = np.concatenate(seen) if seen else np.empty(0, SEEN)
    named = np.concatenate([pair[1] for pair in pairs]) if pairs else np.empty(0, np.uint64)
    is_named = np.isin(legs["id"], named)
    lost = legs[~legs["names"] & ~is_named & ~legs["answered"] & (legs["caller"] != 0)]
    if not len(lost):
        return []
    callers = legs[legs["names"] | (legs["answered"] & ~is_named)]
    found = [_within(lost, callers), _before(lost, legs[is_named], callers, pairs)]
    return [pair for pair in found if len(pair[0])]


def _within(lost: Rows, callers: Rows) -> Pairs:
    """With the same caller's leg that was there all the time."""
    who = np.concatenate((lost["caller"], callers["caller"])).astype(np.uint64)
    at = _latest(who[: len(lost)], lost["start"], who[len(lost) :], callers["start"])
    other = callers[at]
    good: Mask = (
        (at >= 0)
        & (other["caller"] == lost["caller"])
        & (other["did"] != lost["did"])
        & (other["end"].astype(np.int64) + _ROUNDING_SECONDS >= lost["end"])
    )
    return lost["id"][good], other["id"][good]


def _before(lost: Rows, called: Rows, callers: Rows, pairs: Sequence[Pairs]) -> Pairs:
    """With the leg of the same caller and number that was called when it was over."""
    nothing = np.empty(0, np.uint64)
    if not len(called):
        return nothing, nothing
    ends = lost["end"].astype(np.int64) - _ROUNDING_SECONDS
    # The latest before, on a clock that runs backwards, is the next one.
    at = _latest(_both(lost), _LAST - ends, _both(called), _LAST - called["start"].astype(np.int64))
    other = called[at]
    good: Mask = (
        (at >= 0)
        & (_both(other) == _both(lost))
        & (_beginnings(other["id"], callers, pairs) <= lost["start"])
    )
    return lost["id"][good], other["id"][good]


def _beginnings(ids: Hashes, callers: Rows, pairs: Sequence[Pairs]) -> Whole:
    """When the leg began that names each of these."""
    naming = np.concatenate([pair[0] for pair in pairs])
    named = np.concatenate([pair[1] for pair in pairs])
    naming = naming[np.argsort(named)]
    by_id = callers[np.argsort(callers["id"])]
    who = naming[np.minimum(np.searchsorted(np.sort(named), ids), len(naming) - 1)]
    place = np.minimum(np.searchsorted(by_id["id"], who), len(by_id) - 1)
    # Of a leg that is in no record nothing is known: it begins after everything.
    known = by_id["id"][place] == who
    begun: Whole = np.where(known, by_id["start"][place].astype(np.int64), np.iinfo(np.int64).max)
    return begun


def _both(legs: Rows) -> Hashes:
    both: Hashes = (legs["caller"].astype(np.uint64) << np.uint64(32)) | legs["did"]
    return both


def _latest(
    keys: Hashes, moments: NDArray[np.generic], others: Hashes, theirs: NDArray[np.generic]
) -> Whole:
    """The place of the latest of the others that has the key, or one below it, and no later
    moment; below zero for none.
    """
    _, place = np.unique(np.concatenate((keys, others)), return_inverse=True)
    # A moment fits into 33 bits, and a rank above it.
    ours = (place[: len(keys)].astype(np.int64) << 33) + moments.astype(np.int64)
    those = (place[len(keys) :].astype(np.int64) << 33) + theirs.astype(np.int64)
    order = np.argsort(those, kind="stable")
    at = np.searchsorted(those[order], ours, "right") - 1
    found: Whole = np.where(at >= 0, order[np.maximum(at, 0)], -1) if len(order) else at
    return found
