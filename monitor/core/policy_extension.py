"""A policy that begins with another: what its own file says comes first, the rest is the other's.

`extends = "house"` takes issues and rules that fit any site, and leaves a page to write:
severities, their promises, one ladder. `extends = "ozonetel"` takes a shipped policy, of which the
file changes what it names. Pure: both are parsed files.

Rules: a list is joined by the ids of its tables, and one's own table replaces the other's; rules of
one's own are tried first. A severity of the other stands for its rank where the file has its own,
and an issue of the other's that hangs on no ladder takes the file's first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = Mapping[str, Any]

# What a file names by its own words, and what makes two tables of a list the same.
_IDS = {"owner": ("id",), "issue": ("id",), "contact": ("role", "region", "title")}
# What is never taken over: the other's examples were proven where they stand; here they may fail.
_OWN_ALONE = ("name", "version", "title", "source", "example")


def extended(own: Body, base: Body) -> dict[str, Any]:
    """The file as it would stand if all of the other policy had been written into it."""
    whole = {key: value for key, value in base.items() if key not in _OWN_ALONE}
    if "severity" in own:
        whole = _by_rank(whole)
    for key, value in ((key, value) for key, value in own.items() if key != "extends"):
        whole[key] = _joined(key, value, whole.get(key)) if key in whole else value
    if isinstance(contacts := whole.get("contact"), list):
        whole["contact"] = _told(contacts, whole.get("ladders"))
    if isinstance(issues := whole.get("issue"), list):
        whole["issue"] = [_on_a_ladder(one, own.get("ladders")) for one in issues]
    whole.setdefault("version", "1")
    whole.setdefault("title", own.get("name", ""))
    whole.setdefault("source", f"its own, after {base.get('title') or base.get('name', '')}")
    return whole


def _joined(key: str, own: Any, base: Any) -> Any:
    if isinstance(own, Mapping) and isinstance(base, Mapping):
        return {**base, **own}
    if not isinstance(own, list) or not isinstance(base, list):
        return own
    if key == "rule":
        names = {one.get("name") for one in own if isinstance(one, Mapping)}
        return [*own, *(one for one in base if one["name"] not in names)]
    if (ids := _IDS.get(key)) is None:
        return own
    known = [_identity(one, ids) for one in own]
    return [*own, *(one for one in base if _identity(one, ids) not in known)]


def _identity(table: Any, ids: tuple[str, ...]) -> tuple[Any, ...]:
    # What is no table is told where the file is read; here it is nobody's twin.
    return tuple(table.get(one) for one in ids) if isinstance(table, Mapping) else (id(table),)


def _by_rank(base: dict[str, Any]) -> dict[str, Any]:
    """The issues of a policy whose severities are another's: how bad, and no longer what it is
    called.
    """
    ranks = {one["id"]: rank for rank, one in enumerate(base.get("severity", []))}

    def ranked(table: Mapping[str, Any]) -> dict[str, Any]:
        severity = table["severity"]
        if isinstance(severity, str):
            severity = {"rank": ranks[severity]}
        return {**table, "severity": severity}

    issues = []
    for issue in base.get("issue", []):
        limits = [ranked(limit) for limit in issue.get("by_loss", [])]
        issues.append(ranked(issue) | ({"by_loss": limits} if limits else {}))
    return {key: value for key, value in base.items() if key != "severity"} | {"issue": issues}


def _on_a_ladder(issue: Any, ladders: Any) -> Any:
    if not isinstance(issue, Mapping) or "ladder" in issue or not isinstance(ladders, Mapping):
        return issue
    first = next(iter(ladders), None)
    return {**issue, "ladder": first} if first else issue


def _told(contacts: list[Any], ladders: Any) -> list[Any]:
    """The published desks that some level still tells: another's ladder may be gone."""
    levels = [
        level
        for ladder in (ladders.values() if isinstance(ladders, Mapping) else ())
        for level in (ladder.get("levels", ()) if isinstance(ladder, Mapping) else ())
    ]
    roles = {level.get("role") for level in levels if isinstance(level, Mapping)}
    return [one for one in contacts if not isinstance(one, Mapping) or one.get("role") in roles]
