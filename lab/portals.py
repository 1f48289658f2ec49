"""The centre's portals: agent, admin, dashboard, report; each a web server of its own on a port of its own.

Faults: NAME-down answers 503 to everything; agent-portal-maintenance answers 200 with a page that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lab.faults import PORTALS, Faults

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><header><h1>{title}</h1></header><main>{body}</main><footer>Sunrise Travel, Pune</footer></body></html>
"""
_LOGIN = """<p>{text}</p>
<form method="post" action="/login"><label>User name <input name="user" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button type="submit">Sign in</button></form>"""

TEXTS = {
    "agent-portal": ("Agent Portal", "Sign in to take calls and chats of the reservations queue."),
    "admin-portal": ("Administration Portal", "Sign in to change queues, users and call flows."),
    "dashboard-portal": ("Live Dashboard", "Sign in to watch queues, agents and service levels as they are now."),
    "report-portal": ("Report Portal", "Sign in to fetch call, agent and billing reports."),
}
"""name -> title, and what its login page says"""


@dataclass(slots=True)
class Portal:
    """One of them."""

    name: str
    faults: Faults
    port: int = 0
    _runner: web.AppRunner | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """The heading of every page."""
        return TEXTS[self.name][0]

    @property
    def url(self) -> str:
        """Its login page."""
        return f"http://127.0.0.1:{self.port}/login"

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application(middlewares=[self._gate()])
        application.router.add_get("/", self._home)
        application.router.add_get("/login", self._login)
        application.router.add_get("/health", self._health)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop serving."""
        if self._runner:
            await self._runner.cleanup()

    def _gate(self) -> Middleware:
        """What stands before every page."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.faults.broken(f"{self.name}-down"):
                return _page(self.title, "<p>Service temporarily unavailable.</p>", 503)
            if self.name == "agent-portal" and self.faults.broken("agent-portal-maintenance"):
                return _page("Maintenance", "<p>We are carrying out maintenance and will be back soon.</p>")
            return await handler(request)

        return gate

    async def _home(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/login")

    async def _login(self, _request: web.Request) -> web.StreamResponse:
        return _page(self.title, _LOGIN.format(text=TEXTS[self.name][1]))

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"portal": self.name, "status": "up"})


def _page(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(status=status, text=_PAGE.format(title=title, body=body), content_type="text/html")


def portals(faults: Faults) -> dict[str, Portal]:
    """All of them, by name, not yet open."""
    return {name: Portal(name, faults) for name in PORTALS}
