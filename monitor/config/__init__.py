"""TOML into frozen models: every fault at once, with its path and what would be right.

`load` reads a file, `load_sites` one of several sites. `sample`, `reference` and `json_schema` say
what may be written in one, from the same declarations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monitor.config import in_brief, in_force
from monitor.config.configuration import CheckEntry, Configuration, files_named, together
from monitor.config.difference import Difference, difference
from monitor.config.effective_settings import effective, effective_of
from monitor.config.fault_list import ConfigurationFaults, Fault, located
from monitor.config.loading import load, load_sites, one_of
from monitor.config.sound_part import load_sound_part, load_sound_sites

__all__ = [
    "CheckEntry",
    "Configuration",
    "ConfigurationFaults",
    "Difference",
    "Fault",
    "difference",
    "effective",
    "effective_of",
    "files_named",
    "in_brief",
    "in_force",
    "index",
    "json_schema",
    "load",
    "load_sites",
    "load_sound_part",
    "load_sound_sites",
    "located",
    "one_of",
    "reference_of",
    "sample",
    "together",
    "whole_reference",
    "write_sample",
]


def sample() -> str:
    """A commented file to begin with, every section and key in it."""
    from monitor.config.reference import sample

    return sample.sample()


def write_sample(path: Path) -> None:
    """Write the sample, mode 0644. Raises FileExistsError, OSError."""
    from monitor.config.reference import sample

    sample.write_sample(path)


def whole_reference() -> str:
    """Every section, key, kind and measure, as Markdown for a terminal."""
    from monitor.config.reference import markdown

    return markdown.reference()


def reference_of(word: str, width: int = 100) -> str:
    """The part of one kind of check or desk, or of a section. Raises LookupError, naming the
    nearest.
    """
    from monitor.config.reference import markdown

    return markdown.reference_of(word, width)


def index(width: int = 100) -> str:
    """Every section and kind, a line each."""
    from monitor.config.reference import markdown

    return markdown.index(width)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file, for editors."""
    from monitor.config.reference import json_schema

    return json_schema.json_schema()
