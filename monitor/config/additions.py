"""A good section more in a file that somebody has written: appended as text, so that every comment
and every line of it stays as it was.

Rule: what comes out is read as any file before it is written; a file that is not good, or would not
be, is not touched.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from monitor.config.configuration import Configuration
from monitor.config.fault_list import ConfigurationFaults
from monitor.config.loading import one_of, understand
from monitor.config.toml_text import parse, read
from monitor.config.toml_writer import key, toml

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Addition:
    """Tables to add: the heading of each -> its keys."""

    tables: Mapping[str, Mapping[str, Any]]
    remark: str = ""

    def of_site(self, site: str) -> Addition:
        """As tables of one site of several."""
        tables = {f"sites.{key(site)}.{name}": table for name, table in self.tables.items()}
        return Addition(tables, self.remark)

    @property
    def names(self) -> tuple[str, ...]:
        """How they are headed."""
        return tuple(self.tables)

    def text(self) -> str:
        """As it is written."""
        parts = [
            "\n".join([f"[{heading}]", *(f"{key(name)} = {toml(v)}" for name, v in table.items())])
            for heading, table in self.tables.items()
        ]
        return f"{f'# {self.remark}{chr(10)}' if self.remark else ''}" + "\n\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class Extended:
    """A file with an addition: its text, and the configuration that it would be."""

    file: Path
    text: str = field(repr=False)
    configuration: Configuration

    def write(self) -> None:
        """Put it in the place of what is there, with the same owner and mode. Raises OSError."""
        # What a link leads to, so that it stays a link.
        path = self.file.resolve()
        known = path.stat()
        part = path.with_name(f".{path.name}.part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.text)
                file.flush()
                os.fsync(file.fileno())
            if (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(part, known.st_uid, known.st_gid)
            part.chmod(stat.S_IMODE(known.st_mode))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def extended(file: Path, addition: Addition, site: str = "") -> Extended:
    """A file with an addition at its end, for one site where it has several. Raises
    ConfigurationFaults where the file is not good, ValueError where the addition is not; OSError.
    """
    # Told for itself: a fault of the file is not the addition's.
    known = one_of(understand(read(file)), site)
    before = file.read_text(encoding="utf-8-sig")
    if known.site.several:
        addition = addition.of_site(known.site.name)
    text = f"{before.rstrip()}\n\n{addition.text()}"
    try:
        return Extended(file, text, one_of(understand(parse(text, file)), site))
    except ConfigurationFaults as refused:
        raise ValueError("\n".join(map(str, refused.faults))) from None


def portal(url: str, name: str, **more: Any) -> Addition:
    """A page that is fetched."""
    return Addition(
        {f"checks.{key(name or name_of(url))}": {"kind": "portal", "url": url, **_given(more)}}
    )


def number(
    to: str, name: str, line: str, account: Mapping[str, Any] | None = None, **more: Any
) -> Addition:
    """A number that is called over a line, which is added too where an account is given."""
    tables: dict[str, Mapping[str, Any]] = {}
    if account is not None:
        tables[f"lines.{key(line)}"] = _given(account)
    call = {"kind": "sip-call", "line": line, "to": to, **_given(more)}
    tables[f"checks.{key(name or 'number-' + name_of(to))}"] = call
    return Addition(tables)


def database(name: str, server: Mapping[str, Any], folder: Path, as_called: str = "") -> Addition:
    """A database that is looked at, and backed up and restored every night."""
    called = as_called or name_of(name)
    source = _given(server)
    engine = source.pop("engine")
    backup = {"kind": "backup", "engine": engine, "at": ["04:00"], "folder": folder}
    if engine == "sqlite":
        return Addition({f"checks.{key(called + '-backup')}": {**backup, "path": name}})
    health = {"kind": "database-health", "every": "5m", "engine": engine}
    return Addition(
        {
            f"checks.{key(called + '-health')}": {**health, "server": {"database": name, **source}},
            f"checks.{key(called + '-backup')}": {**backup, "database": name, **source},
        }
    )


def name_of(written: str) -> str:
    """A name for what is looked at, out of its address."""
    host = urlsplit(written).hostname if "://" in written else written.rpartition("/")[2]
    return _NOT_IN_NAMES.sub("-", host or written).strip("-._")[:_LONGEST_NAME] or "new"


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given; the rest stays as it is by default."""
    return {name: value for name, value in values.items() if value not in (None, "", [], ())}
