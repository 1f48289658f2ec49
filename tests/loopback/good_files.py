"""SQLite files that are odd and good: each has to be proven, and to come back by the text of its
RESTORE.md.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path


def _sqlite(*statements: str, mode: str = "delete") -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.create_collation("PHONE", lambda a, b: (a > b) - (a < b))
            database.create_function("norm", 1, lambda text: text, deterministic=True)
            database.execute(f"PRAGMA journal_mode = {mode}")
            database.execute("PRAGMA ignore_check_constraints = on")
            for statement in statements:
                database.execute(statement)

    return make


_T = "create table t(id integer primary key, s)"
SQLITE: Mapping[str, Callable[[Path], None]] = {
    "plain": _sqlite(_T, "insert into t values (1,'a'),(2,x'00ff'),(3,null),(4,-0.0),(5,9e999)"),
    "wal": _sqlite(_T, "insert into t values (1,'a')", mode="wal"),
    "utf-16": _sqlite("pragma encoding='UTF-16le'", _T, "insert into t values (1,'ü😀')"),
    "fts": _sqlite("create virtual table f using fts5(s)", "insert into f values ('hello caller')"),
    "rtree": _sqlite("create virtual table r using rtree(id,a,b)", "insert into r values (1,2,3)"),
    "strict-without-rowid": _sqlite(
        "create table t(k text primary key, n int) strict, without rowid",
        "insert into t values ('a',1)",
    ),
    "own-collation": _sqlite(
        "create table t(s text collate PHONE)",
        "insert into t values ('1'),('2')",
        "create index i on t(s)",
    ),
    "own-function": _sqlite(_T, "insert into t values (1,'a')", "create index i on t(norm(s))"),
    "invalid-utf-8": _sqlite(_T, "insert into t values (1, cast(x'ff41' as text))"),
    "odd-names": _sqlite(
        'create table "a ""b"" c"("x y")',
        'insert into "a ""b"" c" values (1)',
        "create view v as select 1",
        'create trigger g after insert on "a ""b"" c" begin select 1; end',
    ),
    "broken-key": _sqlite(_T, "create table c(t references t(id))", "insert into c values (9)"),
    "page-of-512": _sqlite(
        "pragma page_size=512",
        "pragma auto_vacuum=full",
        _T,
        "pragma user_version=7",
        "pragma application_id=77",
        "insert into t values (1,zeroblob(99999))",
    ),
    "generated": _sqlite(
        "create table g(a int, b int as (a * 2) stored, c text as ('x' || a), d default (1 + 1))",
        "insert into g(a) values (1), (null)",
        "create index i on g(c) where b > 1",
        "create index e on g(a + 1 desc, c collate nocase)",
    ),
    "autoincrement-and-gap": _sqlite(
        "create table t(id integer primary key autoincrement, s)",
        "insert into t values (9000, 'x')",
        "delete from t",
        "analyze",
    ),
    "affinities": _sqlite(
        "create table a(i integer, r real, n numeric, b blob, t text, x)",
        "insert into a values ('abc', 1, '0x10', 'text', 5, 9223372036854775807)",
        "insert into a values (1e300, '1e400', 9007199254740993, x'', 'a' || char(0) || 'b', -0.0)",
        "insert into a values (x'31', null, '', zeroblob(3000000), '', 1.0)",
    ),
    "views-of-nothing": _sqlite(
        _T,
        "create view broken as select * from not_there",
        "create view v(a, b) as select id, s from t",
        "create trigger i instead of insert on v begin insert into t values (new.a, new.b); end",
        "create trigger late after delete on t begin insert into not_there values (1); end",
        "insert into t values (1, 'x')",
    ),
    "checks-that-are-broken": _sqlite(
        'create table t(n int check (n > 0), s text check (s <> "literal"), u int unique)',
        "insert into t values (-1, 'literal', 1), (2, 'x', null), (3, 'y', null)",
    ),
    "words-without-a-table": _sqlite(
        "create table t(id integer primary key, s)",
        "insert into t values (1, 'hello caller')",
        "create virtual table x using fts5(s, content='t', content_rowid='id')",
        "insert into x(x) values ('rebuild')",
        "create virtual table c using fts5(s, content='')",
        "insert into c(rowid, s) values (1, 'gone')",
        "create virtual table old using fts4(s, tokenize=porter)",
        "insert into old values ('runs running')",
    ),
    "module-of-its-own": _sqlite(
        _T,
        "insert into t values (1, 'a')",
        "pragma writable_schema=on",
        "insert into sqlite_master values"
        " ('table', 'spelt', 'spelt', 0, 'CREATE VIRTUAL TABLE spelt USING spellfix1')",
        "pragma writable_schema=off",
    ),
    "tokenizer-of-its-own": _sqlite(
        "create virtual table f using fts5(s)",
        "insert into f values ('hello caller')",
        "pragma writable_schema=on",
        "update sqlite_master set sql = 'CREATE VIRTUAL TABLE f USING fts5(s, tokenize=''names'')'"
        " where name = 'f'",
        "pragma writable_schema=off",
    ),
    "pages-of-64k-and-free-ones": _sqlite(
        "pragma page_size=65536",
        "pragma auto_vacuum=incremental",
        _T,
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)"
        " insert into t select i, hex(randomblob(500)) from n",
        "delete from t where id > 100",
    ),
    "columns-that-came-later": _sqlite(
        _T,
        "insert into t values (1, 'x')",
        "alter table t add column n int not null default 7",
        "alter table t add column at text default '2026'",
        "alter table t drop column s",
        "alter table t rename column n to 'sel ect'",
        "create table k(a, b, primary key (b, a)) without rowid",
        "insert into k values (x'00', 'x'), ('', 'y')",
    ),
    "odd-settings": _sqlite(
        _T,
        "pragma user_version=-5",
        "pragma secure_delete=on",
        "insert into t values (-9223372036854775808, 'x')",
        mode="persist",
    ),
}
