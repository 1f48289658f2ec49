"""What a database, a file or a folder holds, read in a way of its own, and how two of them differ.

It is the judge of restores, so it imports nothing of `checks`: catalogues and rows are read by
other questions than the proof asks, and compared as plain values.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pymysql

Held = Mapping[str, object]
"""what is there -> how it is"""
_MOST_TOLD = 4
_OURS = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"
_NOT_OF_EXTENSION = (
    "not exists (select from pg_depend x where x.classid = '{0}'::regclass and x.objid = {1}.oid"
    " and x.deptype = 'e')"
)
_STEADY = (
    "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';"
    " set extra_float_digits = 3; set bytea_output = 'hex'; set search_path = '';"
    " set row_security = off; set lc_monetary = 'C'; set statement_timeout = 0;"
    " set default_transaction_read_only = off; set quote_all_identifiers = off"
)
# A name of the object, then all that is known of it: one question for each sort of things.
_POSTGRES = {
    "database": """select 'itself', pg_encoding_to_char(encoding), datcollate, datctype,
 datlocprovider, daticulocale, datconnlimit, datdba::regrole::text,
 (select array_agg(a::text order by a::text) from unnest(datacl) a),
 shobj_description(oid, 'pg_database') from pg_database where datname = current_database()""",
    "set in it": """select coalesce(setrole::regrole::text, ''), setconfig from pg_db_role_setting s
 join pg_database d on d.oid = s.setdatabase where datname = current_database()""",
    "schema": f"""select nspname, nspowner::regrole::text, nspacl::text,
 obj_description(oid, 'pg_namespace') from pg_namespace n where {_OURS}""",
    "relation": f"""select format('%I.%I', nspname, relname), relkind, relpersistence,
 relowner::regrole::text, relacl::text, reloptions::text, relreplident, relrowsecurity,
 relforcerowsecurity, relispopulated, obj_description(c.oid, 'pg_class'),
 pg_get_expr(relpartbound, c.oid),
 case when relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
 case when relkind = 'p' then pg_get_partkeydef(c.oid) end,
 (select array_agg(inhparent::regclass::text order by inhseqno) from pg_inherits
   where inhrelid = c.oid)
 from pg_class c join pg_namespace n on n.oid = relnamespace
 where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
   and {_OURS} and {_NOT_OF_EXTENSION.format("pg_class", "c")}""",
    "column": f"""select format('%I.%I.%I', nspname, relname, attname), format_type(atttypid,
 atttypmod), attnotnull, attidentity, attgenerated, attcollation::regcollation::text, attstattarget,
 attstorage, attcompression, attacl::text, (select array_agg(o order by o) from unnest(attoptions) o
 where o !~ '^pg_attver='), pg_get_expr(adbin, adrelid),
 col_description(c.oid, attnum), row_number() over (partition by c.oid order by attnum)
 from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
 left join pg_attrdef on adrelid = c.oid and adnum = attnum
 where attnum > 0 and not attisdropped and relkind in ('r', 'p', 'v', 'm', 'f', 'c')
   and {_OURS} and {_NOT_OF_EXTENSION.format("pg_class", "c")}""",
    "index": f"""select format('%I.%I', nspname, relname), pg_get_indexdef(indexrelid),
 indisvalid, indisclustered, indisreplident from pg_index i join pg_class c on c.oid = indexrelid
 join pg_namespace n on n.oid = relnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_class", "c")}""",
    "constraint": f"""select format('%I.%s.%s.%I', nspname, conrelid::regclass, contypid::regtype,
 conname), pg_get_constraintdef(c.oid), convalidated, obj_description(c.oid, 'pg_constraint')
 from pg_constraint c join pg_namespace n on n.oid = connamespace where {_OURS}""",
    "function": f"""select c.oid::regprocedure::text, md5(pg_get_functiondef(c.oid)),
 proowner::regrole::text, proacl::text, obj_description(c.oid, 'pg_proc')
 from pg_proc c join pg_namespace n on n.oid = pronamespace
 where prokind <> 'a' and {_OURS} and {_NOT_OF_EXTENSION.format("pg_proc", "c")}""",
    "aggregate": f"""select c.oid::regprocedure::text, aggtransfn::text, agginitval
 from pg_proc c join pg_aggregate on aggfnoid = c.oid join pg_namespace n on n.oid = pronamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_proc", "c")}""",
    "type": f"""select c.oid::regtype::text, typtype, typowner::regrole::text, typacl::text,
 typdefault, typbasetype::regtype::text, (select array_agg(enumlabel order by enumsortorder)
 from pg_enum where enumtypid = c.oid)::text from pg_type c join pg_namespace n on n.oid =
 typnamespace where typtype in ('e', 'd', 'r', 'm', 'b') and {_OURS}
 and {_NOT_OF_EXTENSION.format("pg_type", "c")}""",
    "trigger": """select tgrelid::regclass::text || ' ' || tgname, pg_get_triggerdef(oid), tgenabled
 from pg_trigger where not tgisinternal""",
    "rule": """select ev_class::regclass::text || ' ' || rulename, pg_get_ruledef(oid), ev_enabled
 from pg_rewrite where rulename <> '_RETURN' and oid >= 16384""",
    "policy": """select polrelid::regclass::text || ' ' || polname, polcmd, polpermissive,
 (select array_agg(r::regrole::text) from unnest(polroles) r), pg_get_expr(polqual, polrelid),
 pg_get_expr(polwithcheck, polrelid) from pg_policy""",
    "extension": "select extname, extversion, extnamespace::regnamespace::text from pg_extension",
    "event trigger": """select evtname, evtevent, evtenabled, evttags, evtfoid::regproc::text,
 evtowner::regrole::text from pg_event_trigger""",
    "publication": """select pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
 (select array_agg(prrelid::regclass::text order by 1) from pg_publication_rel r
   where prpubid = p.oid) from pg_publication p""",
    "subscription": """select subname, subconninfo, subenabled, subpublications
 from pg_subscription s join pg_database d on d.oid = subdbid where datname = current_database()""",
    "foreign server": """select srvname, srvtype, srvversion, srvoptions, srvacl::text,
 fdwname from pg_foreign_server join pg_foreign_data_wrapper w on w.oid = srvfdw""",
    "default rights": """select defaclrole::regrole::text || ' ' || defaclnamespace::text
 || defaclobjtype::text, defaclobjtype, defaclacl::text from pg_default_acl""",
    "collation": f"""select collname, collprovider, collisdeterministic, colliculocale
 from pg_collation c join pg_namespace n on n.oid = collnamespace where {_OURS}""",
    "statistics": "select stxname, pg_get_statisticsobjdef(oid) from pg_statistic_ext",
    "text search": f"""select cfgname, cfgparser::text from pg_ts_config c join pg_namespace n
 on n.oid = cfgnamespace where {_OURS}""",
    "large object": """select oid::text, md5(lo_get(oid)), lomowner::regrole::text, lomacl::text
 from pg_largeobject_metadata""",
    "operator": f"""select c.oid::regoperator::text, oprcode::text from pg_operator c
 join pg_namespace n on n.oid = oprnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_operator", "c")}""",
    "cast": "select castsource::regtype || ' ' || casttarget::regtype, castcontext from pg_cast"
    " where oid >= 16384",
}
_EMPTY = """select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n
 on n.oid = relnamespace where relkind = 'm' and not relispopulated"""
_ROLES = """select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
 rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, rolpassword,
 (select setconfig from pg_db_role_setting where setrole = r.oid and setdatabase = 0),
 (select array_agg(roleid::regrole::text || admin_option::text order by 1) from pg_auth_members
   where member = r.oid), shobj_description(oid, 'pg_authid') from pg_authid r
 where rolname !~ '^pg_' and rolname = any (%s)"""


def of_postgresql(address: str, roles: Iterable[str] = ()) -> Held:
    """A PostgreSQL database, and these roles of its server."""
    found: dict[str, object] = {}
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(_STEADY.encode())
        if connection.info.parameter_status("server_encoding") != "SQL_ASCII":
            connection.execute("SET client_encoding = 'UTF8'")
        for sort, question in _POSTGRES.items():
            for name, *rest in connection.execute(question.encode()).fetchall():
                found[f"{sort} {_text(name)}"] = repr(rest)
        for name, *rest in connection.execute(_ROLES, (list(roles),)).fetchall():
            found[f"role {_text(name)}"] = repr(rest)
        empty = {name for (name,) in connection.execute(_EMPTY).fetchall()}
        for sort, name in list(map(_kind_and_name, found)):
            kind = cast(str, found.get(f"relation {name}", "['']"))[2]
            if sort == "relation" and kind in "rmS" and name not in empty:
                found[f"rows of {name}"] = _copied(connection, name, kind)
    return found


def _kind_and_name(key: str) -> tuple[str, str]:
    sort, _, name = key.partition(" ")
    return sort, name


def _copied(connection: psycopg.Connection[Any], name: str, kind: str) -> tuple[int, str]:
    source = f"(SELECT last_value, is_called FROM {name})" if kind == "S" else name
    source = f"(SELECT * FROM {name})" if kind == "m" else source
    with connection.cursor().copy(f"COPY {source} TO STDOUT".encode()) as copied:
        return _rows(bytes(row) for row in copied)


def of_mariadb(login: Mapping[str, Any], users: Iterable[str] = ()) -> Held:
    """A MariaDB database, and these users of its server, by their names."""
    found: dict[str, object] = {}
    name = login["database"]
    with pymysql.connect(**login, use_unicode=True) as connection, connection.cursor() as cursor:

        def asked(question: str, *values: object) -> list[Any]:
            cursor.execute(question, values or None)
            return list(cursor.fetchall())

        for statement in ("SET NAMES utf8mb4", "SET time_zone = '+00:00'", "SET sql_mode = ''"):
            asked(statement)
        found["database"] = asked("SELECT @@character_set_database, @@collation_database")
        tables = asked(
            "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s",
            name,
        )
        for table, sort in tables:
            quoted = "`" + table.replace("`", "``") + "`"
            [shown] = asked(f"SHOW CREATE TABLE {quoted}")
            found[f"{sort} {table}"] = _countless(shown[1])
            if sort in ("BASE TABLE", "SYSTEM VERSIONED"):
                found[f"rows of {table}"] = _selected(asked, name, table, quoted, sort)
            if sort == "SEQUENCE":
                found[f"stands {table}"] = asked(f"SELECT next_not_cached_value FROM {quoted}")
        for sort in ("PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY"):
            for (routine,) in asked(
                "SELECT routine_name FROM information_schema.routines"
                " WHERE routine_schema = %s AND routine_type = %s",
                name,
                sort,
            ):
                [shown] = asked(f"SHOW CREATE {sort} `{routine}`")
                found[f"{sort} {routine}"] = shown[1:]
        for (trigger,) in asked(
            "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s", name
        ):
            found[f"trigger {trigger}"] = asked(f"SHOW CREATE TRIGGER `{trigger}`")[0][1:6]
        for (event,) in asked(
            "SELECT event_name FROM information_schema.events WHERE event_schema = %s", name
        ):
            found[f"event {event}"] = asked(f"SHOW CREATE EVENT `{event}`")[0][1:4]
        for user in users:
            hosts = asked("SELECT host FROM mysql.user WHERE user = %s", user)
            found[f"user {user}"] = sorted(
                (host, asked("SHOW GRANTS FOR %s@%s", user, host)) for (host,) in hosts
            )
    return found


def _countless(shown: str) -> str:
    """The counter goes on with whatever is tried and taken back."""
    before, mark, rest = shown.partition(" AUTO_INCREMENT=")
    return before + rest.lstrip("0123456789") if mark else shown


def _selected(asked: Any, schema: str, table: str, quoted: str, sort: str) -> tuple[int, str]:
    columns = asked(
        "SELECT column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        schema,
        table,
    )
    values = []
    for column, kind in columns:
        name = "`" + column.replace("`", "``") + "`"
        # HEX of a number would round it.
        number = kind in ("float", "double", "decimal", "bigint", "int", "smallint", "tinyint")
        values.append(f"CAST({name} AS DOUBLE)" if kind == "float" else name if number else
                      f"HEX({name})")  # fmt: skip
    history = " FOR SYSTEM_TIME ALL" if sort == "SYSTEM VERSIONED" else ""
    rows = asked(f"SELECT {', '.join(values)} FROM {quoted}{history}")
    return _rows(repr(row).encode() for row in rows)


def of_sqlite(path: Path) -> Held:
    """A SQLite file."""
    found: dict[str, object] = {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        for word in ("user_version", "application_id", "page_size", "auto_vacuum", "encoding",
                     "journal_mode"):  # fmt: skip
            found[word] = database.execute(f"PRAGMA {word}").fetchone()
        rows = database.execute("SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master")
        for sort, name, of, text, page in rows.fetchall():
            found[f"{_text(sort)} {_text(name)}"] = (of, text)
            if sort == b"table" and page:
                quoted = '"' + _text(name).replace('"', '""') + '"'
                for collation in _own(text or b""):
                    database.create_collation(collation, lambda a, b: (a > b) - (a < b))
                question = f"SELECT * FROM {quoted} NOT INDEXED"
                found[f"rows of {_text(name)}"] = _rows(
                    repr(row).encode() for row in database.execute(question)
                )
    return found


def _own(text: bytes) -> list[str]:
    words = text.decode(errors="replace").replace(",", " ").replace(")", " ").split()
    after = [words[at + 1] for at, word in enumerate(words[:-1]) if word.upper() == "COLLATE"]
    return [word for word in after if word.upper() not in ("NOCASE", "BINARY", "RTRIM")]


def of_folder(top: Path) -> Held:
    """A folder with everything in it; sockets, pipes and devices are none of a backup."""
    found: dict[str, object] = {".": _status(top)}
    for folder, folders, files in os.walk(os.fsencode(top)):
        for name in (*folders, *files):
            path = Path(os.fsdecode(folder)) / os.fsdecode(name)
            status = path.lstat()
            relative = str(path.relative_to(top))
            if stat.S_ISLNK(status.st_mode):
                found[relative] = ("link", str(path.readlink()), status.st_uid, status.st_gid)
            elif stat.S_ISREG(status.st_mode):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[relative] = (*_status(path), digest)
            elif stat.S_ISDIR(status.st_mode):
                found[relative] = _status(path)
    return found


def _status(path: Path) -> tuple[int, ...]:
    status = path.lstat()
    return status.st_mode, status.st_uid, status.st_gid, int(status.st_mtime)


def differences(live: Held, back: Held) -> list[str]:
    """In words, the first few; nothing where all is the same."""
    told = [f"{name} is gone" for name in live if name not in back]
    told += [f"{name} is new" for name in back if name not in live]
    told += [
        f"{name} became {str(back[name])[:160]}, was {str(live[name])[:160]}"
        for name in live
        if name in back and back[name] != live[name]
    ]
    more = [f"and {len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    return told[:_MOST_TOLD] + more


def _rows(rows: Iterable[bytes]) -> tuple[int, str]:
    """How many, and one hash of them in whatever order."""
    ordered = sorted(rows)
    return len(ordered), hashlib.sha256(b"\0".join(ordered)).hexdigest()


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
