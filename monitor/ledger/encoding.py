"""How values lie in a ledger: moments as integer milliseconds, bodies as compact JSON, and back
without loss.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checks.contract import Exhibit, Fault, Observation, Stage
from monitor.core.verdict import State, Verdict

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PACKING = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970 UTC. Raises ValueError for a moment without a zone."""
    if moment.tzinfo is None:
        # A wall time without a zone would be kept as if it were UTC: five and a half hours wrong in
        # Pune.
        raise ValueError(f"{moment!r} has no time zone; a ledger keeps instants")
    return (moment - _EPOCH) // _MILLISECOND


def optional_milliseconds(moment: datetime | None) -> int | None:
    """Whole milliseconds since 1970 UTC; None for a moment that has not come yet."""
    return None if moment is None else milliseconds(moment)


def moment(kept: int) -> datetime:
    """The instant, in UTC."""
    return _EPOCH + kept * _MILLISECOND


def optional_moment(kept: int | None) -> datetime | None:
    """The instant, in UTC; None for one that has not come yet."""
    return None if kept is None else moment(kept)


def packed(body: Mapping[str, Any]) -> str:
    """Compact JSON, pure ASCII: a far end's broken characters survive as escapes. Raises TypeError
    for what is none.
    """
    return _PACKING.encode(body)


def unpacked(kept: str) -> dict[str, Any]:
    """The body out of the JSON that `packed` has made."""
    body: dict[str, Any] = json.loads(kept)
    return body


def plain(text: str, longest: int = 500) -> str:
    """A text for a column: no broken characters, no control characters, at most `longest`
    of them.
    """
    # A lone surrogate, as broken far ends leave them in texts, cannot be bound as UTF-8.
    sound = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(sign if sign.isprintable() else " " for sign in sound)[:longest]


def observation_body(seen: Observation) -> dict[str, Any]:
    """An observation as JSON data; what is empty is left out."""
    body: dict[str, Any] = {
        "stages": [
            # A microsecond is finer than any stopwatch here; all the digits would make each row a
            # third longer.
            [s.name, round(s.began, 6), round(s.seconds, 6), int(s.passed)]
            for s in seen.stages
        ],
        "measures": dict(seen.measures),
        "fault": _fault_body(seen.fault),
        "blind": seen.blind,
        "notes": list(seen.notes),
        "exhibits": [[e.name, e.media_type, str(e.path)] for e in seen.exhibits],
        "seconds": seen.seconds,
        "warnings": list(seen.warnings),
    }
    return {name: value for name, value in body.items() if value not in (None, [], {})}


def observation(body: Mapping[str, Any]) -> Observation:
    """The observation out of its JSON data."""
    return Observation(
        stages=tuple(
            Stage(name, began, seconds, bool(passed))
            for name, began, seconds, passed in body.get("stages", ())
        ),
        measures=dict(body.get("measures", {})),
        fault=_fault(body.get("fault")),
        blind=body.get("blind"),
        notes=tuple(body.get("notes", ())),
        exhibits=tuple(
            Exhibit(name, kind, Path(path)) for name, kind, path in body.get("exhibits", ())
        ),
        seconds=body.get("seconds", 0.0),
        warnings=tuple(body.get("warnings", ())),
    )


def verdict_body(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON data; the state has a column of its own."""
    body = {"reasons": list(verdict.reasons), "fault": _fault_body(verdict.fault)}
    return {name: value for name, value in body.items() if value}


def verdict(state: str, body: Mapping[str, Any]) -> Verdict:
    """The verdict out of its state's column and its JSON data."""
    return Verdict(State(state), tuple(body.get("reasons", ())), _fault(body.get("fault")))


def _fault_body(fault: Fault | None) -> list[str] | None:
    return None if fault is None else [fault.stage, fault.code, fault.text, fault.origin]


def _fault(body: list[Any] | None) -> Fault | None:
    return None if body is None else Fault(*body)
