"""The centre's portals: agent, admin, dashboard, report; each a web server of its own on a port of
its own, with a login, a page behind it and a way out.

    GET /login      > user, password       POST /login -> 303 /home and a cookie; a wrong one: 200
                    and the form again
    GET /home       what the portal shows  without a cookie: 302 /login
    POST /logout    -> 303 /login
    agent portal    GET /toolbar.json: what agents are shown, as the page /home has it
    report portal   GET /reports/calls.csv?date=, /reports/calls.json?date=

Faults: NAME-down answers 503 to everything; NAME-login lets nobody in; agent-portal-maintenance
answers 200 with a page that says so; ui-changed takes a button off the agents' toolbar;
report-missing, report-wrong: see lab/reports.py.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lab import reports
from lab.injected_faults import PORTALS, Faults
from lab.records import Cdr
from lab.site import Site

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><header><h1>{title}</h1></header><main>{body}</main>
<footer>Sunrise Travel, Pune</footer></body></html>
"""
_LOGIN = """<p>{text}</p>
<form method="post" action="/login">
<label>User name <input name="user" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button type="submit">Sign in</button></form>"""
_HOME = """<p class="greeting">Signed in as {user}.</p>
{content}
<form method="post" action="/logout"><button type="submit">Sign out</button></form>"""
_WRONG = '<p class="error">The user name or the password is not right.</p>'
_COOKIE = "session"

# Name -> title, and what the login page says. templates/portals.toml looks for the titles.
TEXTS = {
    "agent-portal": ("Agent Portal", "Sign in to take calls and chats of the reservations queue."),
    "admin-portal": ("Administration Portal", "Sign in to change queues, users and call flows."),
    "dashboard-portal": (
        "Live Dashboard",
        "Sign in to watch queues, agents and service levels as they are now.",
    ),
    "report-portal": ("Report Portal", "Sign in to fetch call, agent and billing reports."),
}
# In the order of the page: a check that accepted it notices a button that moved.
TOOLBAR = ("Hold", "Mute", "Transfer", "Conference", "Wrap up")
_INSIDE = {
    "admin-portal": '<ul id="queues"><li>Reservations</li><li>Support</li></ul>',
    "dashboard-portal": '<table id="live"><tr><th>Agents signed in</th><td>12</td></tr></table>',
    "report-portal": '<ul id="reports"><li><a href="/reports/calls.csv">Calls by day</a></li></ul>',
}


class Portal(Site):
    """One portal, on a port of its own."""

    def __init__(
        self, name: str, faults: Faults, account: tuple[str, str], records: list[Cdr]
    ) -> None:
        """`account`: who may sign in, user and password; `records`: what reports are made of."""
        super().__init__(faults)
        self.name, self._account, self._records = name, account, records
        self._sessions: set[str] = set()

    @property
    def title(self) -> str:
        """The heading of every page."""
        return TEXTS[self.name][0]

    @property
    def url(self) -> str:
        """Its login page."""
        return f"{self.root}/login"

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application(middlewares=[self._gate()])
        route = application.router
        route.add_get("/", self._to_home)
        route.add_get("/login", self._login)
        route.add_post("/login", self._enter)
        route.add_post("/logout", self._leave)
        route.add_get("/home", self._inside(self._home))
        route.add_get("/health", self._health)
        if self.name == "agent-portal":
            route.add_get("/toolbar.json", self._inside(self._toolbar))
        if self.name == "report-portal":
            route.add_get("/reports/calls.{form}", self._inside(self._report))
        await self.serve(application, host)

    def _gate(self) -> Middleware:
        """What stands before every page."""

        @web.middleware
        async def gate(request: web.Request, handler: Handler) -> web.StreamResponse:
            await self.reachable()
            if self.faults.broken(f"{self.name}-down"):
                return _page(self.title, "<p>Service temporarily unavailable.</p>", 503)
            if self.name == "agent-portal" and self.faults.broken("agent-portal-maintenance"):
                return _page(
                    "Maintenance", "<p>We are carrying out maintenance and will be back soon.</p>"
                )
            return await handler(request)

        return gate

    def _inside(self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Handler:
        """Send whoever is not signed in to the login page."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.cookies.get(_COOKIE) not in self._sessions:
                raise web.HTTPFound("/login")
            return await handler(request)

        return guarded

    async def _to_home(self, _request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/home")

    async def _login(self, _request: web.Request) -> web.StreamResponse:
        return _page(self.title, _LOGIN.format(text=TEXTS[self.name][1]))

    async def _enter(self, request: web.Request) -> web.StreamResponse:
        given = await request.post()
        right = all(
            hmac.compare_digest(str(given.get(name, "")).encode(), known.encode())
            for name, known in zip(("user", "password"), self._account, strict=True)
        )
        if not right or self.faults.broken(f"{self.name}-login"):
            # 200, as most portals do it: only the page itself tells that nobody was let in.
            return _page(self.title, _WRONG + _LOGIN.format(text=TEXTS[self.name][1]))
        session = secrets.token_urlsafe(16)
        self._sessions.add(session)
        # 303 (RFC 9110 section 15.4.4): the browser goes on with GET, and a reload sends no
        # password.
        entered = web.HTTPSeeOther("/home")
        entered.set_cookie(_COOKIE, session, httponly=True, samesite="Lax")
        raise entered

    async def _leave(self, request: web.Request) -> web.StreamResponse:
        self._sessions.discard(request.cookies.get(_COOKIE, ""))
        left = web.HTTPSeeOther("/login")
        left.del_cookie(_COOKIE)
        raise left

    async def _home(self, _request: web.Request) -> web.StreamResponse:
        content = _INSIDE.get(self.name) or _toolbar_html(self._buttons())
        return _page(self.title, _HOME.format(user=self._account[0], content=content))

    async def _toolbar(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"toolbar": list(self._buttons()), "layout": {"columns": 3, "theme": "light"}}
        )

    def _buttons(self) -> tuple[str, ...]:
        return tuple(
            one for one in TOOLBAR if one != "Transfer" or not self.faults.broken("ui-changed")
        )

    async def _report(self, request: web.Request) -> web.StreamResponse:
        return reports.answer(request, self._records, self.faults)

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"portal": self.name, "status": "up"})


def _toolbar_html(buttons: tuple[str, ...]) -> str:
    inside = "".join(
        f'<button type="button" data-action="{one.lower()}">{one}</button>' for one in buttons
    )
    return f'<nav id="toolbar" aria-label="Call">{inside}</nav>'


def _page(title: str, body: str, status: int = 200) -> web.Response:
    return web.Response(
        status=status, text=_PAGE.format(title=title, body=body), content_type="text/html"
    )


def portals(faults: Faults, account: tuple[str, str], records: list[Cdr]) -> dict[str, Portal]:
    """Every portal by its name, not yet open."""
    return {name: Portal(name, faults, account, records) for name in PORTALS}
