"""The shipped support policies (TOML data), and how a policy's file is found and read.

A policy is named ("ozonetel") or given by its path ("./ours.toml"). `house.toml` holds Reveille's
own issues, which are merged into every policy.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from monitor.core.policy import Policy

HOUSE = "house"


def shipped() -> tuple[str, ...]:
    """The names of the shipped policies."""
    names = (Path(entry.name) for entry in files(__name__).iterdir())
    return tuple(
        sorted(name.stem for name in names if name.suffix == ".toml" and name.stem != HOUSE)
    )


def read(name_or_path: str | Path) -> dict[str, Any]:
    """A policy file's content. Raises LookupError (no such policy), OSError, or ValueError (not
    TOML in UTF-8).
    """
    written = str(name_or_path)
    if written == HOUSE or written in shipped():
        return tomllib.loads((files(__name__) / f"{written}.toml").read_text(encoding="utf-8"))
    if isinstance(name_or_path, str) and "/" not in written and not written.endswith(".toml"):
        raise LookupError(f"there is no policy {written!r}; {_hint(written)}")
    return tomllib.loads(Path(written).read_text(encoding="utf-8"))


def load(name_or_path: str | Path) -> Policy:
    """A policy with the house's own issues. Raises what `read` does, and PolicyFaults with every
    fault.
    """
    return Policy.parse(read(name_or_path), house=read(HOUSE))


def _hint(written: str) -> str:
    known = shipped()
    close = get_close_matches(written, known, n=1, cutoff=0.6)
    nearest = (
        f"did you mean {close[0]!r}, or"
        if close
        else f"shipped are {', '.join(map(repr, known))}; or write"
    )
    return f"{nearest} the path of your own file (with a / or ending in .toml)"
