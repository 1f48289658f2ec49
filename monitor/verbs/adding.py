"""add: one more thing to look at, tried before it is written."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

from monitor import config
from monitor.config import additions
from monitor.config.additions import Addition, Extended, extended
from monitor.config.section_models import Site
from monitor.terminal import complain_folded, say, show_json
from monitor.verbs.opening import Stop
from monitor.verbs.refusal import in_words
from monitor.verbs.trying import line_of, tried


def portal(arguments: Namespace) -> int:
    """Add a page that is fetched, after it was fetched once. 0 added, 1 it does not open, 2 it
    cannot be added.
    """
    return _added(
        arguments,
        additions.portal(
            arguments.url,
            arguments.name,
            every=arguments.every or "5m",
            component=arguments.component,
            must_contain=arguments.contains or [],
        ),
    )


def number(arguments: Namespace) -> int:
    """Add a number that is called twice a day, after its line was asked for; the number itself is
    not called. 0 added, 1 the line does not open, 2 it cannot be added.
    """
    line, account = arguments.line, None
    if arguments.registrar:
        line = line or additions.name_of(arguments.registrar)
        account = {
            "registrar": arguments.registrar,
            "user": arguments.user,
            "password": _secret(arguments),
        }
    if not line:
        raise Stop(
            "a call needs a line: --line NAME of the file, or --registrar HOST for a new one"
        )
    # RFC 3261 has no word for it; twice a day is what the operators of a centre promise.
    at = arguments.at or ["08:30", "17:30"]
    return _added(arguments, additions.number(arguments.to, arguments.name, line, account, at=at))


def database(arguments: Namespace) -> int:
    """Add a database: how it is every five minutes, and a backup that is restored and compared
    every night; after its rights were asked for. 0 added, 1 it does not open, 2 it cannot be added.
    """
    server = {
        "engine": arguments.engine,
        "host": arguments.host,
        "port": arguments.port,
        "user": arguments.user,
        "password": _secret(arguments),
    }
    called = arguments.name or additions.name_of(arguments.database)
    folder = Path(arguments.folder or f"/var/lib/reveille/backups/{called}")
    return _added(arguments, additions.database(arguments.database, server, folder, called))


def _secret(arguments: Namespace) -> dict[str, str] | None:
    """Where the password is; it is never an argument, which everybody on the host can read."""
    for place in ("credential", "environment", "password_file"):
        if given := getattr(arguments, place):
            return {place.removeprefix("password_"): given}
    return None


def _added(arguments: Namespace, addition: Addition) -> int:
    file = Path(arguments.config)
    try:
        found = extended(file, addition, arguments.site)
    except ValueError as wrong:
        raise Stop(str(wrong)) from None
    names = _plain_names(addition, found.configuration.site)
    trials = asyncio.run(tried(found.configuration, names))
    if found.configuration.site.several:
        addition = addition.of_site(found.configuration.site.name)
    opens = not any(one.outcome in ("fails", "unknown") for one in trials)
    written = opens or arguments.anyway
    if written:
        _write(found)
    if arguments.json:
        show_json(
            {"written": written, "added": addition.text(), "trials": [asdict(t) for t in trials]}
        )
        return 0 if written else 1
    for trial in trials:
        say(line_of(trial))
    _warn(found, addition)
    if not written:
        say(f"nothing was written to {file}; --anyway writes it all the same")
        return 1
    say(f"\n{addition.text()}\nis in {file} now; the service takes it over with:")
    say("  systemctl reload reveille")
    return 0


def _plain_names(addition: Addition, site: Site) -> frozenset[str]:
    """As what is tried is called: `checks.Pune/agent-portal` where there are several sites."""
    parted = (name.replace('"', "").partition(".") for name in addition.names)
    return frozenset(f"{section}.{site.scoped(name)}" for section, _, name in parted)


def _warn(found: Extended, addition: Addition) -> None:
    """What is probably not meant with what was added."""
    for warning in found.configuration.warnings:
        if warning.path.startswith(addition.names):
            complain_folded(f"warning: {config.located(str(found.file), warning)}")


def _write(found: Extended) -> None:
    try:
        found.write()
    except OSError as problem:
        raise Stop(in_words(problem, "the configuration")) from None
