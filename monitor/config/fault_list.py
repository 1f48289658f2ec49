"""What is wrong with a configuration, in words for the one who wrote it.

A fault has a dotted path, what is wrong and what would be right. All of them are told at once, in
file order. No secret's value stands in a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

Place = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""

# TOML's bare keys; any other is shown in quotes, as it has to be written.
_BARE = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: `checks.main-number.expect[0]: 'fast' is not …; write …`."""

    path: str
    wrong: str
    right: str = ""
    line: int | None = field(default=None, compare=False)
    """the line of the file, counted from 1, where one can be named"""
    file: str = field(default="", compare=False)
    """the file, where it is not the one that was named but one that it includes"""

    def __str__(self) -> str:
        said = f"{self.wrong}; {self.right}" if self.right else self.wrong
        return f"{self.path}: {said}" if self.path else said


class ConfigurationFaults(Exception):
    """Every fault of one file."""

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        super().__init__(file, *map(str, faults))
        self.file, self.faults = file, tuple(faults)

    def __str__(self) -> str:
        return "\n".join(located(self.file, fault) for fault in self.faults)


def located(file: str, fault: Fault) -> str:
    """A fault with its file and line, in the form that editors and terminals make a link of."""
    file = fault.file or file
    return f"{file}:{fault.line}: {fault}" if fault.line else f"{file}: {fault}"


def dotted(place: Place) -> str:
    """A place as one writes it: `checks."a b".script[1].press`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE.fullmatch(part) else json.dumps(part[:80], ensure_ascii=False)
            text += f".{key}" if text else key
    return text
