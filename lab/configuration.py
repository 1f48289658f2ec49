"""The configuration that watches a lab, filled in from its templates.

    templates/*.toml     as a user would write them, comments and all; each is TOML as it lies
    "$mail_port"         a value that is nothing but a name becomes that value: here a number
    "$crm/"              a name within a text becomes part of it
    "$.status"           is no name, and stays

Rule: a name that is not known is an error, and never an empty text.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path

from checks.telephony.call import engine
from checks.web.browser import executable
from lab.watched import Watched

TEMPLATES = Path(__file__).parent / "templates"

# In the order in which a reader meets them: who and where, telephony, web, where tickets go.
PARTS = (
    *("centre", "calls", "trunk", "features"),
    *("webrtc", "portals", "services", "browser", "mail"),
)
# A host without Chromium or without the engine of calls does without these; an UNKNOWN for each
# round would only be noise.
NEED_CHROMIUM = ("browser",)
NEED_ENGINE = ("calls", "features")
# What takes the place of such a part.
INSTEAD = {"calls": "calls-by-pyvoip"}

_BLANK = re.compile(r'"\$(?P<whole>[a-z_]+)"|\$(?P<within>[a-z_]+)')


def written(lab: Watched, state: Path, lost: Collection[str] | None = None) -> str:
    """A reveille.toml that watches this lab and keeps its state in `state`; `lost` are the parts to
    do without, by default those that this host lacks something for. Raises KeyError.
    """
    values = {field.name: getattr(lab, field.name) for field in fields(lab)} | {"state": state}
    if lost is None:
        lost = {part for parts in _lost().values() for part in parts}
    parts = (INSTEAD.get(part) if part in lost else part for part in PARTS)
    return "\n".join(filled(part, values) for part in parts if part)


def left_out() -> dict[str, list[str]]:
    """What this host lacks, in words, and the names of the checks that are left out for that."""
    return {
        why: [name for part in parts if part not in INSTEAD for name in _checks(part)]
        for why, parts in _lost().items()
    }


def _lost() -> dict[str, tuple[str, ...]]:
    missing = {executable.missing(None): NEED_CHROMIUM, engine.missing(): NEED_ENGINE}
    return {why: parts for why, parts in missing.items() if why is not None}


def _checks(template: str) -> list[str]:
    text = (TEMPLATES / f"{template}.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["checks"])


def filled(template: str, values: Mapping[str, Path | str | int]) -> str:
    """One template with its names replaced. Raises KeyError for a name without a value."""

    def value(found: re.Match[str]) -> str:
        if name := found["whole"]:
            return _toml(values[name])
        return _toml(str(values[found["within"]]))[1:-1]

    text = (TEMPLATES / f"{template}.toml").read_text(encoding="utf-8")
    return _BLANK.sub(value, text)


def _toml(value: Path | str | int) -> str:
    """A TOML value."""
    written = json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)
    # JSON's escapes are TOML's too (TOML 1.0, "String"), but JSON leaves DEL as it is.
    return written.replace("\x7f", "\\u007F")
