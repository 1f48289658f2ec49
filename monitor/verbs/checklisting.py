"""checklist: the daily checklist as it stands, and what people answer to the lines that no check
sees to.
"""

from __future__ import annotations

from argparse import Namespace

from monitor.audit import checklist_lines
from monitor.clock import SystemClock
from monitor.incidents import checklist_answers
from monitor.incidents.ticket_actions import NotPossible
from monitor.terminal import say, show
from monitor.verbs.opening import Stop, acting, ledger_of, sound_part_of


def show_checklist(arguments: Namespace) -> int:
    """Each line of the daily checklist: ticked by Reveille, by a person, or by nobody yet. 0."""
    configuration, now = sound_part_of(arguments), SystemClock().now()
    with ledger_of(configuration, read_only=True) as ledger:
        view = checklist_lines.view(ledger, configuration, now)
    show("checklist", arguments.json, view)
    return 0


def done(arguments: Namespace) -> int:
    """Tick a line that no check sees to: it was looked at, and is well. 0."""
    return _answered(arguments, well=True)


def wrong(arguments: Namespace) -> int:
    """Cross a line that no check sees to: it was looked at, and is not well. The next morning
    report says so. 0."""
    return _answered(arguments, well=False)


def _answered(arguments: Namespace, well: bool) -> int:
    configuration, now = sound_part_of(arguments), SystemClock().now()
    with ledger_of(configuration) as ledger:
        lines = checklist_lines.view(ledger, configuration, now).lines
        try:
            line = checklist_answers.asked(lines, arguments.line)
            text, by = arguments.text or "", acting(arguments)
            said = checklist_answers.answer(ledger, line, well, text, by, now)
        except NotPossible as refusal:
            raise Stop(str(refusal)) from None
    say(f"{'ticked' if well else 'crossed'} by {said.by}: {said.name}")
    return 0
