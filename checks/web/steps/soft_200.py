"""Soft failures: an answer 200 whose page says otherwise. No status tells, so the page itself is
read.

what                                       as in
its title or heading says that it is an    <title>503 Service Unavailable</title>
error                                      <h1>Maintenance</h1>
a short page that speaks of maintenance    "We are carrying out maintenance and will be back soon."
nothing on it                              an empty body, without a script that could fill it
a page that a browser saves and does not   Content-Disposition: attachment, or a media type that
show                                       is none of a page (application/octet-stream)
a login page without a field to fill       <title>Sign in</title> and no input
a login that shows the login page again    a password went out with a form, and the answer asks for
                                           it once more

Rules: only a title, a heading or a page of few words is taken by its words, so that a portal's news
may speak of last night's maintenance; what a script will fill is left to a browser.
"""

from __future__ import annotations

import re

from checks.transport.http.message import Answer
from checks.web.steps.html_page import elements, plain, tags, visible, without

_HTML = ("text/html", "application/xhtml+xml", "")
# In characters: an error page is a sentence or two, while a portal's start page with its menu has
# thousands.
_FEW_WORDS = 1500
# What an error page says stands at its beginning; the patterns are linear, and this bounds them.
_LARGEST = 262_144
# Titles and headings as servers and frameworks write them: nginx, Apache httpd, IIS, Tomcat,
# Django, Laravel, WordPress, and the parking pages of registrars.
_ERROR = re.compile(r"""(?ix)
    \b(?: maintenance | under\ construction | out\ of\ (?:service|order)
      | temporarily\ (?:unavailable|closed|down)
      | (?:service|site|page|server|system)\ (?:is\ )?(?:currently\ )?(?:unavailable|offline|down)
      | internal\ (?:server\ )?error | bad\ gateway | gateway\ time-?out | server\ error
      | application\ error | runtime\ error | database\ error | unhandled\ exception
      | not\ found | access\ denied | forbidden
      | something\ went\ wrong | fatal\ error | be\ right\ back | index\ of\ /
      | error\ (?:4\d\d|5\d\d) | (?:4\d\d|50\d)\ error
      | welcome\ to\ nginx | apache2\ .{0,20}default\ page | iis\ windows\ server
      | domain\ (?:is\ )?parked
      )
    | ^\s*(?:error|it\ works!|4\d\d|50\d)\s*$
    """)
# Whole phrases, since these are looked for in running text: "maintenance" alone stands in many a
# menu.
_DOWN = re.compile(r"""(?ix)
    \b(?: (?:under|for|carrying\ out|undergoing|scheduled|planned|routine|emergency)
        \ (?:\w+\ ){0,2}maintenance
      | maintenance\ (?:mode|window|page|in\ progress|is\ (?:under\ way|in\ progress))
      | (?:be|we'll\ be|come)\ back\ (?:soon|shortly|later) | temporarily\ unavailable
      | (?:is|are)\ (?:currently|temporarily)\ (?:unavailable|offline|down)
      | an?\ (?:internal|unexpected|unknown|application)\ (?:server\ )?error\ (?:has\ )?occurred
      | could\ not\ connect\ to\ (?:the\ )?database | error\ establishing\ a\ database\ connection
      | stack\ ?trace | traceback\ \(most\ recent\ call\ last\)
      )
    """)
# One of these is in whatever _DOWN finds: a cheap look that spares nearly every good page the long
# pattern.
_TELLING = re.compile(r"(?i)maint|back|avail|offline|down|occurred|connect|trace")
_LOGIN = re.compile(r"(?i)\b(?:log ?in|sign ?in|anmelden)\b")
_MOST_READ = 1000
# How a page begins, and what a server sends that has forgotten to run its scripts.
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<?php", b"<%@")
_BEGINNING = 64
# Chromium's net/mime types of application/ that are shown in a tab.
_SHOWN = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/json",
        "application/pdf",
        "application/x-javascript",
        "application/xhtml+xml",
        "application/xml",
    }
)
# What came of pages that were read before: most are the same from attempt to attempt. Only a
# verdict is kept, never the page.
_read: dict[tuple[int, str, bool], str | None] = {}
# A page of one of these alone is filled by a script or shown as an image: a browser's matter.
_FULL = (
    "script",
    "img",
    "iframe",
    "form",
    "frame",
    "object",
    "svg",
    "canvas",
    "video",
    "meta http-equiv",
)


def soft_failure(answer: Answer, sent_password: bool = False) -> str | None:
    """What is wrong with a page that came with a good status; None when it looks right."""
    if not 200 <= answer.status < 300 or answer.status in (204, 205):
        return None
    if why := _saved(answer):
        return f"a browser saves the page and does not show it: {why}"
    if answer.head.content_type not in _HTML:
        return None
    key = (hash(answer.body), answer.head.content_type, sent_password)
    if key not in _read:
        if len(_read) >= _MOST_READ:
            _read.clear()
        _read[key] = _wrong_with(answer, sent_password)
    return _read[key]


def _saved(answer: Answer) -> str | None:
    """Why a browser would save what is a page: a file that is meant to be saved is none."""
    begun = answer.body[:_BEGINNING].lstrip(b"\xef\xbb\xbf\r\n\t ").lower()
    if not begun.startswith(_PAGES):
        return None
    # RFC 6266 section 4.2: every disposition but inline is to be saved.
    disposition = answer.head.get("content-disposition").partition(";")[0].strip().lower()
    if disposition not in ("", "inline") and "=" not in disposition:
        return f"Content-Disposition: {disposition[:40]}"
    kind = answer.head.content_type
    return kind[:80] if kind.startswith("application/") and kind not in _SHOWN else None


def _wrong_with(answer: Answer, sent_password: bool) -> str | None:
    page = without(answer.text[:_LARGEST], "<!--", "-->")
    if not page.strip():
        return "the page is empty"
    title = next((plain(found) for found in elements(page, "title", 1)), "")
    headings = [plain(found) for level in ("h1", "h2") for found in elements(page, level, 1)]
    for said in (title, *headings):
        if len(said) < 200 and _ERROR.search(said):
            return f"the page is headed {said[:100]!r}"
    seen = visible(page)
    few = len(seen) < _FEW_WORDS and _TELLING.search(seen)
    if few and (match := _DOWN.search(seen)):
        return f"the page says {_around(seen, match)!r}"
    return _of_forms(page, title, headings, seen, sent_password)


def _of_forms(
    page: str, title: str, headings: list[str], seen: str, sent_password: bool
) -> str | None:
    lower = page.lower()
    if not seen and not any(f"<{name}" in lower for name in _FULL):
        return "the page has nothing on it"
    password = any(tag.get("type", "").lower() == "password" for tag in tags(page, "input"))
    if sent_password and password:
        return "after the login the page asks for a password again"
    login = any(_LOGIN.search(said) for said in (title, *headings[:1]))
    if (
        login
        and not sent_password
        and "<input" not in lower
        and "<script" not in lower
        and "<a " not in lower
    ):
        return "the login page has no field to fill"
    return None


def _around(seen: str, match: re.Match[str]) -> str:
    return seen[max(0, match.start() - 30) : match.end() + 30].strip()
