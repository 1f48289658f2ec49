"""What sits below everything: preloaded libraries, kernel modules; and programs that nobody is to
see.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked, need_all_processes
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.tree_walk import opened, walk

_ELF = b"\x7fELF"
# Documentation/admin-guide/tainted-kernels of Linux: bit 12 an out-of-tree module, bit 13 an
# unsigned one.
_MARKS = {Path("/proc/sys/kernel/tainted"): 1 << 12 | 1 << 13}


def boot(at: Look, delta: Delta) -> None:
    """Compare the preloaded libraries and the kernel modules with the accepted ones."""
    root = Path(at.settings["root"])
    # ld.so(8): every program of the host loads what stands here, set-user-ID ones too. User-space
    # rootkits hide by it, and hardly anything else uses it.
    preload = root / "etc/ld.so.preload"
    if preload.is_file() and (
        text := preload.read_text(encoding="utf-8", errors="replace").strip()
    ):
        delta.compare(
            "preload",
            {text: ""},
            Codes("preload"),
            None,
            "library in every program",
            usually_none=True,
        )
    for name in ("etc/environment", "etc/profile"):
        file = root / name
        said = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        if found := re.search(r"^[^#\n]*\bLD_(?:PRELOAD|AUDIT)=(\S+)", said, re.M):
            delta.found("preload", f"every log-in loads {found[1]} ({name})")
    modules = root / "proc/modules"
    if not modules.is_file():
        raise NotLooked("no list of kernel modules is to be seen", missing=True)
    loaded = {
        line.split()[0]: ""
        for line in modules.read_text(encoding="ascii", errors="replace").splitlines()
    }
    delta.compare("modules", loaded, Codes("new-module"), None, "kernel module")
    for file, bits in _MARKS.items():
        marks = int(file.read_text(encoding="ascii")) if file.is_file() else 0
        if marks & bits:
            at.note(
                "a kernel module that is not of this kernel's build, or not signed, has been loaded"
            )


def processes(at: Look, delta: Delta) -> None:
    """Programs whose file is gone, was never there, or lies where everybody may write."""
    if at.settings["root"] != "/":
        raise NotLooked(
            "the processes of a host whose file system lies elsewhere are not to be seen",
            missing=True,
        )
    need_all_processes()
    hidden, unseen = dict[str, str](), 0
    names = os.listdir("/proc")  # noqa: PTH208 - names, and nothing else
    for number in filter(str.isdecimal, names):
        try:
            program = Path(f"/proc/{number}/exe").readlink()
            name = (
                Path(f"/proc/{number}/comm").read_text(encoding="utf-8", errors="replace").strip()
            )
        except PermissionError:
            unseen += 1
            continue
        except OSError:
            continue  # it has ended, or is the kernel's own
        if why := _suspicious(str(program), at.settings["temporary"], delta):
            hidden[f"{name}: {why}"] = ""
    delta.compare("processes", hidden, Codes("hidden-program"), None, "process", usually_none=True)
    if unseen:
        at.warning(f"not looked at: {unseen} processes of other users")


def _suspicious(program: str, temporary: list[str], delta: Delta) -> str | None:
    # memfd_create(2): a program without a file, as a dropper runs it. The link has a slash before
    # it on current kernels.
    if program.startswith(("/memfd:", "memfd:")):
        return "it runs from memory, of no file"
    path = program.removesuffix(" (deleted)")
    if path.startswith(tuple(f"{folder.rstrip('/')}/" for folder in temporary)):
        return f"it runs from {path}"
    # After an upgrade the old program runs on from its deleted file; the new one has the same path,
    # or the package still owns it.
    if path != program and not Path(path).exists() and not delta.packages.owner(path):
        return f"its file {path} is gone"
    return None


def temporary(at: Look, delta: Delta) -> None:
    """Look for programs in folders that everybody may write to."""
    root = Path(at.settings["root"])
    found = {}
    for folder in at.settings["temporary"]:
        for path, known in walk(at, folder):
            if (
                stat.S_ISREG(known.st_mode)
                and known.st_mode & 0o111
                and _is_program(root / path.lstrip("/"))
            ):
                found[path] = ""
    delta.compare("temporary", found, Codes("hidden-program"), None, "program", usually_none=True)


def _is_program(path: Path) -> bool:
    try:
        with opened(path) as file:
            return file.read(4) == _ELF
    except OSError:
        return False
