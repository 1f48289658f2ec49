"""Values written as TOML 1.0, for samples and examples."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml(value: object) -> str:
    """A value on one line: `["08:30", "17:30"]`, `{ press = "1" }`. Raises TypeError for what TOML
    cannot hold.
    """
    # Before the numbers: in Python `True` is an `int`, and would be written as 1.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Path):
        return _quoted(str(value))
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{key(name)} = {toml(part)}" for name, part in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    raise TypeError(f"TOML cannot hold a {type(value).__name__}")


def key(name: object) -> str:
    """A key, in quotes where it needs them."""
    text = str(name)
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    # A JSON text is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
