"""The how-to pages of docs/ do what they say: every block is taken out and run, on a copy of the
house.

```LANGUAGE FILE is written to that file: of the house's copy, or of a scratch folder. ```diff FILE
is put into that file of the copy: the lines with `+` behind those with a space. ```sh is run by
bash in the scratch folder, where `reveille` is the copy's command, and ```text after it must be
found, line by line, in what was said.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.house.source import ROOT, WINGS

PAGES = sorted((ROOT / "docs").glob("how-to-add-a-*.md"))
LONGEST_SECONDS = 240
"""for one block of `sh`: a daemon is started in one of them"""
BANNER = "SSH-2.0-practice"


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Language, file and text of each block."""
    for block in re.finditer(
        r"^```(\w+) ?(.*?)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S
    ):
        yield block[1], block[2], block[3]


class Copy:
    """The house beside a scratch folder; what a page changes is its own file there, all else is
    linked."""

    def __init__(self, folder: Path) -> None:
        self.house, self.scratch = folder / "house", folder / "scratch"
        for wing in WINGS:
            # What is compiled comes along: it is held to the time of the file that a link leads to.
            shutil.copytree(ROOT / wing, self.house / wing, copy_function=os.symlink)
        self.scratch.mkdir()
        command = folder / "bin" / "reveille"
        command.parent.mkdir()
        command.write_text(
            f'#!/bin/sh\nexec {sys.executable} -m monitor.cli "$@"\n', encoding="utf-8"
        )
        command.chmod(0o755)
        self._environment = {
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "HOME": str(self.scratch),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(self.house),
        }

    def write(self, file: str, text: str) -> None:
        """A whole file."""
        in_the_house = file.split("/")[0] in WINGS
        path = (self.house if in_the_house else self.scratch) / file
        assert not (in_the_house and path.exists()), f"{file} is there already"
        path.write_text(text, encoding="utf-8")

    def insert(self, file: str, text: str) -> None:
        """Lines into a file of the house."""
        path = self.house / file
        was = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] == " ")
        after = "".join(f"{line[1:]}\n" for line in lines)
        assert was.count(before) == 1, f"{file} has no such place"
        assert sum(line[0] == "+" for line in lines) == 1, "one line is what is promised"
        path.unlink()
        path.write_text(was.replace(before, after), encoding="utf-8")

    def run(self, script: str) -> str:
        """What a block of `sh` says; it must end well."""
        script = re.sub(
            r"\breveille (?!--config|reference)", "reveille --config reveille.toml ", script
        )
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.scratch,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, name: str, module: str, points: str) -> None:
        """A distribution of somebody else's, as pip leaves it behind."""
        site = self.house.parent / "site"
        about = site / f"{name.replace('-', '_')}-1.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n", encoding="utf-8"
        )
        (about / "entry_points.txt").write_text(points, encoding="utf-8")
        (site / "reveille_ssh.py").write_text(module, encoding="utf-8")
        self._environment["PYTHONPATH"] += f":{site}"


class Greeting(socketserver.StreamRequestHandler):
    """A server that greets as SSH does, and hears nothing."""

    def handle(self) -> None:
        self.wfile.write(f"{BANNER}\r\n".encode())


@pytest.fixture(scope="module")
def ssh_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeting) as server:
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield server.server_address[1]
        server.shutdown()
        serving.join()


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def play(page: Path, copy: Copy, port: int) -> None:
    """Every block of a page, in its order."""
    said = ""
    for language, file, text in blocks(page):
        if language == "sh":
            said = copy.run(text)
        elif language == "text":
            missing = [line for line in text.splitlines() if line not in said]
            assert not missing, (missing, said)
        elif language == "diff":
            copy.insert(file, text)
        else:
            copy.write(file, text.replace("port = 22\n", f"port = {port}\n"))


def test_every_page_is_there() -> None:
    assert {page.stem.rpartition("-")[2] for page in PAGES} == {"kind", "desk", "policy"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, copy: Copy, ssh_port: int) -> None:
    assert {language for language, _, _ in blocks(page)} >= {"toml", "sh", "text"}
    play(page, copy, ssh_port)


def test_a_kind_from_outside_is_one_file_and_its_entry_point(copy: Copy, ssh_port: int) -> None:
    """The same file under another name, installed as a distribution: sample, duty and layer are
    there too."""
    page = next(page for page in PAGES if page.stem.endswith("kind"))
    written = {file: text for _, file, text in blocks(page) if file}
    module = written["checks/network/ssh_banner.py"].replace('"ssh-banner"', '"ssh-banner-of-ours"')
    module = module.replace(
        "    SAMPLE:", '    COMPONENT: ClassVar[str] = "jump-host"\n    SAMPLE:'
    )
    (points,) = tomllib.loads(written["pyproject.toml"])["project"]["entry-points"].items()
    lines = [f"{name} = {where}" for name, where in points[1].items()]
    copy.install("reveille-ssh", module, "\n".join([f"[{points[0]}]", *lines]) + "\n")
    configured = written["reveille.toml"].replace('"ssh-banner"', '"ssh-banner-of-ours"')
    copy.write("reveille.toml", configured.replace("port = 22\n", f"port = {ssh_port}\n"))

    reference = copy.run("reveille reference --all")
    section = reference[reference.index('kind = "ssh-banner-of-ours"') :]
    assert "duty in the daily checklist: servers" in section[:300]
    assert "Layer: application" in section[:300]
    assert "component: jump-host" in section[:300]
    effective = json.loads(copy.run("reveille --config reveille.toml --json check-config"))[
        "configuration"
    ]
    assert effective["checks"]["pbx-ssh"]["component"] == "jump-host"
    assert "`banner_seconds`" in section
    copy.run("reveille --config sample.toml init --everything")
    sample = (copy.scratch / "sample.toml").read_text(encoding="utf-8")
    assert "\n[checks.pbx-ssh]\n" in sample
    assert "good" in copy.run("reveille --config sample.toml check-config")
    assert BANNER in copy.run("reveille once pbx-ssh")
    begun = "reveille run & until reveille tickets > tickets.txt 2>&1; do sleep 0.2; done"
    until_there = f"{begun}; kill $!; wait $! || true"
    copy.run(until_there)
    audit = copy.run("reveille audit")
    checklist = audit[audit.index("DAILY CHECKLIST") :]
    assert "✓ Servers and databases are well" in checklist
