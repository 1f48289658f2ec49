"""Answers that lead elsewhere: by Location (RFC 9110 section 15.4), and pages that do so by
themselves, without a script: `Refresh: 0; url=/login` and its twin, the meta element (WHATWG HTML
section 4.2.5.3).

Rules: a refresh counts only if it happens at once: a page that its users have time to read is their
page. A redirect to another origin takes no private header along, and no body.
"""

from __future__ import annotations

import html
import re
from dataclasses import replace

from checks.contract import Failed
from checks.transport.http.address import Address
from checks.transport.http.message import Answer, Head, Request, shown

# RFC 9110 section 15.4. 300 (Multiple Choices) and 304 (Not Modified) lead nowhere by themselves.
_REDIRECTS = (301, 302, 303, 307, 308)

# What a person reads before it goes: nothing.
_AT_ONCE_SECONDS = 1.0
# What a prescan may cost: a meta element stands in the head.
_LOOKED_AT = 16_384
_SAID = re.compile(
    r"\s*+(\d{0,6}(?:\.\d{0,6})?)[\s;,]*+(?:url\s*+=\s*+)?[\"']?([^\"'\s]{1,2000})", re.I
)
# A tag without an end is gone over as one, whatever looks like a tag in it: so does a browser.
_META = re.compile(r"<meta\s[^>]{0,2500}+>?", re.I)
_IS_REFRESH = re.compile(r"http-equiv\s*=\s*[\"']?refresh\b", re.I)
_CONTENT = re.compile(r"content\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.I)
# What is written and never read: a refresh in a comment or for browsers without scripts is none.
_UNREAD = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|noscript|template|style|textarea|title)\b.*?(?:</\1|\Z)",
    re.I | re.S,
)


def location_of(head: Head) -> str:
    """Where a redirect leads; empty for what is none. Raises Failed."""
    if head.status not in _REDIRECTS:
        return ""
    found = {one.strip() for one in head.all("location")}
    # Chromium refuses it as an attack on the header (ERR_RESPONSE_HEADERS_MULTIPLE_LOCATION).
    if len(found) > 1:
        raise Failed("redirects", "to two places at once: it has two different Locations")
    return next(iter(found), "")


def target_of(address: Address, location: str) -> Address:
    """The address that a reference on a page leads to. Raises Failed."""
    try:
        return address.joined(location)
    except ValueError:
        raise Failed("redirects", f"to what is no URL to fetch: {shown(location)}") from None


def onward(request: Request, answer: Answer, address: Address) -> Request:
    """The next request; a form becomes a GET as browsers do (RFC 9110, section 15.4)."""
    method, body, headers = request.method, request.body, request.headers
    # 301 and 302 after POST become GET because every browser does so (RFC 9110 sections 15.4.2 and
    # 15.4.3); 307 and 308 keep method and body.
    if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
        method, body = "HEAD" if method == "HEAD" else "GET", b""
        headers = tuple(one for one in headers if one[0].lower() != "content-type")
    private = request.private
    # A hijacked or mistaken redirect must not carry the agent's password or token to a third party
    # (RFC 9110 section 15.4).
    if address.origin != request.address.origin:
        # A form that is to be posted elsewhere holds what the agent typed: better a fault than a
        # leak.
        if body:
            raise Failed(
                "redirects",
                f"what was sent is to be sent to {shown(address.origin)} too; it is not",
            )
        private = ()
    return replace(
        request, method=method, body=body, headers=headers, private=private, address=address
    )


def refresh_of(answer: Answer) -> str | None:
    """Where a good page leads at once; None where it stays."""
    if said := answer.head.get("refresh"):
        return _target(said)
    if answer.head.content_type not in ("text/html", "") or b"efresh" not in answer.body.lower():
        return None
    begun = _UNREAD.sub("", answer.text[:_LOOKED_AT])
    for tag in _META.findall(begun):
        if tag.endswith(">") and _IS_REFRESH.search(tag) and (found := _CONTENT.search(tag)):
            return _target(html.unescape(found[1] or found[2] or found[3] or ""))
    return None


def _target(said: str) -> str | None:
    match = _SAID.fullmatch(said.strip().rstrip("\"';, ")) if said else None
    if match is None or float(match[1].strip(".") or 0) > _AT_ONCE_SECONDS:
        return None
    return match[2]
