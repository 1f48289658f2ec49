"""What Chromium showed of some 200 odd servers, and what the portal must therefore say of them.

Recorded by `./reveille bench browser-agrees`, which asks the browser anew; here the portal alone is
asked, so that a release of it that sees otherwise is told at once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest

from tests.bench.browser_agrees import by_portal, cases, far_end
from tests.bench.odd_pages import Case

NOT_SHOWN = {
    "first line": ["four-digits", "two-digits", "not-http", "body-alone", "nothing"],
    "large heads": ["nul-in-name"],
    "line ends": ["crlf-thrice-first"],
    "length": ["list-that-differs", "too-long", "zero", "before-the-text"],
    "chunks": ["prefix-0x", "plus", "blank-before", "tab-after"],
    "chunks that lie": [
        "not-hexadecimal",
        "longer-than-said",
        "shorter-than-said",
        "said-and-not-done",
    ],
    "interim answers": ["hints-then-500", "hints-then-nothing", "switching-unasked"],
    "status": [
        "no-content",
        "reset-content",
        "not-modified",
        "unauthorized",
        "not-found",
        "timeout",
        "gone",
        "range-wrong",
        "misdirected",
        "too-early",
        "too-many",
        "unavailable",
        "captive",
        "unknown-599",
        "partial-unasked",
    ],
    "packed badly": [
        "cut-in-the-middle",
        "deflate-of-wrong-checksum",
        "bare-deflate-and-zeros",
        "two-members",
        "twice-said-once",
        "not-said",
        "said-not-done",
        "deflate-is-gzip",
    ],
    "no content codings": [
        "identity-and-gzip",
        "comma-at-the-end",
        "aws-chunked-and-gzip",
        "any-coding",
        "brotli-unasked",
    ],
    "letters": ["label-replacement", "label-hz"],
    "saved and not shown": ["download", "php-source", "attachment"],
    "redirects": ["of-300", "of-304", "of-201"],
    "references": ["empty-then-one", "two-that-differ"],
    "redirects to nowhere": [
        "to-itself",
        "to-mail",
        "to-a-script",
        "to-nobody",
        "body-and-no-location",
    ],
    "refresh by meta": ["meta-in-a-comment", "meta-in-noscript", "meta-to-404"],
    "end of the connection": ["before-the-head-ends", "after-the-head"],
    "cookies": [
        "for-another-path",
        "host-prefix-without-secure",
        "control-character",
        "tab-within",
        "for-a-stranger",
        "expired",
        "age-of-zero",
        "for-all-sites-unsecured",
        "a-jar-for-each-site-unsecured",
        "domain-in-quotes",
        "domain-is-a-dot",
        "age-with-a-plus",
        "prefix-as-a-value",
        "date-of-asctime",
        "of-5000",
    ],
}
"""kind -> the names of those whose page was not in the document, under the status expected"""
# A script leads to the page: only a browser gets there.
OTHERWISE = {"refresh": ["script"]}


def by_kind() -> dict[str, list[Case]]:
    """The cases that are no story of a file beside this one."""
    kinds = defaultdict[str, list[Case]](list)
    for case in cases():
        if not case.kind.startswith("field") and case.kind != "HTTP/2":
            kinds[case.kind].append(case)
    return kinds


async def is_good(case: Case, folder: Path) -> bool:
    """Whether the portal finds nothing wrong."""
    await asyncio.to_thread(folder.mkdir)
    async with far_end(case, folder) as (url, trusted):
        state, _ = await by_portal(case, url, trusted, folder)
    return state == "OK"


@pytest.mark.parametrize("kind", by_kind())
async def test_a_portal_says_what_its_users_see(tmp_path: Path, kind: str) -> None:
    chosen = by_kind()[kind]
    seen = await asyncio.gather(
        *(is_good(case, tmp_path / str(number)) for number, case in enumerate(chosen))
    )
    wrong = {case.name for case, good in zip(chosen, seen, strict=True) if not good}
    assert wrong == {*NOT_SHOWN.get(kind, ()), *OTHERWISE.get(kind, ())}
