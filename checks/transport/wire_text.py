"""The last place before the wire: a line that is sent is one line.

What was checked when it was configured may be filled with a far end's words since: a token to
remember, a cookie, a name out of a directory. A line end in it would begin a header or a request of
its own (RFC 9110 section 5.5, RFC 3261 section 25.1, RFC 5321 section 4.5.3), and a NUL ends a text
early in what is written in C.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from checks.contract import Failed

_BREAKS = re.compile("[\r\n\0]")


def one_line(line: str) -> str:
    """The line, as it is. Raises Failed for one that a reader would take for several; names what
    stands before its colon, and nothing of what was filled in.
    """
    if _BREAKS.search(line):
        name = _BREAKS.split(line.partition(":")[0])[0][:60]
        raise Failed("bad-peer", f"{name!r} would hold a line end or NUL; it is not sent", "local")
    return line


def lines(those: Iterable[str]) -> str:
    """Lines with their ends, each of them one. Raises Failed."""
    return "".join(f"{one_line(line)}\r\n" for line in those)


def within(value: Any) -> None:
    """Every text within a table or list, as one that becomes a part of a line. Raises Failed."""
    if isinstance(value, str) and _BREAKS.search(value):
        raise Failed("bad-peer", "a text would hold a line end or NUL; it is not sent", "local")
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    for part in value if isinstance(value, list | tuple) else ():
        within(part)
