"""How a morning report of an older release becomes one of today's (docs/kept-bodies.md)."""

from __future__ import annotations

from typing import Any

from checks.body import Migration, added, derived, together, within


def _topic(part: dict[str, Any]) -> str:
    """0.1.0 knew the topic of a part by its kind's name alone."""
    topics = {"usage": "usage", "backup": "backups", "backup-proof": "backups"}
    return topics.get(part.get("kind", ""), "")


# A report of before says of a closed ticket that it is closed, and no more.
_TROUBLE_2 = together(added("closing", ""), added("goes_on_as", ""), added("request", ""))
_REPORT_2 = together(
    within("open", _TROUBLE_2),
    within("past", _TROUBLE_2),
    within("parts", derived("topic", _topic)),
    added("maintenance", []),
    added("rca", []),
)
_REPORT_3 = together(
    within("backups", added("rehearsed", "")),
    added("answers", []),
    added("releases", []),
    added("compared_with", None),
    added("planned", []),
)

REPORT_MIGRATIONS: tuple[Migration, ...] = (_REPORT_2, _REPORT_3)
"""each makes a body of one number into one of the next; one that was released is never edited"""
