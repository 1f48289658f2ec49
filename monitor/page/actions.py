"""What may be done with one ticket on the page: log in and out, take it, write a note, escalate it
formally. Each ends with a page to go to.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from checks.body import Unreadable
from monitor.core.incident import Incident
from monitor.incidents.ticket_actions import NotPossible, TicketActions
from monitor.incidents.ticket_view import number_of
from monitor.ledger import Ledger, LedgerFault
from monitor.page.answers import html, onward
from monitor.page.gate import acting
from monitor.page.sessions import SESSION_SECONDS
from monitor.page.site import COOKIE, SITE
from reports.render import render_page

_LONGEST_NOTE = 2000
_Act = Callable[[TicketActions, int, str], Incident]


async def show_log_in(request: web.Request) -> web.Response:
    """The form."""
    return _form(request, request.query.get("to", "/"), "")


async def log_in(request: web.Request) -> web.StreamResponse:
    """Take name and password."""
    site, form = request.app[SITE], await request.post()
    name, password, to = (str(form.get(key, "")) for key in ("name", "password", "to"))
    address = request.remote or ""
    if not site.sessions.may_guess(address):
        return _form(request, to, "often", 429)
    if not site.sessions.known(name, password):
        site.sessions.guessed_wrong(address)
        site.tell(level="warning", log=f"log_in_refused from={address}")
        return _form(request, to, "wrong", 403)
    site.tell(log=f"logged_in user={name}")
    answer = onward(_own(to))
    secure = bool(site.job.certificate) or site.job.url.startswith("https:")
    answer.set_cookie(
        COOKIE,
        site.sessions.begun(name),
        max_age=SESSION_SECONDS,
        httponly=True,
        secure=secure,
        # With Strict a link in a mail would lead to the log-in each time (RFC 6265bis).
        samesite="Lax",
        path="/",
    )
    return answer


async def log_out(request: web.Request) -> web.StreamResponse:
    """Forget the cookie."""
    await acting(request)
    answer = onward("/")
    answer.del_cookie(COOKIE, path="/")
    return answer


async def acknowledge(request: web.Request) -> web.StreamResponse:
    """Somebody has a ticket in hand."""
    user, form = await acting(request)
    said = await _done(request, user, "taken", lambda do, number, by: do.acknowledge(number, by))
    to = str(form.get("to", ""))
    return onward(f"{_own(to) if to else _ticket(request)}?said={said}")


async def note(request: web.Request) -> web.StreamResponse:
    """A remark for all who follow a ticket."""
    user, form = await acting(request)
    text, said = text_of(form.get("text")), "empty"
    if text:
        said = await _done(request, user, "noted", lambda do, number, by: do.note(number, by, text))
    return onward(f"{_ticket(request)}?said={said}")


async def escalate(request: web.Request) -> web.StreamResponse:
    """A formal escalation of a ticket."""
    user, form = await acting(request)
    why, said = text_of(form.get("text")), "no-reason"
    if why:
        said = await _done(
            request, user, "escalated", lambda do, number, by: do.escalate(number, by, why)
        )
    return onward(f"{_ticket(request)}?said={said}")


def text_of(written: object) -> str:
    """A form's text on one line, as long as one can be; "" for what is none."""
    return " ".join(written.split())[:_LONGEST_NOTE] if isinstance(written, str) else ""


async def _done(request: web.Request, user: str, well: str, act: _Act) -> str:
    """Do it; what came of it, as a word of the page."""
    site = request.app[SITE]
    number = number_of(request.match_info["number"])

    def acted(ledger: Ledger) -> Incident:
        return act(TicketActions(ledger, site.configuration, site.clock.now()), number, user)

    try:
        await site.change(acted)
    except NotPossible as why:
        return "closed" if "is closed" in str(why) else "refused"
    except Unreadable:
        return "refused"
    except (LedgerFault, OSError) as barred:
        site.tell(level="warning", log=f"not_done ticket=RV-{number} {barred}")
        return "busy"
    site.tell(log=f"{well} ticket=RV-{number} user={user}")
    return well


def _ticket(request: web.Request) -> str:
    return f"/tickets/RV-{number_of(request.match_info['number'])}"


def _own(to: str) -> str:
    """A path of this page: never another host, whatever the form says."""
    return (
        to if to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable() else "/"
    )


def _form(request: web.Request, to: str, wrong: str, status: int = 200) -> web.Response:
    page = render_page("log_in", request.app[SITE].visit(request), to=_own(to), wrong=wrong)
    return html(page, status)
