"""What a tar of our own making (directory.py) may hold, looked at before it is unpacked: it may not
be what we wrote.

Rule 1: nothing is written outside the folder. A name is relative, without "..", and stands once; no
entry lies below a link, so none is followed. Rule 2: files, folders, symbolic links, and hard links
to a file that stands before them, which is all that directory.py writes: no device, no pipe. Rule
3: a symbolic link is kept as it was, wherever it points: it is part of what was backed up and is
proven by its hash.

Needs no more than the standard library of Python 3.11.0: the filters of PEP 706 came with 3.11.4,
and Debian 12 has 3.11.2.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

# Seconds; what a file system and what stat(2) hold of either.
_LATEST, _LAST_OWNER = 2**40, 2**32 - 2


class UnsafeEntry(tarfile.TarError):
    """An entry that is not unpacked, and why."""


@contextmanager
def opened(source: Path | IO[bytes]) -> Iterator[tarfile.TarFile]:
    """A tar to be read: a file, or a stream that is read once. Raises TarError within, also for
    what Python itself says of a time, an owner or a name that the system cannot take.
    """
    try:
        with (
            # Plain, as we wrote it: tried as gzip, bzip2 and xz, a head of 13 bytes has the library
            # ask for the 4 GiB of its dictionary.
            tarfile.open(source, "r:")
            if isinstance(source, Path)
            else tarfile.open(fileobj=source, mode="r|")
        ) as plain:
            yield plain
    # A PAX header holds any text where a number should stand, and any number where a time should.
    except (ValueError, OverflowError) as problem:
        raise UnsafeEntry(f"an entry says what it cannot be: {str(problem)[:200]}") from problem


def checked(plain: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The entries, each once it was found to be harmless; for whoever only reads them, too. Raises
    UnsafeEntry.
    """
    # Of each name: whether it is a folder, so that nothing is written below a file or a link.
    known = dict[PurePosixPath, bool]()
    files = set[str]()
    for entry in plain:
        name = PurePosixPath(entry.name)
        if "\0" in entry.name + entry.linkname:
            raise UnsafeEntry(f"{entry.name!r} or what it points to holds a NUL")
        if not (abs(entry.mtime) < _LATEST and 0 <= min(entry.uid, entry.gid) <= _LAST_OWNER):
            raise UnsafeEntry(f"{entry.name!r} has a time or an owner that no system has")
        # The folder itself: its owner, mode and time.
        if entry.name == "." and entry.isdir() and not known:
            known[name] = True
            yield entry
            continue
        if name.is_absolute() or ".." in name.parts or not name.parts:
            raise UnsafeEntry(f"{entry.name!r} leads out of the folder")
        if not (entry.isreg() or entry.isdir() or entry.issym() or entry.islnk()):
            raise UnsafeEntry(f"{entry.name!r} is neither a file, a folder nor a link")
        if entry.islnk() and entry.linkname not in files:
            raise UnsafeEntry(f"{entry.name!r} is a hard link to no file before it")
        if name in known:
            raise UnsafeEntry(f"{entry.name!r} is there twice")
        if not all(known.get(above, True) for above in name.parents):
            raise UnsafeEntry(f"{entry.name!r} lies below what is no folder")
        known[name] = entry.isdir()
        if entry.isreg():
            files.add(entry.name)
        yield entry
