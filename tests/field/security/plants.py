"""What the owner of a table in PostgreSQL plants in it, so that others run it."""

from __future__ import annotations

# Whoever evaluates it as a superuser has a shell; whoever may take back a SET ROLE is one. A
# function that is called immutable may call one that is not.
PLANT = """
CREATE FUNCTION public.shell() RETURNS bool LANGUAGE plpgsql AS $f$
DECLARE has bool := false;
BEGIN
  BEGIN EXECUTE 'RESET ROLE'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'RESET SESSION AUTHORIZATION'; EXCEPTION WHEN OTHERS THEN NULL; END;
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'PLANTED runs as the superuser %', current_user;
  END IF;
  BEGIN
    EXECUTE 'SET ROLE planted_owner';
    has := true;
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  IF has THEN RAISE EXCEPTION 'PLANTED becomes the owner of other tables'; END IF;
  BEGIN
    EXECUTE $c$COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'$c$;
    has := true;
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  IF has THEN RAISE EXCEPTION 'PLANTED has a shell'; END IF;
  -- It goes on as before: what comes after it in the session is loaded as well.
  BEGIN EXECUTE 'SET ROLE app'; EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN true;
END $f$;
CREATE FUNCTION public.planted(note text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $f$
BEGIN RETURN session_user = 'app' OR public.shell(); END $f$;
CREATE FUNCTION public.same(one text, other text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $f$
BEGIN RETURN public.planted(one); END $f$"""
PLACES = {
    "a check constraint": "CREATE TABLE {t} (note text CHECK (public.planted(note)))",
    "a generated column": (
        "CREATE TABLE {t} (note text, ok bool GENERATED ALWAYS AS (public.planted(note)) STORED)"
    ),
    "a domain": (
        "CREATE DOMAIN kind AS text CHECK (public.planted(VALUE)); CREATE TABLE {t} (note kind)"
    ),
    "an index": "CREATE TABLE {t} (note text); CREATE INDEX ON {t} (public.planted(note))",
    "a partial index": (
        "CREATE TABLE {t} (note text); CREATE INDEX ON {t} (note) WHERE public.planted(note)"
    ),
    "a policy": (
        "CREATE TABLE {t} (note text); ALTER TABLE {t} ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY p ON {t} USING (public.planted(note)) WITH CHECK (public.planted(note))"
    ),
    "a materialised view": (
        "CREATE TABLE {t} (note text);"
        " CREATE MATERIALIZED VIEW m AS SELECT public.planted(note) FROM {t}"
    ),
    "a trigger": (
        "CREATE TABLE {t} (note text); CREATE FUNCTION tr() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM public.planted(NEW.note); RETURN NEW; END';"
        " CREATE TRIGGER tr BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION tr()"
    ),
    "a cast to text": (
        "CREATE TYPE pair AS (a text, b text); CREATE FUNCTION told(pair) RETURNS text LANGUAGE"
        " plpgsql AS 'BEGIN PERFORM public.planted(''x''); RETURN ''told''; END';"
        " CREATE CAST (pair AS text) WITH FUNCTION told(pair);"
        " CREATE TABLE {t} (note text, two pair DEFAULT ('a', 'b'))"
    ),
    "a partition's key": (
        "CREATE TABLE {t} (note text) PARTITION BY LIST (public.planted(note));"
        " CREATE TABLE {t}_one PARTITION OF {t} FOR VALUES IN (true)"
    ),
    "a constraint that a dump sets apart": (
        "CREATE TABLE {t} (note text); CREATE FUNCTION row_of({t}) RETURNS bool IMMUTABLE LANGUAGE"
        " plpgsql AS 'BEGIN RETURN public.planted(''x''); END';"
        " ALTER TABLE {t} ADD CONSTRAINT apart CHECK (row_of({t}.*));"
        " COMMENT ON CONSTRAINT apart ON {t} IS 'apart'"
    ),
    "an index's constants": (
        "CREATE TABLE {t} (note text); CREATE INDEX ON {t} (note, (public.planted('x')))"
    ),
    "a partial index's constants": (
        "CREATE TABLE {t} (note text); CREATE INDEX ON {t} (note) WHERE public.planted('x')"
    ),
    "a statistic's constants": (
        "CREATE TABLE {t} (note text);"
        " CREATE STATISTICS st ON (public.planted('x') AND note = 'a'), note FROM {t}"
    ),
    "a reference over a cast": (
        "CREATE TYPE kinds AS ENUM ('call'); CREATE FUNCTION told(kinds) RETURNS text IMMUTABLE"
        " LANGUAGE plpgsql AS 'BEGIN PERFORM public.planted(''x''); RETURN ''call''; END';"
        " CREATE CAST (kinds AS text) WITH FUNCTION told(kinds) AS IMPLICIT;"
        " CREATE TABLE {t} (note text PRIMARY KEY);"
        " CREATE TABLE {t}_of (kind kinds CONSTRAINT refers REFERENCES {t} DEFERRABLE INITIALLY"
        " DEFERRED); INSERT INTO {t}_of VALUES ('call');"
        " COMMENT ON CONSTRAINT refers ON {t}_of IS 'over a cast'"
    ),
    "a reference to a table with such an index": (
        "CREATE TABLE {t} (note text PRIMARY KEY); CREATE INDEX ON {t} ((public.planted('x')));"
        " CREATE TABLE {t}_of (note text REFERENCES {t} DEFERRABLE INITIALLY DEFERRED);"
        " INSERT INTO {t}_of VALUES ('call')"
    ),
    "a bound of a partition": (
        "CREATE DOMAIN bounds AS text CHECK (public.planted(VALUE));"
        " CREATE TABLE {t} (note bounds) PARTITION BY LIST (note);"
        " CREATE TABLE {t}_one PARTITION OF {t} FOR VALUES IN ('call')"
    ),
    "an operator": (
        "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);"
        " CREATE TABLE {t} (note text CHECK (note OPERATOR(public.===) 'a'));"
        " CREATE INDEX ON {t} (note) WHERE 'a' OPERATOR(public.===) 'b'"
    ),
    "a rule": (
        "CREATE TABLE {t} (note text);"
        " CREATE RULE r AS ON INSERT TO {t} DO ALSO SELECT public.planted('x')"
    ),
    "a default": "CREATE TABLE {t} (note text, ok bool DEFAULT public.planted('x'))",
}

_HEADER = """
--
-- TOC entry %d (class 0 OID 0)
-- Dependencies: 1 2 3
-- Name: x; Type: EVENT TRIGGER; Schema: -; Owner: app
--

CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION x();

"""
# As pg_restore describes an archive, for every number that a table or its rows may have in it.
FORGED = "".join(_HEADER % number for number in (*range(200, 300), *range(3200, 3700)))
FORGERIES = (
    "CREATE FUNCTION public.forged(note text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS"
    f" $f$ BEGIN /* {FORGED} */ RETURN public.planted(note); END $f$",
    f"COMMENT ON FUNCTION public.forged(text) IS '{FORGED}'",
    "CREATE FUNCTION public.in_c(note text DEFAULT '\n    LANGUAGE c') RETURNS bool IMMUTABLE"
    " LANGUAGE plpgsql AS 'BEGIN RETURN public.planted(note); END'",
    "CREATE FUNCTION public.\"\n    LANGUAGE c\"() RETURNS text LANGUAGE sql AS 'SELECT 1'",
    'CREATE SCHEMA "s; Type: EVENT TRIGGER; Schema: -"',
    "CREATE TABLE t (note text CHECK (public.forged(note)), more text CHECK (public.in_c(more)))",
    "INSERT INTO t VALUES ('call', 'call')",
    'CREATE TABLE "s; Type: EVENT TRIGGER; Schema: -".u AS SELECT 1 AS n',
)
