"""The JSON Schema (draft 2020-12) of a configuration file, for editors: taplo, Even Better TOML and
the like.

It is made from the models, so it says what they say about keys, types and values; what one section
says of another (`diagnose`, `expect`) is for `check-config` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from checks.contract import Check
from checks.kinds import kinds
from checks.settings import write_duration
from monitor.config.section_models import Audit, Rhythm, Site
from monitor.config.sections import SECTIONS, Section, Top
from monitor.config.sites import LISTED, NAMED
from monitor.desks.desk import DeskSettings
from monitor.desks.list import desk_kinds

Schema = dict[str, Any]
# As in monitor/config/section_models.py, with the anchors that JSON Schema needs: its patterns are
# searched, not matched.
_NAME = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"


def json_schema() -> Schema:
    """The schema of a whole file."""
    catalogue = Catalogue()
    top = catalogue.of(Top)
    properties = {
        **top["properties"],
        **{section.name: _section(section, catalogue) for section in SECTIONS},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Reveille configuration",
        "type": "object",
        "properties": properties,
        # Where there are several sites each has its own name, and [site] what all have.
        "anyOf": [
            {"required": ["sites"]},
            {
                "required": ["site"],
                "properties": {"site": {"required": catalogue.of(Site)["required"]}},
            },
        ],
        "additionalProperties": False,
        "$defs": catalogue.definitions,
    }


class Catalogue:
    """The schemas of every model there is, with names that do not clash."""

    def __init__(self) -> None:
        self.kinds: Mapping[str, type[Check]] = kinds()
        self.desks: Mapping[str, type[DeskSettings]] = desk_kinds()
        models: set[type[BaseModel]] = {section.model for section in SECTIONS}
        models |= {Top, *self.kinds.values(), *self.desks.values()}
        ordered = sorted(models, key=lambda model: (model.__module__, model.__qualname__))
        by_model, whole = models_json_schema([(model, "validation") for model in ordered])
        self._references = {
            model: schema["$ref"].rpartition("/")[2] for (model, _), schema in by_model.items()
        }
        self.definitions: Schema = {name: tidy(schema) for name, schema in whole["$defs"].items()}

    def of(self, model: type[BaseModel]) -> Schema:
        """A model's own schema."""
        schema: Schema = self.definitions[self._references[model]]
        return schema

    def resolved(self, schema: Schema) -> Schema:
        """A schema, or the one that it refers to; what stands beside a reference goes before."""
        if "$ref" not in schema:
            return schema
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {**self.definitions[schema["$ref"].rpartition("/")[2]], **beside}

    def reference(self, model: type[BaseModel]) -> Schema:
        """A reference to a model's schema."""
        return {"$ref": f"#/$defs/{self._references[model]}"}


@cache
def shared_catalogue() -> Catalogue:
    """One for all who only read it."""
    return Catalogue()


def _section(section: Section, catalogue: Catalogue) -> Schema:
    if section.name == "checks":
        return _named(
            section,
            _by_kind(section, catalogue.kinds, catalogue, catalogue.of(Rhythm)["properties"]),
        )
    if section.name == "desks":
        return _named(section, _by_kind(section, catalogue.desks, catalogue, {}))
    if section.name == "defaults":
        return _shared_by_kind(section, catalogue)
    if section.model is Site:
        return _site(section, catalogue)
    one = catalogue.reference(section.model)
    if section.form == "list":
        return {"type": "array", "description": section.meaning, "items": one}
    return (
        _named(section, one) if section.form == "named" else {**one, "description": section.meaning}
    )


def _site(section: Section, catalogue: Catalogue) -> Schema:
    """[site], or one of [sites.NAME]: what a site leaves out, [site] may say."""
    own = {key: one for key, one in catalogue.of(Site).items() if key != "required"}
    if section.form == "once":
        return {**own, "description": section.meaning}
    keys = {key: one for key, one in own["properties"].items() if key != "name"}
    # A table of a site may say what differs from the shared one of its name, and no more.
    tables = {name: {"type": "object"} for name in NAMED}
    audit = {key: one for key, one in catalogue.of(Audit).items() if key != "required"}
    rest = {"audit": audit, **{name: {"$ref": f"#/properties/{name}"} for name in LISTED}}
    return _named(section, {**own, "properties": {**keys, **tables, **rest}})


def _shared_by_kind(section: Section, catalogue: Catalogue) -> Schema:
    """[defaults.KIND]: the keys of the kind, none of them required."""
    common = catalogue.of(Rhythm)["properties"]
    kinds_known = {
        kind: {
            "type": "object",
            "properties": {**catalogue.of(model).get("properties", {}), **common},
            "additionalProperties": False,
        }
        for kind, model in catalogue.kinds.items()
    }
    return {
        "type": "object",
        "description": section.meaning,
        "properties": kinds_known,
        "additionalProperties": False,
    }


def _named(section: Section, one: Schema) -> Schema:
    return {
        "type": "object",
        "description": section.meaning,
        "propertyNames": {"pattern": _NAME},
        "additionalProperties": one,
    }


def _by_kind(
    section: Section, known: Mapping[str, type[BaseModel]], catalogue: Catalogue, common: Schema
) -> Schema:
    """A table whose `kind` decides which keys may stand in it."""
    for kind, model in known.items():
        own = catalogue.of(model)
        catalogue.definitions[f"{section.name}.{kind}"] = {
            **own,
            "properties": {"kind": {"const": kind}, **own.get("properties", {}), **common},
            "required": ["kind", *own.get("required", [])],
        }
    choices = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{section.name}.{kind}"},
        }
        for kind in known
    ]
    kind_key = {
        "type": "string",
        "enum": sorted(known),
        "description": "what it is; its own keys follow from it",
    }
    schema = {"type": "object", "properties": {"kind": kind_key}, "required": ["kind"]}
    return {**schema, "allOf": choices} if choices else schema


def tidy(schema: Any) -> Any:
    """A generated schema as a reader of TOML wants it: no titles, no null (TOML has none),
    durations as written.
    """
    if isinstance(schema, list):
        return [tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "properties" in schema:
        kept = {key: tidy(part) for key, part in schema["properties"].items()}
        return {
            **_tidy_table({key: value for key, value in schema.items() if key != "properties"}),
            "properties": kept,
        }
    return _tidy_table(schema)


def _tidy_table(schema: Schema) -> Schema:
    written = {
        # Values of the reader's, not schemas: a key `title` in them is theirs.
        key: value if key in ("default", "examples", "const", "enum") else tidy(value)
        for key, value in schema.items()
    }
    written.pop("title", None)
    # The sentinel is `...`, since None is the very default that is to go: TOML has no null.
    if written.get("default", ...) is None:
        del written["default"]
    if "anyOf" in written:
        choices = [choice for choice in written.pop("anyOf") if choice != {"type": "null"}]
        written = {**choices[0], **written} if len(choices) == 1 else {"anyOf": choices, **written}
    if written.get("format") == "duration" and isinstance(written.get("default"), int | float):
        written["default"] = write_duration(written["default"])
    if written.get("format") == "clock-time" and "default" in written:
        written["default"] = written["default"].removesuffix(":00")
    return written
