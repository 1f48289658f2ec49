"""A page for each failed call: what was seen and judged of it, written beside its other evidence.

Rule: a page is worth less than its ticket. Whatever goes wrong in drawing it is logged, and the
ticket goes its way.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checks.contract import Exhibit, Observation
from monitor.config.section_models import Site
from monitor.core.verdict import State
from monitor.incidents.correlation import AttemptResult
from monitor.incidents.fault_words import verdict_words
from monitor.incidents.ticket_view import stage_lines
from reports.call_page import FailedCall
from reports.render import render_evidence
from reports.ticket import Finding

log = logging.getLogger(__name__)

PICTURE, FILE = "picture.json", "index.html"
# A call of a minute draws some 100 kB; ten times that was not drawn by our own probe.
_LARGEST_PICTURE = 1_500_000
# A page is opened in a mail's browser: this much still opens at once, and mail servers take it as
# an attachment.
_LARGEST_PAGE = 3_000_000


def drawn(seen: AttemptResult) -> bool:
    """Whether a look has a picture that a page is to be made of."""
    return seen.verdict.state is State.FAILED and any(
        one.name == PICTURE for one in seen.observation.exhibits
    )


def with_page(seen: AttemptResult, below: Sequence[AttemptResult], site: Site) -> AttemptResult:
    """The look with its page as first exhibit; the look as it was where there is nothing to draw,
    or drawing failed.
    """
    picture = next(
        (exhibit.path for exhibit in seen.observation.exhibits if exhibit.name == PICTURE), None
    )
    if seen.verdict.state is not State.FAILED or picture is None:
        return seen
    try:
        path = _write(picture.parent / FILE, failed_call(seen, below, site, _read(picture)))
    except Exception:  # rule: the ticket goes its way
        log.exception("action=page_broke check=%s", seen.name)
        return seen
    exhibits = (Exhibit("page", "text/html", path), *seen.observation.exhibits)
    return replace(seen, observation=replace(seen.observation, exhibits=exhibits))


def failed_call(
    seen: AttemptResult, below: Sequence[AttemptResult], site: Site, picture: dict[str, Any]
) -> FailedCall:
    """What the page is made of."""
    observation, fault = seen.observation, seen.verdict.fault
    return FailedCall(
        site=site.name,
        timezone=site.timezone,
        check=seen.name,
        state=str(seen.verdict.state),
        started_at=seen.started_at,
        seconds=observation.seconds,
        stage=fault.stage if fault else "",
        code=fault.code if fault else "",
        text=fault.text if fault else "",
        said=verdict_words(seen.entry, seen.verdict) if fault else "",
        reasons=seen.verdict.reasons,
        stages=stage_lines(seen.evidence()),
        findings=tuple(_finding(low) for low in below),
        measures=observation.measures,
        meanings=seen.entry.probe.measures(),
        notes=observation.notes,
        exhibits=_beside(observation),
        picture=picture,
    )


def _finding(low: AttemptResult) -> Finding:
    text = "; ".join(low.verdict.reasons)
    return Finding(
        low.entry.probe.highest_layer().name.lower(), low.name, str(low.verdict.state), text
    )


def _beside(observation: Observation) -> tuple[str, ...]:
    return tuple(exhibit.path.name for exhibit in observation.exhibits)


def _read(path: Path) -> dict[str, Any]:
    """Raises ValueError, OSError."""
    if path.stat().st_size > _LARGEST_PICTURE:
        raise ValueError(f"{path.name} is too large to draw")
    drawn = json.loads(path.read_text(encoding="utf-8"))
    return drawn if isinstance(drawn, dict) else {}


def _write(path: Path, call: FailedCall) -> Path:
    page = render_evidence(call).encode()
    if len(page) > _LARGEST_PAGE:
        raise ValueError(f"the page would be {len(page)} bytes long")
    path.write_bytes(page)
    return path
