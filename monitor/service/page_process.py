"""The status page's process: started beside the daemon, started again when it ends, and ended with
it. What a heavy page costs is never the daemon's.

Rules: the page is worth less than the looking. Whatever goes wrong with it is said in the log, once
a cause, and the daemon goes on. Passwords of the page's users go to it by its standard input.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from checks.process.parent import Child, python, running
from monitor.config import Configuration
from monitor.config.page import OtherSite, Page
from monitor.ledger.server_address import Place, ServerAddress

log = logging.getLogger(__name__)

# Starting takes a second of a slow host: one that dies at once is not tried more often than that.
_AGAIN_SECONDS = (1.0, 5.0, 30.0, 60.0)
# It answers what it has under way, and closes its sockets.
_PATIENCE_SECONDS = 2.0
# What it says in the log is events of its own; more of them in a row are one caller's doing.
_LONGEST_EVENT = 500
_LEVELS = {"warning": logging.WARNING, "error": logging.ERROR}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another site's page; `user` is "" where everybody may read it."""

    name: str
    url: str
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """What a desk signs its pushes with, and whether they are `answers` or a reason to look."""

    secret: str = field(repr=False)
    answers: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What the page's process needs to know; it is JSON on its way there."""

    file: str
    state: str
    listen: tuple[str, int]
    url: str = ""
    certificate: str = ""
    key: str = ""
    everybody_reads: bool = True
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    """of the users whose password could be had"""
    sites: tuple[Neighbour, ...] = ()
    hooks: dict[str, Hook] = field(default_factory=dict)
    """of the desks that push, whose secret could be had"""
    watched: tuple[str, ...] = ()
    """the sites that the daemon watches, by name"""
    ledger_password: str = field(default="", repr=False)
    """of a ledger on a server: the page's process has neither credentials nor variables"""

    def ledger_place(self, configuration: Configuration) -> Place:
        """Where the page finds the ledger of its site."""
        place = configuration.ledger_place
        if isinstance(place, ServerAddress):
            return replace(place, password=lambda: self.ledger_password)
        return place

    def encoded(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decoded(cls, written: bytes) -> Job:
        """The job again."""
        told = json.loads(written)
        sites = tuple(Neighbour(**one) for one in told["sites"])
        hooks = {name: Hook(**one) for name, one in told["hooks"].items()}
        lists = {"listen": tuple(told["listen"]), "watched": tuple(told["watched"])}
        return cls(**{**told, **lists, "sites": sites, "hooks": hooks})


def job_of(sites: Sequence[Configuration], page: Page) -> Job:
    """The job, with the passwords that can be had now; who has none cannot log in."""
    configuration, passwords = sites[0], {}
    for user in page.users:
        try:
            passwords[user.name] = user.password.reveal()
        except LookupError as missing:
            log.warning("action=page_user_without_password user=%s %s", user.name, missing)
    return Job(
        file=str(configuration.file.absolute()),
        state=str(configuration.state.absolute()),
        listen=(page.host, page.port),
        url=page.url or "",
        certificate=str(page.certificate or ""),
        key=str(page.key or ""),
        # Users whose passwords are missing are users all the same: nothing is opened by that.
        everybody_reads=page.everybody_reads or not page.users,
        passwords=passwords,
        sites=tuple(_neighbour(one) for one in page.sites),
        watched=tuple(one.site.name for one in sites),
        ledger_password=_ledger_password(configuration),
        hooks=_hooks(sites),
    )


def _ledger_password(configuration: Configuration) -> str:
    try:
        return configuration.ledger.password.reveal() if configuration.ledger.password else ""
    except LookupError as missing:
        log.warning("action=page_without_ledger %s", missing)
        return ""


def _hooks(sites: Sequence[Configuration]) -> dict[str, Hook]:
    """Whoever's secret is missing cannot push."""
    found = {}
    for name, desk in [one for site in sites for one in site.desks.items()]:
        if (secret := desk.pushed_by()) is not None:
            try:
                found[name] = Hook(secret.reveal(), desk.PUSHES_ANSWERS)
            except LookupError as missing:
                log.warning("action=desk_without_secret desk=%s %s", name, missing)
    return found


def _neighbour(site: OtherSite) -> Neighbour:
    password = ""
    if site.password is not None:
        try:
            password = site.password.reveal()
        except LookupError as missing:
            log.warning("action=page_site_without_password site=%s %s", site.name, missing)
    return Neighbour(site.name, site.url, site.user or "", password)


class PageProcess:
    """Keeps the page of the configuration that is in force."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        look: Callable[[str], None] = lambda _desk: None,
    ) -> None:
        """`start` begins a task of the daemon's, which ends with it; `look` has the tickets of a
        desk looked at soon.
        """
        self._start, self._look = start, look
        self._task: asyncio.Task[None] | None = None
        self._before: asyncio.Task[None] | None = None
        self._wanted: Sequence[Configuration] = ()
        self.address = ""
        """where it listens; "" where it does not"""

    def take(self, sites: Sequence[Configuration]) -> None:
        """Serve the page of these sites from now on, or none."""
        self._wanted = sites
        if self._task is not None:
            self._task.cancel()
            self._before, self._task = self._task, None

    def begin(self) -> None:
        """Start it, where one is wanted and none is there; within a running loop."""
        wanted = self._wanted
        page = wanted[0].page if wanted else None
        if self._task is None and page is not None:
            self._task = self._start(self._keep(wanted, page))

    async def _keep(self, sites: Sequence[Configuration], page: Page) -> None:
        # The port is its predecessor's until that has gone.
        if self._before is not None:
            await asyncio.wait({self._before})
        failed, said = 0, ""
        while True:
            why = await self._serve(sites, page)
            # The same words each minute would fill the journal and say nothing new.
            if why != said:
                log.error("action=page_ended %s", why)
            failed, said = (0, "") if self.address else (failed + 1, why)
            self.address = ""
            await asyncio.sleep(_AGAIN_SECONDS[min(failed, len(_AGAIN_SECONDS) - 1)])

    async def _serve(self, sites: Sequence[Configuration], page: Page) -> str:
        """Run it until it ends; returns why it did."""
        program = python("monitor.page", grace_seconds=_PATIENCE_SECONDS)
        try:
            async with running(program, None, _PATIENCE_SECONDS) as child:
                await child.give(job_of(sites, page).encoded())
                fault = await self._hear(child)
                status = await child.wait()
                return fault or f"it ended with {status}: {child.complaint(3)}"
        except (OSError, ValueError) as barred:
            return str(barred)

    async def _hear(self, child: Child) -> str:
        """What it tells of itself, until it ends; what it was ended by, if it says so."""
        fault = ""
        while line := await child.output.readline():
            told = json.loads(line)
            if "listening" in told:
                self.address = str(told["listening"])
                log.info("action=page_listens at=%s", self.address)
            elif "fault" in told:
                fault = str(told["fault"])[:_LONGEST_EVENT]
            elif "look" in told:
                self._look(str(told["look"]))
            elif "log" in told:
                level = _LEVELS.get(str(told.get("level")), logging.INFO)
                log.log(level, "action=page %s", str(told["log"])[:_LONGEST_EVENT])
        return fault
