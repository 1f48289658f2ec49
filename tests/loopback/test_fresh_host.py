"""The real way of recovery: a host on which there is nothing but Debian's own packages, the backup,
and the text of its RESTORE.md. What comes back is compared by a program of its own.

A few rows of each engine; `./reveille bench good-backups` plays them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import fresh_host
from tests.loopback.databases import mariadb, postgres
from tests.loopback.good_rows import Row, rows_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]

PLAYED = (
    "postgresql/owner-with-a-blank", "postgresql/role-setting-of-two-lines",
    "postgresql/powerful-roles", "postgresql/comments", "postgresql/partition-reused",
    "postgresql/public-schema-is-gone", "mariadb/definer-of-its-own", "mariadb/long-row",
    "mariadb/name-with-wildcards", "mariadb/roles", "sqlite/own-collation",
    "directory/owners-and-modes",
)  # fmt: skip


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if lacking := fresh_host.what_is_missing():
        pytest.skip(f"no fresh host can be made here: {lacking}")
    root = tmp_path_factory.mktemp("fresh") / "root"
    fresh_host.build(root)
    return root


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Row]]:
    with postgres() as one, mariadb() as other:
        folder = tmp_path_factory.mktemp("good")
        yield {row.name: row for row in rows_of(one, other, folder)}


@pytest.mark.parametrize("name", PLAYED)
def test_it_comes_back_on_a_fresh_host(name: str, rows: dict[str, Row], base: Path) -> None:
    assert str(rows[name].played(base)) == "back, equal"
