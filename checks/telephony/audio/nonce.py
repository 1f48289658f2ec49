"""The numbers of a nonce challenge, drawn by the check.

Without numpy, since the daemon imports it; `nonce_sound.py` gives the numbers their sound.
"""

from __future__ import annotations

import random

# Ten symbols of 80 ms make a round of 0.8 s: short enough for a prompt test, and long enough that
# chance finds none.
LENGTH = 10
# Pairs out of twelve frequencies: 12 × 11 / 2.
SYMBOLS = 66

Nonce = tuple[int, ...]


def make(source: random.Random) -> Nonce:
    """A new nonce; neighbours differ, so that a symbol ends where it should."""
    drawn: list[int] = []
    while len(drawn) < LENGTH:
        symbol = source.randrange(SYMBOLS)
        # Neighbours differ, also across the end of a round, so that the listener sees where a
        # symbol ends.
        if not drawn or symbol not in (drawn[-1], drawn[0]):
            drawn.append(symbol)
    return tuple(drawn)
