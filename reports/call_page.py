"""The page of one failed call: what was seen, as plain data. Pure.

Rule: nothing is decided here. The drawings on the page are worked out in call_drawing.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reports.ticket import Finding, StageLine


@dataclass(frozen=True, slots=True)
class FailedCall:
    """What is known of it. `exhibits` are file names beside the page; `picture` is what the call's
    processes drew.
    """

    site: str
    timezone: str
    check: str
    state: str
    started_at: datetime
    seconds: float
    stage: str = ""
    code: str = ""
    text: str = ""
    reasons: tuple[str, ...] = ()
    stages: tuple[StageLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    exhibits: tuple[str, ...] = ()
    picture: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""
    """the fault in plain words"""


_QUALITY = (
    ("mos_lq", "%.2f"),
    ("mos_cq", "%.2f"),
    ("r", "%.1f"),
    ("loss_percent", "%.1f %%"),
    ("burst_ratio", "%.1f"),
)


def quality_rows(measures: Mapping[str, float]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Both directions, each figure as it is written; a dash for what was not computed."""
    columns = (*_QUALITY, ("delay_ms", "%.0f ms"))
    rows = []
    for direction in ("heard", "said"):
        known = [(measures.get(f"{direction}_{name}"), form) for name, form in columns]
        if any(value is not None for value, _ in known):
            rows.append(
                (direction, tuple("–" if value is None else form % value for value, form in known))
            )
    return tuple(rows)
