"""The daemon's control socket: verbs that an administrator types beside the running service act
inside of it, with its rights, its credentials and its state.

Who may speak is decided by the kernel's word (peer.py); what passes stands in control_protocol.py.
Rule 1: an answer that nobody reads holds up nobody: it is given up after a minute. Rule 2: who
hangs up has changed his mind, and what he asked for is ended.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any

from monitor.service.control_protocol import (
    MOST_BYTES,
    NAME,
    PART_BYTES,
    VERSION,
    Malformed,
    Request,
    line,
    pieces,
    read,
    request_of,
    short,
)
from monitor.service.peer import Peer, peer_of, refusal

log = logging.getLogger(__name__)
# A shift of operators, a page and a cron job; more at a time is a mistake.
AT_ONCE = 16
_REQUEST_SECONDS = 10.0
# A pager that somebody stopped with Ctrl-S takes nothing for a while; a dead terminal never.
_TAKEN_SECONDS = 60.0
_ANSWER_SECONDS = 600.0
# Progress is worth nothing when it comes late: beyond this it is left out.
_MOST_WAITING = 1 << 20
# Whoever is refused may come back at once and for ever: he fills no journal with it, in which the
# daemon's own lines would be dropped (RateLimitBurst= of journald.conf(5)).
_SAID_AGAIN_SECONDS = 60.0


class Session:
    """One who asks: what a verb says goes there. Its methods may be called from any thread."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._loop = asyncio.get_running_loop()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._waits: set[Future[Any]] = set()
        self._over = False

    def say(self, key: str, text: str) -> None:
        """Send a text, and wait until it is taken. Raises BrokenPipeError."""
        for one in pieces(key, text):
            self._put(one)

    def question(self) -> str:
        """What the other end answers. Raises BrokenPipeError."""
        self._put(line("question", ""))
        return str(self._waited(self._answers.get(), _ANSWER_SECONDS))

    def file(self, target: Path, part: Path) -> None:
        """Send a file, to be kept there under this name. Raises BrokenPipeError, OSError."""
        with part.open("rb") as source:
            self._put(line("begin", str(target)))
            while content := source.read(PART_BYTES):
                self._put(line("part", base64.b64encode(content).decode()))
        self._put(line("keep", ""))

    def end(self) -> None:
        """Nobody is there any more: threads that wait for him are told so."""
        self._over = True
        for wait in list(self._waits):
            wait.cancel()

    async def request(self) -> Request:
        """What is asked for. Raises Malformed, TimeoutError."""
        async with asyncio.timeout(_REQUEST_SECONDS):
            key, value = read(await self._line())
        if key != "ask":
            raise Malformed('the first line is {"ask": …}')
        return request_of(value)

    async def listen(self) -> None:
        """Take answers until the other end hangs up, or talks nonsense."""
        with contextlib.suppress(Malformed, ConnectionError):
            while written := await self._line():
                key, value = read(written)
                if key == "answer" and isinstance(value, str) and self._answers.empty():
                    self._answers.put_nowait(value)

    async def _line(self) -> bytes:
        try:
            return await self._reader.readline()
        except ValueError:
            raise Malformed(f"a line has at most {MOST_BYTES} bytes") from None

    def _put(self, written: bytes) -> None:
        if self._over or self._writer.is_closing():
            raise BrokenPipeError
        if _loop_of_this_thread() is not self._loop:
            self._waited(self._taken(written), _TAKEN_SECONDS)
        elif self._writer.transport.get_write_buffer_size() < _MOST_WAITING:
            self._writer.write(written)

    async def _taken(self, written: bytes) -> None:
        self._writer.write(written)
        await self._writer.drain()

    def _waited(self, work: Any, seconds: float) -> Any:
        wait = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._waits.add(wait)
        try:
            # Whoever went between the question and this line is not waited for.
            return wait.result(0 if self._over else seconds)
        except (TimeoutError, CancelledError, ConnectionError):
            raise BrokenPipeError from None
        finally:
            self._waits.discard(wait)


Act = Callable[[Request, Peer, Session], Awaitable[int]]
"""does what is asked for; returns the exit code, and is cancelled when the other end hangs up"""


class ControlSocket:
    """The socket of one daemon."""

    def __init__(self, state: Path, act: Act, group: Callable[[], str], file: Path) -> None:
        """`group` is asked each time: a reload may name another."""
        self._act, self._group = act, group
        self._greeting = {
            "version": VERSION,
            "file": str(file.absolute()),
            "state": str(state),
            "process": os.getpid(),
        }
        # The first, if there are several (systemd.exec(5)); without a unit, the state folder.
        runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
        self.path = Path(runtime or state) / NAME
        self._server: asyncio.Server | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._refused: dict[int, float] = {}
        """when it was last said that a user was refused, by the loop's clock"""

    async def open(self) -> None:
        """Listen. A daemon that cannot goes on without: it is there to look."""
        try:
            # The state's lock is ours: what lies there is a killed daemon's.
            self.path.unlink(missing_ok=True)
            with short(self.path) as name:
                bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                bound.bind(name)
            # Anybody may knock: who may act is decided by who he is, and the refusal says how to
            # become somebody who may.
            self.path.chmod(0o666)
            self._server = await asyncio.start_unix_server(
                self._begin, sock=bound, limit=MOST_BYTES
            )
        except OSError as problem:
            log.warning("action=no_control_socket path=%s %s", self.path, problem)

    async def close(self) -> None:
        """Listen no more, and hang up on who is there."""
        if self._server is None:
            return
        self._server.close()
        for session in self._sessions:
            session.cancel()
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=2.0)
        self.path.unlink(missing_ok=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.get_running_loop().create_task(
            self._serve(reader, writer, room=len(self._sessions) < AT_ONCE)
        )
        self._sessions.add(session)
        session.add_done_callback(self._over)

    def _over(self, session: asyncio.Task[None]) -> None:
        self._sessions.discard(session)
        if not session.cancelled() and (bug := session.exception()):
            log.error("action=session_broke", exc_info=bug)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, room: bool
    ) -> None:
        try:
            # In a thread: names may be asked for over a network (NSS).
            peer = await asyncio.to_thread(peer_of, writer.get_extra_info("socket"))
            why = await asyncio.to_thread(refusal, peer, self._group())
            if not why and not room:
                why = f"{AT_ONCE} verbs are under way already; try again in a moment"
            # First which daemon this is: on a host of several sites another one's refusal says
            # nothing.
            writer.write(line("reveille", self._greeting))
            if why:
                self._say_refused(peer.user)
                writer.write(line("refused", why))
            else:
                await self._served(Session(reader, writer), peer, writer)
            async with asyncio.timeout(_TAKEN_SECONDS):
                await writer.drain()
        except (Malformed, TimeoutError, ConnectionError) as wrong:
            writer.write(line("refused", str(wrong) or "nothing was asked for"))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _say_refused(self, user: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._refused.get(user, -_SAID_AGAIN_SECONDS) >= _SAID_AGAIN_SECONDS:
            self._refused[user] = now
            log.warning("action=control_refused user=%s", user)

    async def _served(self, session: Session, peer: Peer, writer: asyncio.StreamWriter) -> None:
        request = await session.request()
        acting = asyncio.ensure_future(self._act(request, peer, session))
        listening = asyncio.ensure_future(session.listen())
        try:
            await asyncio.wait({acting, listening}, return_when=asyncio.FIRST_COMPLETED)
            if acting.done():
                writer.write(line("end", acting.result()))
        finally:
            session.end()
            for task in (acting, listening):
                task.cancel()
            await asyncio.gather(acting, listening, return_exceptions=True)


def _loop_of_this_thread() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
