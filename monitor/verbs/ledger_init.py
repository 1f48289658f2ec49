"""ledger init: the ledger's tables made on its server, and the rights of a role for each probe host
and of one for readers.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from monitor.config import Configuration
from monitor.ledger import Ledger
from monitor.ledger.rights import (
    READER,
    ProbeRole,
    grant,
    may_make_roles,
    missing,
    of_administrator,
    of_owner,
    where,
)
from monitor.ledger.server_address import ServerAddress
from monitor.terminal import say, show
from monitor.verbs.ledger_move import target
from monitor.verbs.opening import Stop, sound_sites_of
from reports.ledger_views import LedgerRoles, Role


def init(arguments: Namespace) -> int:
    """Make the tables, and with --roles grant rights. 0; 1 where an administrator has to make roles
    first; 2 where nothing could be done.
    """
    sites = sound_sites_of(arguments)
    place = target(arguments, sites[0])
    wanted = _probes(arguments.probe, sites)
    if wanted and not arguments.roles:
        raise Stop("--probe says what --roles has to grant: type both")
    with Ledger(place) as ledger:
        if ledger.probe_host:
            raise Stop(
                f"{place} is opened as the probe host {ledger.probe_host}, who grants nothing"
            )
        if not arguments.roles:
            show("ledger_roles", arguments.json, LedgerRoles(str(place)), "ledger")
            return 0
        return _granted(ledger, place, wanted, arguments)


def _granted(
    ledger: Ledger, place: ServerAddress, probes: Sequence[ProbeRole], arguments: Namespace
) -> int:
    database = ledger.of_rights()
    names = [*(one.name for one in probes), READER]
    at, absent = where(database), missing(database, names)
    granted = list(of_owner(at, probes, READER))
    if arguments.print:
        for statement in (*of_administrator(at, names), *granted):
            say(f"{statement};")
        return 0
    made = list(of_administrator(at, absent))
    here = not absent or may_make_roles(database)
    if here:
        grant(database, [*made, *granted])
    roles = tuple(Role(one.name, one.host, one.sites) for one in probes)
    view = LedgerRoles(
        str(place),
        (*roles, Role(READER, "", ())),
        () if here else tuple(f"{one};" for one in made),
        tuple(absent),
    )
    show("ledger_roles", arguments.json, view, "ledger")
    return 0 if here else 1


def _probes(typed: Sequence[str], sites: Sequence[Configuration]) -> list[ProbeRole]:
    """`delhi-1=Delhi,Agra`; without sites the one that there is. Raises Stop."""
    known = {one.site.name: one.site.scope for one in sites}
    found = list[ProbeRole]()
    for one in typed:
        host, _, names = one.partition("=")
        chosen = [name.strip() for name in names.split(",") if name.strip()]
        if not chosen and len(known) > 1:
            raise Stop(f"--probe {host}: say of which sites, as {host}={next(iter(known))}")
        if strange := [name for name in chosen if name not in known]:
            raise Stop(
                f"--probe {host}: there is no site {strange[0]}; there is {', '.join(known)}"
            )
        found.append(ProbeRole(host, tuple(known[name] for name in chosen or known)))
    roles = [one.name for one in found]
    if twice := [name for name in roles if roles.count(name) > 1]:
        raise Stop(f"two of these hosts would have the role {twice[0]}: name one of them otherwise")
    return found
