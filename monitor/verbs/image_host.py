"""What a recovery image keeps of the host itself: which packages of Debian somebody installed, in
which versions and from where, and the units that this service was changed by.

It is read as files, which needs no right and no program. Credentials of package sources
(auth.conf, a password in an address) are left out.

Rule: no file of the host ends the image: one that cannot be read, or is too much, is left out and
named (`host/left-out.tsv`).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from checks.host.collectors.packages import Packages

# apt's own files: where packages come from, and whose signatures are trusted.
_SOURCES = (
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*",
    "etc/apt/preferences",
    "etc/apt/preferences.d/*",
    "etc/apt/keyrings/*",
    "etc/apt/trusted.gpg.d/*",
)
_UNITS = ("etc/systemd/system/reveille*", "etc/systemd/system/reveille*/*")
# sources.list(5): [signed-by=/path], or a line of a .sources file.
_SIGNED_BY = re.compile(r"signed-by\s*[=:]\s*(/[^\s\],]+)", re.IGNORECASE)
_LOG_IN = re.compile(r"(?<=://)[^/@\s]+@")
# systemd.exec(5): a credential that stands in the unit itself, over as many lines as end in a
# backslash, and what the name of a variable gives away.
_CREDENTIAL = re.compile(
    r"^\s*(SetCredential(?:Encrypted)?)\s*=(?:[^\\\n]|\\.|\\\n)*", re.MULTILINE
)
_LEFT_OUT = r"# \1 is left out of the image: it holds a secret"
_ENVIRONMENT = re.compile(r"^\s*Environment\s*=(?:[^\\\n]|\\.|\\\n)*", re.MULTILINE)
_TELLING = r"\w{0,64}(?:pass|secret|token|key)\w{0,64}="
_VARIABLE = re.compile(rf"""(["'])?({_TELLING})(?(1)(?:(?!\1)[^\n])*|\S*)""", re.IGNORECASE)
# A keyring has some kilobytes, and a host a dozen of such files.
_MOST_BYTES, _MOST_BYTES_IN_ALL = 10_000_000, 50_000_000


@dataclass
class HostFiles:
    """What of the host below `root` is packed."""

    root: Path
    packed: dict[str, bytes] = field(default_factory=dict)
    """names in the image -> contents"""
    left_out: dict[str, str] = field(default_factory=dict)
    """files of the host -> why they are not in it"""
    _bytes: int = 0

    def take(self, path: Path) -> None:
        """Pack a file, where it can be read and is not too much."""
        if (content := self.read(path)) is not None:
            self.packed[f"host/{path.relative_to(self.root)}"] = _without_log_ins(path, content)

    def read(self, path: Path) -> bytes | None:
        """What is in a file; None, and named as left out, where it cannot be had."""
        most = min(_MOST_BYTES, _MOST_BYTES_IN_ALL - self._bytes)
        try:
            content = _at_most(path, most)
        except OSError as problem:
            self.left_out[f"/{path.relative_to(self.root)}"] = problem.strerror or "not readable"
            return None
        self._bytes += len(content)
        return content


def host_files(root: Path = Path("/")) -> HostFiles:
    """What is packed of a host; nothing where it has no dpkg."""
    packages, found = Packages(root), HostFiles(root)
    if not packages.known:
        return found
    states = root / "var/lib/apt/extended_states"
    known = found.read(states) if states.exists() else b""
    found.packed["host/packages.tsv"] = _lines(packages.versions)
    # Where that is not to be known, all of them are better than a list that is wrong.
    found.packed["host/packages-by-hand.tsv"] = _lines(by_hand(known or b"", packages.versions))
    for path in _files(root, (*_SOURCES, *_UNITS)):
        found.take(path)
    for written in list(found.packed.values()):
        for named in _SIGNED_BY.findall(written.decode(errors="replace")):
            key = root / named.lstrip("/")
            if f"host{named}" not in found.packed and ".." not in key.parts and _is_file(key):
                found.take(key)
    if found.left_out:
        found.packed["host/left-out.tsv"] = _lines(found.left_out)
    return found


def by_hand(states: bytes, versions: Mapping[str, str]) -> dict[str, str]:
    """Those of them that no other package brought, as apt's extended_states say."""
    brought = {
        each.get("Package") for each in _paragraphs(states) if each.get("Auto-Installed") == "1"
    }
    return {name: version for name, version in versions.items() if name not in brought}


def _at_most(path: Path, most: int) -> bytes:
    """Raises OSError, for one that is larger too."""
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content


def _paragraphs(written: bytes) -> Iterator[Mapping[str, str]]:
    """Debian's control data (deb822(5)); lines that go on are left out."""
    for paragraph in written.decode(errors="replace").split("\n\n"):
        fields = (line.partition(":") for line in paragraph.splitlines() if not line[:1].isspace())
        yield {name: value.strip() for name, colon, value in fields if colon}


def _files(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from filter(_is_file, sorted(root.glob(pattern)))


def _is_file(path: Path) -> bool:
    """Whether it is one, or nobody here may know."""
    with suppress(OSError):
        return path.is_file()
    return True


def _without_log_ins(path: Path, content: bytes) -> bytes:
    if path.suffix in {".list", ".sources"}:
        hidden = _LOG_IN.sub("", _text(content))
    elif path.suffix in {".conf", ".service", ".socket"}:
        hidden = _CREDENTIAL.sub(_LEFT_OUT, _text(content))
        hidden = _ENVIRONMENT.sub(lambda line: _VARIABLE.sub(r"\1\2", line[0]), hidden)
    else:
        return content
    return hidden.encode(errors="surrogateescape")


def _text(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def _lines(found: Mapping[str, str]) -> bytes:
    return "".join(f"{name}\t{version}\n" for name, version in sorted(found.items())).encode()
