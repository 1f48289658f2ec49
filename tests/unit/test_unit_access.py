"""Whether the service's user could read its configuration: what is said of the bits is what a
process of that user meets.
"""

from __future__ import annotations

import os
import subprocess
from itertools import product
from pathlib import Path

import pytest

from monitor.config import files_named, load
from monitor.service.unit_access import kept_out

SHIPPED = Path(__file__).resolve().parents[2] / "systemd"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def installed(folder: Path, file: Path, *more: str) -> list[Path]:
    """The unit that ships, for another file, with a drop-in."""
    units = folder / "units"
    (units / "reveille.service.d").mkdir(parents=True)
    text = (SHIPPED / "reveille.service").read_text(encoding="utf-8")
    text = text.replace("/etc/reveille/reveille.toml", str(file))
    (units / "reveille.service").write_text(text, encoding="utf-8")
    (units / "reveille.service.d" / "host.conf").write_text("\n".join(more), encoding="utf-8")
    return [folder / "nothing", units]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration in folders that everybody may enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o001 == 0 and os.access(folder, os.W_OK):
            folder.chmod(folder.stat().st_mode | 0o011)
    found = tmp_path / "etc" / "reveille.toml"
    found.parent.mkdir()
    found.write_text("", encoding="utf-8")
    return found


def test_a_file_for_root_alone_is_told_of_with_the_remedy(file: Path, tmp_path: Path) -> None:
    units = installed(tmp_path, file)
    file.chmod(0o640)
    told = kept_out(file, units)
    assert told is not None
    assert f"(reveille) cannot read {file} (mode 0640" in told[0]
    assert told[1] == f"chmod a+r {file}"
    file.chmod(0o644)
    assert kept_out(file, units) is None
    file.parent.chmod(0o750)
    told = kept_out(file, units)
    assert told is not None
    assert told[1] == f"chmod a+x {file.parent}"


def test_what_the_configuration_names_is_for_the_services_user_too(
    file: Path, tmp_path: Path
) -> None:
    """A password that root alone may read is there for root who checks, not for the service."""
    units = installed(tmp_path, file)
    secret = file.parent / "trunk.secret"
    secret.write_text("x", encoding="utf-8")
    secret.chmod(0o600)
    site = '[site]\nname = "X"\ntimezone = "UTC"\n'
    line = f'[lines.t]\nregistrar = "127.0.0.1"\nuser = "x"\npassword = {{ file = "{secret}" }}\n'
    file.write_text(site + line, encoding="utf-8")
    ((place, path),) = files_named(load(file))
    assert (place, path) == ("lines.t.password.file", secret)
    told = kept_out(file, units, named=path)
    assert told is not None and f"cannot read {secret} (mode 0600" in told[0]
    assert "a+r" not in told[1], "a secret is not for everybody"
    secret.chmod(0o644)
    assert kept_out(file, units, named=path) is None


def test_nothing_is_said_where_nothing_is_known(file: Path, tmp_path: Path) -> None:
    file.chmod(0o600)
    assert kept_out(file, [tmp_path / "nothing"]) is None
    assert kept_out(tmp_path / "another.toml", installed(tmp_path, file)) is None


def test_a_unit_that_reads_the_whole_host_reads_this_too(file: Path, tmp_path: Path) -> None:
    file.chmod(0o600)
    own = ("[Service]", "AmbientCapabilities=CAP_DAC_READ_SEARCH")
    assert kept_out(file, installed(tmp_path, file, *own)) is None
    # The shipped one gives the daemon no right: a unit of its own reads the host.
    shipped = (SHIPPED / "host.conf").read_text(encoding="utf-8")
    assert kept_out(file, installed(tmp_path / "shipped", file, shipped)) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_the_verdict_is_what_a_process_of_that_user_meets(file: Path, tmp_path: Path) -> None:
    units = installed(tmp_path, file, "[Service]", "User=nobody", "DynamicUser=no")
    for owner, mode, folder in product((0, 65534), (0o600, 0o640, 0o604, 0o040), (0o755, 0o700)):
        os.chown(file, owner, owner)
        file.chmod(mode)
        file.parent.chmod(folder)
        done = subprocess.run([*NOBODY, "cat", file], capture_output=True, check=False)
        assert (kept_out(file, units) is None) == (done.returncode == 0), (owner, oct(mode), folder)
