"""What the package manager knows: which package a file is of, its checksum there, and which
packages have changed.

Debian: /var/lib/dpkg/status, /var/lib/dpkg/info/*.md5sums and /var/log/dpkg.log. A path may be
known by its name from before /bin became /usr/bin.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

# The folders that became links into /usr; dpkg's lists still name files by their old place.
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_CHUNK = 1 << 20


class Packages:
    """The packages of the host whose file system is at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._dpkg = root / "var/lib/dpkg"
        self.accepted: Mapping[str, str] | None = None
        """versions that were accepted, by package"""

    @property
    def known(self) -> bool:
        """Whether there is a package manager that is understood here."""
        return (self._dpkg / "status").is_file()

    @cached_property
    def versions(self) -> dict[str, str]:
        """Installed packages and their versions."""
        versions = {}
        for paragraph in self._status.split("\n\n"):
            # deb-control(5) syntax: paragraphs are parted by an empty line.
            fields = dict(re.findall(r"^(Package|Version|Status): (.*)$", paragraph, re.M))
            if fields.get("Status", "").endswith(" installed"):
                versions[fields["Package"]] = fields.get("Version", "")
        return versions

    @cached_property
    def sums(self) -> dict[str, tuple[str, str]]:
        """Path -> package and MD5, of every file that a package brings."""
        sums: dict[str, tuple[str, str]] = {}
        for file in sorted((self._dpkg / "info").glob("*.md5sums")):
            package = file.name.removesuffix(".md5sums").partition(":")[0]
            # As md5sum(1) writes: the digest, two blanks, the path without its first slash.
            for line in file.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
                digest, _, path = line.partition("  ")
                sums[self._real("/" + path)] = (package, digest)
        for paragraph in self._status.split("\n\n"):
            name = re.match(r"Package: (\S+)", paragraph)
            block = re.search(r"^Conffiles:\n((?: .*\n?)+)", paragraph, re.M)
            if name and block:
                for path, digest in re.findall(
                    r"^ (/\S+) ([0-9a-f]{32})(?: obsolete)?$", block[1], re.M
                ):
                    sums[self._real(path)] = (name[1], digest)
        return sums

    @cached_property
    def logged(self) -> dict[str, str]:
        """Package -> the last time that the log tells of its installation, upgrade or removal."""
        told: dict[str, str] = {}
        # The oldest first, so that a later line replaces an earlier one.
        logs = sorted(
            (self._root / "var/log").glob("dpkg.log*"), key=lambda log: log.stat().st_mtime
        )
        for log in logs:
            data = gzip.decompress(log.read_bytes()) if log.suffix == ".gz" else log.read_bytes()
            pattern = r"^(\S+ \S+) (?:install|upgrade|remove|purge) ([^:\s]+)"
            told |= {
                package: moment
                for moment, package in re.findall(pattern, data.decode("utf-8", "replace"), re.M)
            }
        return told

    def owner(self, path: str) -> str:
        """The package that brings a file; "" for none."""
        return self.sums[path][0] if path in self.sums else ""

    def explains(self, path: str, owner_before: str = "") -> str | None:
        """Why a package accounts for a file that is new or changed, or gone though it was
        `owner_before`'s; or None.
        """
        if path in self.sums:
            package, digest = self.sums[path]
            return (
                self._said(package)
                if self._has_changed(package) and self.digest(path) == digest
                else None
            )
        here = (self._root / path.lstrip("/")).exists()
        return (
            self._said(owner_before)
            if owner_before and not here and self._has_changed(owner_before)
            else None
        )

    def digest(self, path: str) -> str | None:
        """MD5 of a file: what packages are signed with here."""
        try:
            with (self._root / path.lstrip("/")).open("rb") as file:
                return hashlib.file_digest(
                    file, lambda: hashlib.md5(usedforsecurity=False)
                ).hexdigest()
        except OSError:
            return None

    def _has_changed(self, package: str) -> bool:
        """Whether it has another version than was accepted, and the log tells how it came."""
        if self.accepted is None or package not in self.logged:
            return False
        return self.accepted.get(package) != self.versions.get(package)

    def _said(self, package: str) -> str:
        before = (self.accepted or {}).get(package)
        now = self.versions.get(package)
        how = f"{before or 'not installed'} -> {now or 'removed'}"
        return f"package {package} {how}, {self.logged.get(package, '')}".strip()

    def _real(self, path: str) -> str:
        first = path.split("/", 2)[1]
        return f"/usr{path}" if first in self._linked else path

    @cached_property
    def _linked(self) -> frozenset[str]:
        return frozenset(name for name in _MERGED if (self._root / name).is_symlink())

    @cached_property
    def _status(self) -> str:
        try:
            return (self._dpkg / "status").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
