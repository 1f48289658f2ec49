"""desks: the desks of the configuration; `desks test NAME` proves one before anything breaks, and
sends one message by one that reaches people by chat or push.
"""

from __future__ import annotations

import asyncio
from argparse import Namespace
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from checks import masking
from checks.messages import nearest
from monitor.desks.desk import DeskSettings, Never, TryLater
from monitor.terminal import say, show_json
from monitor.verbs.opening import Stop, configuration_of

if TYPE_CHECKING:
    # What is tried brings every kind's own means with it: only when one is.
    from monitor.verbs.trying import Trial


def desks(arguments: Namespace) -> int:
    """List the desks: name, kind, what each is sent."""
    found = configuration_of(arguments).desks
    if arguments.json:
        show_json({name: desk.KIND for name, desk in found.items()})
        return 0
    for name, desk in found.items():
        say(f"{name:20} {desk.KIND:16} {', '.join(sorted(desk.TAKES)) or 'nothing is sent'}")
    return 0


def test(arguments: Namespace) -> int:
    """Ask a desk for its account, queue, fields and rights; nothing is left behind at a helpdesk,
    and a chat gets one message that says it is a test. 0 where all is there, 1 where something is
    missing.
    """
    # Only then: what is tried brings every kind's own means with it.
    from monitor.verbs.trying import line_of, tried

    found = configuration_of(arguments)
    name = arguments.name
    if name not in found.desks:
        hint = nearest(name, list(found.desks)) or f"; there are {', '.join(found.desks)}"
        raise Stop(f"there is no [desks.{name}]{hint}")
    (trial,) = asyncio.run(tried(found, {f"desks.{name}"}))
    if trial.outcome == "opens":
        trial = asyncio.run(_sent(found.desks[name], found.site.name, trial))
    if arguments.json:
        show_json(asdict(trial))
    else:
        say(line_of(trial))
    return 1 if trial.outcome in ("fails", "unknown") else 0


async def _sent(desk: DeskSettings, site: str, trial: Trial) -> Trial:
    """With what came of a message for a test, where one is sent."""
    with masking.attempt() as mask:
        try:
            if said := await desk.send_one(site):
                return replace(trial, said=mask.text(said))
        except (TryLater, Never) as refusal:
            return replace(trial, outcome="fails", said=mask.text(str(refusal)))
    return trial
