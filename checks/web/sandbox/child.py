"""The process: one job as a line of JSON on standard input, what it is about behind it as it came;
its result as JSON on standard output.

{"job": "schema", "schema": {...}}\\n<document>
    -> {"faults": [{"where": "$.tier", "text": "..."}]}
    -> {"bad_json": "Expecting value: line 1 column 1"}     where it is none
{"job": "paths", "paths": ["$.tier"]}\\n<document>
    -> {"found": [["gold"]]}                                or bad_json
{"job": "elements",
 "looks": [{"name": "toolbar", "css": "#toolbar button", "attributes": []}]}\\n<page>
    -> {"found": {"toolbar": ["Hold", "Mute"]}}
{"job": "selectors", "css": ["#toolbar >"]}
    -> {"wrong": ["#toolbar >"]}
"""

from __future__ import annotations

import json
import re
import resource
import sys
from typing import Any

from checks.web.json_path import values

# A document of another version breaks its schema in every entry: the first ones tell as much as
# all.
_MOST_FAULTS = 20
# No toolbar, menu or list of queues that a person accepted by eye is longer.
_MOST_ELEMENTS = 500
_LONGEST_TEXT = 300
# Honest work on 50 MB takes three seconds and 800 MB. The limits hold where nobody is left to end
# the process.
MOST_CPU_SECONDS = 10
_MOST_BYTES = 2 << 30


def main() -> int:
    """Read one job, do it, and write its result."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    job = json.loads(sys.stdin.buffer.readline())
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    json.dump(_JOBS[job["job"]](job, text), sys.stdout)
    return 0


def _schema(job: dict[str, Any], text: str) -> dict[str, Any]:
    import jsonschema
    from jsonschema.validators import validator_for
    from referencing import Registry

    # $schema names the draft; without it the newest, as the documentation of the setting says.
    kind = validator_for(job["schema"], default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(job["schema"])
    except jsonschema.SchemaError as error:
        return {"bad_schema": f"{error.json_path}: {error.message}"[:_LONGEST_TEXT]}
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {"bad_json": str(error)[:_LONGEST_TEXT]}
    validator = kind(job["schema"], registry=Registry())  # which fetches nothing
    found = sorted(validator.iter_errors(document), key=lambda error: error.json_path)
    told = [
        {"where": error.json_path, "text": error.message[:_LONGEST_TEXT]}
        for error in found[:_MOST_FAULTS]
    ]
    return {"faults": told, "count": len(found)}


def _paths(job: dict[str, Any], text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return {"bad_json": str(error)[:_LONGEST_TEXT]}
    return {"found": [values(document, path)[:_MOST_ELEMENTS] for path in job["paths"]]}


def _elements(job: dict[str, Any], text: str) -> dict[str, Any]:
    from selectolax.lexbor import LexborHTMLParser

    page = LexborHTMLParser(text)
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


def _selectors(job: dict[str, Any], _: str) -> dict[str, Any]:
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    page, wrong = LexborHTMLParser("<p></p>"), []
    for css in job["css"]:
        try:
            page.css(css)
        except SelectolaxError:
            wrong.append(css)
    return {"wrong": wrong}


_JOBS = {"schema": _schema, "paths": _paths, "elements": _elements, "selectors": _selectors}

if __name__ == "__main__":
    sys.exit(main())
