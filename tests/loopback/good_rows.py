"""The rows of good_databases, played: made, backed up and proven, restored by `backup restore`, and
by the text of RESTORE.md on a fresh host, then compared by compared_alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pymysql

from tests.loopback import compared_alone as alone
from tests.loopback.backup_world import World, fault_of
from tests.loopback.databases import MariaDB, Postgres
from tests.loopback.fresh_host import Host, fresh_host
from tests.loopback.good_databases import Good, good_databases
from tests.loopback.good_files import SQLITE
from tests.loopback.good_folders import FOLDERS, made_folder

_AS_EVER = (
    "set sql_mode = default, foreign_key_checks = default, check_constraint_checks = default,"
    " time_zone = default"
)


@dataclass
class Told:
    """What came of one row; empty where it is as it has to be."""

    fault: str = ""
    blind: str = ""
    refused: str = ""
    by_hand: str = ""
    differs: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = {
            "called wrong": self.fault,
            "cannot prove": self.blind,
            "refused at restore": self.refused,
            "RESTORE.md": self.by_hand,
            "differs": "; ".join(self.differs),
        }
        return " | ".join(f"{what}: {why}" for what, why in said.items() if why) or "back, equal"


@dataclass(frozen=True)
class Row:
    """One row on its server. `live` reads what it is, `back` what stands on the fresh host."""

    name: str
    make: Callable[[], World]
    live: Callable[[], alone.Held]
    back: Callable[[Host], alone.Held]
    remove: Callable[[], None]
    settings: Mapping[str, Any] = field(default_factory=dict)
    between: Callable[[], None] = lambda: None
    takes: int = 1
    unlike: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    before: str = ""

    def played(self, base: Path) -> Told:
        """Do it all."""
        engine = self.name.partition("/")[0]
        world, told = self.make(), Told()
        try:
            for number in range(self.takes):
                if number:
                    self.between()
                seen = world.take(**self.settings)
                told.fault = f"{fault_of(seen)} {seen.fault.text}" if seen.fault else ""
                told.blind = seen.blind or ""
                if "cannot prove here" in told.fault:
                    told.fault, told.blind = "", told.fault
            if not world.backups():
                return told
            again = self.restored(world)
            told.refused = f"{fault_of(again)} {again.fault.text}" if again.fault else ""
            with fresh_host(base, *self.servers) as host:
                told.by_hand = host.restore(world.newest(), engine, self.before)
                if not told.by_hand:
                    told.differs = alone.differences(self.live(), self.back(host), self.unlike)
        finally:
            self.remove()
        return told

    def restored(self, world: World) -> Any:
        """Back beside the live one, by the verb."""
        to = str(world.folder / "again") if "path" in world.settings else "again_of_good"
        return world.restore(to=to)


def rows_of(one: Postgres, other: MariaDB, folder: Path) -> Iterator[Row]:
    """All of them."""
    version = int(one.run("show server_version_num")[0][0]) // 10_000
    yield from (
        _postgresql(one, good, number)
        for number, good in enumerate(good_databases("postgresql"))
        if good.since <= version
    )
    yield from (
        _mariadb(other, good, number) for number, good in enumerate(good_databases("mariadb"))
    )
    for name, make in SQLITE.items():
        yield _file(name, make, folder)
    for name, make in FOLDERS.items():
        yield _folder(name, make, folder)


def _postgresql(server: Postgres, good: Good, number: int) -> Row:
    created = good.create or "create database {db} template template0"
    plain = f"good{number}"
    name = created.partition('"')[2].rpartition('"')[0].replace('""', '"') or plain
    quoted = '"' + name.replace('"', '""') + '"'

    def run(statements: tuple[str, ...], database: str = "postgres") -> None:
        where = psycopg.conninfo.make_conninfo(server.address(), dbname=database)
        with psycopg.connect(where, autocommit=True, client_encoding="UTF8") as connection:
            for each in statements:
                connection.execute(each.replace("{db}", quoted).encode())

    def make() -> World:
        _tablespace(server)
        run((*good.server, created))
        run(good.statements, name)
        run(good.after)
        reached = {"engine": "postgresql", "host": str(server.sockets), "user": "postgres"}
        return World(server.folder / f"world{number}", {**reached, "database": name})

    def remove() -> None:
        for database in (quoted, '"again_of_good"'):
            # A subscription that was never connected holds its database.
            with suppress(psycopg.Error):
                there = database[1:-1].replace('""', '"')
                run(("alter subscription into_us set (slot_name = none)",), there)
                run(("drop subscription into_us",), there)
            with suppress(psycopg.Error):
                run((f"alter database {database} is_template false",))
            run((f"drop database if exists {database} with (force)",))
        for role in good.roles:
            run((f'drop role if exists "{role}"',))

    def read(sockets: Path) -> alone.Held:
        where = psycopg.conninfo.make_conninfo("", host=str(sockets), user="postgres", dbname=name)
        return alone.of_postgresql(where, good.roles)

    return Row(
        f"postgresql/{good.name}", make, lambda: read(server.sockets),
        lambda host: read(host.postgres), remove, good.settings,
        lambda: run(good.between, name), good.takes, good.unlike, ("postgresql",),
        good.before,
    )  # fmt: skip


def _tablespace(server: Postgres) -> None:
    place = server.folder / "fast"
    if not place.exists():
        place.mkdir()
        if server.user:
            import shutil

            shutil.chown(place, server.user)
        server.run(f"create tablespace fast location '{place}'")


def _mariadb(server: MariaDB, good: Good, number: int) -> Row:
    created = good.create or "create database {db} character set utf8mb4"
    plain = f"good{number}"
    name = plain
    if "`" in created:
        name = created.partition("`")[2].rpartition("`")[0].replace("``", "`")
    quoted = "`" + name.replace("`", "``") + "`"

    def run(statements: tuple[str, ...], database: str | None = None) -> None:
        with (
            pymysql.connect(
                **server.login(database), autocommit=True, client_flag=1 << 16
            ) as there,
            there.cursor() as cursor,
        ):
            for each in statements:
                # What is set for one statement is set for no other.
                set_for_it = each.startswith("set ") and "; " in each
                several = (*each.partition("; ")[0::2], _AS_EVER) if set_for_it else (each,)
                for statement in several:
                    cursor.execute(statement.replace("{db}", quoted))

    def make() -> World:
        run((*good.server, created))
        run(good.statements, name)
        run(good.after)
        reached = {"engine": "mariadb", "host": str(server.socket), "user": "root"}
        return World(server.folder / f"world{number}", {**reached, "database": name})

    def remove() -> None:
        run((f"drop database if exists {quoted}", "drop database if exists again_of_good"))
        for user in good.roles:
            quoted_user = "'" + user.replace("'", "''") + "'"
            for (host,) in server.run(f"select host from mysql.user where user = {quoted_user}"):
                run((f"drop user if exists {quoted_user}@'{host}'",))
        run(("drop role if exists ops_role, lead, below",))

    def read(where: Path) -> alone.Held:
        login = {"unix_socket": str(where), "user": "root", "database": name}
        return alone.of_mariadb(login, good.roles)

    return Row(
        f"mariadb/{good.name}", make, lambda: read(server.socket), lambda host: read(host.mariadb),
        remove, good.settings, lambda: run(good.between, name), good.takes, good.unlike,
        ("mariadb",), good.before,
    )  # fmt: skip


def _file(name: str, make: Callable[[Path], None], folder: Path) -> Row:
    place = folder / f"sqlite-{name}"
    path = place / "calls.sqlite"

    def made() -> World:
        place.mkdir()
        make(path)
        return World(place / "world", {"engine": "sqlite", "path": path})

    def back(host: Host) -> alone.Held:
        return alone.of_sqlite(host.place / path.relative_to("/"))

    return Row(f"sqlite/{name}", made, lambda: alone.of_sqlite(path), back, lambda: None)


def _folder(name: str, make: Callable[[Path], None], folder: Path) -> Row:
    top = folder / f"folder-{name}" / "top"

    def made() -> World:
        made_folder(make, top)
        return World(top.parent / "world", {"engine": "directory", "path": top})

    def back(host: Host) -> alone.Held:
        return alone.of_folder(host.place / top.relative_to("/"))

    return Row(f"directory/{name}", made, lambda: alone.of_folder(top), back, lambda: None)
