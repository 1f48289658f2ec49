"""Reading the tables of a data file so that every fault is found at once.

A `Table` is asked for its fields one by one. What is wrong becomes a fault (path, what is wrong,
what would be right) and reading goes on with an empty value. Fields that nobody asked for are
unknown: that is said when the table is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import TracebackType
from typing import TypeVar

from monitor.core.duration import NotWhole, duration_seconds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing that is wrong with a policy, where, and what would be right."""

    path: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong}; {self.right}"


class PolicyFaults(ValueError):
    """Every fault of a policy that was refused."""

    def __init__(self, faults: tuple[PolicyFault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class Table:
    """One table, left with the `with` statement."""

    def __init__(self, body: object, path: str, faults: list[PolicyFault]) -> None:
        self.path, self._faults, self._asked = path, faults, list[str]()
        self._body: Mapping[str, object] = body if isinstance(body, Mapping) else {}
        if not isinstance(body, Mapping):
            self.fault("", f"{body!r} is not a table", "write a table of named fields")

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        # An unknown field is nearly always a slip of the pen (`responce`): passed over, it would
        # silently drop a promise.
        for key in self._body:
            if key not in self._asked:
                self.fault(key, "there is no such field", known_names(key, self._asked))

    def fault(self, key: str, wrong: str, right: str) -> None:
        """Note a fault of the field `key` ("" for the table itself)."""
        path = f"{self.path}.{key}" if self.path and key else self.path or key
        self._faults.append(PolicyFault(path, wrong, right))

    def field(self, key: str) -> object:
        """The field as written, None if absent."""
        if key not in self._asked:
            self._asked.append(key)
        return self._body.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty; missing is a fault unless there is a default."""
        written = self.field(key)
        if written is None and default is not None:
            return default
        if isinstance(written, str) and written.strip():
            return written
        self._wrong(key, written, f'write a text, as in {key} = "..."')
        return ""

    def duration(self, key: str, optional: bool = False) -> int | None:
        """A duration in seconds; None if it is absent or wrong."""
        written = self.field(key)
        if written is None and optional:
            return None
        try:
            return duration_seconds(written)
        except NotWhole:
            self._wrong(key, written, f'write whole seconds, as in {key} = "30s", "2h" or "7d"')
            return None
        except ValueError:
            self._wrong(
                key, written, f'write a number with its unit, as in {key} = "30m", "2h" or "7d"'
            )
            return None

    def number(self, key: str, default: int | None = None) -> int:
        """A whole number from 0; missing (without a default) or wrong is a fault and -1."""
        written = self.field(key)
        if written is None and default is not None:
            return default
        # In Python `bool` is an `int`: `number = true` would pass for 1.
        if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
            return written
        self._wrong(key, written, f"write a whole number, as in {key} = 1")
        return -1

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; absent is empty."""
        written = self.field(key)
        if written is None:
            return ()
        if isinstance(written, list) and all(
            isinstance(one, str) and one.strip() for one in written
        ):
            return tuple(written)
        self._wrong(key, written, f'write a list of texts, as in {key} = ["..."]')
        return ()

    def tables(self, key: str, label: str, required: bool = False) -> Iterator[Table]:
        """The tables of a list, each entered and left; its path ends in its own `label` field, else
        its place.
        """
        written = self.field(key)
        if not isinstance(written, list) or (required and not written):
            if written is not None or required:
                self._wrong(key, written, f"write at least one [[{key}]]")
            return
        # Counted from 1, as whoever edits the file counts its tables.
        for place, body in enumerate(written, 1):
            name = body.get(label) if isinstance(body, Mapping) else None
            where = name if isinstance(name, str) and name else f"#{place}"
            with Table(body, f"{self.path}.{key}.{where}".lstrip("."), self._faults) as table:
                yield table

    def _wrong(self, key: str, written: object, right: str) -> None:
        self.fault(key, "it is missing" if written is None else f"{written!r} does not do", right)


def keep_once(table: Table, key: str, name: str, thing: T, known: dict[str, T]) -> None:
    """Keep a thing under its name; a second one of that name is a fault."""
    if name in known:
        table.fault(
            key,
            f"{name!r} is there twice",
            "give each its own (the house's own issues are merged in)",
        )
    elif name:
        known[name] = thing


def known_names(written: str, known: Iterator[str] | list[str] | tuple[str, ...]) -> str:
    """What would be right for an unknown name: the nearest known one, else all of them."""
    names = list(known)
    if close := get_close_matches(written, names, n=1, cutoff=0.6):
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(map(repr, names))}" if names else "none is defined"
