"""A host's file system in a folder, with packages that the real dpkg installed; and what intruders
leave on it.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import time
from pathlib import Path

_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)
_RECORD = struct.Struct("=hxxi32s4s32s256shhiii4i20s")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{} {}"


class Planted:
    """A small Debian host under `root`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "host"
        self._packages = folder / "packages"
        self.root.mkdir(parents=True)
        self._packages.mkdir()
        for place in ("etc/cron.d", "etc/sudoers.d", "etc/ssh", "etc/systemd/system", "usr/bin",
                      "usr/sbin", "usr/lib/systemd/system", "var/log", "var/spool/cron/crontabs",
                      "tmp", "home/anna/.ssh", "root/.ssh", "boot", "proc", "var/lib/dpkg/info",
                      "var/lib/dpkg/updates"):  # fmt: skip
            (self.root / place).mkdir(parents=True, exist_ok=True)
        for name in ("bin", "sbin", "lib"):
            (self.root / name).symlink_to(f"usr/{name}")
        self.write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
                   "anna:x:1000:1000::/home/anna:/bin/bash\n"
                   "www-data:x:33:33::/var/www:/usr/sbin/nologin\n")  # fmt: skip
        self.write(
            "etc/shadow",
            "root:$y$j9T$abc:19000:0:99999:7:::\nanna:$y$j9T$def:19000:::::\n"
            "www-data:*:19000:::::\n",
        )
        self.write("etc/group", "root:x:0:\nsudo:x:27:anna\nanna:x:1000:\n")
        self.write(
            "etc/sudoers", "Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n"
        )
        self.write(
            "etc/ssh/sshd_config",
            "PermitRootLogin no\nAuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u\n",
        )
        self.write("home/anna/.ssh/authorized_keys", KEY.format("A" * 43, "anna@laptop") + "\n")
        self.write("etc/crontab", "17 * * * * root run-parts /etc/cron.hourly\n")
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("boot/vmlinuz", "kernel")
        self.write("proc/modules", "ext4 1 0 - Live 0x0\nvirtio 1 0 - Live 0x0\n")
        self.write("var/lib/dpkg/status", "")
        for log in ("wtmp", "btmp"):
            (self.root / "var/log" / log).touch()
        self.program("usr/bin/local-tool")

    def copied(self, folder: Path) -> Planted:
        """The same host once more, in another folder; nothing can be installed on it."""
        shutil.copytree(self.root, folder / "host", symlinks=True)
        copy = Planted.__new__(Planted)
        copy.root = folder / "host"
        return copy

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        """A file with this content."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def append(self, path: str, text: str) -> None:
        with (self.root / path).open("a") as file:
            file.write(text)

    def program(self, path: str, mode: int = 0o755, content: bytes = b"") -> Path:
        """A program of its own."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_ELF + content)
        file.chmod(mode)
        return file

    def log_in(
        self, account: str, origin: str, log: str = "wtmp", when: float | None = None
    ) -> None:
        """A record of somebody who came in (wtmp), or did not (btmp)."""
        moment = int(time.time() if when is None else when)
        kind = 7 if log == "wtmp" else 6
        words = (b"pts/0", b"ts/0", account.encode(), origin.encode())
        line, identity, user, host = words
        record = _RECORD.pack(
            kind, 1, line, identity, user, host, 0, 0, 1, moment, 0, 0, 0, 0, 0, bytes(20)
        )
        with (self.root / "var/log" / log).open("ab") as file:
            file.write(record)

    def install(self, name: str, version: str, files: dict[str, bytes], postinst: str = "") -> None:
        """Build a package and have dpkg install or upgrade it; its log is the host's."""
        build = self._packages / f"{name}-{version}"
        for path, content in files.items():
            file = build / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            privileged = stat.S_ISUID if b"SETUID" in content else 0
            file.chmod(0o755 | privileged if "bin/" in path else 0o644)
        (build / "DEBIAN").mkdir(parents=True)
        fields = {
            "Package": name,
            "Version": version,
            "Architecture": "all",
            "Maintainer": "T <t@example.net>",
        }
        control = "".join(f"{field}: {value}\n" for field, value in fields.items())
        (build / "DEBIAN/control").write_text(f"{control}Description: for a test\n")
        conffiles = [f"/{path}\n" for path in files if path.startswith("etc/")]
        (build / "DEBIAN/conffiles").write_text("".join(conffiles))
        sums = [f"{_md5(build / path)}  {path}\n" for path in files if not path.startswith("etc/")]
        (build / "DEBIAN/md5sums").write_text("".join(sums))
        if postinst:
            (build / "DEBIAN/postinst").write_text(f"#!/bin/sh\n{postinst}\n")
            (build / "DEBIAN/postinst").chmod(0o755)
        package = self._packages / f"{name}_{version}.deb"
        _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(build), str(package))
        where = [
            f"--root={self.root}",
            f"--log={self.root}/var/log/dpkg.log",
            "--force-not-root",
            "--force-confnew",
        ]
        _run(
            "dpkg",
            *where,
            "--force-script-chrootless",
            "--force-depends",
            "--install",
            str(package),
        )


def _md5(file: Path) -> str:
    return _run("md5sum", str(file)).split()[0]


def _run(*command: str) -> str:
    environment = {**os.environ, "LC_ALL": "C", "DPKG_MAINTSCRIPT_DEBUG": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
