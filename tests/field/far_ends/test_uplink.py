"""The way out, asked over HTTP: interim answers are passed over, and only the last one counts (RFC
9110, 15.2).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.far_ends.http_server import EARLY_HINTS, SHORT_PAUSE_SECONDS, http_server, page
from tests.field.story import Right, Story, comes_out, once, told

GOOD = {"status": 200}
PAUSE = SHORT_PAUSE_SECONDS
DOWN = page(first=b"HTTP/1.1 503 Down")

STORIES = (
    Story("good", (page(),), "RFC 9110", settings=GOOD),
    Story("early-hints", (EARLY_HINTS, PAUSE, page()), "whatwg/fetch#1698", settings=GOOD),
    Story(
        "early-hints-then-503",
        (EARLY_HINTS, PAUSE, DOWN),
        "snoyberg/http-client#521",
        Right("FAILED"),
    ),
    Story(
        "continue",
        (b"HTTP/1.1 100 Continue\r\n\r\n", PAUSE, page()),
        "RFC 9110, 15.2.1",
        settings=GOOD,
    ),
    Story(
        "processing",
        (b"HTTP/1.1 102 Processing\r\n\r\n", PAUSE, page()),
        "RFC 2518, 10.1",
        settings=GOOD,
    ),
    Story(
        "leading-crlf",
        (b"\r\n" + page(),),
        "RFC 9112, 2.2; the portal takes it",
        settings=GOOD,
    ),
    Story(
        "http2-in-text",
        (page(first=b"HTTP/2 200"),),
        "seen in Chromium and curl",
        settings=GOOD,
    ),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_the_last_answer_is_the_answer(tmp_path: Path, story: Story) -> None:
    async with http_server(*story.far) as port:
        target = {"http": f"http://127.0.0.1:{port}/", **story.settings}
        seen = await once(tmp_path, "uplink", samples=2, targets=[target])
    comes_out(seen, story)
