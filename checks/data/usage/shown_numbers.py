"""How a number that was called is written in the report: the site's own whole, any other by its
last two digits. Only for the child process.

    +91 80 2345 6789   "••• •• •••• ••89"     8000   "8000"

Rule: a number of a customer is nothing that a report is mailed with unless the site says so. What
has fewer digits than any subscriber's number is one of the exchange's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

# With its area code no number of ITU-T E.164 that a customer has is shorter.
_LEAST_DIGITS = 7
_SHOWN_DIGITS = 2


def shown(name: str, own: Iterable[str]) -> str:
    """A name of a group of calls; `own` are patterns, with *, of what is written whole."""
    digits = sum(letter.isdigit() for letter in name)
    if digits < _LEAST_DIGITS or any(fnmatchcase(name, one) for one in own):
        return name
    hidden, told = digits - _SHOWN_DIGITS, list[str]()
    for letter in name:
        hide = letter.isdigit() and hidden > 0
        hidden -= hide
        told.append("•" if hide or letter == "+" else letter)
    return "".join(told)
