"""What a program in the sandbox of a proof can see, reach and do: nothing of the host's."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checks.data.backup.sandbox import bubblewrap, no_programs, system_calls

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not here")

PROBE = """
import ctypes, json, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def errno_of(call, *given):
    return 0 if call(*given) >= 0 else ctypes.get_errno()
def reached(port):
    with socket.socket() as end:
        end.settimeout(1)
        return end.connect_ex(("127.0.0.1", port)) == 0
def family(number):
    try:
        socket.socket(number, socket.SOCK_STREAM).close()
    except OSError as why:
        return why.errno
    return 0
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "user": os.getuid(), "groups": os.getgroups(),
    "rights": [status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")],
    "gains_none": status["NoNewPrivs"].strip(),
    "processes": len([name for name in os.listdir("/proc") if name.isdigit()]),
    "reached": reached(int(sys.argv[1])),
    "vsock": family(40), "packet": family(17),
    "namespace": errno_of(libc.unshare, 0x10000000),
    "mount": errno_of(libc.mount, b"none", b"/tmp", b"tmpfs", 0, None),
    "trace": errno_of(libc.ptrace, 16, 1, 0, 0),
    "sees": [path for path in sys.argv[2:] if os.path.exists(path)],
    "writes": [path for path in ("/", "/usr", "/reveille", "/etc") if os.access(path, os.W_OK)],
    "variables": sorted(os.environ),
}))
"""


def inside(tmp_path: Path, *program: str) -> subprocess.CompletedProcess[str]:
    place = tmp_path / "sandbox"
    place.mkdir()
    user = bubblewrap.own_user("")
    bubblewrap.furnish(place, user)
    filtering = os.memfd_create("filter", 0)
    try:
        os.write(filtering, system_calls.program())
        os.lseek(filtering, 0, os.SEEK_SET)
        return subprocess.run(
            bubblewrap.command(program, place, None, user, filtering),
            env={**bubblewrap.environment()},
            pass_fds=(filtering,),
            preexec_fn=bubblewrap.limit,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(filtering)


def test_it_sees_and_reaches_nothing_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "credential").write_text("MARKER")
    hidden = [
        str(tmp_path / "credential"),
        "/etc/shadow",
        "/run",
        "/var",
        "/home",
        "/sys",
        "/proc/1/root/etc",
    ]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = inside(
            tmp_path, sys.executable, "-c", PROBE, str(listening.getsockname()[1]), *hidden
        )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen["user"] != 0
    assert seen["groups"] in ([], [seen["user"]])
    assert all(int(rights, 16) == 0 for rights in seen["rights"])
    assert seen["gains_none"] == "1"
    assert seen["processes"] < 5
    assert not seen["reached"]
    assert seen["vsock"] == seen["packet"] == seen["namespace"] == seen["mount"] == 1
    assert seen["trace"] == 1
    assert seen["sees"] == []
    assert seen["writes"] == []
    assert set(seen["variables"]) <= {
        "HOME",
        "LC_ALL",
        "LC_CTYPE",
        "PATH",
        "PYTHONPATH",
        "TMPDIR",
        "PWD",
    }


def test_a_server_in_there_can_start_no_program(tmp_path: Path) -> None:
    told = (
        f"import sys; sys.path.insert(0, {str(Path(no_programs.__file__).parent)!r});"
        "import no_programs, os, subprocess;"
        "assert no_programs.restrict([os.path.realpath(sys.executable)]);"
        "subprocess.run([sys.executable, '-c', 'print(1)'], check=True);"
        "subprocess.run(['/bin/sh', '-c', 'echo shell'])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False)
    if "AssertionError" in done.stderr:
        pytest.skip("this kernel has no Landlock")
    assert done.stdout == "1\n"
    assert "PermissionError" in done.stderr
