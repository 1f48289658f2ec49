"""What every page of one site's process needs: the configuration, who is logged in, the readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from copy import copy
from typing import TypeVar

from aiohttp import web

from checks.process.child import Tell
from monitor.clock import Clock, SystemClock
from monitor.config import Configuration
from monitor.incidents.answer_key import key_of
from monitor.incidents.ticket_view import page_root
from monitor.ledger import Ledger
from monitor.ledger.of_site import of_site
from monitor.page.ledger_reader import LedgerReader
from monitor.page.neighbours import Neighbours
from monitor.page.overview import Overviews
from monitor.page.sessions import Sessions
from monitor.service.page_process import Job
from reports.pages import Visit

COOKIE = "reveille"
T = TypeVar("T")


class Site:
    """One site and its readers."""

    def __init__(
        self, configuration: Configuration, job: Job, tell: Tell, clock: Clock | None = None
    ) -> None:
        """`tell` takes a line for the daemon: {"log": …}. Raises OSError."""
        self.configuration, self.job, self.tell = configuration, job, tell
        self.name, self.root = configuration.site.name, page_root(configuration)
        self.clock = clock or SystemClock()
        self.ledger_place = place = job.ledger_place(configuration)
        scope = configuration.site.scope
        self.quick = LedgerReader(place, "now", scope)
        self.slow = LedgerReader(place, "slow", scope)
        self.overviews = Overviews(self.configuration)
        self.neighbours = Neighbours(job.sites)
        self.key = key_of(self.configuration.state)
        self.sessions = Sessions(
            self.key,
            job.passwords,
            lambda: self.clock.now().timestamp(),
        )

    async def change(self, work: Callable[[Ledger], T]) -> T:
        """Have something done to the ledger. Raises LedgerFault, and what `work` raises."""
        return await asyncio.to_thread(self._with_ledger, work)

    def _with_ledger(self, work: Callable[[Ledger], T]) -> T:
        # A connection of its own, as every verb beside the daemon has: the daemon takes notice, and
        # sends what it tells.
        with Ledger(self.ledger_place) as ledger:
            return work(of_site(ledger, self.configuration.site.scope))

    def whole(self) -> Site:
        """As the page of all sites has it: who is logged in, and no pages of one site."""
        made = copy(self)
        made.name, made.root = "All sites", ""
        return made

    def within(self, request: web.Request) -> str:
        """The path that is asked for, as of the only site."""
        return request.path.removeprefix(self.root) if self.root else request.path

    def user(self, request: web.Request) -> str:
        """Who is logged in there; "" for nobody."""
        return self.sessions.user(request.cookies.get(COOKIE, ""))

    def visit(self, request: web.Request) -> Visit:
        """Who reads this page, and what may be done on it."""
        user = self.user(request)
        proof = self.sessions.proof(request.cookies.get(COOKIE, "")) if user else ""
        return Visit(
            site=self.name,
            timezone=self.configuration.site.timezone,
            now=self.clock.now(),
            at=request.path,
            user=user,
            proof=proof,
            log_in=self.sessions.anybody,
            everybody_reads=self.job.everybody_reads,
            root=self.root,
            whole=self.configuration.site.several and not self.root,
            message=request.query.get("said", ""),
        )

    async def close(self) -> None:
        """End the readers."""
        await self.quick.close()
        await self.slow.close()


SITE = web.AppKey("site", Site)
