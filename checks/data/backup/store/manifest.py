"""What a backup holds, and what its proof found: two JSON files beside the artefacts.

manifest.json is written once, with the backup, and never again; it names the SHA-256 of its
predecessor. proof.json is written by each proof and names the manifest that it proved: a manifest
that was changed later is proven no more.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from checks.body import Body, Unreadable, added
from checks.contract import Failed
from checks.data.backup.store.archive_file import Artefact

# What an artefact is called: our own words, a table's number, what packing adds. No dot stands
# first.
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")

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
        return _encoded({"format": MANIFEST.version, **asdict(self)})


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
    not_run: tuple[str, ...] = ()
    """what is no part of a proof, or was compared only as it stands in the backup"""

    def encoded(self) -> Encoded:
        """As it stands in the file."""
        return _encoded(PROOF.numbered(asdict(self)))


def read_manifest(written: bytes) -> Manifest:
    """A manifest out of its file. Raises Failed "manifest" for what is no JSON, and Unreadable for
    another form.
    """
    told = _decoded(written)
    if isinstance(told, dict) and "format" not in told:  # every release has written it
        raise Unreadable("the kept manifest cannot be read: it lacks format")
    manifest = MANIFEST.read(told)
    _sound(manifest.artefacts)
    return manifest


def _sound(artefacts: tuple[Artefact, ...]) -> None:
    """Raises Failed for what is no description of files in one folder."""
    for each in artefacts:
        # A name is joined to folders, here and in the drill: it leads nowhere else.
        if not (isinstance(each.name, str) and _NAME.fullmatch(each.name)):
            raise Failed("manifest", "an artefact's name leads out of its folder", origin="local")
        if not all(type(size) is int and size >= 0 for size in (each.bytes, each.plain_bytes)):
            raise Failed("manifest", "an artefact has no size", origin="local")
    plain = {each.plain_name for each in artefacts}
    if len(plain) != len(artefacts):
        raise Failed("manifest", "two artefacts have one name", origin="local")


def read_proof(written: bytes) -> Proof:
    """A proof out of its file. Raises Failed "manifest" for what is no JSON, and Unreadable for
    another form.
    """
    return PROOF.read(_decoded(written))


def _manifest(told: dict[str, Any]) -> Manifest:
    told["tables"] = {name: Content(**content) for name, content in told["tables"].items()}
    told["artefacts"] = tuple(Artefact(**artefact) for artefact in told["artefacts"])
    told["recipients"] = tuple(told["recipients"])
    told["previous"] = Link(**told["previous"]) if told["previous"] else None
    return Manifest(**told)


def _proof(told: dict[str, Any]) -> Proof:
    return Proof(**{**told, "not_run": tuple(told["not_run"])})


MANIFEST: Body[Manifest] = Body("manifest", Manifest, _manifest, number="format")
PROOF: Body[Proof] = Body("proof", Proof, _proof, (added("not_run", ()),))


def _encoded(body: Mapping[str, Any]) -> Encoded:
    # Sorted: the same facts are the same bytes, and so the same hash.
    return (json.dumps(body, indent=1, sort_keys=True) + "\n").encode()


def _decoded(written: Encoded) -> Any:
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as problem:
        raise Failed(
            "manifest", f"it cannot be read: {type(problem).__name__}", origin="local"
        ) from problem


def sha256(written: bytes) -> str:
    """The hash by which a manifest is named."""
    return hashlib.sha256(written).hexdigest()
