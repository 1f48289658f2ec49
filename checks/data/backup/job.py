"""What the worker is asked to do: plain values, sent to it as JSON on its standard input, secrets
among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Engine = Literal["postgresql", "mariadb", "sqlite", "directory"]
Do = Literal["take", "take-and-prove", "prove", "restore", "try"]


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up: a server's database, or a path."""

    engine: Engine
    host: str = ""
    port: int = 0
    user: str = ""
    # Never in a `repr`: a job may come to stand in a traceback.
    password: str = field(default="", repr=False)
    database: str = ""
    path: str = ""
    exclude: tuple[str, ...] = ()
    newest_record: str = ""
    tools: str = ""

    @property
    def tools_folder(self) -> Path | None:
        """Where the engine's tools lie, if that was said."""
        return Path(self.tools) if self.tools else None

    def words(self) -> str:
        """What is backed up, for people; no secret in it."""
        if self.path:
            return self.path
        return (
            f"{self.engine} {self.database} at"
            f" {self.host or 'localhost'}{f':{self.port}' if self.port else ''}"
        )


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work."""

    do: Do
    folder: str
    source: Source | None = None
    """what is taken, or where it is restored to; a proof needs none"""
    recipients: tuple[str, ...] = ()
    identities: tuple[str, ...] = field(default=(), repr=False)
    bytes_a_second: float | None = None
    jobs: int = 2
    part_bytes: int = 64_000_000
    keep: tuple[int, int, int] = (7, 5, 12)
    copies: tuple[Mapping[str, str], ...] = ()
    scratch: str = ""
    run_as: str = ""
    nice: int = 10
    shrink_percent: float = 100.0
    at: str = ""
    to: str = ""
    overwrite: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data, secrets and all: for the worker's standard input only."""
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Job:
        """The job out of what `to_dict` gave."""
        source = (
            Source(**{**told["source"], "exclude": tuple(told["source"]["exclude"])})
            if told["source"]
            else None
        )
        # JSON has no tuples, and the frozen classes are compared with theirs.
        tuples = {
            name: tuple(told[name]) for name in ("recipients", "identities", "keep", "copies")
        }
        return cls(**{**told, **tuples, "source": source})
