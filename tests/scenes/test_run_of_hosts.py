"""How three hosts are run (docs/many-hosts.md), tried: a standby of the ledger takes over, hosts
are upgraded one after the other, and our own backup check backs the ledger up.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import pytest

from checks.contract import Observation
from monitor.cli import main
from monitor.config import load_sites
from monitor.core.verdict import State, Verdict
from monitor.ledger import Ledger
from monitor.ledger.postgresql_database import PostgresDatabase
from tests.loopback.databases import Postgres, postgres
from tests.scenes.daemon_process import Process
from tests.scenes.several_hosts import CONFIGURATION, hosts

pytestmark = pytest.mark.slow  # daemons and servers of their own, and a fail-over
_CHECK = """[checks.portal]
kind = "portal"
url = "http://127.0.0.1:9/"
every = "10s"
confirm = 2
confirm_after = "1s"
"""
_BACKUP = """[checks.own-ledger]
kind = "backup"
at = ["03:30"]
engine = "postgresql"
host = "{sockets}"
database = "ledger"
user = "reveille"
password = {{ file = "password" }}
folder = "{folder}"
"""
_NEXT_RELEASE = """
from pathlib import Path
from monitor.ledger.postgresql_database import PostgresDatabase
PostgresDatabase.MIGRATIONS = Path({folder!r})
from checks.contract import Observation
from monitor.cli import main
from monitor.config import load_sites
from monitor.core.verdict import State, Verdict
raise SystemExit(main())
"""


@contextmanager
def standby_of(server: Postgres) -> Iterator[Postgres]:
    """A streaming standby, which each commit waits for."""
    folder = server.folder / "standby"
    subprocess.run(
        ["pg_basebackup", "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast"],
        env=server.environment(),
        user=server.user,
        cwd=server.folder,
        capture_output=True,
        check=True,
    )
    (folder / "run").mkdir()
    for owned in (folder, folder / "run"):
        if server.user:
            shutil.chown(owned, server.user)
    command = [
        word.replace(str(server.folder / "data"), str(folder / "data")).replace(
            str(server.folder / "run"), str(folder / "run")
        )
        for word in server.command
    ]
    standby = Postgres(folder, command, server.user)
    standby.start()
    server.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
    server.run("SELECT pg_reload_conf()")
    try:
        yield standby
    finally:
        standby.stop()


async def test_a_standby_takes_over_and_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    async with hosts(tmp_path, _CHECK) as three:
        with standby_of(three.server) as standby:
            three.sockets = f"{three.server.sockets},{standby.sockets}"
            for name in ("pune", "delhi", "mumbai"):
                await three.start(name)
            pune = three.all["pune"]
            await pune.until(lambda: three.told("opened"))
            with three.ledger() as ledger:
                before = [row.id for row in ledger.history(None)]
                looks = [row.id for row in ledger.attempts("portal", limit=99)]
            three.server.kill()
            standby.run("ALTER SYSTEM SET synchronous_standby_names = ''")
            standby.run("SELECT pg_promote()")
            with Ledger(pune.configuration.ledger_place) as ledger:
                kept = [row.id for row in ledger.attempts("portal", limit=999)]
                assert set(looks) <= set(kept), "what was kept is there"
                assert set(before) <= {row.id for row in ledger.history(None)}
                await pune.until(lambda: len(ledger.attempts("portal", limit=999)) > len(kept) + 3)
                assert [row.key for row in ledger.incidents()] == ["Testville/unsorted"]
                await asyncio.gather(*(host.stop() for host in three.all.values()))
                assert [row.kind for row in ledger.history(1)].count("opened") == 1
            assert len(three.told("opened")) == 1


async def test_hosts_are_upgraded_one_after_the_other(tmp_path: Path) -> None:
    newer = tmp_path / "migrations"
    shutil.copytree(PostgresDatabase.MIGRATIONS, newer)
    number = len(list(newer.glob("*.sql"))) + 1
    added = "ALTER TABLE hosts ADD COLUMN region TEXT NOT NULL DEFAULT '';\n"
    (newer / f"{number:04}_expand_regions.sql").write_text(added, encoding="utf-8")
    program = ("-c", _NEXT_RELEASE.format(folder=str(newer)))
    async with hosts(tmp_path, _CHECK, "pune", "delhi") as two:
        pune, delhi = two.all["pune"], two.all["delhi"]
        await pune.until(lambda: two.told("opened"))
        await delhi.stop()
        delhi = await two.start("delhi", program=program)
        with two.ledger() as ledger:
            await goes_on(ledger, pune)
            # The old one is started again, beside the new one.
            await pune.stop()
            pune = await two.start("pune")
            await goes_on(ledger, pune)
            await pune.stop()
            await goes_on(ledger, delhi)
            await two.start("pune", program=program)
            assert [row.key for row in ledger.incidents()] == ["Testville/unsorted"]
        assert len(two.told("opened")) == 1
        for name in ("pune", "delhi"):
            assert "ERROR" not in two.log(name)


async def goes_on(ledger: Ledger, host: Process) -> None:
    """Hosts are heard, and some look."""
    known = len(ledger.attempts("portal", limit=999))
    await host.until(lambda: len(ledger.attempts("portal", limit=999)) > known + 1, within=90)
    assert not [one.name for one in ledger.hosts() if not one.left and one.silent.seconds > 10]


def a_probe_host(server: Postgres, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["ledger", "init", "--roles", "--probe", "delhi", "--json", "--config", str(file)]
    assert main(typed) == 1
    for statement in json.loads(capsys.readouterr().out)["statements"]:
        server.run(statement)
    assert main(typed) == 0
    capsys.readouterr()


async def test_our_own_check_backs_the_ledger_up_and_proves_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with postgres() as server:
        server.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        server.run("CREATE DATABASE ledger OWNER reveille TEMPLATE template0")
        file = tmp_path / "reveille.toml"
        (tmp_path / "password").write_text("sesame\n", encoding="utf-8")
        where = CONFIGURATION.replace("@/postgres?", "@/ledger?")
        host = where.format(name="pune", role="reveille", sockets=server.sockets, port=9)
        backup = _BACKUP.format(sockets=server.sockets, folder=tmp_path / "backups")
        file.write_text(host + backup, encoding="utf-8")
        a_probe_host(server, file, capsys)
        configuration = load_sites(file)[0]
        with Ledger(configuration.ledger_place) as ledger, ledger.transaction() as t:
            t.record("portal", "portal", "once", ledger.now(), Observation(), Verdict(State.OK))
        words = ("-m", "monitor.cli", "once", "own-ledger", "--config", str(file))
        once = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=PIPE)
        said = (await once.communicate())[0].decode()
        assert once.returncode == 0, said
        assert "OK" in said
