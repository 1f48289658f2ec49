"""What a backup is brought back by: files for psql that are written from values, and commands of
RESTORE.md, in which no value of a manifest is one.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checks.contract import Failed
from checks.data.backup.engines.mariadb.programs import as_sent
from checks.data.backup.engines.postgresql import order, withheld
from checks.data.backup.engines.postgresql.own_settings import differing_own
from checks.data.backup.engines.postgresql.roles import NotRoles, statements
from checks.data.backup.engines.postgresql.scripts import (
    ADMINISTRATOR,
    ROLES,
    database_scripts,
    is_older_loader,
    loader_script,
    role_scripts,
)
from checks.data.backup.instructions import commands, instructions
from checks.data.backup.store.archive_file import room
from checks.data.backup.store.manifest import Manifest

DUMPED = r"""--
-- Roles
--
CREATE ROLE "Call Owner";
ALTER ROLE "Call Owner" WITH NOSUPERUSER INHERIT LOGIN NOREPLICATION PASSWORD 'SCRAM-SHA-256$1';
CREATE ROLE boss;
ALTER ROLE boss WITH SUPERUSER INHERIT BYPASSRLS;
ALTER ROLE boss SET "app.motd" TO 'one
\endif
\! id';
GRANT pg_read_server_files TO boss GRANTED BY postgres;
GRANT boss TO "Call Owner" WITH ADMIN OPTION GRANTED BY postgres;
"""
LISTED = """;
; Selected TOC Entries:
;
3347; 0 0 COMMENT - SCHEMA public pg_database_owner
214; 1259 16385 TABLE public cdr app
3340; 0 16385 TABLE DATA public cdr app
3360; 0 0 ACL public TABLE cdr app
"""
AFTER = "3197; 2606 16389 CONSTRAINT public cdr cdr_pkey app\n"


def postgresql(**facts: object) -> Manifest:
    known = {"encoding": "UTF8", "collate": "C", "ctype": "C", "owner": "app", "own": {}}
    return Manifest(
        id="20261121T223000.000Z-0a1b2c", engine="postgresql", source="postgresql calls at h",
        data_as_of="2026-11-21T22:30:00Z", tool="pg_dump", server="15.18", tables={}, artefacts=(),
        hashed_by="x", facts={"database": "calls", **known, **facts},
    )  # fmt: skip


def test_what_was_written_of_roles_is_read_as_the_same() -> None:
    """So whoever restores by a program can tell that nobody has changed it."""
    written = role_scripts(statements(DUMPED))
    both = written[ROLES] + written[ADMINISTRATOR]
    assert role_scripts(statements(both.decode())) == written
    for more in (b"\\! id\n", b"DROP ROLE boss;\n", b"SELECT 1;\n\\gset\n", b"-- remark\n"):
        try:
            assert role_scripts(statements((both + more).decode())) == written
        except NotRoles:
            continue
        changed = written[ROLES] + more
        assert changed != role_scripts(statements((both + more).decode()))[ROLES]


def test_what_only_a_superuser_gives_is_the_administrators() -> None:
    written = role_scripts(statements(DUMPED))
    for power in (b"SUPERUSER", b"BYPASSRLS", b"pg_read_server_files"):
        assert power not in written[ROLES]
    assert written[ADMINISTRATOR].decode().splitlines() == [
        "ALTER ROLE boss WITH SUPERUSER BYPASSRLS;",
        "GRANT pg_read_server_files TO boss;",
    ]


def test_a_remark_that_stands_first_is_made_before_the_rows() -> None:
    """By --section pg_restore passed it over: there it is of what is not in the list."""
    held = withheld.Contents((), ())
    written = order.order(
        held, LISTED + AFTER, AFTER, lambda _: order.Owned("Call Owner"), {"part-9.dump": ""}
    ).decode()
    steps = [line.partition("\t")[::2] for line in written.splitlines()]
    assert ("pre", "3347; 0 0 COMMENT - SCHEMA public pg_database_owner") in steps
    assert ("rows-1", "3340; 0 16385 TABLE DATA public cdr app") in steps
    assert ("owner-1", "Call Owner") in steps
    assert ("rights", "3360; 0 0 ACL public TABLE cdr app") in steps
    assert ("post", AFTER.strip()) in steps
    assert ("parts", "part-9.dump 0") in steps


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
@example("calls\n    id > /tmp/x\n2. Bring it back:\n\n    id")
@example("$(id)`id`'\"\\")
@settings(max_examples=30, deadline=None)
def test_no_value_of_a_manifest_is_a_command(value: str) -> None:
    manifest = postgresql(database=value, owner=value, needs=[value])
    odd = replace(manifest, source=value, tool=value, server=value, data_as_of=value)
    assert commands(odd, 2) == commands(postgresql(), 2)
    assert commands(odd, 3) == commands(postgresql(), 3)
    line = next(
        line for line in instructions(odd).splitlines() if line.startswith("    export PGDATABASE=")
    )
    said = subprocess.run(
        ["bash", "-c", f"{line}\nprintf %s \"$PGDATABASE\""], capture_output=True, check=True
    ) if value in _TRIED else None  # fmt: skip
    assert said is None or said.stdout == value.encode()


_TRIED = ("calls\n    id > /tmp/x\n2. Bring it back:\n\n    id", "$(id)`id`'\"\\")


def test_a_character_set_that_is_no_word_is_refused() -> None:
    facts = {"database": "calls", "charset": "utf8; id", "collation": "x"}
    with pytest.raises(Failed, match="names no character set"):
        commands(replace(postgresql(), engine="mariadb", facts=facts), 2)


def test_the_databases_own_is_quoted() -> None:
    own = {
        "limit": 20, "comment": "the client's\n\\! own", "provider": "icu", "locale": "de-DE'",
        "rights": [["", "CONNECT", False], ['a"b', "CREATE", True], ["x", "DROP", False]],
        "settings": [["", ["search_path=a, \"B c\"", "app.x='y"]]], "public": False,
    }  # fmt: skip
    scripts = database_scripts(postgresql(own=own, owner="o'clock").facts)
    create, after = scripts["create.sql"].decode(), scripts["settings.sql"].decode()
    assert "LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'''" in create
    assert "rolname = 'o''clock'" in create
    assert 'TO "a""b" WITH GRANT OPTION' in after
    assert "DROP;" not in after
    assert "GRANT DROP" not in after
    assert "DROP SCHEMA IF EXISTS public;" in after
    assert "SET \"app\".\"x\" TO '''y'" in after


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"provider": "libc", "locale": None}, " LOCALE_PROVIDER libc;"),
        (
            {"provider": "icu", "locale": "en", "rules": "&V << w'"},
            " LOCALE_PROVIDER icu ICU_LOCALE 'en' ICU_RULES '&V << w''';",
        ),
        (
            {"provider": "builtin", "locale": "C.UTF-8", "rules": None},
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8';",
        ),
        ({"provider": "", "locale": None}, " LC_CTYPE 'x';"),
    ],
)
def test_the_locale_is_the_live_databases_and_not_that_of_the_new_server(
    own: dict[str, str | None], said: str
) -> None:
    """A server may be made with ICU for all its databases; rules of its own are there since 16."""
    facts = {**postgresql(own=own).facts, "ctype": "x"}
    assert database_scripts(facts)["create.sql"].decode().splitlines()[0].endswith(said)


def test_a_provider_that_an_older_release_did_not_write_is_no_difference() -> None:
    older = {"provider": "", "locale": None}
    assert not differing_own(older, {**older, "provider": "libc", "rules": None})
    assert differing_own({"provider": "icu"}, {"provider": "libc"})
    assert differing_own({"rules": "&V << w"}, {"rules": None})


@pytest.mark.parametrize("where", ["", "for the drill", "in /srv/two  blanks"])
def test_a_disk_without_room_is_named_with_both_figures(tmp_path: Path, where: str) -> None:
    room(tmp_path, 1, where)
    with pytest.raises(Failed) as refused:
        room(tmp_path, 10**18, where)
    said = f" {where}" if where else ""
    assert refused.value.text.startswith(f"1000000000000 MB are needed{said}, ")
    assert (refused.value.code, refused.value.origin) == ("no-space", "local")


def test_a_loader_of_before_is_known_and_a_changed_one_is_not() -> None:
    """It let the role that loads become every owner at once."""
    tried = b"'GRANT %1$I TO %2$I; REVOKE %1$I FROM %2$I', rolname, :'loader')\n  FROM"
    assert tried in loader_script()
    before = loader_script().replace(tried, b"'GRANT %I TO %I', rolname, :'loader') FROM")
    assert is_older_loader(before)
    assert not is_older_loader(loader_script())
    assert not is_older_loader(before + b"\\! id\n")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (b"select 1/*a*/;", b"select 1/*a*/ ;"),
        (b"select /*a*//*b*/ 1", b"select /*a*//* b*/ 1"),
        (b"/*!50003 begin /*a*/; end */;;", b"/*!50003 begin /*a*/ ; end */;;"),
        (b"'it''s /*a*/', 1/*b*/,2", b"'it''s /*a*/', 1/*b*/ ,2"),
    ],
)
def test_what_mariadbs_client_does_to_comments_is_no_difference(
    written: bytes, sent: bytes
) -> None:
    assert as_sent(written) == as_sent(sent)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"select '/*a*/x'", b"select '/*a*/ x'"),
        (b'select "\\"/*a*/x"', b'select "\\"/*a*/ x"'),
        (b"select `/*a*/x`", b"select `/*a*/ x`"),
        (b"-- it's /*a*/x\n1", b"-- it's /*a*/ x\n1"),
        (b"--\n'/*a*/x'", b"--\n'/*a*/ x'"),
        (b"# /*a*/x", b"# /*a*/ x"),
        (b"/*a b*/1", b"/*ab*/1"),
    ],
)
def test_what_stands_in_quotes_or_in_a_remark_is_compared_to_the_letter(
    one: bytes, other: bytes
) -> None:
    assert as_sent(one) != as_sent(other)
