"""A bare Debian to install on, as an administrator meets one: a mail server, a web site, a
database, a way to this source and to a package index; nothing of Reveille.

There is no network in it: the source is a repository in it under the address that the documentation
names, the index a folder of wheels.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from email import message_from_string, policy
from pathlib import Path

from tests.house.source import ROOT, files
from tests.house.supply import locked
from tests.systemd.machine import SYSTEM, Machine

PACKAGES = "git,python3-venv,postfix,postgresql,curl,man-db,bash-completion"
ADDRESS = "https://your.git.server/"
"""where the documentation says that the source is"""
_PIP = "[global]\nno-index = true\nfind-links = /srv/wheels\n"
_GIT = f'[url "file:///srv/source/"]\n\tinsteadOf = {ADDRESS}\n[safe]\n\tdirectory = *\n'
SITE = """[Unit]
Description=a web site to watch
[Service]
ExecStart=/usr/bin/python3 -m http.server 8080 --bind 127.0.0.1 --directory /srv/site
"""


def bare(folder: Path, packages: str = PACKAGES) -> Machine:
    """Built and booted. Needs a Debian mirror and a package index; a minute or two."""
    machine = Machine(folder / "root")
    machine.build(packages)
    wheels(machine.root / "srv/wheels")
    source(machine.root / "srv/source/reveille")
    machine.put("/etc/pip.conf", _PIP)
    machine.put("/etc/gitconfig", _GIT)
    machine.put("/etc/systemd/system/site.service", SITE)
    machine.put("/srv/site/index.html", "<h1>Welcome</h1>\n")
    machine.boot()
    # Debian's Postfix listens on loopback, which has no IPv6 here.
    machine.run("postconf", "-e", "inet_interfaces=127.0.0.1", "inet_protocols=ipv4")
    machine.run("systemctl", "restart", "postfix", "site")
    machine.run("useradd", "--create-home", "ops")
    return machine


def wheels(folder: Path) -> None:
    """All that the environment of the machine is made from, each as the lock has it."""
    folder.mkdir(parents=True, exist_ok=True)
    # pip would read the markers of a lock as for the Python that it runs under itself.
    of = {"python_version": SYSTEM.python, "python_full_version": f"{SYSTEM.python}.0"}
    (asked := folder.parent / "wheels.txt").write_text(
        "".join(
            f"{one.name}=={one.version} {' '.join(f'--hash={digest}' for digest in one.hashes)}\n"
            for one in locked("lab")
            if one.requirement.marker is None or one.requirement.marker.evaluate(of)
        )
    )
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:")
    how = (f"--python-version={SYSTEM.python}", "--no-deps", "--require-hashes")
    subprocess.run([*download, *how, "--dest", folder, "-r", asked], check=True)


def source(folder: Path) -> None:
    """The checkout as it is now, as a repository of its own."""
    for path in files():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place)
    git = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@localhost")
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run([*git, *words], check=True, capture_output=True)


def blocks(page: str, reason: str = "on the server") -> list[str]:
    """The commands of a page for an administrator, a block each, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(r"^```sh ([^\n]*)\n(.*?)^```", text, re.M | re.S)
    return [block for why, block in found if why == reason]


def letters(machine: Machine, person: str) -> list[str]:
    """What has arrived in somebody's mailbox, a text each, the oldest first."""
    box = machine.root / "var/mail" / person
    text = box.read_text(encoding="utf-8", errors="replace") if box.exists() else ""
    return [letter for letter in re.split(r"(?m)^(?=From \S+ )", text) if letter.strip()]


def subject(letter: str) -> str:
    """Its subject on one line: a long one is folded on the wire, also before its first word (RFC
    5322, section 2.2.3).
    """
    return str(message_from_string(letter, policy=policy.default)["Subject"]).strip()
