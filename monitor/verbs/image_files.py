"""Which files a recovery image takes beside the backups: all that the configuration names, but no
secret.

A prompt, a certificate, a policy may lie in any folder; each is found where the loaded
configuration refers to it, and not by how it is called. What is a secret is known likewise: it is
referred to as one, is the configuration of a copy, or holds a private key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from checks.data.backup.copy_settings import Copy
from checks.data.backup.store.seal import KEY
from checks.settings import Secret
from monitor.config import Configuration

# A prompt of an hour is 60 MB; what is larger is data, and has a backup of its own.
_MOST_BYTES = 100_000_000
# What is looked into for a private key: keys and certificates are small.
_LOOKED_INTO_BYTES = 200_000
_PRIVATE = (b"PRIVATE KEY-----", b"AGE-SECRET-KEY-1")
# What a check of data names is its subject, and no part of the configuration.
_OF_CONFIGURATION = (".wav", ".pem", ".crt", ".cer", ".toml", ".js", ".json", ".csv", ".txt")


def configuration_files(configuration: Configuration) -> Mapping[str, Path]:
    """Names in the image -> files, none of them a secret."""
    secrets = {path.resolve() for path in secret_files(configuration).values()}
    named = {configuration.file, *_paths(configuration)}
    # A policy is named by a word, or by the path of a file.
    named.add(configuration.directory / configuration.site.policy)
    return {
        _name(path, configuration.directory): path
        for path in sorted(named)
        if _is_packed(path, configuration.directory)
        and path.resolve() not in secrets
        and not holds_a_key(path)
    }


def secret_files(configuration: Configuration) -> Mapping[str, Path]:
    """The same of the secrets that lie in files, and of the key that seals backups."""
    found = {secret.file for secret in _all(configuration, Secret) if secret.file}
    found |= {copy.config for copy in _all(configuration, Copy) if copy.config}
    found |= {path for path in _paths(configuration) if holds_a_key(path)}
    found.add(configuration.state / KEY)
    directory = configuration.directory
    return {
        _name(path, directory).replace("configuration/", "secrets/", 1): path
        for path in sorted(found)
        if path.is_file()
    }


def holds_a_key(path: Path) -> bool:
    """Whether a small file has a private key in it."""
    try:
        if not path.is_file() or path.stat().st_size > _LOOKED_INTO_BYTES:
            return False
        return any(mark in path.read_bytes() for mark in _PRIVATE)
    except OSError:  # it is not packed either
        return False


def _is_packed(path: Path, directory: Path) -> bool:
    try:
        small = path.is_file() and path.stat().st_size <= _MOST_BYTES
    except OSError:
        return False
    near = path.absolute().is_relative_to(directory.absolute())
    return small and (near or path.suffix.lower() in _OF_CONFIGURATION)


def _name(path: Path, directory: Path) -> str:
    whole = path.absolute()
    if whole.is_relative_to(directory.absolute()):
        return f"configuration/{whole.relative_to(directory.absolute()).as_posix()}"
    return f"configuration/elsewhere{whole.as_posix()}"


def _paths(value: Any) -> set[Path]:
    return set(_all(value, Path))


def _all(value: Any, kind: type) -> Iterator[Any]:
    """Every value of a kind within another; what lies within a secret is none of a path's."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, Secret):
        return
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _all(getattr(value, name), kind)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _all(getattr(value, field.name), kind)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _all(inner, kind)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _all(inner, kind)
