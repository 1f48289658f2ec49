"""A server is lost, with the monitor on it. What is left is its recovery image, as a medium: a bare
Debian becomes it again by the commands of the HOW-TO and of each RESTORE.md, and nothing else.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.house.source import ROOT
from tests.loopback import compared_alone as alone
from tests.systemd import fresh_root

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]

SITE = """
state = "/var/lib/reveille"
include = ["more/*.toml"]
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"
"""
CHECK = """
[checks.{name}]
kind = "backup"
at = ["04:00"]
engine = "{engine}"
path = "{path}"
folder = "/var/backups/{name}"
"""
BACKED_UP = {
    "application": ("directory", "/opt/calls"),
    "records": ("sqlite", "/var/lib/calls/cdr.sqlite"),
    "etc": ("directory", "/etc"),
}
# The program itself is installed by its own pages, which other tests go through.
REVEILLE = 'reveille() { python3 -P -m monitor.cli "$@"; }\nset -e\n'
_LIBRARIES = "/mnt\n/mnt/.venv/lib/python3.11/site-packages\n"
_PACKAGE = "libjs-jquery"
_WITHIN = 900.0


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if lacking := fresh_root.what_is_missing():
        pytest.skip(f"no root folder can be made here: {lacking}")
    root = tmp_path_factory.mktemp("recovery") / "base"
    fresh_root.build(
        root, "bookworm", default=False, included="python3,zstd,tzdata,ca-certificates"
    )
    place = root / "usr/local/lib/python3.11/dist-packages"
    place.mkdir(parents=True, exist_ok=True)
    (place / "reveille.pth").write_text(_LIBRARIES)
    yield root
    shutil.rmtree(root)


def another(base: Path, name: str) -> Path:
    subprocess.run(["cp", "-a", base, base.with_name(name)], check=True)
    return base.with_name(name)


def run(root: Path, commands: str) -> str:
    status, said = fresh_root.run(root, f"bash -c '{quoted(commands)}'", _WITHIN, ROOT)
    assert status == 0, said[-3000:]
    return said


def quoted(commands: str) -> str:
    return (REVEILLE + commands).replace("'", "'\\''")


def set_up(root: Path) -> None:
    """An application, its records, prompts, settings, and a monitor on the same host."""
    for folder in ("opt/calls/prompts", "var/lib/calls", "etc/reveille/more", "var/lib/reveille",
                   "etc/systemd/system/reveille.service.d"):  # fmt: skip
        (root / folder).mkdir(parents=True)
    (root / "opt/calls/prompts/welcome.wav").write_bytes(bytes(range(256)) * 40)
    (root / "opt/calls/run.sh").write_text("#!/bin/sh\n")
    (root / "opt/calls/run.sh").chmod(0o4750)
    (root / "etc/calls.conf").write_text("trunk = a\n")
    (root / "etc/calls.conf").chmod(0o640)
    with closing(sqlite3.connect(root / "var/lib/calls/cdr.sqlite")) as database, database:
        database.execute("CREATE TABLE cdr (id INTEGER PRIMARY KEY, src TEXT)")
        database.executemany("INSERT INTO cdr(src) VALUES (?)", [(str(n),) for n in range(500)])
    (root / "etc/reveille/reveille.toml").write_text(SITE)
    (root / "etc/systemd/system/reveille.service.d/nice.conf").write_text("[Service]\nNice=5\n")
    for name, (engine, path) in BACKED_UP.items():
        written = CHECK.format(name=name, engine=engine, path=path)
        (root / f"etc/reveille/more/{name}.toml").write_text(written)


def commands_of(text: str) -> str:
    return "\n".join(re.findall(r"^    (\S.*)$", text, re.MULTILINE))


def test_a_bare_debian_becomes_the_server_again(base: Path) -> None:
    lost, bare = another(base, "lost"), another(base, "bare")
    set_up(lost)
    run(lost, f"apt-get -q update; apt-get -q -y install {_PACKAGE} xorriso\n"
        "export LC_ALL=C.UTF-8; for name in application records etc; do reveille once $name; done\n"
        "reveille run & until reveille tickets open --request --text 'one more trunk'; do"
        " sleep 0.5; done; kill %1; wait || true\n"  # asked again
        "reveille backup image --medium --to /root/image.tar.iso")  # fmt: skip
    held = {path: alone.of_folder(lost / path) for path in ("opt/calls", "etc/reveille")}
    records = alone.of_sqlite(lost / "var/lib/calls/cdr.sqlite")

    # A medium is read by whoever has it: here by xorriso, which needs no loop device.
    (place := bare / "root/image").mkdir()
    extract = ["xorriso", "-osirrox", "on", "-indev", lost / "root/image.tar.iso", "-extract", "/"]
    subprocess.run([*map(str, extract), str(place / "medium")], check=True, capture_output=True)
    run(bare, "cd /root/image/medium && sha256sum -c SHA256SUMS && tar -xf image.tar -C ..")
    shutil.rmtree(lost)

    how_to = (place / "HOW-TO.md").read_text()
    first, after = how_to.partition("\n1. ")[2].split("\n2. ")
    run(bare, f"cd /root/image\n{commands_of(first)}")
    for name in BACKED_UP:
        [folder] = (place / "backups" / name).iterdir()
        text = commands_of((folder / "RESTORE.md").read_text())
        if name == "etc":
            text = text.replace("mkdir plain", "export TARGET=/root/etc.was; mkdir plain", 1)
        run(bare, f"cd /root/image/backups/{name}/{folder.name}\n{text}")
    run(bare, "cp -a /root/etc.was/calls.conf /etc/")
    run(bare, f"cd /root/image\n{commands_of(after)}\nmkdir -p /var/lib/reveille")
    run(bare, f"cd /root/image/ledger/2*\n{commands_of(restore_of(place / 'ledger'))}")

    assert f"{_PACKAGE}\t" in (place / "host/packages-by-hand.tsv").read_text()
    assert (bare / "usr/share/doc" / _PACKAGE).is_dir()
    assert alone.differences(held["opt/calls"], alone.of_folder(bare / "opt/calls")) == []
    assert alone.differences(records, alone.of_sqlite(bare / "var/lib/calls/cdr.sqlite")) == []
    assert (bare / "etc/calls.conf").stat().st_mode & 0o777 == 0o640
    assert (bare / "etc/systemd/system/reveille.service.d/nice.conf").exists()
    names = set(alone.of_folder(bare / "etc/reveille"))
    assert set(held["etc/reveille"]) <= names
    assert "one more trunk" in run(bare, "reveille check-config; reveille tickets || true")


def restore_of(ledger: Path) -> str:
    [folder] = ledger.iterdir()
    return (folder / "RESTORE.md").read_text()
