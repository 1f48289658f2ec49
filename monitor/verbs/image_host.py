"""What a recovery image keeps of the host itself: which packages of Debian somebody installed, in
which versions and from where, and the units that this service was changed by.

It is read as files, which needs no right and no program. Credentials of package sources
(auth.conf, a password in an address) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
_MOST_BYTES = 10_000_000


def host_files(root: Path = Path("/")) -> Mapping[str, bytes]:
    """Names in the image -> contents. Empty where the host has no dpkg."""
    packages = Packages(root)
    if not packages.known:
        return {}
    found = {
        "host/packages.tsv": _lines(packages.versions),
        "host/packages-by-hand.tsv": _lines(by_hand(root, packages.versions)),
    }
    for path in _files(root, (*_SOURCES, *_UNITS)):
        found[f"host/{path.relative_to(root)}"] = _without_log_ins(path)
    for written in list(found.values()):
        for named in _SIGNED_BY.findall(written.decode(errors="replace")):
            key = root / named.lstrip("/")
            if key.is_file() and ".." not in key.parts:
                found[f"host{named}"] = key.read_bytes()
    return found


def by_hand(root: Path, versions: Mapping[str, str]) -> dict[str, str]:
    """Those of them that no other package brought."""
    states = root / "var/lib/apt/extended_states"
    brought = {
        each.get("Package") for each in _paragraphs(states) if each.get("Auto-Installed") == "1"
    }
    return {name: version for name, version in versions.items() if name not in brought}


def _paragraphs(path: Path) -> Iterator[Mapping[str, str]]:
    """Debian's control data (deb822(5)); lines that go on are left out."""
    if not path.is_file():
        return
    for paragraph in path.read_text(encoding="utf-8", errors="replace").split("\n\n"):
        fields = (line.partition(":") for line in paragraph.splitlines() if not line[:1].isspace())
        yield {name: value.strip() for name, colon, value in fields if colon}


def _files(root: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and path.stat().st_size <= _MOST_BYTES:
                yield path


def _without_log_ins(path: Path) -> bytes:
    content = path.read_bytes()
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
