"""Whatever key of a configuration names a word of the policy is held against the policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from checks.kinds import kinds
from checks.settings import Settings
from monitor.config.model_introspection import fields
from monitor.config.section_models import Person, Rhythm
from monitor.config.sections import SECTIONS
from monitor.desks.list import desk_kinds
from monitor.desks.policy_words import PolicyWord

_NAMES_ONE = re.compile(r"issue|severit|ladder|calendar|^role$")
# Held against the policy elsewhere: monitor/config/policy.py, whom_it_tells.py, odd_values.py.
_ELSEWHERE = {(Person, "role"), (Rhythm, "severity")}


def below(table: type[Settings]) -> Iterator[type[Settings]]:
    """A table and the tables in it."""
    yield table
    for field in table.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, Settings):
                yield from below(part)


def test_a_key_that_names_a_severity_or_an_issue_is_marked_so() -> None:
    tops = {*kinds().values(), *desk_kinds().values(), *(section.model for section in SECTIONS)}
    naming = [
        (table, name, field)
        for table in {one for top in tops for one in below(top)}
        for name, field in fields(table).items()
        if _NAMES_ONE.search(name)
    ]
    marked = {
        (table, name)
        for table, name, field in naming
        if any(isinstance(mark, PolicyWord) for mark in field.metadata)
    }
    assert len(marked) > 5
    assert {(table, name) for table, name, _ in naming} - marked <= _ELSEWHERE
