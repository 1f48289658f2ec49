"""Looking into settings models by place: which field, which model stands where. Aliases are what
people write.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from checks.descriptions import descriptions
from monitor.config.fault_list import Place

Model = type[BaseModel]


def fields(model: Model) -> dict[str, FieldInfo]:
    """The fields that people write, by the key they write; not those that the loader sets."""
    return {
        field.alias or name: field
        for name, field in model.model_fields.items()
        if not field.exclude
    }


def annotations_at(model: Model, place: Place) -> list[Any]:
    """What may stand at a place: one annotation, or several under a union; [] where nothing is
    known.
    """
    found: list[Any] = [model]
    for part in place:
        found = [inner for annotation in found for inner in _inside(annotation, part)]
    return [plain for annotation in found for plain in members(annotation)]


def models_at(model: Model, place: Place) -> list[Model]:
    """The models that may stand at a place."""
    return [
        found
        for found in annotations_at(model, place)
        if isinstance(found, type) and issubclass(found, BaseModel)
    ]


def field_at(model: Model, place: Place) -> FieldInfo | None:
    """The field that a place fills, if one and only one name leads there."""
    if not place or not isinstance(place[-1], str):
        return None
    known = [fields(around).get(place[-1]) for around in models_at(model, place[:-1])]
    return next((field for field in known if field is not None), None)


def description_at(model: Model, place: Place) -> str:
    """What is written below the field that a place fills; "" where nothing is, or is known."""
    around = models_at(model, place[:-1]) if place else []
    known = next((one for one in around if place[-1] in fields(one)), None)
    return descriptions(known)[str(place[-1])] if known is not None else ""


def members(annotation: Any) -> Iterator[Any]:
    """The plain types of an annotation, without Annotated, aliases and unions; None is left out."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from members(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from members(member)
    elif annotation is not type(None):
        yield annotation


def _inside(annotation: Any, part: str | int) -> Iterator[Any]:
    for plain in members(annotation):
        origin, arguments = get_origin(plain), get_args(plain)
        if isinstance(part, str) and isinstance(plain, type) and issubclass(plain, BaseModel):
            if field := fields(plain).get(part):
                yield field.annotation
        elif (
            isinstance(part, int)
            and isinstance(origin, type)
            and issubclass(origin, Sequence | set | frozenset)
        ):
            # `tuple[X, ...]` has one type for every place, `tuple[X, Y]` one for each.
            yield arguments[min(part, len(arguments) - 1)] if ... not in arguments else arguments[0]
        elif (
            isinstance(part, str)
            and isinstance(origin, type)
            and issubclass(origin, Mapping)
            and arguments
        ):
            yield arguments[1]
