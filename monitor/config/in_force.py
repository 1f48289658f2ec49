"""The configuration that the daemon has in force, beside its ledger: what `check-config --diff`
compares a changed file with.

Rule: it is for people to compare with, and nothing is ever read from it to act on. No secret stands
in it, only the places of secrets; numbers and addresses of the site do, so it is its user's alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.config.configuration import Configuration
from monitor.config.effective_settings import effective_of

FILE = "configuration-in-force.json"
# Raised when the shape of the file changes: an older one is then said to be none.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class InForce:
    """What a daemon took, and when."""

    taken_at: datetime
    configuration: dict[str, Any]


def keep(sites: Sequence[Configuration], now: datetime) -> None:
    """Say what is in force from `now` on. Raises OSError."""
    body = {
        "version": _VERSION,
        "taken_at": now.isoformat(),
        "configuration": effective_of(sites),
    }
    path = sites[0].state / FILE
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(body, file, ensure_ascii=False)
    # Whole or not at all: somebody may read it at this very moment.
    part.replace(path)


def kept(state: Path) -> InForce | None:
    """What the daemon of a state folder took last; None where none ever did. Raises OSError."""
    try:
        body = json.loads((state / FILE).read_text(encoding="utf-8"))
        if body["version"] != _VERSION:
            return None
        return InForce(datetime.fromisoformat(body["taken_at"]), body["configuration"])
    except FileNotFoundError:
        return None
    # A disk that was full, or somebody's editor: there is nothing to compare with.
    except (ValueError, KeyError, TypeError):
        return None
