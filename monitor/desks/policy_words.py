"""Keys of a desk's settings whose values are words of the site's policy: written as in
`severities: Annotated[tuple[str, ...], SEVERITY]`. Of a mapping the keys are the words.

Rule: a word that the policy does not have is refused when the configuration is read
(monitor/config/policy.py): found out at night it would be a page that nobody gets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from checks.settings import Settings

What = Literal["severity", "issue"]
"""what of a policy is named"""


@dataclass(frozen=True, slots=True)
class PolicyWord:
    """What the words under a key are."""

    what: What


SEVERITY, ISSUE = PolicyWord("severity"), PolicyWord("issue")


def words_in(table: Settings) -> Iterator[tuple[tuple[str | int, ...], What, str]]:
    """Every word of the policy in one table of settings: its place there, what it names, itself."""
    for name, field in type(table).model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, PolicyWord):
                written = getattr(table, name)
                for place, word in _words(written):
                    yield (field.alias or name, *place), mark.what, word


def _words(written: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(written, str):
        yield (), written
    elif isinstance(written, Mapping):
        yield from (((key,), key) for key in written)
    elif isinstance(written, tuple):
        yield from (((number,), word) for number, word in enumerate(written))
