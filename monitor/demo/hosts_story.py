"""The demo of several hosts: one is killed and is missed once, one alone sees trouble, and then all
of them do. Nothing is shown that was not really seen.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lab import Lab
from lab.own_server import NoServer
from lab.server_link import Link
from monitor.demo.daemon import NotSeen, too_busy
from monitor.demo.several_hosts import NAMES, Host, SeveralHosts
from monitor.incidents import store
from monitor.incidents.ticket_view import view
from monitor.ledger import IncidentRow, Ledger
from monitor.terminal import colourful, say, show_json
from reports.render import render_text
from reports.ticket import plain

_PORTAL, _ANYWHERE = "agent-portal", ("admin-portal", "dashboard-portal", "report-portal")
_LIMIT_SECONDS = 420.0
_CHECK = """
[checks.{name}]
kind = "portal"
component = "{component}"
url = "{url}"
every = "10s"
confirm_after = "2s"
recheck = "5s"
"""
_PLACES = "from = {places}\nagree = 2\n"


def tell(count: int, state: Path | None, as_json: bool) -> int:
    """Tell the story of so many hosts; `state` keeps everything. Returns the exit code."""
    folder = state or Path(tempfile.mkdtemp(prefix="reveille-hosts-"))
    story = HostsStory(folder, NAMES[:count], as_json)
    try:
        asyncio.run(story.within(_LIMIT_SECONDS))
    except (NotSeen, NoServer) as missing:
        story.step("missing", missing=str(missing))
    if as_json:
        show_json({"complete": story.complete, "folder": str(folder), "steps": plain(story.steps)})
    return 0 if story.complete else 1


@dataclass
class HostsStory:
    """One telling."""

    folder: Path
    names: Sequence[str]
    as_json: bool
    complete: bool = False
    steps: list[dict[str, Any]] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    async def within(self, seconds: float) -> None:
        """The story, or its end after so many seconds. Raises NotSeen, NoServer."""
        try:
            async with asyncio.timeout(seconds):
                await self.run()
        except TimeoutError:
            raise NotSeen(f"the whole story within {seconds:g} s{too_busy()}") from None

    async def run(self) -> None:
        """All well, one killed, one back, one alone, all of them."""
        async with Lab(self.folder / "lab") as lab, Link(partial(portal_port, lab)) as way:
            written = partial(configured, lab, self.names, way.port)
            async with SeveralHosts(self.folder, self.names, written) as hosts:
                await self._well(hosts)
                await self._killed(hosts, hosts.all[self.names[1]])
                await self._alone(hosts, way)
                await self._all(lab, hosts)
        self.step("hosts-stopped")
        self.complete = True

    async def _well(self, hosts: SeveralHosts) -> None:
        wanted = {_PORTAL, *_ANYWHERE}
        await hosts.until("a good look at everything", lambda one: wanted <= _good(one))
        # Each has had its turns by then.
        held = await hosts.until("looks by several hosts", _holders, 60)
        places = [f"{_PORTAL}@{name}" for name in self.names]
        self.step("hosts-well", hosts=list(self.names), holders=held, places=places)

    async def _killed(self, hosts: SeveralHosts, host: Host) -> None:
        host.send(signal.SIGKILL)
        await host.process.wait()
        self.step("host-killed", host=host.name)
        ticket = await hosts.until("its ticket", partial(_ticket, issue="host-is-silent"))
        self.step("host-missed", host=host.name, ticket=view_of(ticket, hosts))
        await host.start()
        await hosts.until("its end", lambda one: not one.open_incidents())
        self.step("host-back", host=host.name)

    async def _alone(self, hosts: SeveralHosts, way: Link) -> None:
        way.cut()
        alone = self.names[-1]
        self.step("place-cut", host=alone, check=_PORTAL)
        ticket = await hosts.until("the place's ticket", partial(_ticket, issue="place-disagrees"))
        others = await asyncio.to_thread(hosts.ledger.open_incidents)
        if len(others) != 1:
            raise NotSeen(f"one ticket, of the place alone; there are {len(others)}{too_busy()}")
        self.step("place-alone", host=alone, ticket=view_of(ticket, hosts))
        way.mend()
        await hosts.until("its end", lambda one: not one.open_incidents())
        self.step("place-agrees", host=alone)

    async def _all(self, lab: Lab, hosts: SeveralHosts) -> None:
        lab.break_(f"{_PORTAL}-down")
        self.step("broken", fault=f"{_PORTAL}-down", about=Lab.FAULTS[f"{_PORTAL}-down"])
        ticket = await hosts.until("the platform's ticket", partial(_of_check, check=_PORTAL))
        self.step("hosts-agree", ticket=view_of(ticket, hosts))
        lab.mend()
        number = ticket.number or 0
        await hosts.until("its end", partial(_is_over, number=number), 120)
        self.step("hosts-mended")

    def step(self, name: str, **facts: Any) -> None:
        """One more; shown, unless it is kept for a program."""
        at = round(time.monotonic() - self._began, 1)
        self.steps.append({"step": name, "at_seconds": at, **facts})
        if not self.as_json:
            said = render_text("demo_hosts", colour=colourful(), step=name, at=at, **facts)
            say(said.rstrip("\n"))


def portal_port(lab: Lab) -> int:
    """Where the portal that all places look at listens."""
    return lab.portals[_PORTAL].port


def configured(lab: Lab, names: Sequence[str], way: int, name: str, state: Path) -> str:
    """What a host's configuration says but for its own sections. The last host has a way of its
    own to the portal.
    """
    head, _, rest = lab.configuration(state).partition("[lines.trunk-a]")
    desk = "[desks.mail]" + rest.partition("[desks.mail]")[2]
    url = f"http://127.0.0.1:{way}/login" if name == names[-1] else lab.portals[_PORTAL].url
    checks = _CHECK.format(name=_PORTAL, component=_PORTAL, url=url)
    checks += _PLACES.format(places=list(names)).replace("'", '"')
    for other in _ANYWHERE:
        checks += _CHECK.format(name=other, component=other, url=lab.portals[other].url)
    return head + checks + desk


def view_of(row: IncidentRow, hosts: SeveralHosts) -> dict[str, Any]:
    """What the story says of a ticket."""
    configuration = next(iter(hosts.all.values())).configuration
    ticket = view(hosts.ledger, configuration, store.incident_of(row), row.opened_at)
    return {"number": ticket.number, "title": ticket.title, "reasons": list(ticket.reasons)}


def _good(ledger: Ledger) -> set[str]:
    return {row.check for row in ledger.attempts(limit=200) if row.verdict.state == "OK"}


def _holders(ledger: Ledger) -> dict[str, int]:
    """How many checks each host was the last to look at; nothing while it is one host alone."""
    rows = ledger.lease_rows([_PORTAL, *_ANYWHERE])
    found = Counter(row.holder.partition(":")[0] for row in rows.values() if row.holder)
    return dict(found) if len(found) > 1 else {}


def _ticket(ledger: Ledger, issue: str) -> IncidentRow | None:
    return next((row for row in ledger.open_incidents() if row.issue == issue), None)


def _is_over(ledger: Ledger, number: int) -> bool:
    row = ledger.incident(number)
    return row is not None and (row.recovered_at is not None or row.closed_at is not None)


def _of_check(ledger: Ledger, check: str) -> IncidentRow | None:
    rows = ledger.open_incidents()
    return next((row for row in rows if check in store.incident_of(row).causes), None)
