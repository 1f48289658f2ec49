"""A tar is unpacked by the commands of RESTORE.md as it was packed, and by no way out of its
folder.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.contract import Failed
from checks.data.backup.engines.directory import read_archive
from checks.data.backup.engines.directory_restore_test import look_through
from checks.data.backup.engines.file_road import bring_back
from checks.data.backup.instructions import RESTORE_STEP, commands
from checks.data.backup.store.manifest import Manifest

_FILES = Manifest("", "directory", "/", "", "tar", "", {}, (), "")


def entry(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = 4 if kind == tarfile.REGTYPE else 0
    return info


def tar(folder: Path, entries: Sequence[tarfile.TarInfo]) -> Path:
    path = folder / "plain" / "files.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for info in entries:
            archive.addfile(info, io.BytesIO(b"evil") if info.isreg() else None)
    return path


def extract(archive: Path, tree: Path) -> None:
    """As a restore does it. Raises Failed."""
    folder = archive.parent.parent
    look_through(folder)
    bring_back(commands(_FILES, RESTORE_STEP), folder, tree)


GOOD = (
    entry("a", tarfile.DIRTYPE, mode=0o750),
    entry("a/file", mode=0o4711),
    entry("a/out", tarfile.SYMTYPE, "/etc/passwd"),
    entry("a/up", tarfile.SYMTYPE, "../../../elsewhere"),
    entry("deep/without/its/folders"),
)


def seen(folder: Path) -> dict[str, str]:
    """Every entry: its mode, and what it holds or points to."""
    return {
        str(
            path.relative_to(folder)
        ): f"{path.lstat().st_mode:o} {path.readlink() if path.is_symlink() else ''}"
        for path in sorted(folder.rglob("*"))
    }


def test_files_folders_and_links_are_as_they_were(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    extract(tar(tmp_path, GOOD), tree)
    assert {name: seen(tree)[name] for name in ("a", "a/file", "a/out", "a/up")} == {
        "a": "40750 ",
        "a/file": "104711 ",
        "a/out": "120777 /etc/passwd",
        "a/up": "120777 ../../../elsewhere",
    }
    assert (tree / "deep" / "without" / "its" / "folders").read_bytes() == b"evil"


BAD = {
    "up": ([entry("../x")], "leads out"),
    "up from below": ([entry("a/../../x")], "leads out"),
    "absolute": ([entry("/tmp/x")], "leads out"),
    "through a link": ([entry("a", tarfile.SYMTYPE, "/"), entry("a/x")], "below what is no folder"),
    "through a link, deep": (
        [entry("a", tarfile.SYMTYPE, ".."), entry("a/b/c")],
        "below what is no folder",
    ),
    "below a file": ([entry("a"), entry("a/x")], "below what is no folder"),
    "over a link": ([entry("a", tarfile.SYMTYPE, "../x"), entry("a")], "twice"),
    "over a link, otherwise written": (
        [entry("a", tarfile.SYMTYPE, "../x"), entry("./a")],
        "twice",
    ),
    "a hard link": ([entry("a", tarfile.LNKTYPE, "../x")], "to no file before it"),
    "a pipe": ([entry("a", tarfile.FIFOTYPE)], "neither a file"),
    "a device": ([entry("a", tarfile.CHRTYPE)], "neither a file"),
    "a block device": ([entry("a", tarfile.BLKTYPE)], "neither a file"),
}


@pytest.mark.parametrize("how", BAD)
def test_no_entry_leads_out_of_the_folder(how: str, tmp_path: Path) -> None:
    entries, words = BAD[how]
    tree = tmp_path / "tree"
    with pytest.raises(Failed, match=words):
        extract(tar(tmp_path, entries), tree)
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


NOT_TO_BE = {
    "a time that is no number": {"mtime": "nan"},
    "a time beyond all clocks": {"mtime": "1e300"},
    "an owner beyond all numbers": {"uid": "99999999999999999999"},
    "an owner below them": {"uid": "-7"},
    "a name with a NUL": {"path": "a\0b"},
    "a link to one": {"linkpath": "a\0b"},
    "a map of holes that is none": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
    "a size in words": {"GNU.sparse.size": "x"},
}


@pytest.mark.parametrize("how", NOT_TO_BE)
def test_an_entry_that_says_what_it_cannot_be_is_refused(how: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    one = entry("a")
    one.pax_headers = NOT_TO_BE[how]
    archive = tar(tmp_path, [one])
    with pytest.raises(Failed):
        extract(archive, tree)
    with archive.open("rb") as stream, suppress(tarfile.TarError):  # owners are no matter there
        read_archive(stream)


PARTS = st.sampled_from(["a", "b", ".", "..", ""])
NAMES = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
ENTRIES = st.lists(
    st.builds(
        entry, NAMES, st.sampled_from([tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE]), NAMES
    ),
    max_size=6,
)


@settings(max_examples=25)
@given(entries=ENTRIES)
def test_whatever_stands_in_it_nothing_is_written_beside_it(
    entries: list[tarfile.TarInfo], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    archive = tar(folder, entries)
    with suppress(Failed):  # it is refused, or two entries do not go together
        extract(archive, folder / "above" / "tree")
    assert {path.name for path in folder.iterdir()} <= {"above", "plain"}
    assert [path.name for path in archive.parent.iterdir()] == ["files.tar"]
    assert {path.name for path in folder.glob("above/*")} <= {"tree"}
