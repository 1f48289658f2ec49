"""What an observation says, in short."""

from __future__ import annotations

from checks.contract import Observation


def ended(seen: Observation) -> tuple[str, str] | None:
    """Stage and code of its fault, None without one; a blind one is no story of ours."""
    assert seen.blind is None, seen.blind
    return (seen.fault.stage, seen.fault.code) if seen.fault else None


def passed(seen: Observation) -> list[str]:
    """The stages that it got through."""
    return [stage.name for stage in seen.stages if stage.passed]
