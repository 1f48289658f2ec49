"""check-config --try: everything that the configuration names is opened once, all at the same time,
and a table says what did.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from textwrap import fill

from checks import masking
from checks.contract import CannotTell, Failed, Trace
from checks.trial import Untried, try_check, try_line
from monitor.config import Configuration
from monitor.desks.desk import DeskSettings, Never, TryLater
from monitor.ledger import LedgerFault
from monitor.ledger.server_address import ServerAddress
from monitor.ledger.trial import try_server
from monitor.terminal import columns, say, show_json

# A far end that has said nothing by then is not well; the whole takes hardly longer, for all are
# tried together.
LONGEST_SECONDS = 20.0
# Browsers aside, a trial is a socket or a small process: so many a small host can bear at once.
_AT_ONCE = 16
_MARKS = {"opens": "✓", "fails": "✗", "unknown": "?", "untried": "-"}
_NAME_COLUMNS = 27


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one thing: `opens`, `fails`, `unknown` (it could not be tried) or `untried`."""

    what: str
    """as it is headed in the file: section and name"""
    outcome: str
    said: str
    seconds: float


def everything_opens(sites: Sequence[Configuration], as_json: bool) -> int:
    """Try all of it. 0 where nothing failed, else 1."""
    # A line of all sites together is one.
    trials = list({one.what: one for site in sites for one in asyncio.run(tried(site))}.values())
    failed = sum(one.outcome in ("fails", "unknown") for one in trials)
    if as_json:
        show_json({"good": True, "opens": not failed, "trials": [asdict(one) for one in trials]})
        return 1 if failed else 0
    for one in trials:
        say(line_of(one))
    opens = sum(one.outcome == "opens" for one in trials)
    untried = len(trials) - opens - failed
    say(f"{opens} open, {failed} do not, {untried} untried; nothing was placed")
    return 1 if failed else 0


async def tried(found: Configuration, only: Collection[str] = ()) -> list[Trial]:
    """Every line, agent, check and desk, in the order of the file's sections; or those that are
    named so.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    with tempfile.TemporaryDirectory(prefix="reveille-try-") as folder:
        works = [
            _trial(slots, what, work)
            for what, work in _works(found, Path(folder))
            if not only or what in only
        ]
        return await asyncio.gather(*works)


_Work = Callable[[], Awaitable[str]]


def _works(found: Configuration, folder: Path) -> Iterable[tuple[str, _Work]]:
    for section, lines in (("lines", found.lines), ("agents", found.agents)):
        for line in lines.values():
            yield f"{section}.{line.name}", _looked(partial(try_line, line), folder, line.registrar)
    for name, entry in found.checks.items():
        probe = entry.probe
        yield f"checks.{name}", _looked(partial(try_check, probe), folder, probe.target())
    for name, desk in found.desks.items():
        yield f"desks.{name}", _asked(desk)
    if isinstance(found.ledger_place, ServerAddress):
        yield "ledger", _opened(found.ledger_place)


def _looked(look: Callable[[Trace], Awaitable[None]], folder: Path, target: str = "") -> _Work:
    async def work() -> str:
        # One folder for all: what is kept of a trial is thrown away with it.
        trace = Trace(time.monotonic, lambda: Path(tempfile.mkdtemp(dir=folder)))
        await look(trace)
        return "; ".join(trace.observation().warnings) or target

    return work


def _opened(ledger: ServerAddress) -> _Work:
    async def work() -> str:
        try:
            return await asyncio.to_thread(try_server, ledger)
        except LedgerFault as fault:
            raise Failed("ledger", str(fault)) from None

    return work


def _asked(desk: DeskSettings) -> _Work:
    async def work() -> str:
        # A helpdesk may say back what it was told at the log-in.
        with masking.attempt() as mask:
            try:
                said = mask.text(await desk.try_out())
            except (TryLater, Never) as refusal:
                raise type(refusal)(mask.text(str(refusal))) from None
        if said:
            return said
        raise Untried("it has no far side")

    return work


async def _trial(slots: asyncio.Semaphore, what: str, work: _Work) -> Trial:
    async with slots:
        began = time.monotonic()

        def came(outcome: str, said: object) -> Trial:
            return Trial(what, outcome, str(said), round(time.monotonic() - began, 3))

        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return came("opens", await work())
        except Untried as reason:
            return came("untried", reason)
        except Failed as refused:
            return came("fails", f"{refused.code}, {refused.text}")
        except (TryLater, Never) as refused:
            return came("fails", refused)
        except CannotTell as own:
            return came("unknown", own)
        except TimeoutError:
            return came("fails", f"it did not answer within {LONGEST_SECONDS:g} s")


def line_of(one: Trial) -> str:
    """A mark, its name, what it is: folded under its last column."""
    name = f"{_MARKS[one.outcome]} {one.what}"
    head = f"{name:{_NAME_COLUMNS}} " if len(name) <= _NAME_COLUMNS else f"{name}\n"
    if len(name) > _NAME_COLUMNS:
        indent = " " * (_NAME_COLUMNS + 1)
        return head + fill(one.said, columns(), initial_indent=indent, subsequent_indent=indent)
    return (
        fill(one.said, columns(), initial_indent=head, subsequent_indent=" " * (_NAME_COLUMNS + 1))
        or head.rstrip()
    )
