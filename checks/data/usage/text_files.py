"""Files of text as they lie about: rotated, compressed, beside folders. Only for the child process.

Rule: what cannot be read as records ends with a fault that names the file. How a file is packed is
told by its first bytes, never by its name: logrotate's `compresscmd` and `compressext` are free.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import zstandard

from checks.data.usage.source_faults import SourceFault

# One megabyte at a time from the disk, whatever numpy takes of it.
_BUFFER_BYTES = 1 << 20
_ZSTD = b"\x28\xb5\x2f\xfd"
# RFC 8878 section 3.1.2: frames that say nothing, which pzstd begins with.
_SKIPPED = [bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16)]


def _zstd(raw: IO[bytes]) -> Any:
    _in_whole_frames(raw)
    return zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)


def _in_whole_frames(raw: IO[bytes]) -> None:
    """The library takes what was cut for what has ended, so each block is looked for (RFC 8878
    section 3.1.1). Raises EOFError, ZstdError.
    """
    while head := raw.read(_LONGEST_FRAME_HEADER):
        if head[:4] in _SKIPPED:
            raw.seek(8 + int.from_bytes(head[4:8], "little") - len(head), os.SEEK_CUR)
            continue
        raw.seek(zstandard.frame_header_size(head) - len(head), os.SEEK_CUR)
        last = 0
        while not last:
            if len(block := raw.read(3)) < 3:
                raise EOFError("it ends in the middle of a frame")
            said = int.from_bytes(block, "little")
            last, repeated, length = said & 1, said >> 1 & 3 == 1, said >> 3
            raw.seek(1 if repeated else length, os.SEEK_CUR)
        if zstandard.get_frame_parameters(head).has_checksum:
            raw.seek(4, os.SEEK_CUR)
    if raw.tell() > raw.seek(0, os.SEEK_END):
        raise EOFError("it ends in the middle of a frame")
    raw.seek(0)


_LONGEST_FRAME_HEADER = 18
_PACKED: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    **dict.fromkeys((_ZSTD, *_SKIPPED), _zstd),
}
# As mod_xml_cdr, mod_json_cdr and web applications write them.
_ONE_EACH = "it is {}; have records written as CSV (FreeSWITCH: mod_cdr_csv) or into a database"
# What stands at the beginning of files that are not read; UTF-32's mark begins like UTF-16's.
_NOT_READ: Mapping[bytes, str] = {
    b"PK\x03\x04": "it is a ZIP archive; unpack it, or have it packed by gzip, bzip2, xz or zstd",
    b"\x04\x22\x4d\x18": "it is packed by lz4; have it packed by gzip, bzip2, xz or zstd",
    b"\x1f\x9d": "it is packed by compress; have it packed by gzip, bzip2, xz or zstd",
    b"\x89LZO": "it is packed by lzop; have it packed by gzip, bzip2, xz or zstd",
    b"\x5d\x00\x00": "it is packed by lzma; have it packed by gzip, bzip2, xz or zstd",
    b"LZIP": "it is packed by lzip; have it packed by gzip, bzip2, xz or zstd",
    b"7z\xbc\xaf\x27\x1c": "it is a 7-Zip archive; have it packed by gzip, bzip2, xz or zstd",
    b"<?xml": _ONE_EACH.format("XML"),
    b"<cdr": _ONE_EACH.format("XML"),
    b"{": _ONE_EACH.format("JSON"),
    b"[{": _ONE_EACH.format("JSON"),
    codecs.BOM_UTF16_LE: "it is written in UTF-16; have it written in UTF-8",
    codecs.BOM_UTF16_BE: "it is written in UTF-16; have it written in UTF-8",
    codecs.BOM_UTF32_BE: "it is written in UTF-32; have it written in UTF-8",
}
# As many bytes as the longest of these marks, and enough of a first line to see its encoding.
_HEAD_BYTES = 64


class Listed(NamedTuple):
    """A file as it was when the list was made: a log may be rotated before its turn comes."""

    path: Path
    device: int
    inode: int
    size: int
    """bytes"""

    def is_that(self, status: os.stat_result) -> bool:
        """Whether this is still the same file, under whatever name."""
        return (status.st_dev, status.st_ino) == (self.device, self.inode)


def files_of(pattern: str, not_before: int) -> list[Listed]:
    """The files there are, oldest first, less those that were finished before `not_before` (UTC
    seconds). Raises SourceFault, also for what is there and no file.
    """
    path = Path(pattern).absolute()
    found = list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    if not found:
        raise SourceFault("no-such-file", f"there is no file {pattern}")
    try:
        known = {file: file.stat() for file in found}
    # A file may be rotated away between its listing and this look.
    except OSError as error:
        raise SourceFault("no-such-file", f"{pattern}: {error.strerror}") from None
    for file, status in known.items():
        # A pipe would keep the reader waiting for ever, and a folder is opened by nobody.
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise SourceFault(
                "not-records", f"{file} is {what}; name a pattern that meets files of records alone"
            )
    wanted = sorted(
        (file for file in found if known[file].st_mtime >= not_before),
        key=lambda file: (known[file].st_mtime, file.name),
    )
    return [
        Listed(file, known[file].st_dev, known[file].st_ino, known[file].st_size) for file in wanted
    ]


@contextmanager
def opened(listed: Listed) -> Iterator[IO[bytes]]:
    """The text of a file, unpacked; where it was renamed meanwhile, under its new name. Raises
    SourceFault, also where it was emptied.
    """
    file = listed.path
    try:
        with _found(listed) as raw:
            # Who reads it as text closes it too.
            watched = os.dup(raw.fileno())
            try:
                yield _unpacked(file, raw)
                # logrotate's copytruncate: what was not read yet is in the copy.
                if os.fstat(watched).st_size < listed.size:
                    raise SourceFault("corrupt", f"{file} was emptied while it was read")
            finally:
                os.close(watched)
    except PermissionError as error:
        raise SourceFault("not-allowed", f"{file}: {error.strerror}") from None
    except FileNotFoundError as error:
        raise SourceFault("no-such-file", f"{file}: {error.strerror}") from None
    # EOFError: logrotate may be compressing it at this moment, and the end is not written yet.
    except (EOFError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        raise SourceFault("corrupt", f"{file}: {error}") from None
    # gzip, bz2 and the disk itself all say it this way.
    except OSError as error:
        raise SourceFault("corrupt", f"{file}: {error.strerror or error}") from None


def _found(listed: Listed) -> IO[bytes]:
    raw = listed.path.open("rb", buffering=_BUFFER_BYTES)
    if listed.is_that(os.fstat(raw.fileno())):
        return raw
    raw.close()
    for other in listed.path.parent.iterdir():
        if listed.is_that(other.stat(follow_symlinks=False)):
            return other.open("rb", buffering=_BUFFER_BYTES)
    raise SourceFault("no-such-file", f"{listed.path} was rotated away while it was read")


def _unpacked(file: Path, raw: IO[bytes]) -> IO[bytes]:
    packed = raw.read(_HEAD_BYTES)
    raw.seek(0)
    for mark, opener in _PACKED.items():
        if packed.startswith(mark):
            with_head = cast(IO[bytes], opener(raw))
            _is_text(file, with_head.read(_HEAD_BYTES))
            raw.seek(0)
            return cast(IO[bytes], opener(raw))
    _is_text(file, packed)
    return raw


def _is_text(file: Path, head: bytes) -> None:
    """Raises SourceFault for what is no text in ASCII's company."""
    for mark, why in _NOT_READ.items():
        if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(mark):
            raise SourceFault("not-records", f"{file}: {why}")
    if head.startswith(tuple(_PACKED)):
        raise SourceFault("not-records", f"{file}: it is packed twice; have it packed once")
    # UTF-16 without its mark, an image of a disk, a sparse file: each has zeros where text has
    # none. A single one is what a crash leaves in a log, so it is a third of them that decides.
    if head.count(0) * 3 > len(head):
        raise SourceFault(
            "not-records", f"{file}: it is no text in UTF-8 (zeros between its bytes)"
        )
