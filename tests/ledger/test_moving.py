"""A ledger of a file is carried over to a server whole, or not at all; what it says is the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from monitor.cli import main
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.moving import TABLES, move
from monitor.ledger.proof import verified
from monitor.ledger.server_address import ServerAddress
from monitor.ledger.sqlite_database import SqliteDatabase
from monitor.service.heartbeat import Presence
from tests.ledger.engines import on_server
from tests.unit.ledger_story import SITE
from tests.unit.test_old_ledger import RELEASES, restore, shown, site_in

Capture = pytest.CaptureFixture[str]


def quiet(*_: object) -> None:
    """Nobody watches."""


def configured(folder: Path, to: ServerAddress) -> None:
    """The site's configuration with its ledger on the server."""
    (folder / "password").write_text(to.password(), encoding="utf-8")
    section = f'[ledger]\nurl = "{to.url}"\npassword = {{ file = "password" }}\n'
    (folder / "reveille.toml").write_text(f"{SITE}\n{section}", encoding="utf-8")


def pages(capsys: Capture, folder: Path, numbers: Iterable[str]) -> list[str]:
    """The same as people see it, byte by byte."""
    asked = [["tickets", "show", number] for number in numbers]
    found = []
    for words in (["tickets", "--all"], *asked, ["report", "list"], ["report", "show"]):
        assert main([*words, "--config", str(folder / "reveille.toml")]) == 0
        found.append(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    "release", [*(pytest.param(one, marks=pytest.mark.slow) for one in RELEASES[:-1]), RELEASES[-1]]
)
def test_a_ledger_of_each_release_says_the_same_over_there(
    release: str, tmp_path: Path, capsys: Capture
) -> None:
    file, to = site_in(tmp_path), on_server(tmp_path)
    restore(release, file)
    Ledger(file).close()
    before = shown(capsys, tmp_path)
    as_pages = pages(capsys, tmp_path, before["shown"])
    configured(tmp_path, to)
    assert main(["ledger", "move", "--json", "--config", str(tmp_path / "reveille.toml")]) == 0
    tables = {one["table"]: one["rows"] for one in json.loads(capsys.readouterr().out)["tables"]}
    assert set(tables) == set(TABLES) and tables["attempts"] and tables["receipts"]
    assert json.dumps(shown(capsys, tmp_path)) == json.dumps(before)
    assert pages(capsys, tmp_path, before["shown"]) == as_pages
    with Ledger(to) as there:
        assert verified(there, None).findings == ()
        with there.transaction() as t:
            newest = t.happened(None, there.history(None)[-1].at, "note", {})
        assert newest == tables["history"] + 1, "numbers go on where they were"
    with pytest.raises(
        LedgerFault, match=r"was moved to postgresql://.* as\s?url below \[ledger\]"
    ):
        Ledger(file)


def test_every_table_is_carried_over(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        found = ledger._database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
        assert {row["name"] for row in found} == {*TABLES, "migrations", "sqlite_sequence"}


def test_it_is_typed_and_told_in_words(tmp_path: Path, capsys: Capture) -> None:
    file, to = site_in(tmp_path), on_server(tmp_path)
    restore(RELEASES[-1], file)
    (tmp_path / "password").write_text(to.password(), encoding="utf-8")
    where = ["--config", str(tmp_path / "reveille.toml")]
    typed = ["ledger", "move", "--to", to.url, "--password-file", str(tmp_path / "password")]
    assert main([*typed, *where]) == 0
    told = capsys.readouterr().out
    assert f'[ledger]\n  url = "{to.url}"' in told and "has the same SHA-256" in told
    assert main(["tickets", *where]) == 2
    assert f"was moved to {to.url}" in capsys.readouterr().err
    configured(tmp_path, to)
    assert main(["ledger", "size", *where]) == 0
    assert "only that server knows" in " ".join(capsys.readouterr().out.split())
    assert main([*typed, *where]) == 2, "once"


def refused(file: Path, to: ServerAddress) -> str:
    with pytest.raises(LedgerFault) as why:
        move(file, to, quiet)
    return str(why.value)


def test_a_database_with_a_ledger_is_not_written_over(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.sqlite").close()
    to = on_server(tmp_path)
    with Ledger(to) as there:
        name = there.identity
    assert "there is a ledger in" in refused(tmp_path / "ledger.sqlite", to)
    with Ledger(to) as there, Ledger(tmp_path / "ledger.sqlite") as here:
        assert there.identity == name != here.identity, "and the file goes on"


def harmed(file: Path) -> None:
    """A row that refers to nothing, as a damaged file may have it."""
    database = SqliteDatabase(file)
    database.rows("PRAGMA foreign_keys = OFF")
    with database.transaction():
        database.change("INSERT INTO history (incident, at, kind, body) VALUES (77, 1, 'x', '{}')")
    database.close()


def strange(file: Path) -> None:
    """A text where a number belongs: SQLite takes it, PostgreSQL does not."""
    database = SqliteDatabase(file)
    with database.transaction():
        database.change("INSERT INTO slots VALUES ('a', 'b', 'Mrs Rao', 2, NULL, NULL)")
    database.close()


@pytest.mark.parametrize("harm", [harmed, strange])
def test_half_a_move_is_none(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    file, to = tmp_path / "ledger.sqlite", on_server(tmp_path)
    with Ledger(file) as ledger, ledger.transaction() as t:
        t.keep_condition("a", {"state": "OK"})
    harm(file)
    assert "Rao" not in refused(file, to), "what stands in a row is nobody's who reads a log"
    with pytest.raises(LedgerFault, match="of version 0"):
        Ledger(to, read_only=True)
    with Ledger(file) as ledger:
        assert ledger.conditions() == {"a": {"state": "OK"}}, "and the file goes on"


def test_nothing_is_moved_from_under_a_daemon(tmp_path: Path, capsys: Capture) -> None:
    file, to = site_in(tmp_path), on_server(tmp_path)
    Ledger(file).close()
    configured(tmp_path, to)
    daemon = Presence(file.parent)
    assert main(["ledger", "move", "--config", str(tmp_path / "reveille.toml")]) == 2
    assert "stop it first" in capsys.readouterr().err
    daemon.leave()
