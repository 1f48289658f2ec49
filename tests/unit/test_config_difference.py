"""What a reload changes, and what `check-config --diff` says of a file."""

from __future__ import annotations

import contextlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.config import difference, effective, in_force, load

BEFORE = """
state = "{state}"
[site]
name = "Pune"
timezone = "Asia/Kolkata"
[[people]]
role = "operators"
mail = "ops@example.net"
[checks.a]
kind = "portal"
url = "https://a.example.net/"
every = "5m"
[checks.b]
kind = "portal"
url = "https://b.example.net/"
every = "5m"
"""
AFTER = (
    BEFORE.replace("a.example.net/", "a.example.net/login")
    .replace("ops@", "night@")
    .replace("[checks.b]", "[checks.c]")
    .replace('"Pune"', '"Pune 2"')
    + '[checks.d]\nkind = "portal"\nurl = "https://d.example.net/"\n'
)


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text.format(state=folder / "state"), encoding="utf-8")
    return file


def typed(*words: str) -> tuple[int, str, str]:
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(words)
    return code, said.getvalue(), complained.getvalue()


def test_names_and_keys_of_what_differs(tmp_path: Path) -> None:
    before, after = written(tmp_path, "a.toml", BEFORE), written(tmp_path, "b.toml", AFTER)
    found = difference(effective(load(before)), effective(load(after)))
    assert found.in_short() == (
        "2 checks added, 1 removed, 1 changed; 1 person added, 1 removed; site changed"
    )
    code, said, _ = typed("--config", str(after), "check-config", "--diff", str(before))
    assert code == 0
    assert said.splitlines()[:5] == [
        "check c: added",
        "check d: added",
        "check b: removed",
        "check a:",
        "  url: https://a.example.net/ -> https://a.example.net/login",
    ]
    assert "person operators night@example.net: added" in said
    assert "  name: Pune -> Pune 2" in said


def test_what_is_only_written_in_another_way_is_no_change(tmp_path: Path) -> None:
    before = written(tmp_path, "a.toml", BEFORE)
    other = BEFORE.replace('every = "5m"\n[checks.b]', 'every = "300s"\nconfirm = 2\n[checks.b]')
    found = difference(effective(load(before)), effective(load(written(tmp_path, "b.toml", other))))
    assert (found.in_short(), list(found.lines())) == ("nothing changed", [])


def test_it_is_compared_with_what_the_daemon_took(tmp_path: Path) -> None:
    before, after = written(tmp_path, "a.toml", BEFORE), written(tmp_path, "b.toml", AFTER)
    config = ("--config", str(after), "check-config", "--diff")
    code, _, complained = typed(*config)
    assert code == 2 and "no daemon has taken a configuration in" in complained
    (tmp_path / "state").mkdir()
    in_force.keep([load(before)], datetime(2026, 5, 1, 3, 0, tzinfo=UTC))
    code, said, _ = typed(*config)
    assert code == 0
    assert said.splitlines()[-1].endswith("against what the daemon took at 2026-05-01 08:30")
    body = json.loads(typed("--json", *config)[1])
    assert body["changes"]["checks"]["added"] == ["c", "d"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"version": 9}', '{"version": 1}'])
def test_a_damaged_note_of_it_is_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / in_force.FILE).write_text(damage)
    assert in_force.kept(tmp_path) is None


def test_no_secret_stands_in_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "hunter2")
    secret = 'user = "x"\npassword = { environment = "REVEILLE_TEST_SECRET" }\n'
    file = written(tmp_path, "a.toml", BEFORE.replace("{state}", str(tmp_path)).replace(
        '[checks.b]', "[checks.b]\n" + secret.replace("{", "{{").replace("}", "}}")
    ))  # fmt: skip
    in_force.keep([load(file)], datetime(2026, 5, 1, tzinfo=UTC))
    kept = tmp_path / in_force.FILE
    assert "hunter2" not in kept.read_text() and "REVEILLE_TEST_SECRET" in kept.read_text()
    assert kept.stat().st_mode & 0o007 == 0
