"""What pages answer with, and what they ask the ledger for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from aiohttp import web

from checks.body import Unreadable
from monitor.ledger import Ledger

T = TypeVar("T")


def onward(to: str) -> web.Response:
    """Go there now, by GET (RFC 9110, 303)."""
    return web.Response(status=303, headers={"Location": to})


def html(page: str, status: int = 200) -> web.Response:
    """A page."""
    return web.Response(text=page, content_type="text/html", status=status)


def table(text: str, name: str) -> web.Response:
    """A table for a spreadsheet, to be kept under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(text=text, content_type="text/csv", headers=headers)


def readable(question: Callable[[Ledger], T]) -> Callable[[Ledger], T]:
    """The question, with 503 for a row that this program cannot read."""

    def asked(ledger: Ledger) -> T:
        try:
            return question(ledger)
        except Unreadable as why:
            raise web.HTTPServiceUnavailable(text=str(why)) from None

    return asked
