"""What was written, and what is known, in a message: short, on one line, and without passwords."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


def without_password(text: str) -> str:
    """A text less what stands between `//` and `@` in an address, where some write a password."""
    # One character class without nesting: linear, since the text may be a far end's.
    return re.sub(r"//[^/@\s]*@", "//…@", text)


def shown(written: object, longest: int = 60) -> str:
    """A written value in a message: short, on one line, without the password of an address."""
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, str):
        text = without_password(written)
        return repr(text if len(text) <= longest else text[: longest - 1] + "…")
    if isinstance(written, dict):
        return "a table"
    return "a list" if isinstance(written, list | tuple) else str(written)[:longest]


def nearest(written: str, known: Iterable[str]) -> str:
    """The known name most like the written one, as a hint; "" when none is near."""
    # 0.6 is difflib's own cutoff: one or two letters of a word may be wrong. The time grows with
    # the square of the length, hence the bound.
    close = get_close_matches(written[:80], list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""
