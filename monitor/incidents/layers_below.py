"""What a check stands on, by its `diagnose` and that of what it names."""

from __future__ import annotations

from monitor.config import CheckEntry, Configuration


def reach(configuration: Configuration, entry: CheckEntry) -> tuple[str, ...]:
    """Every check that stands below one, by its `diagnose` and theirs; nearest first."""
    found: dict[str, None] = {}
    waiting = list(entry.diagnose)
    while waiting:
        # Breadth first, so that the nearest come first; what was found is not gone through again,
        # which ends a circle.
        name = waiting.pop(0)
        if name not in found and name != entry.name:
            found[name] = None
            waiting.extend(configuration.checks[name].diagnose)
    return tuple(found)
