"""A ticket's evidence as what a mail can carry: the page of a failed call, whole in one file, with
its recording in it; else recordings and screenshots. A long recording goes as an MP3.

Rules: what would make the mail larger than was agreed stays where it is, and the mail says where it
is to be found. A file that is gone, or is no plain file any more, is left out. Customers get words,
and no recordings.
"""

from __future__ import annotations

import asyncio
import base64
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.desks.small_sound import made_small, small
from reports.ticket import Ticket

if TYPE_CHECKING:
    from monitor.desks.desk import Letter

# What tells somebody for the first time; a repetition has nothing new to hear.
EVENTS = frozenset({"opened", "reopened", "escalated"})
CUSTOMER = "customer"
"""the capacity (`audience`) of a reader out of the house"""
_MEDIA = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".png": "image/png", ".jpg": "image/jpeg"}
_PAGE = "page"


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One attachment; `stands_for` are the exhibits that are in it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    stands_for: tuple[str, ...] = ()


async def letter_evidence(letter: Letter, megabytes: float) -> tuple[EvidenceFile, ...]:
    """What goes with a letter about a ticket, within so many megabytes; nothing out of the house,
    and nothing where it repeats what was told.
    """
    customer = letter.body.get("extra", {}).get("audience") == CUSTOMER
    if letter.kind not in EVENTS or customer or not megabytes:
        return ()
    ticket = Ticket.from_dict(letter.body["ticket"])
    return await evidence_of(ticket, int(megabytes * 1_000_000))


async def evidence_of(ticket: Ticket, most_bytes: int) -> tuple[EvidenceFile, ...]:
    """What of a ticket's evidence fits into so many bytes, its recordings made small."""
    paths = [Path(path) for _, path in ticket.exhibits]
    await made_small(path for path in paths if path.suffix == ".wav")
    return await asyncio.to_thread(evidence_files, ticket, most_bytes)


def evidence_files(ticket: Ticket, most_bytes: int) -> tuple[EvidenceFile, ...]:
    """What of a ticket's evidence fits into so many bytes, the call's page first."""
    found, left = [], most_bytes
    for one in _candidates(ticket, most_bytes):
        # A screenshot may still fit where a recording did not.
        if len(one.content) <= left:
            found.append(one)
            left -= len(one.content)
    return tuple(found)


def _candidates(ticket: Ticket, most_bytes: int) -> Iterator[EvidenceFile]:
    paths = {name: Path(path) for name, path in ticket.exhibits}
    page = _read(paths[_PAGE], most_bytes) if _PAGE in paths else None
    inside: tuple[str, ...] = ()
    if page is not None:
        whole, inside = _self_contained(page, paths, most_bytes)
        name = f"{ticket.number}-{ticket.check or 'call'}.html"
        yield EvidenceFile(name, "text/html", whole, (_PAGE, *inside))
    for name, path in paths.items():
        if path.suffix not in _MEDIA or name in inside:
            continue
        shown, content = _told(path, most_bytes)
        if content is not None:
            media = _MEDIA[shown.suffix]
            yield EvidenceFile(f"{ticket.number}-{shown.name}", media, content, (name,))


def _told(path: Path, most_bytes: int) -> tuple[Path, bytes | None]:
    """A file as it goes out, and what is in it: of a recording the MP3, where there is one."""
    if path.suffix == ".wav" and (content := _read(small(path), most_bytes)) is not None:
        return small(path), content
    return path, _read(path, most_bytes)


def _self_contained(
    page: bytes, paths: dict[str, Path], most_bytes: int
) -> tuple[bytes, tuple[str, ...]]:
    """The page with the recordings that it plays in it, as far as they fit; and which those are."""
    inside = []
    for name, path in paths.items():
        link = b'src="' + path.name.encode() + b'"'
        if path.suffix != ".wav" or link not in page:
            continue
        # RFC 2397; base64 is a third longer than what it holds.
        room = (most_bytes - len(page)) * 3 // 4 - 64
        shown, sound = _told(path, room)
        if sound is not None:
            media = _MEDIA[shown.suffix].encode()
            data = b"data:" + media + b";base64," + base64.b64encode(sound)
            page = page.replace(link, b'src="' + data + b'"', 1)
            inside.append(name)
    names = (path.name for path in paths.values())
    return _without_dead_links(page, names), tuple(inside)


def _without_dead_links(page: bytes, names: Iterable[str]) -> bytes:
    """What lies beside the page on the monitor's host is not beside it in a mail."""
    for name in names:
        page = page.replace(b'href="' + name.encode() + b'"', b"")
    return page


def _read(path: Path, most_bytes: int) -> bytes | None:
    """A plain file of at most so many bytes; None for anything else."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    # A pipe would never end, and a folder cannot be read.
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        return None
    with os.fdopen(opened, "rb") as file:
        content = file.read(max(0, most_bytes) + 1)
    return content if len(content) <= most_bytes else None
