"""The sandbox of a checkout: bubblewrap, with namespaces of its own of every sort, and a view of
programs and libraries alone.

Root makes the namespaces itself and becomes a user that nobody else is; everybody else has a user
namespace. In there: no network, no process, no file of the host's but what is named here; one
folder that can be written, for the server's data.
"""

from __future__ import annotations

import os
import pwd
import resource
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import checks
from checks.data.backup.sandbox import system_calls

_ROOT = Path(checks.__file__).parent
_INSIDE = "/reveille"
SCRATCH = "/scratch"
"""the folder that can be written, as it is called in there"""
# systemd's own range for users that live as long as a service (systemd.exec(5), DynamicUser=).
_USERS = range(61184, 65520)
# What is linked into /usr on today's Debian, and stands beside it on older hosts.
_BESIDE_USR = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
# Which libraries, which alternatives of programs, which time zone: no secret among them.
_OF_ETC = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime")
# Beside a tool's own folder lie its libraries and its time zones.
_BESIDE_TOOLS = ("lib", "lib64", "share")
_TEMPORARY_BYTES = 1 << 30
# A backend of PostgreSQL takes 0.5 GB in a restore, MariaDB's server 1 GB: room for eight times.
_MEMORY_BYTES = 8 << 30
_DESCRIPTORS = 8192
# Connections, workers and helpers of a server: a bound that only a fork bomb meets. It counts for
# the user, who is in there alone where the worker is root.
_PROCESSES = 512
# The kernel's own way to say "this one first", when memory is short (proc(5)).
_FIRST_TO_BE_KILLED = "1000"


def own_user(wanted: str) -> int | None:
    """Whom the drill runs as where we are root: the one who was named, else one whom nobody is.
    None: ourselves.
    """
    if os.geteuid() != 0:
        return None
    if wanted:
        return pwd.getpwnam(wanted).pw_uid
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    taken |= {_owner(path) for path in Path("/proc").glob("[0-9]*")}
    free = [number for number in _USERS if number not in taken]
    return secrets.choice(free)


def command(
    program: Sequence[str], scratch: Path, tools: Path | None, user: int | None, filtering: int
) -> list[str]:
    """The words that start `program` in there; `filtering` is a descriptor of the filter, or -1."""
    number = str(user if user is not None else os.geteuid())
    words = ["bwrap", "--die-with-parent", "--new-session", "--hostname", "drill", "--chdir", "/"]
    words += [f"--unshare-{what}" for what in ("ipc", "pid", "net", "uts", "cgroup")]
    words += ["--unshare-user", "--uid", number, "--gid", number] if user is None else []
    # Before what is bound into it: a checkout may lie in there.
    words += ["--size", str(_TEMPORARY_BYTES), "--tmpfs", "/tmp"]  # noqa: S108 - its own
    words += _view(tools)
    for name in ("passwd", "group", "hosts"):
        words += ["--ro-bind", str(scratch / name), f"/etc/{name}"]
    words += ["--proc", "/proc", "--dev", "/dev", "--bind", str(scratch / "data"), SCRATCH]
    words += ["--remount-ro", "/"]
    words += ["--seccomp", str(filtering)] if filtering >= 0 else []
    if user is not None:
        words += ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
        words += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [*words, *program]


def furnish(scratch: Path, user: int | None) -> None:
    """What is bound into it: a folder for the server's data, and the tables of names."""
    number = user if user is not None else os.geteuid()
    data = scratch / "data"
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, user, user)
    for name, line in (
        ("passwd", f"drill:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"),
        ("group", f"drill:x:{number}:\n"),
        # MariaDB's own installation asks for the host's name.
        ("hosts", "127.0.0.1 localhost drill\n"),
    ):
        (scratch / name).write_text(line)
        (scratch / name).chmod(0o444)


def environment() -> dict[str, str]:
    """All that the program in there is told of this one."""
    own = {"PYTHONPATH": _INSIDE, "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return {**own, "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "TMPDIR": SCRATCH}


def limit() -> None:
    """Bounds of the process that becomes the sandbox, and of all that it starts (setrlimit(2))."""
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
        (resource.RLIMIT_NPROC, _PROCESSES),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        # Processes are counted for the user: where we are none of our own, others of his count too.
        if what == resource.RLIMIT_NPROC and os.geteuid() != 0:
            continue
        # What is bounded more tightly already stays so.
        _, hard = resource.getrlimit(what)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (least, least))
    with open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123 - between fork and exec
        score.write(_FIRST_TO_BE_KILLED)


def _view(tools: Path | None) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr", *_folder(Path("/etc"))]
    for place in map(Path, _BESIDE_USR):
        if place.is_symlink():
            words += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            words += ["--ro-bind", str(place), str(place)]
    for file in _OF_ETC:
        words += ["--ro-bind-try", file, file]
    # An administrator's own settings of programs may hold passwords.
    words += ["--tmpfs", "/usr/local/etc"] if Path("/usr/local/etc").is_dir() else []
    for place in (Path(sys.base_prefix), Path(sys.prefix), *_of_tools(tools)):
        if not place.is_relative_to("/usr") and place.is_dir():
            words += [*_folder(place.parent), "--ro-bind", str(place), str(place)]
    # The one package that the drill is part of, and nothing else of a checkout: a configuration
    # may lie beside it.
    return [*words, *_folder(Path(_INSIDE)), "--ro-bind", str(_ROOT), f"{_INSIDE}/checks"]


def _folder(place: Path) -> list[str]:
    """An empty folder that anybody in there may enter: bwrap's own would be root's alone."""
    above = [*reversed(place.parents), place][1:]
    return [word for each in above for word in ("--perms", "0755", "--dir", str(each))]


def _of_tools(tools: Path | None) -> tuple[Path, ...]:
    if tools is None:
        return ()
    return (tools, *(tools.parent / name for name in _BESIDE_TOOLS))


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:  # it has ended meanwhile
        return 0


def filter_file() -> int:
    """The filter of system calls in a file without a name; -1 where this machine has none."""
    if not (program := system_calls.program()):
        return -1
    descriptor = os.memfd_create("reveille-drill-filter", 0)
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
