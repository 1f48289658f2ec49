"""JSON as RFC 8259 has it, as browsers, Go and the others read it: Python reads other things too.

NaN, Infinity, -Infinity     no JSON (section 6)
one name twice, two values   readers differ on which counts (section 4): no JSON
a byte order mark first      may be passed over (section 8.1): letters.py has done so, once
5000 digits                  a number (section 6), no more exact than a double
"""

from __future__ import annotations

import json
from typing import Any

# Up to here an integer is exact at no cost; a double ends at 1.8e308, and Python refuses to read
# more than 4300 digits at once.
_EXACT_DIGITS = 309
_LONGEST_NAME = 60


def read(text: str) -> Any:
    """The document. Raises ValueError for what is no JSON, RecursionError for what is too deep."""
    return json.loads(
        text,
        parse_constant=_refuse,
        parse_int=_integer,
        object_pairs_hook=_object,
    )


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON (RFC 8259 section 6)")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _EXACT_DIGITS else float(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name, value in pairs:
            # The last value is the one that most readers take. Whole trees are not compared: that
            # could take as long as the document is deep, once for each of its levels.
            last = found[name]
            if isinstance(value, dict | list) or type(value) is not type(last) or value != last:
                raise ValueError(
                    f"the name {name[:_LONGEST_NAME]!r} stands twice in an object, with two values"
                    " (RFC 8259 section 4)"
                )
    return found
