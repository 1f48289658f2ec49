"""A recovery image is fetched by SFTP with a key and by HTTPS with a password, from servers that
are set up as the page says; whoever has neither gets nothing, and what was fetched comes back.
"""

from __future__ import annotations

import grp
import os
import re
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.cli import main
from tests.house.source import ROOT
from tests.loopback import compared_alone as alone
from tests.loopback.backup_world import World, fault_of, sqlite_world
from tests.loopback.certificates import Authority
from tests.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]

SITE = """
state = "{folder}/state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"

[checks.records]
kind = "backup"
at = ["04:00"]
engine = "sqlite"
path = "{folder}/cdr.sqlite"
folder = "{folder}/kept"
"""
SSHD, NGINX = shutil.which("sshd", path="/usr/sbin"), shutil.which("nginx", path="/usr/sbin")
_PATIENCE_SECONDS = 30.0
_HTTP = """
daemon off; pid {here}/nginx.pid; error_log stderr; user root;
events {{}}
http {{
  access_log off; client_body_temp_path {here}; proxy_temp_path {here}; fastcgi_temp_path {here};
  uwsgi_temp_path {here}; scgi_temp_path {here};
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};
  {location} }}
}}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = sqlite_world(tmp_path / "world", records=200)
    (world.folder / "reveille.toml").write_text(SITE.format(folder=world.folder))
    assert fault_of(world.take()) == ""
    (images := tmp_path / "images").mkdir()
    said = main(["backup", "image", "--config", str(world.folder / "reveille.toml"),
                 "--to", str(images / "reveille-image.tar")])  # fmt: skip
    assert said == 0
    return world


def block(title: str) -> str:
    """What the page shows, to the letter."""
    text = (ROOT / "docs/own-backup.md").read_text(encoding="utf-8")
    found = re.search(rf"(?ms)^```\w+ {re.escape(title)}\n(.*?)^```", text)
    assert found is not None
    return found[1]


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except OSError:
        return False
    return True


@contextmanager
def serving(port: int, *command: str) -> Iterator[None]:
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not answers(port):
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.05)  # asked again
            yield
        finally:
            process.terminate()


def fetched(command: Sequence[object], into: Path) -> int:
    into.mkdir(exist_ok=True)
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=into, capture_output=True, check=False).returncode


def comes_back(world: World, into: Path) -> None:
    """All that is in it, by the text that lies beside it."""
    with tarfile.open(into / "reveille-image.tar") as image:
        image.extractall(into / "image", filter="data")
    [folder] = (into / "image/backups/records").iterdir()
    text = (folder / "RESTORE.md").read_text()
    commands = "\n".join(re.findall(r"^    (\S.*)$", text, re.MULTILINE))
    commands = commands.replace("mkdir plain", f"export TARGET={into}/back.sqlite; mkdir plain", 1)
    subprocess.run(["bash", "-ec", commands], cwd=folder, check=True, capture_output=True)
    live = alone.of_sqlite(world.folder / "cdr.sqlite")
    assert alone.differences(live, alone.of_sqlite(into / "back.sqlite")) == []


@pytest.mark.skipif(not SSHD or os.geteuid() != 0, reason="needs sshd, and root for it")
def test_by_sftp_with_a_key(world: World, tmp_path: Path) -> None:
    for name in ("host", "mine", "another"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(words, check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    (tmp_path / "allowed").write_text((tmp_path / "mine.pub").read_text())
    group = grp.getgrgid(os.getgid()).gr_name
    shown = block("sshd_config").replace("Group images", f"Group {group}")
    (tmp_path / "sshd_config").write_text(
        f"HostKey {tmp_path}/host\nAuthorizedKeysFile {tmp_path}/allowed\nStrictModes no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPidFile none\n"
        "Subsystem sftp internal-sftp\n"
        f"UsePAM yes\nPermitRootLogin yes\n{shown.replace('/srv/images', str(tmp_path / 'images'))}"
    )
    port = free_port()
    options = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path}/known",
               "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-P", port]  # fmt: skip
    place = f"root@127.0.0.1:{tmp_path}/images/reveille-image.tar"
    config = str(tmp_path / "sshd_config")
    with serving(
        port, str(SSHD), "-D", "-e", "-f", config, "-p", str(port), "-o", "ListenAddress=127.0.0.1"
    ):
        assert fetched(["sftp", *options, "-i", tmp_path / "another", place], tmp_path / "x")
        assert fetched(["sftp", *options, "-i", tmp_path / "mine", place], tmp_path / "mine.d") == 0
        (tmp_path / "batch").write_text(f"rm {tmp_path}/images/reveille-image.tar\n")
        removing = [
            "sftp",
            *options,
            "-b",
            tmp_path / "batch",
            "-i",
            tmp_path / "mine",
            "root@127.0.0.1",
        ]
        assert fetched(removing, tmp_path / "x")
    assert (tmp_path / "images/reveille-image.tar").exists()
    comes_back(world, tmp_path / "mine.d")


@pytest.mark.skipif(not NGINX or os.geteuid() != 0, reason="needs nginx, and root for it")
def test_by_https_with_a_password(world: World, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.issue("localhost", "127.0.0.1")
    hashed = subprocess.run(
        ["openssl", "passwd", "-apr1", "right"], capture_output=True, check=True
    )
    (tmp_path / "images.htpasswd").write_bytes(b"night:" + hashed.stdout)
    location = block("images.conf").replace("/etc/nginx/", f"{tmp_path}/")
    location = location.replace("/srv/images", str(tmp_path / "images"))
    port = free_port()
    (tmp_path / "nginx.conf").write_text(
        _HTTP.format(here=tmp_path, port=port, pem=tmp_path / "server.pem", location=location)
    )
    for name, password in (("right", "right"), ("wrong", "wrong")):
        (tmp_path / name).write_text(f"machine localhost login night password {password}\n")
    fetch = ["curl", "--fail", "--silent", "-O", "--cacert", authority.file]
    place = f"https://localhost:{port}/images/reveille-image.tar"
    with serving(port, str(NGINX), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)):
        assert fetched([*fetch, place], tmp_path / "x")
        assert fetched([*fetch, "--netrc-file", tmp_path / "wrong", place], tmp_path / "x")
        assert fetched([*fetch, "--netrc-file", tmp_path / "right", place], tmp_path / "r") == 0
    comes_back(world, tmp_path / "r")
