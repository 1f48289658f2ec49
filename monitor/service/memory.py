"""Gives memory that is free within this process back to the host.

Reading a configuration, and the first look of each kind, leave holes in the heap that glibc's
malloc keeps for later: 4 of the 75 MB of a daemon that watches the whole practice centre, and more
after each configuration that is read again.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

GIVE_BACK_SECONDS = 10
"""how often; with nothing to give back it takes some 0.1 ms, at a start 2 ms"""


def give_back() -> None:
    """Do so (malloc_trim(3)); nothing happens with another C library than glibc."""
    if (trim := _trim()) is not None:
        trim(0)


@cache
def _trim() -> Any:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
