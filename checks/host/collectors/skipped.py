"""Two harmless files that no scanner looks into: one is locked, one lies too deep in archives."""

from __future__ import annotations

import io
import struct
import zipfile

# clamd.conf(5): MaxRecursion is 17 where nothing is said.
_DEEP = 30
# PKWARE's APPNOTE: the general purpose bits stand 6 bytes behind the mark of a local header, and 8
# behind that of the central one; bit 0 is "encrypted".
_FLAGS = ((b"PK\3\4", 6), (b"PK\1\2", 8))
_ENCRYPTED = 1


def _packed(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.zip", content)
    return packed.getvalue()


def locked() -> bytes:
    """A ZIP archive whose one file is called encrypted."""
    archive = bytearray(_packed(b"no secret, and no key that would open it"))
    for mark, behind in _FLAGS:
        place = archive.index(mark) + behind
        [flags] = struct.unpack_from("<H", archive, place)
        struct.pack_into("<H", archive, place, flags | _ENCRYPTED)
    return bytes(archive)


def too_deep() -> bytes:
    """Archives in archives, deeper than a scanner goes."""
    content = b"nothing"
    for _ in range(_DEEP):
        content = _packed(content)
    return content
