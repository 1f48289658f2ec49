"""PostgreSQL, backed up while it works, proven, and restored: by Reveille, and without it."""

from __future__ import annotations

import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pyrage
import pytest

from checks.data.backup.listing import newest_proven
from monitor.cli import main
from tests.loopback.backup_world import World, postgres_world, workers
from tests.loopback.databases import Postgres, postgres

pytestmark = pytest.mark.xdist_group("backup")  # some of them kill workers, and know them by name

PARTITIONS = """
CREATE TABLE calls (at timestamptz NOT NULL, said text) PARTITION BY RANGE (at);
CREATE TABLE calls_20 PARTITION OF calls FOR VALUES FROM ('2026-11-20') TO ('2026-11-21');
CREATE TABLE calls_21 PARTITION OF calls FOR VALUES FROM ('2026-11-21') TO ('2026-11-22');
CREATE INDEX ON calls (at);
INSERT INTO calls
SELECT '2026-11-20'::timestamptz + i * interval '30 seconds', md5(i::text)
FROM generate_series(1, 5000) AS i"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def world(
    server: Postgres, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> World:
    name = f"db{abs(hash(request.node.name)) % 10**8}"
    return postgres_world(server, server.folder / name, name)


@contextmanager
def transfers(server: Postgres, database: str) -> Iterator[None]:
    """Transactions that each insert into two tables, as fast as they go."""
    done, some = threading.Event(), threading.Event()

    def write() -> None:
        with psycopg.connect(server.address(database), autocommit=True) as connection:
            while not done.is_set():
                with connection.transaction():
                    connection.execute("INSERT INTO debit DEFAULT VALUES")
                    connection.execute("INSERT INTO credit DEFAULT VALUES")
                some.set()

    server.run(
        "CREATE TABLE debit (id bigserial, at timestamptz DEFAULT clock_timestamp())", database
    )
    server.run(
        "CREATE TABLE credit (id bigserial, at timestamptz DEFAULT clock_timestamp())", database
    )
    thread = threading.Thread(target=write)
    thread.start()
    assert some.wait(20)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_backup_under_write_load_is_of_one_moment_and_proven(
    server: Postgres, world: World
) -> None:
    database = world.settings["database"]
    with transfers(server, database):
        seen = world.take()
    assert seen.fault is None
    tables = world.manifest()["tables"]
    assert tables["public.debit"]["rows"] == tables["public.credit"]["rows"] > 0
    assert server.run("SELECT count(*) FROM debit", database)[0][0] > tables["public.debit"]["rows"]
    assert seen.measures["proven_rows"] == seen.measures["rows"]
    assert any("restored in" in note and note.endswith("rows, equal") for note in seen.notes)
    assert [stage.name for stage in seen.stages] == ["dump", "write", "restore", "compare"]
    found = newest_proven(world.repository)
    assert found is not None
    assert found.rows == seen.measures["rows"]


def test_it_restores_without_reveille_by_the_commands_beside_it(
    server: Postgres, world: World
) -> None:
    """Encrypted, with partitions in archives of their own: the longest of the recipes."""
    database = world.settings["database"]
    for statement in PARTITIONS.split(";"):
        server.run(statement, database)
    key = pyrage.x25519.Identity.generate()
    (world.folder / "key").write_text(str(key))
    settings = {"recipients": (str(key.to_public()),), "identity": {"file": world.folder / "key"}}
    seen = world.take(part_megabytes=0.1, **settings)
    assert seen.fault is None
    assert b"cdr" not in world.artefact("schema.").read_bytes()

    (world.newest() / "KEY.txt").write_text(str(key))
    commands = [
        line
        for line in (world.newest() / "RESTORE.md").read_text().splitlines()
        if line.startswith("    ")
    ]
    server.run(f"ALTER DATABASE {database} RENAME TO {database}_lost")
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(line.removeprefix("    ") for line in commands)],
        cwd=world.newest(),
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for table in ("cdr", "calls"):
        question = f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} AS t"
        assert server.run(question, database) == server.run(question, f"{database}_lost")


def test_a_partition_that_is_closed_is_dumped_once(server: Postgres, world: World) -> None:
    database = world.settings["database"]
    for statement in PARTITIONS.split(";"):
        server.run(statement, database)
    world.take(part_megabytes=0.1)
    first = world.manifest()
    server.run("INSERT INTO calls VALUES ('2026-11-21 23:00', 'late')", database)
    seen = world.take(part_megabytes=0.1)
    assert seen.fault is None
    second = world.manifest()
    parts = {artefact["name"]: artefact["reused_from"] for artefact in second["artefacts"]}
    closed, open_ = (second["tables"][f"public.calls_{day}"]["artefact"] for day in (20, 21))
    assert (parts[closed], parts[open_]) == (first["id"], None)
    assert second["previous"]["id"] == first["id"]


def test_a_reader_is_enough_and_its_password_is_in_no_argument(
    server: Postgres, world: World
) -> None:
    server.run("CREATE ROLE backup LOGIN PASSWORD 'hush-hush'")
    server.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO backup", world.settings["database"])
    (world.folder / "password").write_text("hush-hush\n")
    seen_words, done = set[str](), threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            for worker in workers():
                try:
                    seen_words.update(
                        word
                        for p in (worker, *worker.children(recursive=True))
                        for word in p.cmdline()
                    )
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    seen = world.take(user="backup", password={"file": world.folder / "password"})
    done.set()
    thread.join()
    assert seen.fault is None
    assert any("without their passwords" in note for note in seen.notes)
    assert any(word.endswith("pg_dump") for word in seen_words)
    assert not [word for word in seen_words if "hush" in word]
    assert "hush" not in (world.newest() / "manifest.json").read_text()


def test_list_drill_and_restore_on_the_command_line(
    server: Postgres, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = world.settings["database"]
    file = tmp_path / "reveille.toml"
    file.write_text(
        f'state = "{tmp_path / "state"}"\n[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion'
        ' = "india"\npolicy = "ozonetel"\n[[people]]\nrole = "operators"\nmail ='
        ' "o@example.net"\n[checks.records]\nkind = "backup"\nengine = "postgresql"\nhost ='
        f' "{server.sockets}"\nuser = "postgres"\ndatabase = "{database}"\nfolder ='
        f' "{world.repository}"\nscratch = "{world.folder}"\n'
    )
    verb = ["--config", str(file), "backup"]
    assert main([*verb, "list"]) == 1, "there is none yet"
    world.take(prove=False)
    assert main([*verb, "list"]) == 1, "it is not proven yet"
    assert main([*verb, "drill"]) == 0
    assert main([*verb, "list"]) == 0
    assert "found equal" in capsys.readouterr().out

    server.run("DELETE FROM cdr WHERE id % 2 = 0", database)
    assert main([*verb, "restore"]) == 1
    assert "exists" in capsys.readouterr().out
    assert server.run("SELECT count(*) FROM cdr", database) == [(10_000,)], "nothing was touched"
    with psycopg.connect(server.address(database)) as client:
        assert main([*verb, "restore", "records", "--overwrite"]) == 0
        assert server.run("SELECT count(*) FROM cdr", database) == [(20_000,)]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert "kept as" in capsys.readouterr().out
    [(aside,)] = server.run(
        f"SELECT datname FROM pg_database WHERE datname LIKE '{database}_before%'"
    )
    assert server.run("SELECT count(*) FROM cdr", aside) == [(10_000,)]
    assert main([*verb, "restore", "--at", "2020-01-01"]) == 1
    assert "there is no backup of 2020-01-01" in capsys.readouterr().out

    key = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(str(key))
    written = tmp_path / "image.tar.age"
    assert main([*verb, "image", "--to", str(written), "--recipient", str(key.to_public())]) == 0
    decrypted = subprocess.run(
        ["age", "-d", "-i", str(tmp_path / "key"), str(written)], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(decrypted.stdout)) as tar:
        names = tar.getnames()
    assert {"HOW-TO.md", "configuration/reveille.toml"} < set(names)
    assert f"backups/records/{world.newest().name}/RESTORE.md" in names
