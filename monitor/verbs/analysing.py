"""rca: root cause analyses, out of the ledger and by people, and sent to all who were told."""

from __future__ import annotations

from argparse import Namespace

from monitor.clock import SystemClock
from monitor.config import Configuration
from monitor.core.incident import Incident
from monitor.incidents import store
from monitor.incidents.analyses import Analyses, NotSent
from monitor.incidents.ticket_view import no_ticket, number_of, ticket_name
from monitor.ledger import Ledger
from monitor.service.heartbeat import heartbeat
from monitor.terminal import say, show, show_json
from monitor.verbs.opening import Stop, acting, ledger_of, sound_part_of
from reports.rca import SECTIONS, FormFault, Part, RcaLines, read_form
from reports.render import render_rca, render_rca_form


def list_analyses(arguments: Namespace) -> int:
    """The analyses that are owed, the most urgent first. 0; 1 when one of them is overdue."""
    configuration = sound_part_of(arguments)
    now = SystemClock().now()
    with ledger_of(configuration, read_only=True) as ledger:
        lines = tuple(Analyses(ledger, configuration, now).owed())
    show("analyses", arguments.json, RcaLines(configuration.site.timezone, now, lines))
    return 1 if any(line.state == "overdue" for line in lines) else 0


def show_analysis(arguments: Namespace) -> int:
    """One analysis: what the ledger knows, what people have written, and what is missing. --form
    prints what an editor is opened on. 0."""
    configuration = sound_part_of(arguments)
    with ledger_of(configuration, read_only=True) as ledger:
        incident = _incident(ledger, configuration, _number(arguments))
        rca = Analyses(ledger, configuration, SystemClock().now()).of(incident)
    if arguments.json:
        show_json(rca.to_dict())
    else:
        say((render_rca_form(rca) if arguments.form else render_rca(rca).text).rstrip("\n"))
    return 0


def write(arguments: Namespace) -> int:
    """Keep what was written: the form, or some of its parts, as text. 0."""
    configuration = sound_part_of(arguments)
    try:
        written = read_form("".join(arguments.text))
    except FormFault as wrong:
        raise Stop(str(wrong)) from None
    number, by = _number(arguments), acting(arguments)
    with ledger_of(configuration) as ledger:
        analyses = Analyses(ledger, configuration, SystemClock().now())
        before = analyses.of(_incident(ledger, configuration, number)).written
        changed = {name: text for name, text in written.items() if text != before.get(name, "")}
        if changed:
            analyses.edit(number, by, changed)
    parts = ", ".join(SECTIONS[name] for name in changed)
    name = ticket_name(configuration, number)
    say(f"{name}: {f'{parts}: kept' if parts else 'nothing has changed'}")
    return 0


def send(arguments: Namespace) -> int:
    """Mail an analysis to the desk, the customer, and everybody who was told: its clock stops.
    --prevention sends the part of those who keep it from coming again. 0."""
    configuration = sound_part_of(arguments)
    number, by = _number(arguments), acting(arguments)
    part: Part = "prevention" if arguments.prevention else "rca"
    with ledger_of(configuration) as ledger:
        try:
            sent = Analyses(ledger, configuration, SystemClock().now()).send(number, by, part)
        except (NotSent, LookupError) as why:
            raise Stop(str(why.args[0])) from None
        letters = ledger.outbox(incident=number)
    to = [row.recipient for row in letters if (row.kind, row.sequence) == ("rca", sent.sequence)]
    beat = heartbeat(configuration.state)
    later = "" if beat and beat.running else "; the daemon is not running, they go out when it does"
    name = ticket_name(configuration, number)
    say(f"{name}: sent by {by} to {', '.join(to) or 'nobody: no desk takes it'}{later}")
    return 0


def wait(arguments: Namespace) -> int:
    """The analysis waits for evidence, where the policy lets it: its clock stands still, and list,
    ticket and morning report say so. 0."""
    return _paused(arguments, waits=True)


def go_on(arguments: Namespace) -> int:
    """The evidence is there: the clock of the analysis runs on. 0."""
    return _paused(arguments, waits=False)


def _paused(arguments: Namespace, waits: bool) -> int:
    configuration = sound_part_of(arguments)
    number, by = _number(arguments), acting(arguments)
    with ledger_of(configuration) as ledger:
        analyses = Analyses(ledger, configuration, SystemClock().now())
        name = ticket_name(configuration, number)
        try:
            if waits:
                analyses.wait(number, by, arguments.text.strip())
            else:
                analyses.go_on(number, by)
        except (ValueError, LookupError) as why:
            raise Stop(f"{name}: {why.args[0]}") from None
    say(f"{name}: {'waits for evidence' if waits else 'goes on'}, says {by}")
    return 0


def _incident(ledger: Ledger, configuration: Configuration, number: int) -> Incident:
    """Raises Stop, Unreadable."""
    row = ledger.incident(number)
    if row is None:
        raise Stop(no_ticket(configuration, number))
    return store.incident_of(row)


def _number(arguments: Namespace) -> int:
    try:
        return number_of(arguments.number)
    except ValueError as wrong:
        raise Stop(str(wrong)) from None
