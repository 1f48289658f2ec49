"""A browser is the judge of pages: `./reveille bench browser-agrees`.

Servers that are odd, each in one way: those of the field (tests/field/far_ends) and as many again
(tests/bench/odd_pages.py, each with the paragraph that it bends). Three look at each: the check
`portal`, Chromium without a window, and curl. A page is good for its users when Chromium has the
wanted text in its document, under the status that the check expects; that is what the portal's
verdict is held against. What curl makes of it is printed beside it: it is stricter than browsers
here and more lenient there.

Targets: nothing said OK that Chromium does not show; at most five other disagreements, each with
its reason. Exit status 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.web.browser.executable import wanted as chromium
from tests.bench.odd_pages import PLAIN_CASES, WANTED, Case
from tests.field.far_ends import test_http2, test_http2_frames, test_portal
from tests.field.far_ends.http_server import PAGE, http_server, page
from tests.field.story import once
from tests.loopback.serving import listening

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PEERS = "curl"
WITHIN_SECONDS = 4
MOST_DISAGREEMENTS = 5
REFRESHED_MILLISECONDS = 600
# A far end that has one stream for each connection cannot be asked again over the same one, as
# Chromium does.
LEFT_OUT = ("refused-stream",)
BECAUSE = {
    "length-wrong": "RFC 9113 section 8.1.1: malformed, and a part of the page may be missing",
}
ELSEWHERE = {"/good": page(), "/gone": page(body=b"<h1>Not Found</h1>", first=b"HTTP/1.1 404 No")}
# What a cookie must be for a browser to bring it back: the line that sets it, and its paragraph.
COOKIES = {
    "plain": (b"sid=1", "RFC 6265bis section 5.6"),
    "for-the-path": (b"sid=1; Path=/in", "RFC 6265bis section 5.1.4"),
    "for-another-path": (b"sid=1; Path=/out", "RFC 6265bis section 5.1.4"),
    "secure": (b"sid=1; Secure", "RFC 6265bis section 5.7, W3C Secure Contexts section 3.1"),
    "host-prefix": (b"__Host-sid=1; Secure; Path=/", "RFC 6265bis section 4.1.3"),
    "host-prefix-without-secure": (b"__Host-sid=1; Path=/", "RFC 6265bis section 4.1.3"),
    "host-prefix-with-domain": (
        b"__Host-sid=1; Secure; Path=/; Domain=127.0.0.1",
        "RFC 6265bis section 4.1.3",
    ),
    "without-a-name": (b"sid", "RFC 6265bis section 5.6"),
    "name-is-empty": (b"=sid", "RFC 6265bis section 5.6"),
    "control-character": (b"sid=a\x01b", "RFC 6265bis section 5.6"),
    "tab-within": (b"sid=a\tb", "RFC 6265bis section 5.6"),
    "latin1": (b"sid=caf\xe9", "RFC 6265bis section 5.6"),
    "for-the-very-host": (b"sid=1; Domain=127.0.0.1", "RFC 6265bis section 5.7"),
    "for-a-stranger": (b"sid=1; Domain=example.net", "RFC 6265bis section 5.7"),
    "expired": (b"sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "RFC 6265bis section 5.1.1"),
    "expires-oddly": (b"sid=1; Expires=Wed, 09-Jun-2089 10:18:14", "RFC 6265bis section 5.1.1"),
    "age-of-zero": (b"sid=1; Max-Age=0", "RFC 6265bis section 5.6.2"),
    "age-against-date": (
        b"sid=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60",
        "RFC 6265bis section 5.6.2",
    ),
    "for-all-sites-unsecured": (b"sid=1; SameSite=None", "RFC 6265bis section 5.7"),
    "for-all-sites": (b"sid=1; SameSite=None; Secure", "RFC 6265bis section 5.7"),
    "a-jar-for-each-site-unsecured": (b"sid=1; Partitioned", "CHIPS section 2"),
    "path-in-quotes": (b'sid=1; Path="/out"', "RFC 6265bis section 5.6"),
    "domain-in-quotes": (b'sid=1; Domain="127.0.0.1"', "RFC 6265bis section 5.6"),
    "domain-is-a-dot": (b"sid=1; Domain=.", "RFC 6265bis section 5.7; seen in Chromium"),
    "age-in-quotes": (b'sid=1; Max-Age="0"', "RFC 6265bis section 5.6.2"),
    "age-with-a-plus": (b"sid=1; Max-Age=+0", "RFC 6265bis section 5.6.2; seen in Chromium"),
    "prefix-as-a-value": (b"=__Host-sid=1", "RFC 6265bis section 5.7"),
    "path-of-1100": (b"sid=1; Path=/" + b"i" * 1100, "RFC 6265bis section 5.6"),
    "date-without-seconds": (
        b"sid=1; Expires=Wed, 09 Jun 2021 10:18 GMT",
        "RFC 6265bis section 5.1.1",
    ),
    "date-of-asctime": (b"sid=1; Expires=Wed Jun  9 10:18:14 2021", "RFC 6265bis section 5.1.1"),
    "date-of-iso": (b"sid=1; Expires=2021-06-09T10:18:14Z", "RFC 6265bis section 5.1.1"),
    "of-4000": (b"sid=" + b"x" * 4000, "RFC 6265bis section 5.6"),
    "of-5000": (b"sid=" + b"x" * 5000, "RFC 6265bis section 5.6"),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """What the three said of one case."""

    case: Case
    portal: str
    why: str
    shown: bool
    curl: bool

    @property
    def agree(self) -> bool:
        """Whether the portal's verdict is the browser's."""
        return (self.portal == "OK") == self.shown

    @property
    def false_ok(self) -> bool:
        """The worst: said to be well, and not shown."""
        return self.portal == "OK" and not self.shown


def cases() -> list[Case]:
    """Those of the field, and ours."""
    known = {
        "field: heads": test_portal.PARSING,
        "field: framing": test_portal.FRAMING,
        "field: first lines": test_portal.FIRST_LINES,
        "field: codings": test_portal.CODED,
        "field: letters": test_portal.LETTERED,
        "field: redirects": test_portal.REDIRECTED,
    }
    told = []
    for kind, stories in known.items():
        for story in stories:
            says = story.far if isinstance(story.far, tuple) else (story.far,)
            wanted = (*story.settings.get("must_contain", ()), WANTED)[0]
            told.append(Case(kind, story.name, says, story.source, wanted=wanted))
    told += [
        Case("HTTP/2", story.name, story.far, story.source, because=BECAUSE.get(story.name, ""))
        for story in (*test_http2.STORIES, *test_http2_frames.STORIES)
        if story.name not in LEFT_OUT
    ]
    told += [Case("cookies", name, (line,), source) for name, (line, source) in COOKIES.items()]
    return told + PLAIN_CASES


@asynccontextmanager
async def far_end(case: Case, folder: Path) -> AsyncIterator[tuple[str, Path | None]]:
    """A server for it, its URL, and whom to trust."""
    if case.kind == "HTTP/2":
        asked = test_http2.http2_server(folder, *(p for p in case.says if isinstance(p, bytes)))
        async with asked as (port, trusted):
            yield f"https://localhost:{port}/", trusted
        return
    async with _plain(case) as port:
        yield f"http://127.0.0.1:{port}/", None


def _plain(case: Case) -> AbstractAsyncContextManager[int]:
    if case.kind == "cookies":
        return _with_session(bytes(case.says[0]))  # type: ignore[arg-type]
    return http_server(*case.says, paths={**ELSEWHERE, **case.paths})


@asynccontextmanager
async def _with_session(line: bytes) -> AsyncIterator[int]:
    """Sets a cookie, and shows its page to who brings it back."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.readuntil(b"\r\n\r\n")
        lines = asked.lower().split(b"\r\n")
        brought = any(one.startswith(b"cookie:") and b"sid" in one for one in lines)
        if asked.split(b" ")[1] == b"/in":
            writer.write(page(body=PAGE if brought else b"<p>no session"))
        else:
            first = b"HTTP/1.1 302 Found"
            writer.write(page(b"Location: /in", b"Set-Cookie: " + line, body=b"", first=first))
        await writer.drain()
        writer.close()

    async with listening(talk) as port:
        yield port


async def by_portal(case: Case, url: str, trusted: Path | None, folder: Path) -> tuple[str, str]:
    """State and fault."""
    more = {"trusted_certificates": trusted} if trusted else {}
    seen = await once(
        folder,
        "portal",
        url=url,
        must_contain=[case.wanted],
        within=f"{WITHIN_SECONDS}s",
        **more,
        **case.settings,
    )
    fault = seen.verdict.fault
    return str(seen.verdict.state), f"{fault.code} {fault.text}"[:60] if fault else ""


async def by_chromium(case: Case, url: str, browser: Browser) -> bool:
    """Whether the text is in the document, under the status that the check expects."""
    from playwright.async_api import Error

    context = await browser.new_context(ignore_https_errors=True)
    try:
        tab = await context.new_page()
        # What a page becomes that leads elsewhere by itself is answered later, and counts.
        seen: list[int] = []
        tab.on("response", lambda answer: seen.append(answer.status))
        await tab.goto(url, timeout=1000 * WITHIN_SECONDS)
        if case.kind.startswith("refresh"):
            await tab.wait_for_timeout(REFRESHED_MILLISECONDS)
        shown = await _text(tab)
        return case.wanted in shown and seen[-1:] == [case.settings.get("expect_status", 200)]
    except Error:
        return False
    finally:
        await context.close()


async def _text(tab: Page) -> str:
    return str(
        await tab.evaluate("document.documentElement ? document.documentElement.textContent : ''")
    )


async def by_curl(case: Case, url: str, folder: Path) -> bool:
    """Whether it succeeds, and prints the text."""
    options = [
        "-sSLk",
        "--fail",
        "--compressed",
        "-m",
        str(WITHIN_SECONDS),
        "--proto-redir",
        "=http",
    ]
    jar = ["-c", str(folder / "cookies"), "-b", str(folder / "cookies")]
    child = await asyncio.create_subprocess_exec(
        "curl",
        *options,
        *jar,
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await child.communicate()
    return child.returncode == 0 and case.wanted.encode() in out


async def judged(case: Case, browser: Browser) -> Judged:
    """Ask the three, each with a server of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-browser-") as scratch:
        folder = Path(scratch)
        async with far_end(case, folder) as (url, trusted):
            portal, why = await by_portal(case, url, trusted, folder)
        async with far_end(case, folder) as (url, _):
            shown = await by_chromium(case, url, browser)
        async with far_end(case, folder) as (url, _):
            curl = await by_curl(case, url, folder)
    return Judged(case, portal, why, shown, curl)


async def measured(wanted: str) -> list[Judged]:
    """Every case whose kind or name has this in it."""
    from playwright.async_api import async_playwright

    # A connection that a server cuts off in the middle of a story is told by asyncio to its log.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    chosen = [case for case in cases() if wanted in f"{case.kind} {case.name}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(None), args=["--no-sandbox", "--disable-quic"]
        )
        try:
            return [await judged(case, browser) for case in chosen]
        finally:
            await browser.close()


def table(found: list[Judged]) -> str:
    """A line for each kind, and one for each case that the portal sees otherwise."""
    kinds = defaultdict[str, list[Judged]](list)
    for one in found:
        kinds[one.case.kind].append(one)
    lines = [
        f"{'kind':<24}{'cases':>6}{'portal':>8}{'browser':>9}{'curl':>6}{'differ':>8}   source"
    ]
    lines += [
        f"{kind:<24}{len(some):>6}{sum(one.portal == 'OK' for one in some):>8}"
        f"{sum(one.shown for one in some):>9}{sum(one.curl for one in some):>6}"
        f"{sum(not one.agree for one in some):>8}   {some[0].case.source[:60]}"
        for kind, some in kinds.items()
    ]
    for one in found:
        if not one.agree:
            seen = "shown" if one.shown else "NOT shown"
            lines.append(
                f"{one.case.kind} / {one.case.name}: portal {one.portal} {one.why}; {seen};"
                f" because: {one.case.because or 'NO REASON'}"
            )
    return "\n".join(lines)


def main() -> int:
    """With an argument: only the kinds and names with that in them."""
    began = time.monotonic()
    found_all = asyncio.run(measured(sys.argv[1] if len(sys.argv) > 1 else ""))
    print(table(found_all))
    false = sum(one.false_ok for one in found_all)
    differ = [one for one in found_all if not one.agree]
    unexplained = sum(not one.case.because for one in differ)
    kinds = len({one.case.kind for one in found_all})
    print(
        f"browser_agrees: {len(found_all)} servers in {kinds} kinds,"
        f" {false} false OK (target 0), {len(differ)} disagreements (target {MOST_DISAGREEMENTS}),"
        f" {unexplained} without a reason (target 0), {time.monotonic() - began:.0f} s"
    )
    return 0 if not false and not unexplained and len(differ) <= MOST_DISAGREEMENTS else 1


if __name__ == "__main__":
    raise SystemExit(main())
