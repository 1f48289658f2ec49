"""Tickets that people open: an incident that somebody has seen, or a change or feature that
somebody asks for.

Rule 1: what somebody has seen is an incident as any other, under the same key, with the same clocks
and the same ladder; no look closes it (monitor/core/endings.py), and none reclassifies it. Rule 2:
what somebody asks for is no incident: nothing of it is promised, so nothing of it escalates by
itself, and it says so.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.core import endings
from monitor.core.incident import (
    Change,
    Evidence,
    Happening,
    Incident,
    Request,
    key_of,
)
from monitor.core.policy_terms import Classification

# A subject line shows a hundred signs of a title.
_LONGEST_TITLE = 70
PERSON = "person"
"""the kind of evidence that is somebody's word"""


def seen(
    site: str, found: Classification, policy: str, text: str, by: str, now: datetime
) -> Change:
    """Somebody has seen trouble; not told yet."""
    return _opened(site, key_of(site, found.issue.id), found, policy, text, by, now, "")


def seen_again(was: Incident, text: str, by: str, now: datetime) -> Change:
    """Somebody has seen it just after it was closed: the same ticket goes on."""
    change = endings.reopened(was, _said(text), now)
    back = replace(change.incident, opened_by=by, classified_by_human=True, classified_by=by)
    return replace(change, incident=back)


def asked_for(
    site: str,
    what: Request,
    place: int,
    found: Classification,
    policy: str,
    text: str,
    by: str,
    now: datetime,
) -> Change:
    """Somebody asks for something; `place` tells it from others that are open."""
    return _opened(site, key_of(site, f"{what}#{place}"), found, policy, text, by, now, what)


def _opened(
    site: str,
    key: str,
    found: Classification,
    policy: str,
    text: str,
    by: str,
    now: datetime,
    request: Request,
) -> Change:
    incident = Incident(
        key=key,
        site=site,
        issue=found.issue.id,
        title=f"{found.issue.title}: {_short(text)}" if request else found.issue.title,
        severity=found.severity,
        owner=found.issue.owner,
        owner_title=found.owner_title,
        ladder=found.ladder,
        rule=found.rule,
        policy=policy,
        opened_at=now,
        counts_from=now,
        evidence=_said(text),
        opened_by=by,
        request=request,
        classified_by_human=True,
        classified_by=by,
    )
    facts = {"by": by, "text": text, "request": request}
    return Change(incident, (), (Happening("opened-by", facts),))


def _short(text: str) -> str:
    """As much of it as a subject and a list show."""
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1].rstrip() + "…"


def _said(text: str) -> Evidence:
    return Evidence("", PERSON, (text,))
