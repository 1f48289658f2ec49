"""Backups of an older release: as good as they were, and compared in the form in which they were
kept.
"""

from __future__ import annotations

from dataclasses import replace

from checks.data.backup.engines.postgresql import content
from checks.data.backup.engines.postgresql.restore_test import differing_schema
from tests.unit.sample_bodies import manifests

DUMPED = b"""--
-- PostgreSQL database dump
--
\\restrict abc
SET statement_timeout = 0;

CREATE FUNCTION public.mark(n integer) RETURNS void
    LANGUAGE sql
    AS $$
UPDATE cdr
SET src = 'x

y'
-- only the one
WHERE id = n;
$$;

CREATE TABLE public.cdr (
    id integer NOT NULL
);
"""


def test_a_schema_of_0_1_0_is_compared_by_its_lines() -> None:
    kept = content.by_lines(DUMPED)
    assert b"-- only the one" not in kept
    old = replace(manifests()[0], schema_sha256=content.schema_hash(kept), facts={})
    assert differing_schema(content.plain_schema(DUMPED), old, kept) == ()
    other = DUMPED.replace(b"id integer", b"id bigint")
    assert differing_schema(content.plain_schema(other), old, kept) != ()


def test_a_schema_of_today_is_compared_whole() -> None:
    kept = content.plain_schema(DUMPED)
    today = replace(
        manifests()[0], schema_sha256=content.schema_hash(kept), facts={"own": {"owner": "x"}}
    )
    assert differing_schema(kept, today, kept) == ()
    other = content.plain_schema(DUMPED.replace(b"-- only the one", b"-- none"))
    assert differing_schema(other, today, kept) != ()
