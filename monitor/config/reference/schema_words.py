"""What a schema demands, in the reader's words: "list of durations", "one of udp, tcp", "whole
number, at least 1".
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.config.reference.json_schema import Catalogue, Schema
from monitor.config.toml_writer import toml

_FORMATS = {
    "duration": "duration",
    "clock-time": "time of day",
    "path": "path",
    "email": "mail address",
    "phone": "phone number or SIP address",
    "expectation": "expectation",
    "local-date-time": "date and time",
    "span": "span of the day",
    "line-name": "name of a line",
    "agent-name": "name of an agent",
}
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}


def type_words(schema: Schema, catalogue: Catalogue) -> str:
    """The type of a value."""
    schema = catalogue.resolved(schema)
    if "const" in schema:
        return toml(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(type_words(choice, catalogue) for choice in choices))
    if schema.get("type") == "array":
        return _list_words(schema, catalogue)
    if schema.get("type") == "object":
        return _table_words(schema, catalogue)
    plain = _FORMATS.get(schema.get("format", "")) or _TYPES.get(schema.get("type", ""), "value")
    return plain + _bounds(schema)


def _list_words(schema: Schema, catalogue: Catalogue) -> str:
    one = type_words(schema.get("items", {}), catalogue)
    return (
        one.replace("one of", "list out of", 1)
        if one.startswith("one of")
        else f"list of {_plural(one)}"
    )


def _plural(words: str) -> str:
    # What bounds each of them stays as it is: "whole numbers, at most 599".
    words, comma, bounds = words.partition(", ")
    if comma:
        return f"{_plural(words)}, {bounds}"
    first, _, rest = words.partition(" ")
    # "mail addresses" and "whole numbers": the second word is the noun.
    if first in ("mail", "whole"):
        return f"{words}es" if words.endswith("s") else f"{words}s"
    return f"{first}s {rest}".strip()


def _table_words(schema: Schema, catalogue: Catalogue) -> str:
    # Of a secret exactly one source is written; its kinds are explained once, at the head of the
    # reference.
    if schema.get("maxProperties") == 1:
        return "secret by reference"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"table of {_plural(type_words(inner, catalogue))}"
    return "table"


def _bounds(schema: Schema) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "more than",
        "maximum": "at most",
        "exclusiveMaximum": "less than",
    }
    return "".join(
        f", {said} {_number(schema[key])}" for key, said in words.items() if key in schema
    )


def _number(bound: float) -> str:
    """Without the exponent of a computer."""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


def example(schema: Schema) -> str | None:
    """What one might write; a date and time goes without quotes."""
    if not (examples := schema.get("examples")):
        return None
    return str(examples[0]) if schema.get("format") == "local-date-time" else toml(examples[0])


def tables_in(schema: Schema, catalogue: Catalogue) -> Iterator[Schema]:
    """The kinds of table that a value is made of, to be described beneath it; a secret needs no
    description.
    """
    # The table in its own words: those of the key that it is written under are said there.
    schema = catalogue.resolved({"$ref": schema["$ref"]} if "$ref" in schema else schema)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        for choice in choices:
            yield from tables_in(choice, catalogue)
    elif schema.get("type") == "array":
        yield from tables_in(schema.get("items", {}), catalogue)
    elif isinstance(inner := schema.get("additionalProperties"), dict):
        yield from tables_in(inner, catalogue)
    elif "properties" in schema and schema.get("maxProperties") != 1:
        yield schema


def meaning(schema: Schema) -> str:
    """A description as one paragraph."""
    return " ".join(schema.get("description", "").split())
