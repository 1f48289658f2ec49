"""A recovery image: what the configuration names is in it, no secret is, and a backup that is not
what was proven is none.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pyrage
import pytest

from lab import prompts
from monitor.cli import main
from monitor.verbs.image_host import host_files
from tests.loopback.backup_world import World, fault_of, sqlite_world

SITE = """
state = "{folder}/state"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"

[lines.trunk]
registrar = "127.0.0.1"
user = "monitor"
password = {{ file = "line-password.txt" }}

[checks.main-number]
kind = "sip-call"
line = "trunk"
to = "8000"
every = "5m"
script = [ {{ hear = "prompts/welcome.wav", within = "6s" }} ]

[checks.records]
kind = "backup"
at = ["04:00"]
engine = "sqlite"
path = "{folder}/cdr.sqlite"
folder = "{folder}/kept"
copies = [ {{ rclone = "far:backups", config = "rclone.conf" }} ]
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = sqlite_world(tmp_path / "world", records=10)
    (world.folder / "state").mkdir()
    (world.folder / "reveille.toml").write_text(SITE.format(folder=world.folder))
    (world.folder / "line-password.txt").write_text("MARKER-line\n")
    (world.folder / "rclone.conf").write_text("secret_access_key = MARKER-rclone\n")
    (world.folder / "identity.txt").write_text("AGE-SECRET-KEY-1MARKER\n")
    (world.folder / "prompts").mkdir()
    welcome = next(Path(prompts.__file__).parent.glob("welcome*.wav"))
    shutil.copy(welcome, world.folder / "prompts" / "welcome.wav")
    world.settings["state"] = str(world.folder / "state")
    assert fault_of(world.take()) == ""
    return world


def image(world: World, *more: str) -> tuple[int, Path]:
    written = world.folder / "image.tar"
    verb = ["--config", str(world.folder / "reveille.toml")]
    return main(["backup", "image", *verb, "--to", str(written), *more]), written


def names(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        return {one.name: file.read() for one in members if (file := tar.extractfile(one))}


def test_what_a_restore_needs_is_in_it_and_no_secret(world: World) -> None:
    code, written = image(world)
    assert code == 0
    found = names(written.read_bytes())
    assert {"configuration/reveille.toml", "configuration/prompts/welcome.wav"} < set(found)
    assert f"backups/records/{world.newest().name}/manifest.json" in found
    assert not [name for name, content in found.items() if b"MARKER" in content]
    assert not [name for name in found if "backup.key" in name]


def test_secrets_leave_encrypted_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert image(world, "--with-secrets")[0] == 2
    assert "encrypted alone" in capsys.readouterr().err
    key = pyrage.x25519.Identity.generate()
    code, written = image(world, "--with-secrets", "--recipient", str(key.to_public()))
    assert code == 0
    assert b"MARKER" not in written.read_bytes()
    found = names(pyrage.decrypt(written.read_bytes(), [key]))
    assert b"MARKER-line" in found["secrets/line-password.txt"]
    assert b"MARKER-rclone" in found["secrets/rclone.conf"]


def test_a_backup_whose_files_are_gone_is_neither_proven_nor_packed(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """`rm files.tar.zst`, and all said "proven" as before."""
    verb = ["--config", str(world.folder / "reveille.toml")]
    assert main(["backup", "list", *verb]) == 0
    world.artefact("database.").unlink()
    assert main(["backup", "list", *verb]) == 1
    assert "is not there" in capsys.readouterr().out
    code, written = image(world)
    assert code == 1
    assert not [name for name in names(written.read_bytes()) if name.startswith("backups/")]
    assert fault_of(world.restore(str(world.folder / "back"))) == "restore: missing"


def test_a_flipped_bit_is_not_packed(world: World) -> None:
    path = world.artefact("database.")
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    code, written = image(world)
    assert code == 1
    assert not [name for name in names(written.read_bytes()) if name.startswith("backups/")]


def test_what_another_has_written_is_said(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    verb = ["--config", str(world.folder / "reveille.toml")]
    # Changed, with its seal as it was: it is no backup.
    seal = world.newest() / "manifest.seal"
    world.rewrite_manifest(lambda body: body.update(source="another"))
    assert main(["backup", "list", *verb]) == 1
    assert "changed after it was sealed" in capsys.readouterr().out
    # Without its seal, as one of release 0.1.0: it can be restored, and that is said.
    seal.unlink()
    (world.newest() / "proof.seal").unlink()
    main(["backup", "list", *verb])
    assert "unsealed" in capsys.readouterr().out
    seen = world.restore(str(world.folder / "back"))
    assert fault_of(seen) == ""
    assert any("unsealed" in warning for warning in seen.warnings)


STATUS = """Package: sqlite3
Status: install ok installed
Architecture: amd64
Version: 3.40.1-2
Description: a shell
 Version: 9

Package: gone
Status: deinstall ok config-files
Version: 1

Package: libsqlite3-0
Status: install ok installed
Version: 3.40.1-2
"""
FILES = {
    "var/lib/dpkg/status": STATUS,
    "var/lib/apt/extended_states": "Package: libsqlite3-0\nAuto-Installed: 1\n",
    "etc/apt/sources.list.d/vendor.sources": (
        "Types: deb\nURIs: https://night:MARKER@deb.example.net/\nSigned-By: /opt/keys/vendor.asc\n"
    ),
    "etc/apt/auth.conf": "machine deb.example.net login night password MARKER\n",
    "opt/keys/vendor.asc": "a key",
    "etc/systemd/system/reveille.service.d/nice.conf": (
        "[Service]\nNice=5\nSetCredential=smtp:\\\n MARKER\nKeyringMode=shared\n"
        'Environment="SMTP_PASSWORD=MARKER 1" A=1 TOKEN=MARKER\nNice=6\n'
    ),
}


def test_the_hosts_packages_are_named_with_versions_and_sources(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    found = host_files(tmp_path).packed
    assert found["host/packages.tsv"] == b"libsqlite3-0\t3.40.1-2\nsqlite3\t3.40.1-2\n"
    assert found["host/packages-by-hand.tsv"] == b"sqlite3\t3.40.1-2\n"
    assert found["host/opt/keys/vendor.asc"] == b"a key"
    assert b"https://deb.example.net/" in found["host/etc/apt/sources.list.d/vendor.sources"]
    unit = found["host/etc/systemd/system/reveille.service.d/nice.conf"].decode()
    assert re.findall(r"(?m)^[^#\n]+", unit) == [
        "[Service]", "Nice=5", "KeyringMode=shared", 'Environment="SMTP_PASSWORD=" A=1 TOKEN=',
        "Nice=6",
    ]  # fmt: skip
    assert not [name for name, content in found.items() if b"MARKER" in content]
    assert host_files(tmp_path / "elsewhere").packed == {}


def test_a_file_that_cannot_be_read_or_is_too_much_is_left_out_and_named(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    keyrings = tmp_path / "etc/apt/keyrings"
    keyrings.mkdir()
    # Nothing lies at the begin of a process' memory: nobody reads it, root included.
    (keyrings / "broken.gpg").symlink_to("/proc/self/mem")
    for number in range(7):
        with (keyrings / f"large-{number}.gpg").open("wb") as file:
            file.truncate(9_000_000 if number else 10_000_001)
    found = host_files(tmp_path)
    assert found.left_out == {
        "/etc/apt/keyrings/broken.gpg": "Input/output error",
        "/etc/apt/keyrings/large-0.gpg": "File too large",
        "/etc/apt/keyrings/large-6.gpg": "File too large",
    }
    assert sum(map(len, found.packed.values())) < 50_100_000
    assert found.packed["host/opt/keys/vendor.asc"] == b"a key", "what comes after it is packed"
    assert b"broken.gpg\tInput/output error" in found.packed["host/left-out.tsv"]


def test_a_medium_holds_the_image_and_how_to_use_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    code, written = image(world, "--medium")
    if shutil.which("xorriso") is None:
        assert (code, written.exists()) == (2, False)
        assert "Debian package xorriso" in capsys.readouterr().err
        return
    assert code == 0
    # ISO 9660: the primary volume descriptor stands in the sector of 2048 bytes after 16.
    assert written.read_bytes()[32769:32774] == b"CD001"
    back = world.folder / "medium"
    reading = ["xorriso", "-osirrox", "on", "-indev", written, "-extract", "/", back]
    subprocess.run(list(map(str, reading)), check=True, capture_output=True)
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=back, check=True, capture_output=True)
    assert "HOW-TO.md" in names((back / "image.tar").read_bytes())
    assert sorted(path.name for path in back.iterdir()) == ["HOW-TO.md", "SHA256SUMS", "image.tar"]
