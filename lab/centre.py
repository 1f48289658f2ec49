"""The whole centre: starts its parts, breaks and mends them, writes the configuration that watches
them.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from lab import certificate, prompts
from lab.accounts import AGENTS, API_KEY, BROWSERS, HOST, USERS, WATCHER, ZONE
from lab.agent_desk import AgentDesk
from lab.chat import Chat
from lab.configuration import written
from lab.control import Control
from lab.crm import SCHEMA, Crm
from lab.dialer import Dialer
from lab.injected_faults import FAULTS, Faults
from lab.mail_server import Mailbox
from lab.pbx.exchange import Exchange
from lab.portals import portals
from lab.records import newest_days, write_csv
from lab.uplink import World
from lab.watched import Watched
from lab.webrtc import Edge


class Lab:
    """`async with Lab(folder) as lab`: everything runs inside, on free ports; nothing is left
    afterwards.
    """

    FAULTS = FAULTS

    def __init__(
        self, folder: Path, challenge_calls: bool = False, mail_login: tuple[str, str] | None = None
    ) -> None:
        """`challenge_calls`: digest is asked of INVITE too; `mail_login`: the mailbox asks for
        STARTTLS and AUTH.
        """
        self.folder = folder.absolute()
        self._challenge_calls, self._mail_login = challenge_calls, mail_login
        # Account -> the file that holds its password.
        self.passwords: dict[str, Path] = {}

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Passwords and mails lie here.
        self.folder.chmod(0o700)
        self.faults = Faults()
        self.certificate = certificate.make(self.folder / "tls")
        context = self.certificate.server_context()
        users = {name: self._password(name) for name in USERS}
        self.pbx = Exchange(self.faults, users, AGENTS, prompts.FOLDER, self._challenge_calls)
        self.pbx.recordings = self.folder / "recordings"
        self.pbx.recordings.mkdir(exist_ok=True)
        self.mailbox = Mailbox(self.folder / "mailbox", self.faults, context, self._mail_login)
        records = newest_days(self.folder, ZONE)
        write_csv(self.records, records)
        watcher = self._password(WATCHER)
        self.portals = portals(self.faults, (WATCHER, watcher), records)
        self.crm = Crm(self.faults, self._password(API_KEY))
        self.dialer = Dialer(
            self.faults, self.pbx, self.pbx.recordings, self.passwords[API_KEY].read_text().strip()
        )
        self.schema.write_text(json.dumps(SCHEMA, indent=1), encoding="utf-8")
        self.world = World(self.faults)
        self.chat = Chat(self.faults)
        self.agent_desk = AgentDesk(self.faults, {WATCHER: watcher})
        browsers = {name: self._password(name) for name in BROWSERS}
        self.edge = Edge(self.faults, browsers, prompts.FOLDER / "welcome.wav")
        self.control = Control(self.folder, self.faults)
        async with AsyncExitStack() as stack:
            await self.pbx.open(HOST, context)
            stack.push_async_callback(self.pbx.close)
            await self.mailbox.open(HOST)
            stack.push_async_callback(self.mailbox.close)
            for portal in self.portals.values():
                await portal.open(HOST)
                stack.push_async_callback(portal.close)
            await self.crm.open(HOST)
            stack.push_async_callback(self.crm.close)
            await self.dialer.open(HOST)
            stack.push_async_callback(self.dialer.close)
            await self.world.open(HOST)
            stack.push_async_callback(self.world.close)
            for page in (self.chat, self.agent_desk):
                await page.open(HOST)
                stack.push_async_callback(page.close)
            await self.edge.open(HOST, context)
            stack.push_async_callback(self.edge.close)
            await self.control.open()
            stack.push_async_callback(self.control.close)
            # All is open: until here a failure closes what was opened before it.
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        for path in self.passwords.values():
            path.unlink(missing_ok=True)

    @property
    def records(self) -> Path:
        """Call records of yesterday and today, as Asterisk writes them."""
        return self.folder / "Master.csv"

    @property
    def schema(self) -> Path:
        """The JSON Schema of what the CRM answers."""
        return self.folder / "customer.schema.json"

    @property
    def broken(self) -> set[str]:
        """The faults that are switched on."""
        return set(self.faults.names)

    def break_(self, name: str) -> None:
        """Switch a fault on. Raises UnknownFault."""
        self.faults.switch_on(name)

    def mend(self, name: str | None = None) -> None:
        """Switch one fault off, or all. Raises UnknownFault."""
        self.faults.switch_off(name)

    def configuration(self, state: Path) -> str:
        """A reveille.toml that watches this lab and keeps its state in `state`."""
        return written(self.watched(), state)

    def watched(self) -> Watched:
        """What a configuration must know of this lab while it runs."""
        portals = {name.replace("-", "_"): portal.root for name, portal in self.portals.items()}
        first, second = self.world.pages
        return Watched(
            folder=self.folder,
            passwords=self.folder / "passwords",
            prompts=prompts.FOLDER,
            certificate=self.certificate.certificate,
            records=self.records,
            schema=self.schema,
            sip=f"{HOST}:{self.pbx.port}",
            mail_port=self.mailbox.port,
            uplink_page=first,
            second_uplink_page=second,
            name_server=self.world.name_server,
            crm=self.crm.url,
            dialer=self.dialer.url,
            chat=self.chat.url,
            chat_socket=self.chat.socket_url,
            agent_desk=self.agent_desk.url,
            webrtc_edge=self.edge.url,
            **portals,
        )

    def where(self) -> dict[str, str]:
        """What listens where, for people."""
        return {
            "SIP (UDP, TCP)": f"{HOST}:{self.pbx.port}, main number 8000",
            "SIP (TLS)": f"{HOST}:{self.pbx.tls_port}",
            **{portal.title: portal.url for portal in self.portals.values()},
            "CRM API": self.crm.url,
            "chat": self.chat.url,
            "agent desk": self.agent_desk.url,
            "dialer": self.dialer.url,
            "SIP (WebSocket)": self.edge.url,
            "SMTP": f"{HOST}:{self.mailbox.port}",
            "mailbox": str(self.mailbox.folder),
            "passwords": str(self.folder / "passwords"),
        }

    def _password(self, name: str) -> str:
        """Make a new password, kept in a file of its own (0600)."""
        path = self.passwords[name] = self.folder / "passwords" / name
        path.parent.mkdir(exist_ok=True, mode=0o700)
        password = secrets.token_urlsafe(12)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(password + "\n", encoding="utf-8")
        return password


def run(folder: Path, break_: Iterable[str] = (), say: Callable[[str], None] = print) -> None:
    """Run a lab in the foreground until SIGINT or SIGTERM, saying where everything is. Raises
    UnknownFault.
    """
    asyncio.run(_run(folder, tuple(break_), say))


async def _run(folder: Path, break_: tuple[str, ...], say: Callable[[str], None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Lab(folder) as lab:
        for name in break_:
            lab.break_(name)
        configuration = lab.folder / "reveille.toml"
        configuration.write_text(lab.configuration(lab.folder / "state"), encoding="utf-8")
        for what, place in {**lab.where(), "configuration": str(configuration)}.items():
            say(f"{what:22} {place}")
        for name in sorted(lab.broken):
            say(f"{'broken':22} {name}: {FAULTS[name]}")
        await stopped.wait()
