"""The one list of kinds: the word written as `kind = ...` in the configuration, and the class that does it.

Outsiders add theirs through the entry-point group `reveille.checks`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from checks.contract import Check

GROUP = "reveille.checks"


def kinds() -> dict[str, type[Check]]:
    """Every kind there is, the house's own first."""
    own: list[type[Check]] = []
    found: dict[str, type[Check]] = {kind.KIND: kind for kind in own}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point.load())
    return found
