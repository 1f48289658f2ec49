"""What people answer to the lines of the daily checklist that no check sees to: kept in the ledger,
the newest of each line is shown with who said it and when.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from checks.settings import nearest, shown
from monitor.incidents.ticket_actions import NotPossible
from monitor.ledger import Ledger
from monitor.ledger.happening_bodies import happening_body
from monitor.ledger.history import readable
from reports.checklist import Answer, Duty

KIND = "checklist"
# Of a month and thirty lines; it bounds a damaged ledger.
_MOST = 1000
_LONGEST = 300


def answers(ledger: Ledger) -> tuple[Answer, ...]:
    """The newest of each line."""
    newest: dict[str, Answer] = {}
    for one in _read(ledger):
        newest.setdefault(one.name, one)
    return tuple(newest.values())


def asked(lines: tuple[Duty, ...], written: str) -> Duty:
    """The line that is meant, by its number in the list, its name or its text. Raises
    NotPossible.
    """
    named = {str(number): one for number, one in enumerate(lines, 1)}
    named |= {one.name: one for one in lines}
    found = named.get(written.strip())
    if found is None:
        names = [one.name for one in lines if not one.state]
        hint = nearest(written, names) or "; `reveille checklist` numbers them"
        raise NotPossible(f"the checklist has no line {shown(written[:60])}{hint}")
    if found.state:
        raise NotPossible(f"nobody is asked of {shown(found.name)}: Reveille sees to it itself")
    return found


def answer(ledger: Ledger, line: Duty, done: bool, text: str, by: str, now: datetime) -> Answer:
    """A person says how it is. Raises NotPossible."""
    said = " ".join(text.split())
    if len(said) > _LONGEST:
        raise NotPossible(f"the text has {len(said)} signs; at most {_LONGEST} can be kept")
    if not done and not said:
        raise NotPossible("say what is wrong, as in --text 'the second feed is dead'")
    facts = {"line": line.name, "done": done, "text": said, "by": by}
    with ledger.transaction() as t:
        t.happened(None, now, KIND, happening_body(KIND, facts))
    return Answer(line.name, done, said, by, now)


def _read(ledger: Ledger) -> Iterator[Answer]:
    for at, facts in readable(ledger.newest(KIND, _MOST)):
        yield Answer(facts["line"], facts["done"], facts["text"], facts["by"], at)
