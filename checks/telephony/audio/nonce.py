"""The numbers of a nonce challenge (`nonce_sound.py` gives them sound): drawn by the check, free of
numpy.
"""

from __future__ import annotations

import random

LENGTH = 10
"""symbols in a nonce"""
SYMBOLS = 66
"""how many symbols there are: pairs out of twelve frequencies"""

Nonce = tuple[int, ...]


def make(source: random.Random) -> Nonce:
    """A new nonce; neighbours differ, so that a symbol ends where it should."""
    drawn: list[int] = []
    while len(drawn) < LENGTH:
        symbol = source.randrange(SYMBOLS)
        if not drawn or symbol not in (drawn[-1], drawn[0]):
            drawn.append(symbol)
    return tuple(drawn)
