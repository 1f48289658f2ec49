"""A probe host's own role of the database: it keeps what it saw itself, and is refused everything
else, by PostgreSQL itself. A reader sees figures and no people.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from checks.contract import Observation
from monitor.cli import main
from monitor.clock import SystemClock
from monitor.config import load_sites
from monitor.core.rollup import Counts, Hour, Spread
from monitor.core.verdict import State, Verdict
from monitor.ledger import IncidentRow, Ledger, LedgerFault, OutboxMessage
from monitor.ledger.own_thread import LedgerThread
from monitor.ledger.rights import READER, VIEWS
from monitor.ledger.server_address import ServerAddress
from monitor.service.sharing import Sharing
from tests.ledger.engines import ON_SERVER
from tests.loopback.databases import Postgres, postgres

pytestmark = ON_SERVER

Capture = pytest.CaptureFixture[str]
PEOPLE = "asha@example.net"
FOUND = Verdict(State.FAILED, ("connect: refused",))
_SITES = """state = "state"
[ledger]
url = "{url}"
password = {{ file = "password" }}
[probe]
name = "{name}"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
sender = "r@example.net"
[site]
timezone = "Asia/Kolkata"
region = "india"
[sites.Pune]
[[sites.Pune.people]]
role = "operators"
mail = "asha@example.net"
[sites.Delhi]
[[sites.Delhi.people]]
role = "operators"
mail = "ravi@example.net"
"""


@dataclass
class World:
    """A ledger of two sites, with a ticket of Pune's, and a probe host in Delhi."""

    server: Postgres
    folder: Path

    def address(self, role: str) -> str:
        return f"postgresql://{role}@/ledger?host={self.server.sockets}&sslmode=disable"

    def place(self, role: str) -> ServerAddress:
        return ServerAddress(self.address(role), lambda: "sesame")

    def typed(self, *words: str) -> int:
        return main([*words, "--config", str(self.folder / "reveille.toml")])

    def configured(self, role: str = "reveille", name: str = "pune-1") -> None:
        said = _SITES.format(url=self.address(role), name=name)
        (self.folder / "reveille.toml").write_text(said, encoding="utf-8")
        (self.folder / "password").write_text("sesame\n", encoding="utf-8")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with postgres() as server:
        server.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        server.run("CREATE DATABASE ledger OWNER reveille TEMPLATE template0")
        made = World(server, tmp_path_factory.mktemp("roles"))
        made.configured()
        assert made.typed("ledger", "init", "--roles", "--probe", "delhi-1=Delhi") == 1
        for name in ("reveille_delhi_1", READER):
            server.run(f"CREATE ROLE {name} LOGIN PASSWORD 'sesame'")
        assert made.typed("ledger", "init", "--roles", "--probe", "delhi-1=Delhi") == 0
        told(made)
        yield made


def told(world: World) -> None:
    """What headquarters has seen and said."""
    with Ledger(world.place("reveille")) as ledger, ledger.transaction() as t:
        now = ledger.now()
        t.record("Pune/portal", "portal", "scheduled", now, Observation(), FOUND)
        t.record("Delhi/portal@delhi-2", "portal", "scheduled", now, Observation(), FOUND)
        for site in ("Pune", "Delhi"):
            number = t.open_incident(
                IncidentRow(None, f"{site}/k", site, "ivr", "P0", "vendor", now, body={"a": 1})
            )
            t.happened(number, now, "told", {"by": PEOPLE, "text": "Asha was told"})
            t.enqueue(OutboxMessage(number, "opened", 1, f"{site}/mail", PEOPLE, {}, now))
            t.keep_condition(f"{site}/portal", {"state": "FAILED"})
        at = now.replace(minute=0, second=0, microsecond=0)
        counts = Counts({"OK": 60}, 0, {"mos": Spread(60, 4.1, 3.9, 4.3)})
        t.keep_rolled("Pune/portal", (), [Hour(at, "portal", counts)])
        t._database.change("INSERT INTO leases (job, holder, until) VALUES ('@duty', 'pune-1', 1)")


@pytest.fixture
def delhi(world: World) -> Iterator[Ledger]:
    with Ledger(world.place("reveille_delhi_1")) as ledger:
        yield ledger


def test_what_an_administrator_has_to_do_is_said(world: World, capsys: Capture) -> None:
    words = ("ledger", "init", "--roles", "--probe", "agra-1=Delhi")
    assert world.typed(*words) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert 'CREATE ROLE "reveille_agra_1" LOGIN;' in said and READER not in said
    assert world.typed(*words, "--print") == 0
    script = capsys.readouterr().out
    assert "ARRAY['Delhi']" in script and script.count(";\n") > 15
    assert world.typed("ledger", "init", "--roles", "--probe", "agra-1=Agra") == 2
    assert world.typed("ledger", "init", "--roles", "--probe", "agra-1") == 2


def test_it_keeps_what_it_saw(world: World, delhi: Ledger) -> None:
    assert delhi.probe_host == "delhi-1"
    now = delhi.now()
    delhi.hear_host("delhi-1", "hall 2", "one", timedelta(seconds=30))
    (lease,) = delhi.claim_leases("delhi-1:1:a", ["Delhi/portal@delhi-1"], timedelta(seconds=15))
    before = delhi.changes_seen()
    with delhi.transaction() as t:
        t.settle_lease(lease, now)
        name = "Delhi/portal@delhi-1"
        seen = t.record(name, "portal", "scheduled", now, Observation(), FOUND)
        t.propose("Delhi/portal", {"fingerprint": "aa"}, now)
        t.say_word("Delhi/portal", now, "delhi-1", seen)
        t.keep_condition(name, {"memory": {"n": 1}})
        assert t.happened(None, now, "started") == 0, "that stands in its log"
    delhi.put_exhibit("2026-10-20/Delhi+portal-delhi-1-040000-1/page.html", "delhi-1", b"x")
    with Ledger(world.place("reveille")) as ledger:
        assert ledger.changes_seen() > before, "what others know of the ledger is stale"
        (word,) = ledger.words("Delhi/portal", now)
        row = ledger.attempt(word.attempt)
        assert row and (row.check, row.verdict.state) == (name, State.FAILED)
        assert [one.name for one in ledger.hosts() if one.only_looks] == ["delhi-1"]
        assert [one.host for one in ledger.exhibits(now - timedelta(days=1))] == ["delhi-1"]
    again = delhi.claim_leases("delhi-1:2:b", [name], timedelta(seconds=15))
    assert again and delhi.renew_leases(again, timedelta(seconds=15)) == {name}
    delhi.free_leases(again)
    delhi.host_leaves("delhi-1", "one")


def test_it_sees_its_sites_checks_and_nobody(delhi: Ledger) -> None:
    assert "Delhi/portal" in delhi.conditions() and "Pune/portal" not in delhi.conditions()
    assert {name.partition("@")[2] or name for name in delhi.check_names()} <= {
        "delhi-1",
        "delhi-2",
    }
    assert {row.check for row in delhi.attempts(limit=99)} <= {"Delhi/portal@delhi-1"}
    assert not any((delhi.incidents(), delhi.open_incidents(), delhi.history(1), delhi.outbox()))
    assert delhi.incident(1) is None and delhi.letter(1) is None and delhi.receipts(1) == []
    everything = delhi._database.rows(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace ="
        " current_schema()::regnamespace AND has_table_privilege(oid, 'SELECT')"
    )
    for row in everything:
        rows = delhi._database.rows(f"SELECT * FROM {row['relname']}")
        assert PEOPLE not in str([list(one) for one in rows]), row["relname"]


NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
PORTAL = "(SELECT number FROM check_names WHERE name = 'Delhi/portal@delhi-2')"
OWN = "(SELECT number FROM check_names WHERE name = 'Delhi/portal@delhi-1')"
LOOK = "'portal', 'scheduled', 0, 'OK', '{}', '{}'"
FORBIDDEN = {
    "change another's look": "UPDATE attempts SET state = 'OK'",
    "take its own look back": "DELETE FROM attempts",
    "empty the looks": "TRUNCATE attempts",
    "say what another saw": f"INSERT INTO attempts VALUES ({PORTAL}, 5, {LOOK})",
    "see what is still to come": f"INSERT INTO attempts VALUES ({OWN}, {NOW} + 86400000, {LOOK})",
    "name a look for another": "INSERT INTO check_names (name) VALUES ('Delhi/x@pune-1')",
    "name a check": "INSERT INTO check_names (name) VALUES ('Delhi/x')",
    "name a look of another site": "INSERT INTO check_names (name) VALUES ('Pune/x@delhi-1')",
    "number a check": "INSERT INTO check_names (number, name) VALUES (9, 'Delhi/x@delhi-1')",
    "judge": "INSERT INTO conditions VALUES ('Delhi/portal2', '{}')",
    "forge a ticket": "INSERT INTO incidents (key, site, issue, severity, owner, opened_at, body)"
    " VALUES ('k', 'Delhi', 'ivr', 'P0', 'vendor', 1, '{}')",
    "close a ticket": "UPDATE incidents SET closed_at = 1",
    "delete history": "DELETE FROM history",
    "write history": "INSERT INTO history (at, kind, body) VALUES (1, 'note', '{}')",
    "write a letter": "INSERT INTO outbox (kind, sequence, desk, recipient, body, not_before,"
    " expires_at, next_at) VALUES ('opened', 1, 'mail', 'x@example.net', '{}', 1, 1, 1)",
    "stop a letter": "UPDATE outbox SET state = 'failed'",
    "seal a day": "INSERT INTO seals (day, what, row_count, digest, history, receipts, told,"
    " sealed_at, chain) VALUES (1, 'rolled', 0, '', 0, 0, '', 0, '')",
    "speak for another": f"INSERT INTO words VALUES ('Delhi/portal', 1, 'delhi-2', {NOW}, 1)",
    "speak of no look": f"INSERT INTO words VALUES ('Delhi/portal', 1, 'delhi-1', {NOW}, 1)",
    "have spoken in time": "INSERT INTO words SELECT 'Delhi/portal', 2, 'delhi-1', 2,"
    " number << 42 FROM check_names WHERE name = 'Delhi/portal@delhi-1'",
    "take the duty": "INSERT INTO leases (job) VALUES ('@duty2')",
    "claim another's look": "INSERT INTO leases (job) VALUES ('Delhi/portal@delhi-2')",
    "claim a judgement": "INSERT INTO leases (job) VALUES ('Delhi/portal')",
    "be somebody else": f"INSERT INTO hosts VALUES ('pune-1', '', 'x', {NOW}, NULL)",
    "show another's evidence": "INSERT INTO exhibits VALUES"
    " ('2026-10-20/Delhi+portal-delhi-2-040000-1/page.html', 1, 'delhi-1', 1, 'eA==')",
    "be of another site": "UPDATE roles SET sites = '{Pune}'",
    "read who is who": "SELECT * FROM roles",
    "count wrongly": "UPDATE numbers SET last = 1",
    "accept what it proposed": "INSERT INTO acceptances (check_name, name, value, seen_at,"
    " accepted_at, accepted_by) VALUES ('Delhi/portal', 'a', '1', 1, 1, 'asha')",
    "propose for another site": "INSERT INTO proposals VALUES ('Pune/portal', 'a', '1', 1)",
    "make a table": "CREATE TABLE seals2 (day BIGINT)",
    "make a table that lies before others": "CREATE TEMPORARY TABLE roles (name TEXT)",
    "take a trigger off": "DROP TRIGGER history_is_not_deleted ON history",
    "take a policy off": "ALTER TABLE incidents DISABLE ROW LEVEL SECURITY",
}
UNSEEN = {
    "judge anew": "UPDATE conditions SET body = '{}' WHERE check_name = 'Delhi/portal'",
    "take the duty from its host": "UPDATE leases SET until = 9 WHERE job = '@duty'",
    "make another host silent": "UPDATE hosts SET heard_at = 0 WHERE name = 'pune-1'",
}


def test_what_it_must_not_do_is_refused(world: World, delhi: Ledger) -> None:
    with delhi.transaction() as t:  # its own look is there to be taken back
        t.record("Delhi/portal@delhi-1", "portal", "once", delhi.now(), Observation(), FOUND)
    done = dict[str, str]()
    address = world.server.address("ledger", "reveille_delhi_1") + " password=sesame"
    with psycopg.connect(address, autocommit=True) as connection:
        for what, statement in FORBIDDEN.items():
            try:
                connection.execute(statement.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue
            except psycopg.Error as other:
                done[what] = str(other)
            else:
                done[what] = "done"
    assert done == {}


def test_it_does_not_meet_what_it_does_not_see(world: World) -> None:
    world.server.run(
        "INSERT INTO hosts VALUES ('pune-1', '', 'x', 5, NULL) ON CONFLICT DO NOTHING", "ledger"
    )
    address = world.server.address("ledger", "reveille_delhi_1") + " password=sesame"
    with psycopg.connect(address, autocommit=True) as connection:
        met = {what: connection.execute(one.encode()).rowcount for what, one in UNSEEN.items()}
    assert met == dict.fromkeys(UNSEEN, 0)


def test_a_claim_that_another_host_holds_is_not_taken_from_it(world: World, delhi: Ledger) -> None:
    line = "@line Delhi/trunk 0"
    with Ledger(world.place("reveille")) as ledger:
        (held,) = ledger.claim_leases("delhi-9:1:a", [line], timedelta(seconds=60))
        assert delhi.claim_leases("delhi-1:1:a", [line], timedelta(seconds=15)) == []
        steal = "UPDATE leases SET until = 0 WHERE job = ?"
        assert list(delhi._database.change_alone(f"{steal} RETURNING job", (line,))) == []
        ledger.free_leases([held])
    assert delhi.claim_leases("delhi-1:1:a", [line], timedelta(seconds=15)) != []


def test_a_role_is_that_of_one_host(world: World) -> None:
    world.configured("reveille_delhi_1", "delhi-7")
    (world.folder / "state").mkdir(exist_ok=True)
    configuration = load_sites(world.folder / "reveille.toml")[0]
    ledger = LedgerThread(lambda: Ledger(configuration.ledger_place))
    with pytest.raises(LedgerFault, match=r"that of the host\s+delhi-1, and this one is delhi-7"):
        Sharing(ledger, configuration, SystemClock())
    world.configured()


def test_a_reader_sees_figures_and_nobody(world: World) -> None:
    address = world.server.address("ledger", READER) + " password=sesame"
    with psycopg.connect(address, autocommit=True) as connection:
        for view in VIEWS:
            rows = connection.execute(f"SELECT * FROM {view}".encode()).fetchall()
            assert rows and PEOPLE not in str(rows), view
        row = connection.execute(b"SELECT state, at > now() - interval '1 hour' FROM report_looks")
        assert ("FAILED", True) in row.fetchall()
        for table in ("outbox", "incidents", "history", "attempts", "roles"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}".encode())
