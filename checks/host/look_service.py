"""Looks at the host for the daemon, with the rights that it does not have: `python -m
checks.host.look_service UNIT`, started by systemd for each connection (reveille-hostlooks.socket),
with the connection as its standard input and output.

    daemon -> {"look": "disks", "settings": {…}, "recalled": {…}, …}   and no more
    daemon <- the events of process/child.py, as from a child of its own

It may read all of the host, so it does nothing but the looks of this house: who asks is the first
process of UNIT, or root (SO_PEERCRED, unix(7)); the look is one of a list; its settings are those
of the look's own kind, read by the model that reads the configuration; the job and the answer are
bounded. What comes is data: nothing of it is run, imported by its name, or given to a shell.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from checks.host import child
from checks.host.check import HostCheck
from checks.kinds import kinds
from checks.process.asked import NotAsked, asked_for, table
from checks.process.child import Tell, telling
from checks.settings import Secret, Settings

_LONGEST_ANSWER = 64 << 20
_TABLES = ("settings", "recalled", "accepted")
_KEYS = frozenset(("look", "heavy", *_TABLES, "now", "seconds", "monitor"))


def main() -> int:
    """Look once, for whoever may ask."""
    tell = telling()
    try:
        asking, written = asked_for(sys.argv[1])
        job = understood(written)
    except (NotAsked, OSError, ValueError) as why:
        tell(blind=f"the service of the host's looks does not look: {why}")
        tell(done={})
        return 1
    return child.looked({**job, "monitor": asking}, _bounded(tell))


def understood(written: bytes) -> dict[str, Any]:
    """The job that was asked for. Raises NotAsked for what is none."""
    job = table(written, _KEYS)
    kind = _looks().get(job["look"]) if isinstance(job["look"], str) else None
    if kind is None:
        raise NotAsked("there is no such look")
    numbers = (job["now"], job["seconds"])
    if not all(isinstance(job[name], dict) for name in _TABLES):
        raise NotAsked("settings, recalled and accepted are tables")
    if not all(isinstance(n, int | float) and not isinstance(n, bool) for n in numbers):
        raise NotAsked("now and seconds are numbers")
    _hold_to_model(kind, job["settings"])
    return {**job, "heavy": kind.HEAVY}


def _looks() -> Mapping[str, type[HostCheck]]:
    return {kind.LOOK: kind for kind in kinds().values() if issubclass(kind, HostCheck)}


def _hold_to_model(kind: type[HostCheck], settings: Mapping[str, Any]) -> None:
    """The daemon sends every setting, secrets revealed: read as the configuration would be."""
    if set(settings) != set(kind.model_fields):
        raise NotAsked(f"{kind.KIND} has other settings")
    try:
        kind.model_validate(_by_reference(kind, settings))
    except ValidationError as problem:
        wrong = problem.errors(include_input=False, include_url=False)
        for one in (one for one in wrong if not set(one["loc"][:1]) & kind.OWN_FORM):
            place = ".".join(map(str, one["loc"]))
            raise NotAsked(f"{kind.KIND}: {place} is not what it may be") from None
    for name in kind.OWN_FORM:
        if not isinstance(settings[name], dict | None):
            raise NotAsked(f"{kind.KIND}: {name} is no table")


def _by_reference(kind: type[Settings], settings: Mapping[str, Any]) -> dict[str, Any]:
    """As written in a configuration: each secret by a reference, which nobody follows."""
    written: dict[str, Any] = {}
    for name, value in settings.items():
        field = kind.model_fields.get(name)
        models = list(_models(field.annotation)) if field else []
        named = (field.alias if field else None) or name
        if isinstance(value, str) and Secret in models:
            written[named] = {"environment": "NOT_READ"}
        elif isinstance(value, dict) and len(models) == 1:
            written[named] = _by_reference(models[0], value)
        else:
            written[named] = value
    return written


def _models(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _bounded(tell: Tell) -> Tell:
    left = _LONGEST_ANSWER

    def bounded(**facts: Any) -> None:
        nonlocal left
        left -= len(json.dumps(facts, default=str))
        if left < 0:
            tell(blind=f"the look says more than {_LONGEST_ANSWER} bytes")
            tell(done={})
            os._exit(1)
        tell(**facts)

    return bounded


if __name__ == "__main__":
    sys.exit(main())
