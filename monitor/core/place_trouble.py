"""Whether trouble is a place's own: its uplink, its route, its host. A place that alone sees
trouble for long has it itself; one from which nothing comes for long is not heard.

Rules:
1. Counted in slots in a row. A slot that says nothing of the place (the platform is bad or unknown,
   for "alone"; the place was heard, for "silent") leaves the other count as it is.
2. A word that agrees with a good platform ends both.
3. A place that flaps never comes so far: each good word begins its count anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from monitor.core.places import Judged
from monitor.core.verdict import State


class Trouble(StrEnum):
    """What is a place's own."""

    NONE = "none"
    ALONE = "sees-trouble-alone"
    SILENT = "not-heard"


@dataclass(frozen=True, slots=True)
class Patience:
    """So many slots in a row make it, and so many end it."""

    # Three looks: what one look saw is confirmed once, and then it has lasted.
    after: int = 3
    recover: int = 2

    def __post_init__(self) -> None:
        if self.after < 1 or self.recover < 1:
            raise ValueError(f"{self}: at least one slot")


@dataclass(frozen=True, slots=True)
class PlaceCondition:
    """Where one place stands with one check."""

    place: str
    alone: int = 0
    """slots in a row in which it alone saw trouble"""
    silent: int = 0
    """slots in a row in which nothing was known from there"""
    agreed: int = 0
    """slots in a row in which it saw a good platform as the others did"""
    trouble: Trouble = Trouble.NONE


def stepped(before: PlaceCondition, judged: Judged, patience: Patience) -> PlaceCondition:
    """The condition after a slot. Raises LookupError where the place was not asked."""
    return _decided(_counted(before, judged), patience)


def _counted(before: PlaceCondition, judged: Judged) -> PlaceCondition:
    standing = judged.of(before.place).standing
    if standing.silent:
        return replace(before, silent=before.silent + 1, agreed=0)
    heard = replace(before, silent=0)
    # Of a platform that is bad, or of which nothing is known, a place may say what it likes: that
    # is not its own trouble, nor the end of it.
    if judged.verdict.state is not State.OK:
        return heard
    if standing.bad:
        return replace(heard, alone=heard.alone + 1, agreed=0)
    return replace(heard, alone=0, agreed=heard.agreed + 1)


def _decided(now: PlaceCondition, patience: Patience) -> PlaceCondition:
    if now.silent >= patience.after:
        return replace(now, trouble=Trouble.SILENT)
    if now.alone >= patience.after:
        return replace(now, trouble=Trouble.ALONE)
    # Heard again is the end of not being heard; trouble seen alone ends by agreement that lasts.
    if now.trouble is Trouble.SILENT and not now.silent:
        return replace(now, trouble=Trouble.NONE)
    if now.agreed >= patience.recover:
        return replace(now, trouble=Trouble.NONE)
    return now
