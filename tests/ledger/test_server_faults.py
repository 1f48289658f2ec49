"""A connection that is cut, a commit whose answer is lost, a writer that stands still: what was
kept is known, and nobody else waits for ever.
"""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.server_address import ServerAddress
from tests.ledger.engines import ON_SERVER, on_server, server
from tests.loopback.test_database_health import standby

pytestmark = ON_SERVER

NOW = datetime(2026, 11, 30, 3, 0, tzinfo=UTC)
_CUT_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    " AND application_name = 'reveille ledger'"
)


@pytest.fixture
def place(tmp_path: Path) -> ServerAddress:
    return on_server(tmp_path)


def cut(folder: Path) -> None:
    """The server ends every session of this ledger."""
    server().run(_CUT_ALL.format(role=(folder / "role").read_text()))


def test_a_connection_that_was_cut_is_made_again(place: ServerAddress, tmp_path: Path) -> None:
    with Ledger(place) as ledger:
        for state in ("OK", "FAILED"):
            cut(tmp_path)
            with ledger.transaction() as t:
                t.keep_condition("a", {"state": state})
            cut(tmp_path)
            assert ledger.conditions() == {"a": {"state": state}}


def test_a_cut_in_the_middle_of_a_change_undoes_it(place: ServerAddress, tmp_path: Path) -> None:
    with Ledger(place) as ledger:
        with pytest.raises(LedgerFault, match="cannot be reached"), ledger.transaction() as t:
            t.keep_condition("a", {})
            cut(tmp_path)
            t.keep_condition("b", {})
        with pytest.raises(LedgerFault, match="cannot be reached"), ledger.transaction() as t:
            t.keep_condition("a", {})
            cut(tmp_path)
        assert ledger.conditions() == {}
        with ledger.transaction() as t:
            t.keep_condition("c", {})
        assert list(ledger.conditions()) == ["c"]


class Deaf(threading.Thread):
    """A way to the server's socket on which, once it is told, the answer to a commit is lost."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.loses = False
        self._inner = str(server().sockets / ".s.PGSQL.5432")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / ".s.PGSQL.5432"))
        self._listening.listen()
        self.start()

    def run(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as inner:
            inner.connect(self._inner)
            other = {client: inner, inner: client}
            while True:
                for one in select.select(list(other), [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    other[one].sendall(data)
                    if self.loses and one is client and b"COMMIT" in data:
                        # Until it has answered it is not done.
                        inner.recv(65536)
                        self.loses = False
                        return


@pytest.fixture
def deaf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deaf, Path]]:
    folder = tmp_path_factory.mktemp("d")
    way = Deaf(folder)
    yield way, folder
    way.close()


def test_a_commit_whose_answer_is_lost_counts_as_what_it_was(
    place: ServerAddress, deaf: tuple[Deaf, Path]
) -> None:
    way, folder = deaf
    there = replace(place, url=place.url.replace(str(server().sockets), str(folder)))
    with Ledger(there) as ledger:
        way.loses = True
        with ledger.transaction() as t:
            t.happened(None, NOW, "note", {})
        assert not way.loses, "it was lost"
        assert len(ledger.history(None)) == 1
        with ledger.transaction() as t:
            assert t.happened(None, NOW, "note", {}) == 2


def test_a_session_that_waited_in_vain_for_the_writer_goes_on(place: ServerAddress) -> None:
    with Ledger(place) as ledger, Ledger(place) as other:
        ledger._database.rows("SELECT set_config('lock_timeout', '50ms', false)")
        with (
            other.transaction(),
            pytest.raises(LedgerFault, match="held by another process"),
            ledger.transaction(),
        ):
            pass
        assert ledger.conditions() == {}
        with ledger.transaction() as t:
            t.keep_condition("a", {})
        assert list(other.conditions()) == ["a"]


_STANDS_STILL = """
import sys
from monitor.ledger import Ledger
from monitor.ledger.server_address import ServerAddress
with Ledger(ServerAddress(sys.argv[1], lambda: sys.argv[2])) as ledger, ledger.transaction() as t:
    t.keep_condition("frozen", {})
    print("within", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow  # the server waits for five seconds before it undoes what stands still
def test_a_writer_that_freezes_is_undone(place: ServerAddress) -> None:
    Ledger(place).close()
    frozen = subprocess.Popen(
        [sys.executable, "-c", _STANDS_STILL, place.url, place.password()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert frozen.stdout and frozen.stdout.readline() == "within\n"
    frozen.send_signal(signal.SIGSTOP)
    with Ledger(place) as ledger:
        # Who waits for the writer has twice as much patience.
        with ledger.transaction() as t:
            t.keep_condition("goes on", {})
        assert list(ledger.conditions()) == ["goes on"]
    frozen.send_signal(signal.SIGCONT)
    _, said = frozen.communicate("")
    assert frozen.returncode == 1 and "LedgerFault" in said, "what it changes afterwards is refused"


def test_a_question_that_takes_too_long_is_ended(place: ServerAddress, tmp_path: Path) -> None:
    with Ledger(place) as ledger:
        timer = threading.Timer(1.0, ledger.interrupt)
        timer.start()
        with pytest.raises(LedgerFault, match="the question was ended"):
            ledger._database.rows("SELECT pg_sleep(60)")
        assert ledger.conditions() == {}
        cut(tmp_path)
        ledger.interrupt()
        assert ledger.conditions() == {}


@pytest.mark.slow  # a standby is made
def test_a_standby_is_read_and_waited_for(place: ServerAddress, tmp_path: Path) -> None:
    with Ledger(place) as ledger, ledger.transaction() as t:
        t.keep_condition("a", {})
    with standby(server(), tmp_path) as other:
        there = replace(place, url=place.url.replace(str(server().sockets), str(other.sockets)))
        with Ledger(there, read_only=True) as read:
            assert list(read.conditions()) == ["a"]
        with pytest.raises(LedgerFault) as not_yet:
            Ledger(there)
        assert not_yet.value.cause == "unreachable"
        other.run("SELECT pg_promote(true, 60)")
        with Ledger(there) as ledger, ledger.transaction() as t:
            t.keep_condition("b", {})
