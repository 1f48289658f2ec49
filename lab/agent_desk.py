"""The agents' desk: a page of scripts, as agents' portals are: it signs in by a request of its own,
shows the queue and signs out. Only a browser can tell whether it works: the page itself always
comes.

Faults: agent-desk-login-broken (no password is right), agent-desk-hangs (signing in never ends),
agent-desk-blank (a script fails, and the page stays empty).
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Mapping

from aiohttp import web

from lab.injected_faults import Faults
from lab.site import Site

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Agent Desk</title></head>
<body><div id="desk"></div><script src="/desk.js"></script></body></html>
"""
_SCRIPT = """const desk = document.getElementById('desk');
const login = `<h1>Agent Desk</h1><form id="login"><label>User name <input name="user"></label>
<label>Password <input name="password" type="password"></label>
<button>Sign in</button><p id="told"></p></form>`;
async function showLogin() {
  desk.innerHTML = login;
  document.getElementById('login').onsubmit = async (event) => {
    event.preventDefault();
    const told = document.getElementById('told');
    told.textContent = 'Signing in …';
    const body = new URLSearchParams(new FormData(event.target));
    const answer = await fetch('/login', {method: 'POST', body});
    if (answer.ok) await showQueue(); else told.textContent = 'Wrong user name or password';
  };
}
async function showQueue() {
  const queue = await (await fetch('/queue')).json();
  desk.innerHTML = `<h1>Queue ${queue.name}</h1><p>Signed in as ${queue.agent}</p>
<p>${queue.waiting} callers waiting</p>
<button id="out">Sign out</button>`;
  document.getElementById('out').onclick = async () => {
    await fetch('/logout', {method: 'POST'});
    await showLogin();
  };
}
showLogin();
"""
# Far longer than the `within` of templates/browser.toml, and still an end.
_FOR_EVER_SECONDS = 120.0


class AgentDesk(Site):
    """One desk, on a port of its own."""

    def __init__(self, faults: Faults, users: Mapping[str, str]) -> None:
        """`users`: name -> password."""
        super().__init__(faults)
        self._users = dict(users)
        self._sessions: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self.root}/"

    async def open(self, host: str) -> None:
        """Raises OSError."""
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_get("/desk.js", self._script)
        application.router.add_post("/login", self._login)
        application.router.add_get("/queue", self._queue)
        application.router.add_post("/logout", self._logout)
        await self.serve(application, host)

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text=_PAGE, content_type="text/html")

    async def _script(self, _request: web.Request) -> web.StreamResponse:
        # One letter less: the script loads, and fails in the browser only.
        text = (
            _SCRIPT.replace("showLogin();", "showLgin();")
            if self.faults.broken("agent-desk-blank")
            else _SCRIPT
        )
        return web.Response(text=text, content_type="text/javascript")

    async def _login(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if self.faults.broken("agent-desk-hangs"):
            mended = asyncio.ensure_future(self.faults.until("agent-desk-hangs", False))
            await asyncio.wait({mended}, timeout=_FOR_EVER_SECONDS)
            mended.cancel()
        user, password = str(form.get("user", "")), str(form.get("password", ""))
        # Compared in full even for an unknown user: the time taken tells nothing.
        right = (
            hmac.compare_digest(self._users.get(user, "").encode(), password.encode())
            and user in self._users
        )
        if not right or self.faults.broken("agent-desk-login-broken"):
            raise web.HTTPForbidden
        session = secrets.token_urlsafe(16)
        self._sessions[session] = user
        answer = web.json_response({"signed_in": True})
        answer.set_cookie("session", session, httponly=True, samesite="Strict")
        return answer

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        agent = self._sessions.get(request.cookies.get("session", ""))
        if agent is None:
            raise web.HTTPForbidden
        return web.json_response({"name": "reservations", "agent": agent, "waiting": 0})

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        self._sessions.pop(request.cookies.get("session", ""), None)
        return web.json_response({"signed_in": False})
