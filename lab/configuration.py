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
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from checks.web.browser.executable import find
from lab.watched import Watched

TEMPLATES = Path(__file__).parent / "templates"

# In the order in which a reader meets them: who and where, telephony, web, where tickets go.
PARTS = ("centre", "calls", "features", "webrtc", "portals", "services", "browser", "mail")
# A host without Chromium does without these; an UNKNOWN for each round would only be noise.
NEED_CHROMIUM = ("browser",)

_BLANK = re.compile(r'"\$(?P<whole>[a-z_]+)"|\$(?P<within>[a-z_]+)')


def written(lab: Watched, state: Path) -> str:
    """A reveille.toml that watches this lab and keeps its state in `state`. Raises KeyError."""
    values = {field.name: getattr(lab, field.name) for field in fields(lab)} | {"state": state}
    without = () if find(None) else NEED_CHROMIUM
    return "\n".join(filled(part, values) for part in PARTS if part not in without)


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
