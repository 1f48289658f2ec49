"""A Debian of its own that nobody has touched, entered without a boot: a root folder (mmdebstrap),
process and mount namespaces of its own, the host's network and way to its package registries.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

# What the namespace sees of the kernel; all of it goes with its last process.
_ENTER = """
mount --make-rprivate / && mount --bind "$0" "$0"
mount -t proc proc "$0/proc" && mount -t sysfs -o ro sysfs "$0/sys"
mount --bind /dev "$0/dev" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"
mount -t tmpfs tmpfs "$0/dev/shm"
if [ -n "$2" ]; then mount --bind -o ro "$2" "$0/mnt"; fi
exec chroot "$0" /usr/bin/env -i HOME=/root LANG=C.UTF-8 \\
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$1"
"""
_AUTHORITIES = "etc/ssl/certs/ca-certificates.crt"
# As a person has it who has installed Debian and then git: with recommended packages, exim4 and
# systemd-timesyncd among them.
_DEFAULT = ("--variant=standard", '--aptopt=Apt::Install-Recommends "true"')
_INCLUDED = "ca-certificates,git,python3,python3-venv"


def what_is_missing() -> str:
    """Why no root can be made here; "" when one can."""
    if os.geteuid() != 0:
        return "a root folder needs root"
    return ", ".join(tool for tool in ("mmdebstrap", "unshare") if shutil.which(tool) is None)


def build(root: Path, suite: str, default: bool = True, included: str = _INCLUDED) -> None:
    """A default installation, or else a minimal one, of a suite of Debian; minutes."""
    variant = _DEFAULT if default else ("--variant=minbase",)
    subprocess.run(
        ["mmdebstrap", "--quiet", *variant, f"--include={included}", suite, root], check=True
    )
    # A registry that is reached through a mirror is trusted by an authority of the host's.
    for path in ("etc/resolv.conf", _AUTHORITIES):
        shutil.copy(f"/{path}", root / path)
    (root / "etc" / "pip.conf").write_text(f"[global]\ncert = /{_AUTHORITIES}\n")


def run(root: Path, command: str, within: float, share: Path | str = "") -> tuple[int, str]:
    """Its exit code, and all that it said; `share` is seen as /mnt, read-only. Nothing that it
    started is left. Raises TimeoutExpired.
    """
    apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
    done = subprocess.run(
        [*apart, "sh", "-c", _ENTER, root, command, share],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=within,
        check=False,
    )
    return done.returncode, done.stdout
