"""A recovery image as a medium: an ISO 9660 file with Rock Ridge names, to burn or to attach to a
host that has nothing else. It holds the image as one file, its HOW-TO and its SHA-256.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from checks.data.backup.programs import ToolFailed, found, run
from monitor.verbs.opening import Stop

HOW_TO = "HOW-TO.md"
_VOLUME = "REVEILLE"
_SAID_BYTES = 300


def medium(image: Path, how_to: str) -> Path:
    """The image, packed once more, beside it. Raises Stop."""
    image = image.absolute()
    folder, iso = image.parent, image.with_suffix(f"{image.suffix}.iso")
    (folder / HOW_TO).write_text(how_to, encoding="utf-8")
    with image.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  {image.name}\n")
    held = [_graft(folder / name) for name in (HOW_TO, "SHA256SUMS", image.name)]
    # Level 3: a file may be larger than 4 GB.
    form = ["-as", "mkisofs", "-quiet", "-iso-level", "3", "-R", "-V", _VOLUME]
    command = [_program(), *form, "-o", str(iso), "-graft-points", *held]
    try:
        run(command)
    except ToolFailed as failed:
        raise Stop(f"xorriso: {failed.said[-_SAID_BYTES:]}") from None
    return iso


def _graft(path: Path) -> str:
    """A file at the top of the medium (mkisofs, graft points). What comes first is a slash, so that
    no name is taken for an option; a name's own "=" would end it.
    """
    named = "/" + path.name.replace("\\", "\\\\").replace("=", "\\=")
    return f"{named}={path}"


def _program() -> str:
    if (program := found("xorriso")) is None:
        raise Stop("--medium needs xorriso (Debian package xorriso)")
    return str(program)
