"""What a backup holds, and what its proof found: two JSON files beside the artefacts.

manifest.json is written once, with the backup, and never again; it names the SHA-256 of its
predecessor. proof.json is written by each proof and names the manifest that it proved: a manifest
that was changed later is proven no more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from checks.contract import Refused
from checks.data.backup.store.archive_file import Artefact

FORMAT = 1


Encoded = bytes
"""as it stands in a file; `bytes` itself is how large a backup is"""


@dataclass(frozen=True, slots=True)
class Content:
    """What one table (file, folder) held in the snapshot: how many rows, and a hash that no order
    of them changes.
    """

    rows: int
    hash: str
    bytes: int = 0
    artefact: str = ""
    """the artefact that holds its rows, where that is not the main one"""

    def equal(self, other: Content) -> bool:
        """Whether the same rows are there."""
        return (self.rows, self.hash) == (other.rows, other.hash)


@dataclass(frozen=True, slots=True)
class Link:
    """A backup before this one."""

    id: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of a backup. Times are UTC, ISO 8601."""

    id: str
    engine: str
    source: str
    """what was backed up, in words without secrets: host and database, or path"""
    data_as_of: str
    """the moment of the snapshot, by the server's clock"""
    tool: str
    server: str
    tables: Mapping[str, Content]
    artefacts: tuple[Artefact, ...]
    hashed_by: str
    seconds: float = 0.0
    snapshot: str = ""
    position: str = ""
    """where the server's log stood: an LSN, or a binary log position"""
    schema_sha256: str = ""
    newest_record: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """what only this engine knows: extensions, encoding, sequences"""
    recipients: tuple[str, ...] = ()
    previous: Link | None = None

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(content.rows for content in self.tables.values())

    @property
    def bytes(self) -> int:
        """Bytes of all artefacts."""
        return sum(artefact.bytes for artefact in self.artefacts)

    @property
    def plain_bytes(self) -> int:
        """Bytes of all artefacts, unpacked."""
        return sum(artefact.plain_bytes for artefact in self.artefacts)

    def encoded(self) -> Encoded:
        """As it stands in the file."""
        return (
            json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True) + "\n"
        ).encode()


@dataclass(frozen=True, slots=True)
class Proof:
    """What the newest proof of a backup found."""

    manifest_sha256: str
    at: str
    """UTC, ISO 8601"""
    equal: bool
    seconds: float = 0.0
    restore_seconds: float = 0.0
    rows: int = 0
    fault: str = ""

    def encoded(self) -> Encoded:
        """As it stands in the file."""
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()


def read_manifest(written: bytes) -> Manifest:
    """A manifest out of its file. Raises Refused "manifest"."""
    try:
        told = json.loads(written)
        if told.pop("format") != FORMAT:
            raise Refused("manifest", "it is of another format", origin="local")
        told["tables"] = {name: Content(**content) for name, content in told["tables"].items()}
        told["artefacts"] = tuple(Artefact(**artefact) for artefact in told["artefacts"])
        told["recipients"] = tuple(told["recipients"])
        told["previous"] = Link(**told["previous"]) if told["previous"] else None
        return Manifest(**told)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Refused(
            "manifest", f"it cannot be read: {type(problem).__name__}", origin="local"
        ) from problem


def read_proof(written: bytes) -> Proof | None:
    """A proof out of its file; None where it cannot be read: then nothing is proven."""
    try:
        return Proof(**json.loads(written))
    except (ValueError, TypeError):
        return None


def sha256(written: bytes) -> str:
    """The hash by which a manifest is named."""
    return hashlib.sha256(written).hexdigest()
