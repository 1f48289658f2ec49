"""The process: one job as JSON on standard input, its result as JSON on standard output.

{"job": "schema", "schema": {...}, "document": ...}
    -> {"faults": [{"where": "$.tier", "text": "..."}]}
{"job": "elements", "html": "...",
 "looks": [{"name": "toolbar", "css": "#toolbar button", "attributes": []}]}
    -> {"found": {"toolbar": ["Hold", "Mute"]}}
{"job": "selectors", "css": ["#toolbar >"]}
    -> {"wrong": ["#toolbar >"]}
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

# A document of another version breaks its schema in every entry: the first ones tell as much as
# all.
_MOST_FAULTS = 20
# No toolbar, menu or list of queues that a person accepted by eye is longer.
_MOST_ELEMENTS = 500
_LONGEST_TEXT = 300


def main() -> int:
    """Read one job, do it, and write its result."""
    job = json.load(sys.stdin)
    json.dump(
        {"schema": _schema, "elements": _elements, "selectors": _selectors}[job["job"]](job),
        sys.stdout,
    )
    return 0


def _schema(job: dict[str, Any]) -> dict[str, Any]:
    import jsonschema
    from jsonschema.validators import validator_for
    from referencing import Registry

    # $schema names the draft; without it the newest, as the documentation of the setting says.
    kind = validator_for(job["schema"], default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(job["schema"])
    except jsonschema.SchemaError as error:
        return {"bad_schema": f"{error.json_path}: {error.message}"[:_LONGEST_TEXT]}
    validator = kind(job["schema"], registry=Registry())  # which fetches nothing
    found = sorted(validator.iter_errors(job["document"]), key=lambda error: error.json_path)
    told = [
        {"where": error.json_path, "text": error.message[:_LONGEST_TEXT]}
        for error in found[:_MOST_FAULTS]
    ]
    return {"faults": told, "count": len(found)}


def _elements(job: dict[str, Any]) -> dict[str, Any]:
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(job["html"])
    return {
        "found": {
            look["name"]: [_shown(node, look) for node in _of(page, look["css"])]
            for look in job["looks"]
        }
    }


def _of(page: Any, css: str) -> list[Any]:
    nodes: list[Any] = page.css(css)[:_MOST_ELEMENTS]
    return nodes


def _shown(node: Any, look: dict[str, Any]) -> Any:
    text = " ".join(re.split(r"\s+", node.text(deep=True)))[:_LONGEST_TEXT].strip()
    if not look["attributes"]:
        return text
    has = {
        name: (node.attributes[name] or "")[:_LONGEST_TEXT]
        for name in look["attributes"]
        if name in node.attributes
    }
    return {"text": text, **has}


def _selectors(job: dict[str, Any]) -> dict[str, Any]:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    page, wrong = LexborHTMLParser("<p></p>"), []
    for css in job["css"]:
        try:
            page.css(css)
        except SelectolaxError:
            wrong.append(css)
    return {"wrong": wrong}


if __name__ == "__main__":
    sys.exit(main())
