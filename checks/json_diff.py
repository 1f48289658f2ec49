"""How a value differs from the accepted one: both as lines, one for each leaf, so that a person
sees what came and what went.

    buttons: "Hold"                  a list's entries stand in their order, without numbers: one
                                     more moves no other
    queues[].name: "support"
    - buttons: "Transfer"            was accepted, and is gone
    + buttons: "Transfer to queue"   is new
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

# A line is for a ticket and a terminal; a leaf that is longer (a script, a picture in base64) is
# told by its beginning.
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What is new, and what is gone; both empty where nothing differs."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    unified: tuple[str, ...]
    """as `diff -U1` without its header: lines that begin with "+", "-" or a blank"""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def words(self, most: int = 4) -> str:
        """The difference in one line: "1 added, 1 removed: - a; + b"."""
        changes = [line for line in self.unified if line[:1] in "+-"]
        told = "; ".join(changes[:most]) + ("; ..." if len(changes) > most else "")
        return f"{len(self.added)} added, {len(self.removed)} removed: {told}"


def difference(accepted: Any, seen: Any) -> Difference:
    """The difference between what was accepted and what is seen; both plain JSON. With None
    accepted, everything is new.
    """
    import difflib  # with the first difference that is shown

    before, after = ([] if accepted is None else lines(accepted)), lines(seen)
    # n=1: one line around a change tells where it is; the first two lines are the names of files,
    # of which there are none.
    changes = list(difflib.unified_diff(before, after, lineterm="", n=1))[2:]
    marked = [f"{line[0]} {line[1:]}" for line in changes if line[:2] != "@@"]
    return Difference(
        added=tuple(line[2:] for line in marked if line[0] == "+"),
        removed=tuple(line[2:] for line in marked if line[0] == "-"),
        unified=tuple(marked),
    )


def lines(value: Any) -> list[str]:
    """A line for each leaf of plain JSON, names in their order."""
    return [line[:_LONGEST_LINE] for line in _lines("", value)]


def _lines(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name in sorted(value):
            yield from _lines(f"{path}.{name}" if path else name, value[name])
    elif isinstance(value, list) and value:
        for entry in value:
            yield from _lines(f"{path}[]" if isinstance(entry, dict | list) else path, entry)
    else:
        told = json.dumps(value, ensure_ascii=False)
        yield f"{path}: {told}" if path else told
