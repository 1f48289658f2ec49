"""JSONPath in its plain parts (RFC 9535): names, numbers and "all of them"; no filters and no
scripts.

$.totals.answered      $.queues[0].name      $.queues[-1]      $['talk minutes']
                       $.queues[*].name
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

# The subset of RFC 9535 section 2.3 that selects by name, index or wildcard. Filters (section
# 2.3.5) can be made to take very long on a document of the far end's.
_PART = re.compile(
    r"""\.(?P<name>[^\W\d][\w-]*)|\[(?P<index>-?\d{1,9})\]"""
    r"""|\[(?P<quote>['"])(?P<quoted>[^'"]*)(?P=quote)\]"""
    r"""|(?P<all>\[\*\]|\.\*)"""
)
_ALL = object()


def parts(path: str) -> list[Any]:
    """What is gone through: names, numbers and ALL. Raises ValueError."""
    if not path.startswith("$"):
        raise ValueError(
            f"{path[:80]!r} is no JSON path; it begins with $, as in '$.totals.answered'"
        )
    found: list[Any] = []
    at = 1
    while at < len(path):
        match = _PART.match(path, at)
        if match is None:
            raise ValueError(
                f"{path[:80]!r} is no JSON path from {path[at : at + 20]!r} on; write .name, [0]"
                " or [*]"
            )
        found.append(_part(match))
        at = match.end()
    return found


def _part(match: re.Match[str]) -> Any:
    if match["all"]:
        return _ALL
    if match["index"]:
        return int(match["index"])
    return match["name"] or match["quoted"]


def values(document: Any, path: str) -> list[Any]:
    """Every value that a path leads to, in order; none where it leads nowhere. Raises ValueError
    for no path.
    """
    found = [document]
    for part in parts(path):
        found = [value for one in found for value in _step(one, part)]
    return found


def _step(value: Any, part: Any) -> Iterator[Any]:
    if part is _ALL:
        yield from (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
    elif isinstance(value, dict) and isinstance(part, str):
        if part in value:
            yield value[part]
    # RFC 9535 section 2.3.3: a negative index counts from the end, and one out of range selects
    # nothing.
    elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
        yield value[part]


def _path(written: str) -> str:
    parts(written)
    return written


JsonPath = Annotated[str, AfterValidator(_path)]
"""A path into JSON, as in "$.totals.answered"."""
