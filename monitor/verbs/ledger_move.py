"""ledger move: the ledger carried over from its file to a PostgreSQL database, whole or not at
all.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from checks.settings import Secret
from monitor.clock import SystemClock
from monitor.config import Configuration, together
from monitor.ledger.moving import move as carry
from monitor.ledger.postgresql_login import said
from monitor.ledger.server_address import ServerAddress
from monitor.service.heartbeat import AlreadyRunning, Presence
from monitor.terminal import passing, show, watched
from monitor.verbs.opening import Stop, sound_sites_of
from monitor.verbs.refusal import in_words
from reports.ledger_views import LedgerMoved, Moved


def move(arguments: Namespace) -> int:
    """Carry the ledger over; the daemon must not run. 0; 2 where nothing was moved."""
    configuration = together(sound_sites_of(arguments))
    file, to = configuration.state / "ledger.sqlite", target(arguments, configuration)
    if not file.exists():
        raise Stop(f"there is no ledger at {file} to move")
    clock = SystemClock()
    began = clock.monotonic()
    try:
        # Held until all of it is over there: a daemon that starts meanwhile waits for nobody.
        presence = Presence(configuration.state)
    except AlreadyRunning as other:
        raise Stop(f"{other}: stop it first, since what it writes meanwhile is lost") from None
    except OSError as problem:
        raise Stop(in_words(problem, "the state folder")) from None
    try:
        carried = carry(file, to, _progress if watched() else lambda *_: None)
    finally:
        presence.leave()
        if watched():
            passing("")
    view = LedgerMoved(
        str(file),
        str(to),
        tuple(Moved(one.table, one.rows, one.digest) for one in carried),
        round(clock.monotonic() - began, 1),
        configuration.ledger.url == str(to),
    )
    show("ledger_moved", arguments.json, view, "moved")
    return 0


def target(arguments: Namespace, configuration: Configuration) -> ServerAddress:
    """Where to: what was typed, else what the configuration says. Raises Stop."""
    settings = configuration.ledger
    url = arguments.to or settings.url
    if not url:
        raise Stop("say where: --to postgresql://USER@HOST/DATABASE")
    try:
        said(url)
    except ValueError as wrong:
        raise Stop(f"--to: {wrong}") from None
    if arguments.password_file:
        return ServerAddress(
            url,
            Secret(file=Path(arguments.password_file).absolute()).reveal,
            settings.trusted_certificates,
        )
    if settings.url == url:
        place = configuration.ledger_place
        assert isinstance(place, ServerAddress)  # noqa: S101 - it has a url
        return place
    return ServerAddress(url, trusted=settings.trusted_certificates)


def _progress(table: str, done: int, count: int) -> None:
    passing(f"  {table}: {done} of {count} rows …")
