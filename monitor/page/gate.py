"""What every request goes through: whom it is for, who asks, and what the browser may do with the
answer.

Rules:
1. The answer lets the browser load and run nothing but the page's own files (CSP), and nobody frame
   it.
2. A name that is not the page's is not answered: another site's name that leads here would read
   what is for this host alone (DNS rebinding).
3. A form is taken from the page itself, by somebody who is logged in, with the proof in it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from aiohttp import web

from monitor.page.answers import onward
from monitor.page.ledger_reader import Unavailable
from monitor.page.site import COOKIE, SITE, Site
from reports.render import render_page

PAGES = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCUMENTS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none';"
    " sandbox allow-same-origin allow-downloads"
)
"""of a page that was made once and is kept (a call, a report): its style stands in it, and it runs
nothing
"""
_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" a browser sends `Origin: null` with the page's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# What somebody sees who is not logged in, where reading is not for everybody.
_OPEN = ("/log-in", "/style.css", "/page.js", "/icon.svg", "/health")
# What brings a signature along (monitor/page/links.py).
_SIGNED = "/take/"
# Programs that cannot fill in a form: they bring name and password along (RFC 7617).
_PROGRAMS = ("/metrics", "/health")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer, or why there is none; with what the browser may do with it."""
    site = request.app[SITE]
    try:
        response = await _admitted(request, handler, site)
    except web.HTTPRedirection as elsewhere:
        response = onward(elsewhere.headers["Location"])
    except web.HTTPException as refused:
        response = _trouble(request, site, refused.status, refused.text or "")
    except Unavailable as why:
        response = _trouble(request, site, 503, str(why))
    except Exception as bug:  # noqa: BLE001 - one page breaks, and says so; the others go on
        site.tell(
            level="error", log=f"broke at={quote(request.path)[:100]} {type(bug).__name__}: {bug}"
        )
        response = _trouble(request, site, 500, "")
    to = response.headers.get("Location", "")
    if site.root and to.startswith("/") and not to.startswith(f"{site.root}/"):
        response.headers["Location"] = f"{site.root}{to}"
    if not response.prepared:
        response.headers.setdefault("Content-Security-Policy", PAGES)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.update(_HEADERS)
    return response


async def _admitted(request: web.Request, handler: Handler, site: Site) -> web.StreamResponse:
    if not for_us(request.host, site):
        raise web.HTTPMisdirectedRequest(
            text="This name is not the page's own; write it as url in [page]."
        )
    if request.method == "POST":
        _refuse_strange(request)
    elif not may_read(request, site):
        path = site.within(request)
        if path.endswith((".json", ".csv")) or path in _PROGRAMS:
            refused = web.HTTPUnauthorized(text="log in, or bring name and password along")
            refused.headers["WWW-Authenticate"] = 'Basic realm="Reveille", charset="UTF-8"'
            raise refused
        raise web.HTTPSeeOther(f"/log-in?to={quote(request.path_qs)}")
    return await handler(request)


def for_us(host: str, site: Site) -> bool:
    """Whether a Host header names this page: an address, or a name of ours."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        ip_address(name)
    except ValueError:
        ours = ("localhost", site.job.listen[0].lower(), urlsplit(site.job.url).hostname)
        return name.lower() in ours
    return True


def may_read(request: web.Request, site: Site) -> bool:
    """Whether whoever asks may read this."""
    path = site.within(request)
    return path in _OPEN or path.startswith(_SIGNED) or is_reader(request, site)


def is_reader(request: web.Request, site: Site) -> bool:
    """Whether whoever asks may read tickets and the like."""
    if site.job.everybody_reads or site.user(request):
        return True
    return _by_password(request, site)


def _by_password(request: web.Request, site: Site) -> bool:
    """Whether name and password stand in the request, and are right."""
    scheme, _, written = request.headers.get("Authorization", "").partition(" ")
    address = request.remote or ""
    if scheme.lower() != "basic" or not site.sessions.may_guess(address):
        return False
    try:
        name, _, password = base64.b64decode(written, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    if site.sessions.known(name, password):
        return True
    site.sessions.guessed_wrong(address)
    return False


def _refuse_strange(request: web.Request) -> None:
    """Raises HTTPForbidden for what another site's page has sent (Fetch Metadata, RFC 6454)."""
    origin = request.headers.get("Origin")
    strange = origin is not None and urlsplit(origin).netloc != request.host
    if strange or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise web.HTTPForbidden(text="This form was not sent by the page itself.")


async def acting(request: web.Request) -> tuple[str, Mapping[str, object]]:
    """Who acts by a form, and the form. Raises HTTPSeeOther to the log-in, HTTPForbidden without
    the proof in it.
    """
    site, form = request.app[SITE], await request.post()
    user = site.user(request)
    if not user:
        raise web.HTTPSeeOther("/log-in")
    proof = str(form.get("proof", ""))
    if not site.sessions.proven(request.cookies.get(COOKIE, ""), proof):
        raise web.HTTPForbidden(text="This form was not sent by the page itself.")
    return user, form


def _trouble(request: web.Request, site: Site, status: int, why: str) -> web.Response:
    headers = {"WWW-Authenticate": 'Basic realm="Reveille"'} if status == 401 else None
    page = render_page("trouble", site.visit(request), status=str(status), why=why)
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)
