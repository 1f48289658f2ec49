"""Whole numbers as far ends write them: the digits 0 to 9 and no others.

`str.isdigit` takes digits of every script and superscripts, which `int` refuses; and `int` refuses
more than 4300 digits. Both are a ValueError where nobody expects one.
"""

from __future__ import annotations

# Every such number is below 2**63.
_MOST_DIGITS = 18


def whole(written: str) -> int | None:
    """The number; None for what is none, or longer than any that means something."""
    known = len(written) <= _MOST_DIGITS and written.isascii() and written.isdigit()
    return int(written) if known else None
