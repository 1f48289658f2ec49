"""Which legs are one call where legs name other legs, and not their call. Pure; only for the child
process.

FreeSWITCH writes on a leg the one that it was bridged to (`bleg_uuid`): on both, on the A leg alone
(signalwire/freeswitch#1042), or along a chain of transfers. So a call is what hangs together by any
of these names: the answer does not depend on who names whom, nor on the order of the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
# 2^64 divided by the golden ratio, as splitmix64 has it.
_MIXER = np.uint64(0x9E3779B97F4A7C15)
Pairs = tuple[Hashes, Hashes]
"""ids of legs, and the leg that each of them names"""


class Calls:
    """The call of each leg, by all the pairs of a reading."""

    def __init__(self, pairs: Sequence[Pairs]) -> None:
        one = np.concatenate([pair[0] for pair in pairs])
        other = np.concatenate([pair[1] for pair in pairs])
        self._ids, places = np.unique(np.concatenate((one, other)), return_inverse=True)
        self._roots = _roots(places[: len(one)], places[len(one) :], len(self._ids))

    def of(self, ids: Hashes) -> Hashes:
        """The same number for all legs of a call; a leg that is in no pair keeps its own."""
        places = np.minimum(np.searchsorted(self._ids, ids), len(self._ids) - 1)
        known = self._ids[places] == ids
        found: Hashes = np.where(known, self._ids[self._roots[places]], ids)
        return found


def _roots(one: NDArray[np.int64], other: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The smallest place of each component (label propagation with pointer jumping: as many rounds
    as a chain's length has binary digits, about).
    """
    roots = np.arange(count)
    while True:
        least = np.minimum(roots[one], roots[other])
        joined = roots.copy()
        # Not only the two legs but what they hung on until now goes over to the smaller one.
        for place in (roots[one], roots[other], one, other):
            np.minimum.at(joined, place, least)
        joined = joined[joined]
        if (joined == roots).all():
            return roots
        roots = joined


def mixed(numbers: NDArray[Any]) -> Hashes:
    """Spread over all 64 bits (the finisher of splitmix64)."""
    once = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9) + _MIXER
    twice = (once ^ (once >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    spread: Hashes = twice ^ (twice >> np.uint64(31))
    return spread
