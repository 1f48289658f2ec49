"""A verb that somebody types beside the running service, done inside of it: the daemon's side of
the control socket.

The verb is the same function, on a thread of its own, since it reads the ledger as it comes; what
takes long (a look, an audit, a drill) runs on the daemon's loop, with its lines and its turns, so
that no check is looked at twice at a time and no call takes another's channel.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from pathlib import Path

from monitor.command_line import parser
from monitor.command_words import verb_named
from monitor.service.control_protocol import Request
from monitor.service.control_socket import AT_ONCE, Session
from monitor.service.parts import Parts
from monitor.service.peer import Peer
from monitor.terminal import LEAST_COLUMNS, PAGE_COLUMNS, SCREEN, Screen
from monitor.verbs.asking import SERVED
from monitor.verbs.calling import called
from monitor.verbs.inside import INSIDE, Inside
from monitor.verbs.opening import sound_part
from monitor.verbs.which_site import of_each

log = logging.getLogger(__name__)
# Threads of their own: a verb that waits for an answer must not hold up names and drawings.
_THREADS = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verb")


class FarScreen(Screen):
    """The terminal of whoever asked, at the other end of the socket."""

    def __init__(self, session: Session, request: Request, state: Path) -> None:
        self._session, self._request, self._state = session, request, state

    def colourful(self) -> bool:
        """As it was typed."""
        return self._request.colour

    def watched(self) -> bool:
        """As it was typed."""
        return self._request.watched

    def asked(self) -> bool:
        """As it was typed."""
        return self._request.asked

    def columns(self) -> int:
        """As it was typed, within reason."""
        return min(max(self._request.columns or PAGE_COLUMNS, LEAST_COLUMNS), PAGE_COLUMNS)

    def show(self, text: str) -> None:
        """On its standard output."""
        self._session.say("show", text)

    def tell(self, text: str) -> None:
        """On its standard error."""
        self._session.say("tell", text)

    def pass_by(self, text: str) -> None:
        """On its one line that comes and goes."""
        self._session.say("pass", text)

    def answer(self) -> str:
        """What is typed there."""
        return self._session.question()

    def folder(self, target: Path) -> Path:  # noqa: ARG002 - that folder is another user's
        """Where the service may write."""
        return self._state

    def put(self, part: Path, target: Path) -> None:
        """Sent there, and kept by the rights of whoever asked."""
        try:
            self._session.file(target, part)
        finally:
            part.unlink()

    def write(self, content: bytes, target: Path) -> None:
        """Likewise."""
        with tempfile.NamedTemporaryFile(dir=self._state, delete=False) as part:
            part.write(content)
        self.put(Path(part.name), target)

    def there(self, target: Path) -> bool:  # noqa: ARG002 - asked where it was typed
        """Not known here."""
        return False


async def act(parts: Parts, request: Request, peer: Peer, session: Session) -> int:
    """Do what was typed; the exit code."""
    try:
        arguments = parser(old_words=True).parse_args(request.words)
    except SystemExit:
        session.say("tell", "reveille: the daemon is of another release: restart it\n")
        return 2
    if arguments.verb not in SERVED:
        session.say("tell", f"reveille: the daemon does not do {arguments.word!r} for others\n")
        return 2
    loop = asyncio.get_running_loop()
    inside = Inside(parts, loop, await asyncio.to_thread(actor, peer, request))
    # The verb alone: what somebody writes into a ticket stands in the ticket.
    log.info("action=asked user=%s verb=%s", peer.name, arguments.verb)
    context = copy_context()
    context.run(INSIDE.set, inside)
    context.run(SCREEN.set, FarScreen(session, request, inside.configurations[0].state))
    running = loop.run_in_executor(_THREADS, context.run, _called, arguments)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        inside.end()
        raise


def actor(peer: Peer, request: Request) -> str:
    """Who acts: the user, by the kernel; whom root names as being behind it is believed, since root
    could be anybody."""
    if peer.user == 0 and request.behind:
        return f"{request.behind} (as root)"
    return peer.name


def _called(arguments: Namespace) -> int:
    try:
        return called(partial(of_each, verb_named(arguments.verb), read=sound_part), arguments)
    except BrokenPipeError:
        return 141
    except Exception:
        log.exception("action=verb_broke verb=%s", arguments.verb)
        SCREEN.get().tell("reveille: that broke in the daemon; its journal says where\n")
        return 70
