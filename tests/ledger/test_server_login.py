"""The server proves itself before it hears a password; what is wrong with it is said in words."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import certificate
from monitor.config import load
from monitor.ledger import Ledger, LedgerFault
from monitor.ledger.postgresql_login import said
from monitor.ledger.server_address import ServerAddress
from monitor.ledger.trial import try_server
from monitor.verbs.trying import tried
from tests.ledger.engines import ON_SERVER, on_server, server
from tests.loopback.databases import Postgres, postgres
from tests.ports import free_port
from tests.unit.ledger_story import SITE

pytestmark = ON_SERVER


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A server of 127.0.0.1 with TLS and a certificate of its own: its port, and that."""
    with postgres() as made:
        made.run("CREATE ROLE reveille LOGIN PASSWORD 'sesame'")
        made.run("CREATE SCHEMA AUTHORIZATION reveille")
        made.stop()
        own = certificate.make(made.folder / "data")
        for file in (own.certificate, own.key):
            os.chown(file, (made.folder / "data").stat().st_uid, -1)
        shown = shutil.copy(own.certificate, tmp_path_factory.mktemp("trusted") / "ca.pem")
        with (made.folder / "data" / "pg_hba.conf").open("a") as hba:
            hba.write("host all all 127.0.0.1/32 scram-sha-256\n")
        port = free_port()
        _listening(made, port, own)
        yield port, Path(shown)


def _listening(made: Postgres, port: int, own: certificate.Certificate) -> None:
    settings = {"ssl": "on", "ssl_cert_file": own.certificate, "ssl_key_file": own.key}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    made.command[:] = [
        "listen_addresses=127.0.0.1" if word == "listen_addresses=" else word
        for word in (*made.command, *words)
    ]
    # The socket's number stays: only the port of the network is another.
    made.command[:] = [f"port={port}" if word == "port=5432" else word for word in made.command]
    (made.folder / "run" / ".s.PGSQL.5432").symlink_to(f".s.PGSQL.{port}")
    made.start()


def address(port: int, more: str = "", trusted: Path | None = None) -> ServerAddress:
    url = f"postgresql://reveille@127.0.0.1:{port}/postgres{more}"
    return ServerAddress(url, lambda: "sesame", trusted)


def test_a_server_is_believed_by_its_certificate(far: tuple[int, Path]) -> None:
    port, trusted = far
    assert "TLS: no ledger yet" in try_server(address(port, trusted=trusted))
    with Ledger(address(port, trusted=trusted)) as ledger:
        assert ledger.identity
    assert "TLS: a ledger of form" in try_server(address(port, trusted=trusted))
    with pytest.raises(LedgerFault, match=r"not let this user in .*certificate verify failed"):
        Ledger(address(port))
    url = f"postgresql://reveille@localhost.example.net:{port}/postgres"
    with pytest.raises(LedgerFault, match="cannot be reached"):
        Ledger(ServerAddress(url, lambda: "sesame", trusted))


def test_a_wrong_password_is_told_and_not_repeated(far: tuple[int, Path]) -> None:
    port, trusted = far
    url = address(port).url
    with pytest.raises(LedgerFault, match="does not let this user in") as told:
        Ledger(ServerAddress(url, lambda: "open barley", trusted))
    assert "barley" not in str(told.value) and told.value.__cause__ is None


@pytest.mark.parametrize("weaker", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_no_address_asks_for_less(weaker: str) -> None:
    with pytest.raises(ValueError, match=f"sslmode={weaker} takes whoever answers"):
        said(f"postgresql://reveille@db.example.net/reveille?sslmode={weaker}")
    with pytest.raises(ValueError, match="sslmode"):
        said(f"postgresql://reveille@127.0.0.1,db.example.net/reveille?sslmode={weaker}")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("mysql://a@b/c", "it begins with postgresql://"),
        ("postgresql://reveille@/reveille", "names no HOST"),
        ("postgresql://reveille@db", "names no DATABASE"),
        ("postgresql://db/reveille", "names no USER"),
        ("postgresql://reveille@db/reveille?options=-csearch_path%3Dx", "cannot say options"),
        ("postgresql://reveille@db/reveille?sslrootcert=/tmp/x", "cannot say sslrootcert"),
        ("postgresql://reveille:sesame@db/reveille?%zz", "that is no address"),
    ],
)
def test_an_address_says_what_is_wrong_with_it(url: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as told:
        said(url)
    assert "sesame" not in str(told.value)


async def test_check_config_tries_it(tmp_path: Path) -> None:
    to = on_server(tmp_path)
    (tmp_path / "password").write_text(to.password(), encoding="utf-8")
    section = f'[ledger]\nurl = "{to.url}"\npassword = {{ file = "password" }}\n'
    (tmp_path / "reveille.toml").write_text(f"{SITE}\n{section}", encoding="utf-8")
    (one,) = await tried(load(tmp_path / "reveille.toml"), only=["ledger"])
    assert (one.outcome, one.said.partition(", ")[2]) == (
        "opens",
        "on this host: no ledger yet; `reveille run` begins one",
    )
    server().run(f'ALTER ROLE "{(tmp_path / "role").read_text()}" NOLOGIN')
    (one,) = await tried(load(tmp_path / "reveille.toml"), only=["ledger"])
    assert one.outcome == "fails" and "does not let this user in" in one.said


def test_whoever_only_reads_finds_the_server_in_charge_by_the_same_address(tmp_path: Path) -> None:
    """Of an address that names several servers, which is one and the same for all verbs."""
    place = on_server(tmp_path)
    of_both = ServerAddress(f"{place.url}&target_session_attrs=read-write", place.password)
    with Ledger(of_both) as ledger, Ledger(of_both, read_only=True) as reader:
        assert reader.identity == ledger.identity
        assert reader.read_only
