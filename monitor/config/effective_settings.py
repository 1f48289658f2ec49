"""A configuration as it is in force, defaults and all, as plain data: for `check-config --json`. Of
a secret only its place is shown; durations, times and expectations stand as one writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any

from pydantic.fields import FieldInfo

from checks.settings import Secret, Settings, is_duration, write_duration
from checks.telephony.call.line import Line
from monitor.config.configuration import CheckEntry, Configuration
from monitor.core.maintenance import Daily, Once, Window
from monitor.core.rota import Rota
from monitor.core.verdict import Expectation

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def effective(configuration: Configuration) -> dict[str, Any]:
    """Everything that is in force, ready for JSON."""
    return {
        "file": str(configuration.file),
        "included": [str(path) for path in configuration.included],
        "state": str(configuration.state),
        "keep_evidence": configuration.keep_evidence,
        "most_evidence_megabytes": configuration.most_evidence_megabytes,
        "administrators": configuration.administrators,
        "site": _plain(configuration.site),
        "people": [_plain(person) for person in configuration.people],
        "rotas": {rota.role: _rota(rota) for rota in configuration.rotas},
        "lines": {name: _settings(line) for name, line in configuration.lines.items()},
        "agents": {name: _settings(line) for name, line in configuration.agents.items()},
        "checks": {name: _entry(entry) for name, entry in configuration.checks.items()},
        "maintenance": [_window(window) for window in configuration.maintenance],
        "desks": {
            name: {"kind": desk.KIND, **_settings(desk)}
            for name, desk in configuration.desks.items()
        },
        "audit": _plain(configuration.audit),
        "page": _plain(configuration.page),
        "probe": _plain(configuration.probe),
        "evidence": _plain(configuration.evidence),
        "dead_man": _plain(configuration.dead_man),
        "ledger": _plain(configuration.ledger),
        "policy": {"name": configuration.policy.name, "version": configuration.policy.version},
        "warnings": [str(warning) for warning in configuration.warnings],
    }


# Of all sites together; a check's and a desk's name says whose it is.
_SHARED = (
    "file",
    "included",
    "state",
    "keep_evidence",
    "most_evidence_megabytes",
    "administrators",
    "page",
    "probe",
    "evidence",
    "dead_man",
    "ledger",
)


def effective_of(sites: Sequence[Configuration]) -> dict[str, Any]:
    """Everything that is in force of several sites; of one, as `effective` has it."""
    every = {one.site.name: effective(one) for one in sites}
    first = every[sites[0].site.name]
    if not sites[0].site.several:
        return first
    of_each = ("checks", "desks", "warnings", "site", *_SHARED)
    return {
        **{key: first[key] for key in _SHARED},
        "sites": {
            name: {**one["site"], **{key: one[key] for key in one if key not in of_each}}
            for name, one in every.items()
        },
        "checks": {name: check for one in every.values() for name, check in one["checks"].items()},
        "desks": {name: desk for one in every.values() for name, desk in one["desks"].items()},
        "warnings": list(dict.fromkeys(text for one in every.values() for text in one["warnings"])),
    }


def _rota(rota: Rota) -> dict[str, Any]:
    return {
        "turn": list(rota.turn),
        "hand_over": f"{_DAYS[rota.weekday]} {rota.at:%H:%M}",
        "since": rota.since.isoformat(),
        "overrides": [
            {"who": one.who, "start": one.start.isoformat(), "end": one.end.isoformat()}
            for one in rota.overrides
        ],
    }


def _entry(entry: CheckEntry) -> dict[str, Any]:
    rhythm: dict[str, Any] = {
        "at": [_plain(at) for at in entry.at],
        "every": None if entry.every is None else write_duration(entry.every),
        "expect": list(map(str, entry.expect)),
        "warn": list(map(str, entry.warn)),
        "diagnose": list(entry.diagnose),
        "probes": list(entry.probes),
        "from": list(entry.places),
        "agree": entry.agree,
        "confirm": entry.confirm,
        "recover": entry.recover,
        "component": entry.component,
    }
    for key in ("confirm_after", "recheck", "limit", "grace"):
        rhythm[key] = write_duration(getattr(entry, key))
    return {"kind": entry.probe.KIND, **_settings(entry.probe), **rhythm}


def _window(window: Window) -> dict[str, Any]:
    when: dict[str, Any] = {}
    if isinstance(window.when, Daily):
        days = [_DAYS[number] for number in sorted(window.when.weekdays)]
        when = {"daily": f"{window.when.start:%H:%M}-{window.when.end:%H:%M}", "days": days}
    elif isinstance(window.when, Once):
        when = {"start": window.when.start.isoformat(), "end": window.when.end.isoformat()}
    return {"checks": list(window.checks), **when, "reason": window.reason}


def _settings(settings: Settings) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        if not field.exclude:
            shown[field.alias or name] = _field(getattr(settings, name), field)
    return shown


def _field(value: object, field: FieldInfo) -> Any:
    # pydantic parts Annotated into annotation and metadata; put together again it shows whether it
    # is a duration.
    marked = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    if isinstance(value, float) and is_duration(marked):
        return write_duration(value)
    return _plain(value)


def _plain(value: object) -> Any:
    if isinstance(value, Secret):
        return {"secret": value.where()}
    # A line is shown by its name: its settings, and the place of its password, stand once, under
    # [lines].
    if isinstance(value, Line) and value.name:
        return value.name
    if isinstance(value, Settings):
        return _settings(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if isinstance(value, time):
        # As one writes it: "08:30", with seconds only where there are any.
        return value.isoformat("auto" if value.second else "minutes")
    if isinstance(value, date):
        return value.isoformat()
    # Sets and dictionaries were dealt with above, so `str` never sees a container with a secret in
    # it.
    return str(value) if isinstance(value, Path | Expectation) else _number_or_text(value)


def _number_or_text(value: object) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
