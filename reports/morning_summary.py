"""What the summary of a morning report says, worked out of its data, and what stands in its
details. Pure.

The three questions: how was yesterday, is anything wrong now, could we go back. Each gets a
verdict's state and facts; the templates make the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.morning_report import Audit, BackupState, Looks, Part
from reports.usage import Figure, HourLine, figures, hours, standouts

_WORST = ("FAILED", "UNKNOWN", "DEGRADED", "OK")


# What grows with the number of calls: a tenth more calls are a tenth more of each of these.
_VOLUME = ("offered", "queue_offered", "answered", "talk_seconds", "peak")


@dataclass(frozen=True, slots=True)
class News:
    """Something that stands out, and what only says the same of it again."""

    lead: Figure
    along: tuple[Figure, ...] = ()


def news(found: Sequence[Figure]) -> tuple[News, ...]:
    """Stand-outs by the fact behind them: where the day had more or fewer calls than usual, then
    what went along with them (between half and twice as far, the same way) is no news of its own.
    """
    volume = [one for one in found if one.metric in _VOLUME and not one.part]
    if not volume:
        return tuple(News(one) for one in found)
    lead = min(volume, key=lambda one: _VOLUME.index(one.metric))
    along = tuple(one for one in found if one is not lead and _goes_along(one, lead))
    others = [News(one) for one in found if one is not lead and one not in along]
    return (News(lead, along), *others)


def _goes_along(one: Figure, lead: Figure) -> bool:
    if one.metric not in _VOLUME or not one.percent or not lead.percent:
        return False
    return 0.5 <= one.percent / lead.percent <= 2.0


@dataclass(frozen=True, slots=True)
class Day:
    """The usage of the day from one source."""

    check: str
    told: Mapping[str, Any]
    figures: tuple[Figure, ...]
    hours: tuple[HourLine, ...]
    standouts: tuple[Figure, ...]

    @property
    def news(self) -> tuple[News, ...]:
        """What stands out, each fact once."""
        return news(self.standouts)

    def figure(self, metric: str) -> Figure | None:
        """One figure of the day."""
        return next((one for one in self.figures if one.metric == metric), None)

    @property
    def service(self) -> Figure | None:
        """The service level, of the queues where they have a log."""
        return self.figure("queue_service_level") or self.figure("service_level")


@dataclass(frozen=True, slots=True)
class Morning:
    """A report, ready to be written."""

    audit: Audit
    days: tuple[Day, ...]
    wrong_parts: tuple[Part, ...]
    """failed, and without an open ticket that tells of it"""
    doubtful_parts: tuple[Part, ...]
    parts: tuple[Part, ...]
    """those that are no usage and no backup, the worst first"""
    well: tuple[Part, ...]
    ran: tuple[Part, ...]
    """all parts that were looked at, the worst first"""
    bad_looks: tuple[Looks, ...]
    """checks that had a bad look on the day"""

    @property
    def yesterday(self) -> str:
        """The state of the day before: its looks, and what its tickets were."""
        audit = self.audit
        states = {"FAILED": audit.failed, "UNKNOWN": sum(line.unknown for line in audit.looks)}
        states["DEGRADED"] = sum(line.degraded for line in audit.looks)
        return next(
            (state for state in _WORST if states.get(state)),
            # A day without a single look tells nothing: that is not the same as a good one.
            "OK" if audit.total or self.days else "UNKNOWN",
        )

    @property
    def now(self) -> str:
        """The state of things as the report was made."""
        if self.audit.wrong:
            return "FAILED"
        return "DEGRADED" if self.audit.doubtful_parts else "OK"

    @property
    def back(self) -> str:
        """Whether one could go back: FAILED where a backup has no fresh proof or its last run
        failed.
        """
        if not self.audit.backups:
            return "UNKNOWN"
        failed = {part.check for part in self.audit.failed_parts}
        bad = self.audit.unproven or any(b.fault or b.check in failed for b in self.audit.backups)
        return "FAILED" if bad else "OK"

    @property
    def worst_backup(self) -> BackupState | None:
        """The backup that was proven longest ago, or never."""
        found = sorted(
            # Never proven sorts before the oldest proof.
            self.audit.backups,
            key=lambda b: b.proven_at.timestamp() if b.proven_at else 0.0,
        )
        return found[0] if found else None

    @property
    def proof_seconds(self) -> float:
        """How long the proofs took together."""
        return sum(backup.proof_seconds for backup in self.audit.backups)


def morning(audit: Audit) -> Morning:
    """A report with what follows from it."""
    ticketed = {check for one in audit.open for check in one.checks}
    others = [part for part in audit.parts if not part.topic]
    others.sort(key=_gravity)
    return Morning(
        audit=audit,
        days=tuple(
            Day(told["check"], told, figures(told), hours(told), standouts(told))
            for told in audit.usage
        ),
        wrong_parts=tuple(part for part in audit.failed_parts if part.check not in ticketed),
        doubtful_parts=audit.doubtful_parts,
        parts=tuple(part for part in others if part.state != "OK" or part.warnings),
        well=tuple(part for part in others if part.state == "OK" and not part.warnings),
        ran=tuple(sorted((part for part in audit.parts if part.ran), key=_gravity)),
        bad_looks=tuple(line for line in audit.looks if line.bad),
    )


def _gravity(part: Part) -> int:
    return _WORST.index(part.state) if part.state in _WORST else 1
