"""A section more in a file that somebody has written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from monitor.config import ConfigurationFaults, additions, load
from monitor.config.additions import extended, name_of

FILE = """\
# mine, and dear to me

[site]
name = "Pune"    # aligned by hand
timezone = "Asia/Kolkata"
	# a tab before this one
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "reveille.toml"
    path.write_text(FILE, encoding="utf-8")
    path.chmod(0o640)
    return path


def test_what_was_written_stays_letter_for_letter(file: Path) -> None:
    extended(file, additions.portal("https://shop.example.net/a", "", every="5m")).write()
    text = file.read_text(encoding="utf-8")
    assert text.startswith(FILE.rstrip())
    assert text.endswith(
        '\n\n[checks."shop.example.net"]\nkind = "portal"\nurl = "https://shop.example.net/a"\n'
        'every = "5m"\n'
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in file.parent.iterdir()] == ["reveille.toml"]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    extended(link, additions.portal("https://a.example.net/", "a")).write()
    assert link.is_symlink()
    assert "[checks.a]" in file.read_text(encoding="utf-8")


def test_one_after_the_other(file: Path) -> None:
    server = {"engine": "postgresql", "host": "", "port": 5433, "user": "reveille"}
    server_2 = {"engine": "mariadb", "user": "reveille", "password": {"credential": "db"}}
    for addition in (
        additions.portal("https://a.example.net/", "", must_contain=["Sign in"]),
        additions.number("+91221234", "", "trunk", {"registrar": "pbx.example.net"}),
        additions.number("8000", "main", "trunk", at=["08:30"]),
        additions.database("asterisk", server, Path("/srv/b")),
        additions.database("calls", server_2, Path("/srv/c")),
        additions.database("/srv/x/cdr.db", {"engine": "sqlite"}, Path("/srv/d")),
    ):
        extended(file, addition).write()
    found = load(file)
    assert list(found.checks) == [
        "a.example.net", "number-91221234", "main", "asterisk-health", "asterisk-backup",
        "calls-health", "calls-backup", "cdr.db-backup",
    ]  # fmt: skip


def test_what_would_not_be_good_is_not_written(file: Path) -> None:
    extended(file, additions.portal("https://a.example.net/", "a")).write()
    before = file.read_bytes()
    for addition, wrong in (
        (additions.portal("https://b.example.net/", "a"), "checks.a: is written a second time"),
        (additions.portal("b.example.net", "b"), "checks.b.url: 'b.example.net' is not a URL"),
        (additions.portal("https://b.example.net/", "b", every="soon"), "checks.b.every: "),
        (additions.number("8000", "c", "trunk"), "checks.c.line: there is no [lines.trunk]"),
    ):
        with pytest.raises(ValueError) as refused:
            extended(file, addition)
        assert str(refused.value).startswith(wrong)
    assert file.read_bytes() == before


def test_a_file_that_is_not_good_is_told_of_first(file: Path) -> None:
    file.write_text(FILE + "colour = 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationFaults) as refused:
        extended(file, additions.portal("https://a.example.net/", "a"))
    assert "site.colour" in str(refused.value)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("https://shop.example.net:8443/a?b=c", "shop.example.net"),
        ("8000", "8000"),
        ("sip:8000@pbx", "sip-8000-pbx"),
        ("/var/lib/x/cdr.db", "cdr.db"),
        ("???", "new"),
        ("x" * 200, "x" * 63),
    ],
)
def test_names(written: str, name: str) -> None:
    assert name_of(written) == name
