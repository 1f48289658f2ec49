"""More that can befall a backup where it lies: what a disk, a copy, a hand or somebody who may
write there does to its files, its manifest, and what its restore is told by.

Where checksums were made right again, only a restore finds it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from tests.loopback.backup_faults import POSTGRES, Fault, drilled
from tests.loopback.backup_world import World

_WRONG = ("restore: restore-failed",)
_DAMAGED = ("restore: damaged", "restore: restore-failed", "compare: damaged")
_DIFFERS = ("compare: differs",)
Body = dict[str, Any]


def _bytes(change: Callable[[bytes], bytes]) -> Callable[[World], None]:
    """The main artefact, and no checksum is made right."""

    def spoil(world: World) -> None:
        path = world.artefact("database.")
        path.write_bytes(change(path.read_bytes()))

    return spoil


def _packed(start: str, change: Callable[[bytes], bytes]) -> Callable[[World], None]:
    return lambda world: world.repack(start, change)


def _replaced(start: str, old: bytes, new: bytes) -> Callable[[World], None]:
    return _packed(start, lambda plain: plain.replace(old, new))


def _without(start: str, *marks: bytes) -> Callable[[World], None]:
    """Its lines without those that hold one of these."""

    def change(plain: bytes) -> bytes:
        lines = plain.splitlines(keepends=True)
        return b"".join(line for line in lines if not any(mark in line for mark in marks))

    return _packed(start, change)


def _told(change: Callable[[Body], None]) -> Callable[[World], None]:
    return lambda world: world.rewrite_manifest(change)


def _manifest(written: bytes) -> Callable[[World], None]:
    return lambda world: _overwrite(world, written)


def _overwrite(world: World, written: bytes) -> None:
    (world.newest() / "manifest.json").write_bytes(written)


def _cdr(body: Body) -> Body:
    return next(table for name, table in body["tables"].items() if name.endswith("cdr"))


def _main(body: Body) -> Body:
    return next(each for each in body["artefacts"] if each["name"].startswith("database."))


def _link(world: World) -> None:
    path = world.artefact("database.")
    path.unlink()
    path.symlink_to("/nowhere/at")


def _folder(world: World) -> None:
    path = world.artefact("database.")
    path.unlink()
    path.mkdir()


def _others(world: World) -> None:
    """The other backup's content under this one's name, one row further on."""
    other = next(backup for backup in world.backups() if backup.folder != world.newest())
    shutil.copy(other.folder / "manifest.json", world.newest() / "manifest.json")


def _of_another_table(plain: bytes) -> bytes:
    lines = plain.splitlines(keepends=True)
    return b"".join(b"administrator" + line[line.index(b"\t"):] if b" TABLE public cdr" in line
                    else line for line in lines)  # fmt: skip


def _zeros(plain: bytes) -> bytes:
    half = len(plain) // 2
    return plain[:half] + bytes(4096) + plain[half + 4096 :]


MORE_FAULTS = (
    Fault("first 10 bytes gone", _DAMAGED, drilled(_bytes(lambda all_: all_[10:]))),
    Fault("a block of zeros", _DAMAGED, drilled(_bytes(_zeros))),
    Fault("something behind its end", _DAMAGED, drilled(_bytes(lambda all_: all_ + b"more"))),
    Fault("twice itself", _DAMAGED, drilled(_bytes(lambda all_: all_ * 2))),
    Fault("a link to nowhere", ("restore: missing", *_DAMAGED), drilled(_link)),
    Fault("a folder of its name", ("restore: missing", *_DAMAGED), drilled(_folder)),
    Fault("a block of zeros, checksums right", (*_DAMAGED, *_DIFFERS),
        drilled(_packed("database.", _zeros))),
    Fault("half of it, checksums right", (*_DAMAGED, *_DIFFERS),
        drilled(_packed("database.", lambda plain: plain[: len(plain) // 2]))),
    Fault("manifest empty", ("restore: manifest",), drilled(_manifest(b""))),
    Fault("manifest of bytes", ("restore: manifest",), drilled(_manifest(b"\xff\xfe{}\x00"))),
    Fault("manifest a list", ("restore: manifest",), drilled(_manifest(b"[]"))),
    Fault("manifest of the backup before", ("restore: manifest",), drilled(_others)),
    Fault("manifest with a row less", _DIFFERS,
        drilled(_told(lambda body: _cdr(body).__setitem__("rows", _cdr(body)["rows"] - 1)))),
    Fault("manifest with another hash", _DIFFERS,
        drilled(_told(lambda body: _cdr(body).__setitem__("hash", "1")))),
    Fault("manifest with a table more", _DIFFERS,
        drilled(_told(lambda body: body["tables"].__setitem__("x.gone", _cdr(body))))),
    Fault("manifest without its tables", _DIFFERS,
        drilled(_told(lambda body: body["tables"].clear()))),
    Fault("manifest with another checksum", _DAMAGED,
        drilled(_told(lambda body: _main(body).__setitem__("sha256", "0" * 64)))),
    Fault("manifest with a name that leads out", ("restore: manifest",),
        drilled(_told(lambda body: _main(body).__setitem__("name", "../../etc/passwd")))),
    Fault("manifest of an unknown engine", ("restore: manifest",),
        drilled(_told(lambda body: body.__setitem__("engine", "oracle")))),
    Fault("roles with a command of psql", _WRONG,
        drilled(_packed("roles.", lambda plain: plain + b"\\! id\n")), POSTGRES),
    Fault("roles with another statement", _WRONG,
        drilled(_packed("roles.", lambda plain: plain + b"DROP TABLE cdr;\n")), POSTGRES),
    Fault("roles that are made in any case", _WRONG,
        drilled(_without("roles.", b"\\if", b"\\endif")), POSTGRES),
    Fault("an administrator's step with more in it", _WRONG,
        drilled(_packed("administrator.", lambda plain: plain + b"DROP ROLE x;\n")), POSTGRES),
    Fault("another encoding", _WRONG, drilled(_replaced("create.", b"UTF8", b"LATIN1")), POSTGRES),
    Fault("the database's own settings gone", _WRONG,
        drilled(_packed("settings.", lambda _: b"-- none\n")), POSTGRES),
    Fault("a loader with more rights", _WRONG,
        drilled(_replaced("loader.", b"LOGIN NOINHERIT", b"LOGIN SUPERUSER")), POSTGRES),
    Fault("an order without the rows", _DIFFERS,
        drilled(_without("order.", b"TABLE DATA public cdr")), POSTGRES),
    Fault("an order without an index", _DIFFERS,
        drilled(_without("order.", b" INDEX public cdr_src")), POSTGRES),
    Fault("an order without anything", (*_DIFFERS, *_WRONG),
        drilled(_packed("order.", lambda _: b"owner-0\t\n")), POSTGRES),
    Fault("an order that leaves a table to an administrator", (*_DIFFERS, *_WRONG),
        drilled(_packed("order.", _of_another_table)), POSTGRES),
    Fault("another type of a column", (*_DIFFERS, *_WRONG),
        drilled(_replaced("database.", b"billsec integer", b"billsec numeric")), POSTGRES),
    Fault("a key of another name", (*_DIFFERS, *_WRONG),
        drilled(_replaced("database.", b"cdr_pkey", b"cdr_pkex")), POSTGRES),
    Fault("a sequence that is said to be further on", _DIFFERS,
        drilled(_told(lambda body: body["facts"].__setitem__("sequences", {"public.s": [9, 1]}))),
        POSTGRES),
    Fault("another owner of the database", _WRONG,
        drilled(_told(lambda body: body["facts"].__setitem__("owner", "calls_owner"))), POSTGRES),
    Fault("another limit of connections", _WRONG,
        drilled(_told(lambda body: body["facts"]["own"].__setitem__("limit", 3))), POSTGRES),
)  # fmt: skip
