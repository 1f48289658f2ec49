"""Portals as they are: pages that every browser shows, and pages that none does (RFC 9110, RFC
9112, WHATWG Encoding).

Right is what a user of the portal has: shown in the browser, good; not shown, a fault. "seen in
Chromium" says that the page's text was in its document.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.far_ends.http_server import (
    EARLY_HINTS,
    HTML,
    PAGE,
    SHORT_PAUSE_SECONDS,
    chunked,
    drop_by_drop,
    framed,
    head,
    http_server,
    in_letters,
    page,
    raw_deflate,
    redirect,
    zipped,
)
from tests.field.story import OK, Right, Story, comes_out, failed, once, told

LENGTH = b"Content-Length: %d" % len(PAGE)
CHUNKED = b"Transfer-Encoding: chunked"
BAD_PEER, BROKEN_OFF = failed("response", "bad-peer"), failed("content", "broken-off")
KUMA = "louislam/uptime-kuma#23 #946 #4899 #5972 #6345; seen in Chromium"
EURO = {"must_contain": ["€"]}

PARSING = (
    Story("good", page(), "a good page"),
    Story("control-in-value", page(b"Set-Cookie: visid=a\x01b; path=/"), KUMA),
    Story("blank-before-colon", page(b"X-Old : yes"), KUMA),
    Story("folded", page(b"X-Long: one\r\n two"), KUMA),
    Story("lone-cr", page(b"X-Cr: a\rb"), KUMA),
    Story("latin1-value", page(b"X-Name: caf\xe9"), "RFC 9110, 5.5: obs-text"),
    Story("name-with-blank", page(b"X Bad Name: 1"), KUMA),
    Story("line-without-colon", page(b"this line has no colon"), KUMA),
    Story("nul-in-value", page(b"X-Nul: a\x00b"), "no browser shows it", BAD_PEER),
    Story("empty-name", page(b": nothing"), KUMA),
)
FRAMING = (
    Story(
        "length-twice-same",
        page(LENGTH),
        "nodejs/http-parser#435, boostorg/beast#1880",
    ),
    Story(
        "length-list-same",
        framed(b"Content-Length: %d, %d" % (len(PAGE), len(PAGE)), body=PAGE),
        "RFC 9110, 8.6: a list of one value may be taken",
    ),
    Story(
        "length-twice-differs",
        page(b"Content-Length: 5"),
        "RFC 9112, 6.3: must be refused",
        BAD_PEER,
    ),
    Story(
        "length-and-chunked",
        framed(LENGTH, CHUNKED, body=chunked()),
        "nodejs/node#7136",
    ),
    Story(
        "chunk-size-blank",
        framed(CHUNKED, body=chunked(size=b"%x  ")),
        "seen in Chromium",
    ),
    Story(
        "chunk-size-padded",
        framed(CHUNKED, body=chunked(size=b"%08x", end=b"00000000\r\n\r\n")),
        "RFC 9112, 7.1",
    ),
    Story(
        "chunk-extension",
        framed(
            CHUNKED, body=chunked(size=b'%x;name="v;x";b', end=b"0;last\r\nX-Trailer: 1\r\n\r\n")
        ),
        "RFC 9112, 7.1.1",
    ),
    Story(
        "chunk-without-last",
        framed(CHUNKED, body=chunked(end=b"")),
        "cut off: no browser shows it",
        BROKEN_OFF,
    ),
    Story(
        "chunk-without-final-crlf",
        framed(CHUNKED, body=chunked(end=b"0\r\n")),
        "cut off likewise",
        BROKEN_OFF,
    ),
    Story(
        "coding-identity",
        framed(b"Transfer-Encoding: identity", LENGTH, body=PAGE),
        "RFC 2616, 3.6; seen in Chromium",
    ),
    Story(
        "coding-in-capitals", framed(b"Transfer-Encoding: Chunked", body=chunked()), "RFC 9112, 7"
    ),
    Story(
        "coding-gzip-and-chunked",
        framed(b"Transfer-Encoding: gzip, chunked", body=chunked(zipped())),
        "RFC 9112, 6.1: no client asked for it; not shown",
        failed("content", "bad-encoding"),
    ),
    Story(
        "length-with-plus",
        framed(b"Content-Length: +%d" % len(PAGE), body=PAGE),
        KUMA,
    ),
    Story(
        "no-length",
        head(b"HTTP/1.1 200 OK", HTML) + PAGE,
        "RFC 9112, 6.3: ends with the connection",
    ),
    Story("http10-no-length", head(b"HTTP/1.0 200 OK", HTML) + PAGE, "RFC 1945"),
    Story("more-than-length", page() + b"\r\n\r\n", "RFC 9112, 6.3"),
    Story("leading-crlf", b"\r\n" + page(), "RFC 9112, 2.2"),
)
FIRST_LINES = (
    Story("no-reason", page(first=b"HTTP/1.1 200"), "RFC 9112, 4: the reason may be left out"),
    Story("no-reason-but-blank", page(first=b"HTTP/1.1 200 "), "RFC 9112, 4"),
    Story("lower-case-version", page(first=b"http/1.1 200 OK"), "seen in Chromium"),
    Story("http2-in-text", page(first=b"HTTP/2 200"), "seen in Chromium and curl"),
    Story(
        "early-hints",
        (EARLY_HINTS, SHORT_PAUSE_SECONDS, page()),
        "RFC 9110, 15.2; whatwg/fetch#1698",
    ),
    Story(
        "early-hints-thrice",
        (EARLY_HINTS * 3 + b"HTTP/1.1 102 Processing\r\n\r\n", SHORT_PAUSE_SECONDS, page()),
        "RFC 9110, 15.2",
    ),
    Story(
        "early-hints-then-503",
        (EARLY_HINTS, SHORT_PAUSE_SECONDS, page(first=b"HTTP/1.1 503 Down")),
        "snoyberg/http-client#521",
        failed("response", "http:503"),
    ),
    Story(
        "continue-first",
        (b"HTTP/1.1 100 Continue\r\n\r\n", SHORT_PAUSE_SECONDS, page()),
        "RFC 9110, 15.2.1",
    ),
    Story(
        "only-early-hints", b"HTTP/1.1 103 Early Hints\r\n\r\n", "nothing follows", Right("FAILED")
    ),
    Story(
        "upgrade-offer",
        page(b"Upgrade: h2,h2c", b"Connection: Upgrade, close"),
        "Apache's offer; RFC 9110, 7.8",
    ),
    Story(
        "misdirected",
        page(first=b"HTTP/1.1 421 Misdirected Request"),
        "RFC 9110, 15.5.20",
        failed("response", "http:421"),
    ),
    Story("drop-by-drop", drop_by_drop(page()), "a slow proxy"),
)
CODED = (
    Story(
        "coding-utf-8",
        page(b"Content-Encoding: utf-8"),
        "locustio/locust#1233; seen in Chromium",
    ),
    Story("coding-none", page(b"Content-Encoding: none"), "seen in Chromium"),
    Story("coding-empty", page(b"Content-Encoding: "), "seen in Chromium"),
    Story("coding-binary", page(b"Content-Encoding: binary"), "seen in Chromium"),
    Story(
        "coding-gzip-identity",
        page(b"Content-Encoding: gzip, identity", body=zipped()),
        "not shown",
        Right("FAILED"),
    ),
    Story(
        "coding-gzip-in-two-headers",
        page(b"Content-Encoding: gzip", b"Content-Encoding: gzip", body=zipped(times=2)),
        "RFC 9110, 5.3: two lines are one list",
    ),
    Story(
        "coding-gzip-gzip",
        page(b"Content-Encoding: gzip, gzip", body=zipped(times=2)),
        "RFC 9110, 8.4; seen in Chromium",
    ),
    Story(
        "gzip-then-zeros",
        page(b"Content-Encoding: gzip", body=zipped() + b"\0" * 7),
        "gzip pads to blocks; seen in Chromium",
    ),
    Story(
        "gzip-said-but-plain",
        page(b"Content-Encoding: gzip"),
        "not shown",
        failed("content", "bad-encoding"),
    ),
    Story(
        "gzip-said-but-empty",
        page(b"Content-Encoding: gzip", body=b""),
        "not shown",
        Right("FAILED"),
    ),
    Story(
        "deflate-raw",
        page(b"Content-Encoding: deflate", body=raw_deflate(PAGE)),
        "RFC 9110, 8.4.1.2, note",
    ),
)
UNDEFINED = "a JavaScript server writes it for an unset variable; seen in Chromium"
LETTERED = (
    Story("charset-undefined", in_letters("undefined", PAGE), UNDEFINED),
    Story("charset-idna", in_letters("idna", PAGE), UNDEFINED),
    Story("charset-punycode", in_letters("punycode", PAGE), UNDEFINED),
    Story(
        "charset-unicode-escape", in_letters("unicode_escape", PAGE), "another of Python's codecs"
    ),
    Story("charset-with-control", in_letters("a\x7fb", PAGE), "no name of any charset"),
    Story("charset-of-3000-letters", in_letters("x" * 3000, PAGE), "no name of any charset"),
    Story("charset-utf-7", in_letters("utf-7", PAGE), "WHATWG Encoding, 4.2: no label"),
    Story(
        "charset-in-meta-only",
        in_letters(
            "",
            (
                "<html><head><meta charset='windows-1251'></head><body>Вход Sign in</body></html>"
            ).encode("cp1251"),
        ),
        "scrapy/scrapy#123; seen in Chromium",
        settings={"must_contain": ["Вход"]},
    ),
    Story(
        "charset-utf-16-by-its-mark",
        in_letters("", "\ufeff<html><title>Agent Portal</title>Sign in</html>".encode("utf-16-le")),
        "WHATWG Encoding, 6.1; seen in Chromium",
    ),
    Story(
        "charset-mark-beats-header",
        in_letters(
            "iso-8859-1", b"\xef\xbb\xbf<html><title>x</title>Sign in \xe2\x82\xac 5</html>"
        ),
        "scrapy/scrapy#4933; seen in Chromium",
        settings=EURO,
    ),
    Story(
        "charset-latin1-is-windows-1252",
        in_letters("iso-8859-1", b"<html><title>x</title>Sign in \x80 5</html>"),
        "WHATWG Encoding, 4.2; seen in Chromium",
        settings=EURO,
    ),
)
REDIRECTED = (
    Story("to-relative", redirect(b"Location: good"), "RFC 9110, 10.2.2"),
    Story(
        "to-308-with-body",
        b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /good\r\nContent-Length: 5\r\n\r\nmoved",
        "RFC 9110, 15.4.9",
    ),
    Story("to-blank", redirect(b"Location: /good with blank?a=b c"), "seen in Chromium"),
    Story("to-utf-8", redirect(b"Location: /gut\xc3\xa9"), "seen in Chromium"),
    Story("to-latin1", redirect(b"Location: /gut\xe9"), "seen in Chromium"),
    Story("to-fragment", redirect(b"Location: /good#top"), "RFC 9110, 10.2.2"),
    Story(
        "to-scheme-in-capitals", redirect(b"Location: HTTP://127.0.0.1:PORT/good"), "RFC 3986, 3.1"
    ),
    Story(
        "to-user-name",
        redirect(b"Location: http://x@127.0.0.1:PORT/good"),
        "browsers follow; seen in Chromium",
    ),
    Story("to-without-length", head(b"HTTP/1.1 302 Found", b"Location: /good"), "RFC 9112, 6.3"),
    Story(
        "to-nowhere", redirect(), "a redirect without Location shows an empty page", Right("FAILED")
    ),
    Story(
        "to-twice-the-same", redirect(b"Location: /good", b"Location: /good"), "seen in Chromium"
    ),
    Story(
        "to-backslashes",
        redirect(b"Location: http:\\\\127.0.0.1:PORT\\good"),
        "WHATWG URL, 4.4",
    ),
)
STORIES = (*PARSING, *FRAMING, *FIRST_LINES, *CODED, *LETTERED, *REDIRECTED)


@pytest.mark.parametrize("story", told(STORIES))
async def test_a_portal_is_judged_as_its_users_see_it(tmp_path: Path, story: Story) -> None:
    answer = story.far if isinstance(story.far, tuple) else (story.far,)
    async with http_server(*answer) as port:
        wanted = {"must_contain": ["Sign in"], **story.settings}
        seen = await once(tmp_path, "portal", url=f"http://127.0.0.1:{port}/", **wanted)
    comes_out(seen, story)


ALTERNATIVES = {
    b'h3=":443"; ma=86400': True,
    b'h2="alt.example.net:443", h3=":443"': True,
    b'h3-29=":443"; ma=2592000,h3-Q050=":443"': True,
    b'H3=":443"': True,
    b'h2="alt.example.net:443"; ma=60': False,
    b"clear": False,
    b'quic=":443"; v="46,43"': False,
    b'h2="h3=,x:1"': False,
    b",;=,,": False,
}
"""Alt-Svc (RFC 7838), and whether HTTP/3 is offered by it"""


@pytest.mark.parametrize("offer", ALTERNATIVES, ids=str)
async def test_http_3_that_is_offered_is_left_alone_and_said(tmp_path: Path, offer: bytes) -> None:
    """No alternative is followed: whoever is asked is who was named."""
    async with http_server(page(b"Alt-Svc: " + offer)) as port:
        url = f"http://127.0.0.1:{port}/"
        seen = await once(tmp_path, "portal", url=url, must_contain=["Sign in"])
    comes_out(seen, Story("offered", None, "RFC 7838", OK))
    notes = [note for note in seen.observation.notes if "HTTP/3" in note]
    assert len(notes) == ALTERNATIVES[offer]


async def test_a_connection_that_is_reset_after_the_page_spoils_nothing(tmp_path: Path) -> None:
    async with http_server(page(), reset=True) as port:
        seen = await once(
            tmp_path, "portal", url=f"http://127.0.0.1:{port}/", must_contain=["Sign in"]
        )
    comes_out(
        seen, Story("reset", None, "a server that closes with unread bytes (RFC 9112, 9.6)", OK)
    )
