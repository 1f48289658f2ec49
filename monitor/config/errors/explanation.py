"""The validator's findings in plain words: what belongs there, and not what a validator calls it.

A place is the reader's: the names of union members that pydantic puts into its own are left out,
and what several members of a union complain of at one place is said in one sentence. A value whose
key smells of a secret is not repeated.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_core.core_schema import ErrorType

from checks.settings import nearest, shown, without_password
from monitor.config.errors.sentences import SENTENCES, expected
from monitor.config.fault_list import Place
from monitor.config.model_introspection import (
    Model,
    description_at,
    field_at,
    fields,
    models_at,
)
from monitor.config.toml_writer import toml

NO_SUCH_KEY = "there is no such key"
# A password that was pasted under a wrong key must not come to stand in a terminal's scrollback or
# a build log.
_SECRETIVE = re.compile(r"pass|secret|token|api.?key|\bpin\b|authorization|cookie", re.IGNORECASE)
_TYPES = {
    "string_type": "a text",
    "string_sub_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "iterable_type": "a list",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dataclass_type": "a table",
    "path_type": "a path in quotes",
    "url_type": "an address in quotes",
    "datetime_type": "a date and time (2026-12-24T22:00:00, without quotes)",
    "date_type": "a date (2026-12-24, without quotes)",
    "time_type": "a time of day (08:30:00, without quotes)",
}
# What is not worth saying of a thing when something is said of its parts.
_YIELDING = {*_TYPES, "literal_error", "enum", "too_short", "union_tag_not_found"}


@dataclass(frozen=True, slots=True)
class Found:
    """A fault before it is given its line: a place, what is wrong, what would be right."""

    place: Place
    wrong: str
    right: str = ""
    path: str = ""
    """a path in words of its own, where it is not in this file (in a policy's)"""

    @classmethod
    def said(cls, place: Place, sentence: str) -> Found:
        """From one sentence whose parts a semicolon divides."""
        wrong, _, right = sentence.partition("; ")
        return cls(place, wrong, right)


def explain(
    error: ValidationError, model: Model, written: Mapping[str, Any], keys: Iterable[str] = ()
) -> list[Found]:
    """Each finding on `written` as it was to become a `model`; `keys` are known at its top beside
    the model's own.
    """
    by_place: dict[Place, list[ErrorDetails]] = {}
    for detail in error.errors(include_url=False):
        # A reference to a line that has faults of its own: those are told where the line stands.
        if detail["type"] != "faulty_elsewhere":
            by_place.setdefault(_place(detail, written), []).append(detail)
    return [
        _one(place, details, model, written, tuple(keys))
        for place, details in by_place.items()
        if not (all(detail["type"] in _YIELDING for detail in details) and _deeper(place, by_place))
    ]


def _place(detail: ErrorDetails, written: Any) -> Place:
    """The reader's place: the parts that lead through what is written; a missing key's own name
    ends it.
    """
    *around, last = detail["loc"] or ("",)
    # pydantic names the missing key at the end of the place; the longest way that leads to a table
    # without it is meant.
    if detail["type"] == "missing":
        ways = [
            way for way in _ways(tuple(around), written) if last not in (_value(way, written) or ())
        ]
        return (*max(ways, key=len, default=()), last)
    ways = list(_ways(detail["loc"], written))
    whole = [way for way in ways if way and way[-1] == last]
    return max(whole or ways, key=len)


def _ways(parts: Place, at: Any) -> Iterator[Place]:
    """Every way to follow the parts through what is written: a part is a key there, or a union
    member's name, or either (a step `{ hear = ..., within = ... }` is of the member `hear`).
    """
    if not parts:
        yield ()
        return
    part, rest = parts[0], parts[1:]
    inner = at if isinstance(at, dict) else dict(enumerate(at)) if isinstance(at, list) else {}
    if part in inner:
        yield from ((part, *way) for way in _ways(rest, inner[part]))
    yield from _ways(rest, at)


def _deeper(place: Place, others: Iterable[Place]) -> bool:
    return any(len(other) > len(place) and other[: len(place)] == place for other in others)


def _one(
    place: Place,
    details: list[ErrorDetails],
    model: Model,
    written: Mapping[str, Any],
    keys: tuple[str, ...],
) -> Found:
    """One sentence for one place, whatever number of union members spoke."""
    value = _value(place, written)
    spoken = [
        detail
        for detail in details
        # Of a union's members those that understood the form say more than those that wanted
        # another type.
        if detail["type"] not in _TYPES and detail["type"] != "literal_error"
    ]
    detail = (spoken or details)[0]
    if detail["type"] == "missing":
        return _missing(place, model)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(place, model, written, keys)
    if not spoken and (len(details) > 1 or detail["type"] in _TYPES):
        found = _misfit(place, value, [_belongs(one) for one in details])
        # A date stands there without quotes, as its own words show.
        if found.right or "without quotes" in found.wrong:
            return found
        return replace(found, right=_as_in_the_sample(place, model))
    return Found.said(place, _sentence(detail, place, value, model))


def _value(place: Place, written: Any) -> Any:
    for part in place:
        if isinstance(written, dict) and part not in written:
            return None
        written = written[part]
    return written


def _missing(place: Place, model: Model) -> Found:
    field = field_at(model, place)
    if field is None:
        return Found(place, "is missing")
    example = f"write {place[-1]} = {toml(field.examples[0])}" if field.examples else ""
    right = ": ".join(filter(None, (example, description_at(model, place))))
    return Found(place, "is missing", right)


def _unknown_key(
    place: Place, model: Model, written: Mapping[str, Any], keys: tuple[str, ...]
) -> Found:
    around = _value(place[:-1], written)
    models = models_at(model, place[:-1])
    # Of several tables that may stand here the one that shares most keys with what is written is
    # most likely meant.
    fitting = max((len(set(fields(one)) & set(around)) for one in models), default=0)
    known = [
        key
        for one in models
        if len(set(fields(one)) & set(around)) == fitting
        for key in fields(one)
    ]
    known = list(dict.fromkeys([*known, *(keys if len(place) == 1 else ())]))
    return Found.said(place, NO_SUCH_KEY + offer(str(place[-1]), known))


def offer(written: str, known: Iterable[str], none: str = "there is none yet") -> str:
    """A hint after a name that is not known: the nearest one, or all of them where they are few."""
    names = list(known)
    if hint := nearest(written, names):
        return hint
    if not names:
        return f"; {none}"
    return (
        # So many names fit two or three lines of a terminal; the whole list of checks does not.
        f"; there is {', '.join(names)}" if len(names) <= 20 else "; 'reveille reference' lists all"
    )


def _belongs(detail: ErrorDetails) -> str:
    if detail["type"] == "literal_error":
        return expected(detail["ctx"])
    return _TYPES[detail["type"]]


def _misfit(place: Place, value: Any, belongs: list[str]) -> Found:
    """A value of the wrong type, and how to write it if that can be guessed."""
    wanted = list(dict.fromkeys(belongs))
    wrong = f"{' or '.join(wanted)} belongs here, not {what(value, place)}"
    if isinstance(value, str) and {"a whole number", "a number", "true or false"} & set(wanted):
        return Found(place, wrong, "write it without quotes" if _unquoted(value) else "")
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    if "a text" in wanted and numeric and not _secretive(place):
        return Found(place, wrong, f'write it in quotes, as in "{shown(value)}"')
    if wanted == ["a list"] and isinstance(value, dict):
        return Found(place, wrong, "write it in brackets, as in [{ ... }]")
    if wanted == ["a list"] and not isinstance(value, list):
        return Found(place, wrong, "write it in brackets, as in [...]")
    return Found(place, wrong)


def _as_in_the_sample(place: Place, model: Model) -> str:
    """How a kind's own sample writes it; else the keys that a table there has."""
    field = field_at(model, place)
    written: Any = field.examples[0] if field and field.examples else None
    if written is None and (text := getattr(model, "SAMPLE", "")):
        tables: dict[str, Any] = next(iter(tomllib.loads(text).values()), {})
        found = (_value(place, table) for table in tables.values())
        written = next((one for one in found if one is not None), None)
    if written is not None:
        return f"write it as in {place[-1]} = {toml(written)}"
    keys = [key for one in models_at(model, place) for key in fields(one)]
    return f"its keys are {', '.join(dict.fromkeys(keys))}" if keys else ""


def _unquoted(value: str) -> bool:
    return value in ("true", "false") or re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII) is not None


def what(value: Any, place: Place) -> str:
    # `bool` before the numbers and `datetime` before `date`: in Python each is a subclass of the
    # other.
    kinds: list[tuple[type | tuple[type, ...], str]] = [
        (bool, ""),
        (str, "the text "),
        ((int, float), "the number "),
        (datetime.datetime, "the date and time "),
        (datetime.date, "the date "),
        (datetime.time, "the time of day "),
    ]
    prefix = next((word for kind, word in kinds if isinstance(value, kind)), None)
    if prefix is None:
        return shown(value)
    if _secretive(place):
        return prefix.strip() or "true or false"
    return prefix + shown(value)


def _secretive(place: Place) -> bool:
    return any(isinstance(part, str) and _SECRETIVE.search(part) for part in place[-2:])


def _sentence(detail: ErrorDetails, place: Place, value: Any, model: Model) -> str:
    """What is wrong; then, after a semicolon, what would be right."""
    context = detail.get("ctx", {})
    name = "this" if _secretive(place) or value is None else shown(value)
    if sentence := SENTENCES.get(detail["type"]):
        return sentence(name, value, context)
    if detail["type"] in ("value_error", "assertion_error"):
        # A message of a third party may repeat the value, whole and with the password of an address
        # in it.
        return shorten(without_password(str(context["error"])), 400, placeholder=" …")
    if detail["type"] not in get_args(ErrorType):
        return detail["msg"]  # one of our own, in its own words
    field = field_at(model, place)
    examples = f", as in {toml(field.examples[0])}" if field and field.examples else ""
    meant = description_at(model, place)
    return f"{name} does not fit here" + (f"; {meant}{examples}" if meant else "")
