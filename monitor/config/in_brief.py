"""What verbs that show how things stand ask of checks and desks, kept in the state folder by the
daemon: `reveille status` need not build the models of forty kinds for it.

Rule 1: it holds for the very tables that the daemon found good, read by the same release; for any
others nothing is known, and every table is read; so where the file is not of the form that is kept.
Rule 2: whatever is not kept is asked of the check or desk itself, which is read then. Rule 3: the
daemon itself, and whoever checks a configuration, never uses it. No secret stands in it; numbers
and addresses of the site do (as in in_force.py).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.contract import Check, Layer, Toll
from checks.settings import Settings

if TYPE_CHECKING:
    from monitor.config.configuration import Configuration
    from monitor.desks.desk import DeskSettings

FILE = "settings-in-brief.json"
Facts = Mapping[str, Any]
Brief = Mapping[str, Mapping[str, Facts]]
""""checks" and "desks" -> name -> what is known of it"""
NOTHING: Brief = {"checks": {}, "desks": {}}
_Form = Callable[[Any], bool]
# Seconds, calls: a century, and no number that is none (RFC 8259 has neither NaN nor infinity).
_MOST = 3_200_000_000
_DISTRIBUTION = "reveille-monitor"
_ENOUGH: ContextVar[bool] = ContextVar("enough", default=False)


class InBrief:
    """Stands for settings: says what was kept of them, and reads them when more is asked."""

    def __init__(self, facts: Facts, read: Callable[[], Settings]) -> None:
        self._facts, self._read = facts, cache(read)

    # So that isinstance() says what they are.
    @property  # type: ignore[misc]
    def __class__(self) -> type[Settings]:  # type: ignore[override]
        return type(self._read())

    def __getattr__(self, name: str) -> Any:
        return self._facts[name] if name in self._facts else getattr(self._read(), name)


class CheckInBrief(InBrief):
    """Stands for a check."""

    def target(self) -> str:
        return str(self._facts["looks_at"])

    def longest_seconds(self) -> float:
        return float(self._facts["may_take"])

    def highest_layer(self) -> Layer:
        return Layer(self._facts["layer"])

    def tolls(self) -> tuple[Toll, ...]:
        return tuple(
            Toll(**{**one, "may_dial": tuple(one["may_dial"])}) for one in self._facts["dials"]
        )

    def writes(self) -> tuple[Path, ...]:
        return tuple(map(Path, self._facts["folders"]))


def _of_check(probe: Check) -> Facts:
    return {
        "KIND": probe.KIND,
        "COMPONENT": probe.COMPONENT,
        "COSTS": probe.COSTS,
        "PLACES_CALLS": probe.PLACES_CALLS,
        "looks_at": probe.target(),
        "may_take": probe.longest_seconds(),
        "layer": int(probe.highest_layer()),
        "dials": [asdict(toll) for toll in probe.tolls()],
        "folders": [str(folder) for folder in probe.writes()],
    }


def _of_desk(desk: DeskSettings) -> Facts:
    return {"KIND": desk.KIND, "TAKES": sorted(desk.TAKES)}


@contextmanager
def enough() -> Iterator[None]:
    """What is read meanwhile may be known in brief alone."""
    token = _ENOUGH.set(True)
    try:
        yield
    finally:
        _ENOUGH.reset(token)


def digest_of(tables: Mapping[str, Any], state: Path, directory: Path) -> str:
    """Which tables these are, and who reads them, where."""
    written = json.dumps([version(_DISTRIBUTION), str(state), str(directory), tables], default=str)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def keep(configuration: Configuration) -> None:
    """Keep what is known of a site's settings that were found good. Raises OSError."""
    sites, scope = _kept(configuration.state), configuration.site.scoped("")
    # As their tables are called: the site's name stands above them.
    checks = [(name.removeprefix(scope), one) for name, one in configuration.checks.items()]
    desks = [(name.removeprefix(scope), one) for name, one in configuration.desks.items()]
    sites[configuration.site.name] = {
        "digest": configuration.digest,
        "checks": {name: _of_check(entry.probe) for name, entry in checks},
        "desks": {name: _of_desk(desk) for name, desk in desks},
    }
    file = configuration.state / FILE
    part = file.with_suffix(".part")
    # What lies there is a killed daemon's, or was planted: it is never written through.
    part.unlink(missing_ok=True)
    made = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    with os.fdopen(made, "w", encoding="utf-8") as opened:
        json.dump(sites, opened)
    part.replace(file)


def known(site: str, tables: Mapping[str, Any], state: Path, directory: Path) -> Brief:
    """What is kept of a site's settings; NOTHING where others than these tables were good."""
    kept = _kept(state).get(site) if _ENOUGH.get() else None
    if not isinstance(kept, dict) or kept.get("digest") != digest_of(tables, state, directory):
        return NOTHING
    parts = {part: kept.get(part) for part in _FORMS}
    return kept if all(_each(form)(parts[part]) for part, form in _FORMS.items()) else NOTHING


def _text(value: Any) -> bool:
    # Half of a pair of UTF-16 is in JSON, and can be written nowhere.
    return isinstance(value, str) and value.isprintable()


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < _MOST


def _layer(value: Any) -> bool:
    return type(value) is int and value in set(Layer)


def _list(form: _Form) -> _Form:
    return lambda value: isinstance(value, list) and all(map(form, value))


def _each(form: _Form) -> _Form:
    return lambda value: isinstance(value, dict) and all(map(form, value.values()))


def _table(forms: Mapping[str, _Form]) -> _Form:
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == forms.keys()
        and all(form(value[name]) for name, form in forms.items())
    )


_TOLL = {
    "line": _text,
    "to": _text,
    "calls": _count,
    "seconds": _seconds,
    "calls_a_day": _count,
    "minutes_a_day": _count,
    "may_dial": _list(_text),
}
_CHECK = {
    "KIND": _text,
    "COMPONENT": _text,
    "COSTS": _flag,
    "PLACES_CALLS": _flag,
    "looks_at": _text,
    "may_take": _seconds,
    "layer": _layer,
    "dials": _list(_table(_TOLL)),
    "folders": _list(_text),
}
# What a brief of this release holds; whatever holds anything else was not kept by it.
_FORMS: Mapping[str, _Form] = {
    "checks": _table(_CHECK),
    "desks": _table({"KIND": _text, "TAKES": _list(_text)}),
}


def _kept(state: Path) -> dict[str, Any]:
    try:
        found = json.loads((state / FILE).read_text(encoding="utf-8"))
    # There is none, this user may not read it, or it is half of one, or one within another without
    # end: every table is read.
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
