"""baseline: a person takes for right what a check saw, and from then on it is held to that."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from checks.json_diff import difference
from monitor.clock import SystemClock
from monitor.config import CheckEntry, Configuration
from monitor.incidents.acceptance import take
from monitor.ledger import AcceptanceRow, Ledger, ProposalRow
from monitor.terminal import SCREEN, ask, colourful, complain, say, show_json
from monitor.verbs.opening import Stop, acting, configuration_of, entry_of, ledger_of

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31;1m"}


def baseline(arguments: Namespace) -> int:
    """Show how what a check saw last differs from what was accepted, and take it for right. 0 it is
    accepted, 1 it was left as it is.
    """
    configuration = configuration_of(arguments)
    entry = entry_of(configuration, arguments.name)
    if not entry.probe.ACCEPTS:
        raise Stop(
            f"[checks.{entry.name}] is of the kind {entry.probe.KIND}, which compares with nothing"
            " accepted"
        )
    with ledger_of(configuration) as ledger:
        proposals = _proposals(ledger, entry, arguments.only)
        accepted = {row.name: row for row in ledger.acceptances(entry.name)}
        changed = [
            one
            for one in proposals
            # A part that was accepted as it is now needs no second acceptance: its date and name
            # would only move.
            if one.name not in accepted or accepted[one.name].value != one.value
        ]
        if not arguments.json:
            _show(configuration, proposals, accepted)
        taken = bool(changed) and (arguments.yes or _is_wanted(entry.name))
        by = acting(arguments)
        if taken:
            take(ledger, entry.name, changed, by, SystemClock().now())
    if arguments.json:
        show_json(
            {
                "check": entry.name,
                "accepted": taken or not changed,
                "parts": _plain(proposals, accepted),
            }
        )
    elif taken:
        say(f"{entry.name}: accepted by {by}")
    return 0 if taken or not changed else 1


def _proposals(ledger: Ledger, entry: CheckEntry, only: str) -> list[ProposalRow]:
    """What is to be accepted. Raises Stop."""
    found = ledger.proposals(entry.name)
    if not found:
        raise Stop(
            f"{entry.name} has seen nothing yet; `reveille run-now {entry.name}` runs it now"
        )
    if only and only not in {one.name for one in found}:
        raise Stop(
            f"{entry.name} proposes no {only!r}; it does {', '.join(one.name for one in found)}"
        )
    return [one for one in found if not only or one.name == only]


def _show(
    configuration: Configuration, proposals: list[ProposalRow], accepted: dict[str, AcceptanceRow]
) -> None:
    zone = configuration.site.zone
    for one in proposals:
        was = accepted.get(one.name)
        say(f"{one.name}, seen {one.seen_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}")
        say(
            f"accepted {was.accepted_at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z} by {was.accepted_by}"
            if was
            else "never accepted before"
        )
        for line in difference(was.value if was else None, one.value).unified or (
            "  no difference",
        ):
            say(f"  {_COLOURS.get(line[0], '')}{line}\x1b[0m" if colourful() else f"  {line}")


def _plain(
    proposals: list[ProposalRow], accepted: dict[str, AcceptanceRow]
) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "seen_at": one.seen_at.isoformat(),
            "before": (
                None
                if (was := accepted.get(one.name)) is None
                else {"at": was.accepted_at.isoformat(), "by": was.accepted_by, "value": was.value}
            ),
            "value": one.value,
            "difference": list(difference(was.value if was else None, one.value).unified),
        }
        for one in proposals
    ]


def _is_wanted(name: str) -> bool:
    """Asks a person; without one the answer is no."""
    # Without a terminal nobody can have read what is to be accepted: silence is a no.
    if not SCREEN.get().asked():
        complain(f"{name} is left as it is; --yes accepts it")
        return False
    return ask("Accept? [y/N] ").lower() in ("y", "yes")
