"""One page of a job (and any window that it opens), and what it does on the side: console, failed
requests, sockets, bytes. Only in the browser's process.

Rules: a page that grows beyond its bytes is broken off ("too-large"); a page whose process crashes
is CannotTell; a picture never shows a secret, neither in a field nor in the text.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from playwright.async_api import (
    BrowserContext,
    CDPSession,
    Error,
    FrameLocator,
    Locator,
    Page,
    Request,
    Response,
)

from checks.contract import CannotTell, Failed
from checks.transport.stages import Tell
from checks.web.browser.mask import Mask
from checks.web.browser.parts import FailedStage

# A page in a loop writes thousands of errors; the last ones are those before the failure.
_MOST_LINES = 200
_LONGEST_LINE = 400
# A screenshot waits for fonts; a page that never gets them fails in the ticket without a picture
# rather than late.
_PICTURE_SECONDS = 4.0
# The page's own constructor is watched, in every frame: it tells when a socket opens and with which
# code it closes, which Playwright's event for sockets does not.
_WATCH_SOCKETS = """(() => {
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      const say = (state, code) =>
        window.reveilleSocket(state, String(this.url), code || 0).catch(() => {});
      say('connecting');
      this.addEventListener('open', () => say('open'));
      this.addEventListener('close', (event) => say('closed', event.code));
    }
  };
})();"""


@dataclass(slots=True)
class Sockets:
    """The WebSockets of all pages together."""

    connecting: int = 0
    opened: int = 0
    closed: int = 0
    last_close: int = 0

    @property
    def open(self) -> int:
        """How many sockets are open now."""
        return self.opened - self.closed


class Tab:
    """The pages of one job, as a visitor has them open."""

    def __init__(self, context: BrowserContext, mask: Mask, order: Mapping[str, Any]) -> None:
        self.mask, self._order, self._context = mask, order, context
        self.sockets = Sockets()
        self.console: deque[str] = deque(maxlen=_MOST_LINES)
        self.errors = self.failed_requests = 0
        self.secret_fields: list[Locator] = []
        self._pages: list[Page] = []
        self._bytes = 0
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @classmethod
    async def open(cls, context: BrowserContext, mask: Mask, order: Mapping[str, Any]) -> Self:
        """A page with nothing in it. Raises CannotTell."""
        tab = cls(context, mask, order)
        try:
            # Chromium asks the user before a public page may reach a private address: a softphone
            # with its edge in the office network would wait for a click for ever.
            await context.grant_permissions(["local-network-access"])
            await context.expose_binding("reveilleSocket", tab._socket)
            await context.add_init_script(_WATCH_SOCKETS)
            context.on("page", tab._add)
            await context.new_page()
        except Error as problem:
            raise CannotTell(f"the browser gives no page: {problem.message[:200]}") from None
        return tab

    @property
    def page(self) -> Page:
        """The newest page that is open."""
        return next(
            (page for page in reversed(self._pages) if not page.is_closed()), self._pages[0]
        )

    def root(self, frame: str | None) -> Page | FrameLocator:
        """Where to look: the page, or a frame in it."""
        return self.page.frame_locator(frame) if frame else self.page

    async def watched(self, work: Awaitable[None]) -> None:
        """Do it unless something breaks off. Raises what it raises, FailedStage, CannotTell."""
        doing = asyncio.ensure_future(work)
        try:
            await asyncio.wait({doing, self._broken}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                self.stop_loading()
            await (doing if doing.done() else self._broken)
        finally:
            doing.cancel()
            await asyncio.wait({doing})

    def stop_loading(self) -> None:
        """Close every page, so that nothing more is loaded."""
        for page in self._pages:
            self._start(_quiet(page.close()))

    async def until(self, condition: Any) -> None:
        """Wait until something about sockets, or time, has made it true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def measure(self, tell: Tell) -> None:
        """What it did on the side, as figures."""
        for name, value in (
            ("console_errors", self.errors),
            ("failed_requests", self.failed_requests),
            ("page_bytes", self._bytes),
        ):
            tell("measure", name=name, value=float(value))

    async def keep_evidence(self, tell: Tell) -> None:
        """A picture of what is seen, and the console with the requests that failed."""
        folder = Path(self._order["folder"])
        if self.console:
            (folder / "console.txt").write_text("\n".join(self.console) + "\n", encoding="utf-8")
            tell("exhibit", name="console.txt", media_type="text/plain")
        try:
            async with asyncio.timeout(_PICTURE_SECONDS):
                await self._picture(folder / "screenshot.png")
            tell("exhibit", name="screenshot.png", media_type="image/png")
        except (Error, TimeoutError) as problem:
            tell("note", text=f"no screenshot: {type(problem).__name__}")

    async def _picture(self, path: Path) -> None:
        page = self.page
        shown = [page.get_by_text(secret) for secret in self.mask.secrets]
        await page.screenshot(
            path=path,
            mask=[*self.secret_fields, *shown],
            mask_color="#777777",
            timeout=_PICTURE_SECONDS * 1000,
        )

    # --- what the pages do

    def _add(self, page: Page) -> None:
        self._pages.append(page)
        page.on("crash", lambda _: self._break(CannotTell("the page's process crashed")))
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("pageerror", lambda problem: self._said("error", str(problem)))
        page.on("requestfailed", self._request_failed)
        page.on("response", self._answered)
        self._start(self._count_bytes(page))

    def _said(self, kind: str, text: str) -> None:
        self.errors += kind == "error"
        # Notes and debug lines of an application may hold what customers typed.
        if kind in ("error", "warning"):
            self._write(f"{kind}: {text}")

    def _request_failed(self, request: Request) -> None:
        self.failed_requests += 1
        self._write(
            f"failed: {request.method} {request.url} ({request.failure or 'no reason given'})"
        )

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.failed_requests += 1
            self._write(f"answered {response.status}: {response.request.method} {response.url}")

    def _write(self, text: str) -> None:
        line = " ".join(self.mask.hidden(text).split())[:_LONGEST_LINE]
        self.console.append(line)

    async def _count_bytes(self, page: Page) -> None:
        try:
            session: CDPSession = await self._context.new_cdp_session(page)
            session.on("Network.dataReceived", self._received)
            await session.send("Network.enable")
        except Error as problem:
            if not page.is_closed():
                self._break(CannotTell(f"the browser does not count: {problem.message[:200]}"))

    def _received(self, facts: Mapping[str, Any]) -> None:
        # encodedDataLength is 0 for what comes out of the cache or a service worker, dataLength is
        # what was unpacked: the larger one bounds memory as well as the line.
        self._bytes += max(int(facts.get("dataLength", 0)), int(facts.get("encodedDataLength", 0)))
        if self._bytes > (most := self._order["max_bytes"]):
            self._break(Failed("too-large", f"more than {most} bytes came"))

    def _break(self, why: Failed | CannotTell) -> None:
        if not self._broken.done():
            self._broken.set_exception(
                FailedStage(self.stage, why) if isinstance(why, Failed) else why
            )

    stage = "open"
    """the stage under way, for what breaks off from the side"""

    async def _socket(self, _source: Any, state: str, _url: str, code: int) -> None:
        self.sockets.connecting += state == "connecting"
        self.sockets.opened += state == "open"
        if state == "closed":
            self.sockets.last_close = code
            self.sockets.closed += 1
        self._changed.set()

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _quiet(work: Awaitable[Any]) -> None:
    try:
        await work
    except Error:
        return
