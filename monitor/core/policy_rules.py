"""Which case is which issue: rules of globs, the first that fits wins.

A pattern is a glob of `*` (any text) and `?` (one character); `|` separates alternatives:
"sip:*/34|sip:*/38". A field that a rule does not name may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from monitor.core.failure import Case

FIELDS = ("kind", "stage", "code", "component", "layer")
_ANY = ("*",)
_STAR, _ONE = "\x01", "\x02"  # stand for the wildcards of a pattern that is itself looked at


@dataclass(frozen=True, slots=True)
class Rule:
    """`when` maps a field to its alternatives; `path` says where the rule stands in the file."""

    name: str
    issue: str
    when: tuple[tuple[str, tuple[str, ...]], ...]
    path: str = ""

    def fits(self, case: Case) -> bool:
        """Whether every field that the rule names fits the case."""
        return all(
            any(_fits(p, field_of(case, name)) for p in patterns) for name, patterns in self.when
        )

    def fits_everything(self) -> bool:
        """Whether no case can escape it."""
        return all("*" in patterns for _, patterns in self.when)

    def covers(self, atom: Sequence[str]) -> bool:
        """Whether every case of an atom (one pattern per field of FIELDS) fits this rule."""
        when = dict(self.when)
        return all(
            any(_covers(wide, narrow) for wide in when.get(name, _ANY))
            for name, narrow in zip(FIELDS, atom, strict=True)
        )

    def atoms(self) -> Iterator[tuple[str, ...]]:
        """The rule taken apart: each combination of one alternative per field."""
        when = dict(self.when)
        return product(*(when.get(name, _ANY) for name in FIELDS))


def field_of(case: Case, name: str) -> str:
    """A case's field as rules speak of it; a layer by its name in small letters."""
    return case.layer.name.lower() if name == "layer" else str(getattr(case, name))


def first_fitting(rules: Iterable[Rule], case: Case) -> Rule | None:
    """The first rule that fits the case."""
    return next((rule for rule in rules if rule.fits(case)), None)


def named(rules: Iterable[Rule], field: str) -> tuple[str, ...]:
    """The patterns by which rules name a field, the one for anything left out."""
    patterns = (
        pattern
        for rule in rules
        for name, written in rule.when
        if name == field
        for pattern in written
    )
    return tuple(dict.fromkeys(pattern for pattern in patterns if pattern not in _ANY))


def names(rules: Iterable[Rule], field: str, text: str) -> bool:
    """Whether what a field says makes a difference to some rule."""
    return any(_fits(pattern, text) for pattern in named(rules, field))


def hidden_by(rule: Rule, earlier: Sequence[Rule]) -> tuple[str, ...]:
    """The names of the earlier rules that together take every case from this one; () when it can be
    reached.

    What several earlier rules take jointly is seen alternative by alternative; never is a reachable
    rule named.
    """
    takers: dict[str, None] = {}
    for atom in rule.atoms():
        taker = next((other for other in earlier if other.covers(atom)), None)
        if taker is None:
            return ()
        takers[taker.name] = None
    return tuple(takers)


def _fits(pattern: str, text: str) -> bool:
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=65536)
def _covers(wide: str, narrow: str) -> bool:
    """Whether every text that fits `narrow` fits `wide`: a wildcard of `narrow` may only be taken
    by a wildcard.
    """
    return _fits(wide, narrow.replace("*", _STAR).replace("?", _ONE))


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    # A code may hold a line break of the far end, which `.` does not take; `?` is one character and
    # never covers a `*`.
    parts = {"*": "[\\s\\S]*", "?": f"[^{_STAR}]"}
    return re.compile("".join(parts.get(letter) or re.escape(letter) for letter in pattern))
