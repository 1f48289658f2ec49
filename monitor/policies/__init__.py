"""The shipped support policies (TOML data), and how a policy's file is found and read.

A policy is named ("ozonetel") or given by its path ("./ours.toml"). `house.toml` holds Reveille's
own issues, which are merged into every policy; `neutral.toml` what a site's own file may extend.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from monitor.core.policy import Policy, PolicyFault, PolicyFaults
from monitor.core.policy_extension import extended
from monitor.core.table_reader import known_names

HOUSE = "house"
# What `extends = "house"` brings: issues and rules without severities, no policy by themselves.
NEUTRAL = "neutral"
_PARTS = (HOUSE, NEUTRAL)


def shipped() -> tuple[str, ...]:
    """The names of the shipped policies."""
    names = (Path(entry.name) for entry in files(__name__).iterdir())
    return tuple(
        sorted(name.stem for name in names if name.suffix == ".toml" and name.stem not in _PARTS)
    )


def read(name_or_path: str | Path) -> dict[str, Any]:
    """A policy file's content. Raises LookupError (no such policy), OSError, or ValueError (not
    TOML in UTF-8).
    """
    written = str(name_or_path)
    if written in (*_PARTS, *shipped()):
        return tomllib.loads((files(__name__) / f"{written}.toml").read_text(encoding="utf-8"))
    if isinstance(name_or_path, str) and "/" not in written and not written.endswith(".toml"):
        raise LookupError(f"there is no policy {written!r}; {_hint(written)}")
    return tomllib.loads(Path(written).read_text(encoding="utf-8"))


def parse(body: Mapping[str, Any]) -> Policy:
    """A policy out of a file's content, with what it extends, and with the house's own issues.
    Raises PolicyFaults with every fault.
    """
    extends = body.get("extends")
    if extends is not None:
        bases = (HOUSE, *shipped())
        if extends not in bases:
            wrong, right = f"there is no policy {extends!r}", known_names(str(extends), bases)
            raise PolicyFaults((PolicyFault("extends", wrong, right),))
        body = extended(body, read(NEUTRAL if extends == HOUSE else extends))
    return Policy.parse(body, house=read(HOUSE))


def load(name_or_path: str | Path) -> Policy:
    """A policy by name or path. Raises what `read` and `parse` do."""
    return parse(read(name_or_path))


def _hint(written: str) -> str:
    known = shipped()
    close = get_close_matches(written, known, n=1, cutoff=0.6)
    nearest = (
        f"did you mean {close[0]!r}, or"
        if close
        else f"shipped are {', '.join(map(repr, known))}; or write"
    )
    return f"{nearest} the path of your own file (with a / or ending in .toml)"
