"""Every place where a secret can stand, found in the models themselves: a new kind is in by being
there.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from checks.kinds import kinds
from checks.settings import Secret
from monitor.desks.list import desk_kinds

Place = tuple[str | int, ...]


def places(model: type[BaseModel], seen: tuple[type, ...] = ()) -> Iterator[Place]:
    """The way to each secret of a model: names of settings, "*" for any key, 0 for an entry."""
    for name, field in model.model_fields.items():
        for rest in _within(field.annotation, (*seen, model)):
            yield (field.alias or name, *rest)


def _within(annotation: Any, seen: tuple[type, ...]) -> Iterator[Place]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if issubclass(annotation, Secret):
            yield ()
        elif annotation not in seen:
            yield from places(annotation, seen)
        return
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if not isinstance(origin, type):
        within = parts[:1] if hasattr(annotation, "__metadata__") else parts
        for part in within:
            yield from _within(part, seen)
    elif issubclass(origin, Mapping):
        yield from (("*", *rest) for rest in _within(parts[1], seen))
    elif issubclass(origin, Sequence):
        yield from ((0, *rest) for part in parts[:1] for rest in _within(part, seen))
    else:
        for part in parts:
            yield from _within(part, seen)


def of_kinds() -> dict[str, tuple[Place, ...]]:
    """Kind -> its places; of those that have any."""
    found = {name: tuple(dict.fromkeys(places(kind))) for name, kind in kinds().items()}
    return {name: there for name, there in found.items() if there}


def of_desks() -> dict[str, tuple[Place, ...]]:
    """Kind of a desk -> its places."""
    found = {name: tuple(dict.fromkeys(places(kind))) for name, kind in desk_kinds().items()}
    return {name: there for name, there in found.items() if there}
