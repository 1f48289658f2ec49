"""Answers of APIs and steps of a walk: JSON as it is sent (RFC 8259), charsets that are none, half
an emoji.

Right is what a client of the API can read: what `JSON.parse` of every browser refuses is no JSON.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.field.far_ends.http_server import PAGE, as_json, http_server, page
from tests.field.story import OK, SITE, Right, Story, comes_out, failed, once, table, told

BAD_JSON = failed("look", "bad-json")
CUT = "browser-use/browser-harness#676: half an emoji, cut by a limit of length"

JSON = (
    Story("good", b'{"status":"ok"}', "RFC 8259"),
    Story(
        "mark-first",
        b'\xef\xbb\xbf{"status":"ok"}',
        "dgtlmoon/changedetection.io#2945",
    ),
    Story("two-marks-first", b'\xef\xbb\xbf\xef\xbb\xbf{"status":"ok"}', "Encoding 6", BAD_JSON),
    Story("nan", b'{"status":"ok","load":NaN}', "pallets/flask#6114", BAD_JSON),
    Story(
        "infinity",
        b'{"status":"ok","load":-Infinity}',
        "conbench/conbench#1163",
        BAD_JSON,
    ),
    Story(
        "one-name-twice",
        b'{"status":"failed","status":"ok"}',
        "RFC 8259, 4",
        BAD_JSON,
    ),
    Story("5000-digits", b'{"status":"ok","id":' + b"9" * 5000 + b"}", "RFC 8259, 6"),
    Story(
        "30-digits",
        b'{"status":"ok","id":123456789012345678901234567890, "x":1e400}',
        "RFC 8259, 6",
    ),
    Story(
        "utf-16", '{"status":"ok"}'.encode("utf-16"), "fetch().json() reads UTF-8 only", BAD_JSON
    ),
    Story("prefix", b")]}',\n" + b'{"status":"ok"}', "a guard against scripts: no JSON", BAD_JSON),
    Story(
        "3000-deep",
        b'{"status":"ok","x":' + b"[" * 3000 + b"]" * 3000 + b"}",
        "RFC 8259, 9: a reader may set a limit",
        BAD_JSON,
    ),
    Story("one-name-twice-alike", b'{"status":"ok","status":"ok"}', "RFC 8259, 4: all agree"),
    Story(
        "one-name-twice-deeper",
        b'{"status":"ok","x":[{"id":1,"id":true}]}',
        "RFC 8259, 4: readers differ",
        BAD_JSON,
    ),
    Story("single-quotes", b"{'status':'ok'}", "RFC 8259, 7", BAD_JSON),
    Story("comma-at-the-end", b'{"status":"ok",}', "RFC 8259, 4", BAD_JSON),
    Story("number-with-zero-first", b'{"status":"ok","id":007}', "RFC 8259, 6", BAD_JSON),
    Story("control-in-a-text", b'{"status":"ok","x":"a\nb"}', "RFC 8259, 7", BAD_JSON),
    Story("nan-as-a-text", b'{"status":"ok","x":"NaN"}', "RFC 8259, 7: a text like any other"),
    Story(
        "nan-in-a-long-document",
        b'{"status":"ok","x":"' + b"y" * 300_000 + b'","load":NaN}',
        "RFC 8259, 6: read in a process of its own",
        BAD_JSON,
    ),
    Story(
        "twice-in-a-long-document",
        b'{"status":"failed","x":"' + b"y" * 300_000 + b'","status":"ok"}',
        "RFC 8259, 4: likewise",
        BAD_JSON,
    ),
    Story("latin1-said-and-sent", b'{"status":"ok","x":"caf\xe9"}', "RFC 8259, 8.1: in the field"),
    Story("half-an-emoji", b'{"status":"\\ud800"}', CUT, Right("FAILED")),
)


@pytest.mark.parametrize("story", told(JSON))
async def test_json_is_what_its_readers_can_read(tmp_path: Path, story: Story) -> None:
    steps = [{"name": "look", "url": "/answer", "json_values": {"$.status": "ok"}}]
    async with http_server(as_json(story.far)) as port:
        seen = await once(tmp_path, "api", url=f"http://127.0.0.1:{port}/", steps=steps)
    comes_out(seen, story)


async def test_a_measure_that_is_no_number_is_the_far_ends_fault(tmp_path: Path) -> None:
    """pallets/flask#6114: left out, its expectation makes the monitor blind."""
    steps = [{"name": "look", "url": "/answer", "measure": {"load": {"json": "$.load"}}}]
    async with http_server(as_json(b'{"status":"ok","load":NaN}')) as port:
        seen = await once(
            tmp_path, "api", url=f"http://127.0.0.1:{port}/", steps=steps, expect=["load <= 5"]
        )
    comes_out(seen, Story("nan", None, "a check of the load goes blind", BAD_JSON))


async def test_a_figure_is_read_as_its_writer_meant_it_or_not_at_all(tmp_path: Path) -> None:
    """1e400 was a measure of infinity, "1,5" of fifteen, "NaN" of nothing: each was OK."""
    written = {b'"1,284.5"': 1284.5, b'"12,34,567"': 1234567, b"-0.5": -0.5, b'" 7 "': 7}
    no_figures = (b"1e400", b'"1,5"', b'"1_000"', b'"NaN"', b'"-Infinity"', '"١"'.encode(), b'"."')
    steps = [{"name": "look", "url": "/answer", "measure": {"load": {"json": "$.load"}}}]
    for said in (*written, *no_figures):
        async with http_server(as_json(b'{"load":' + said + b"}")) as port:
            seen = await once(tmp_path, "api", url=f"http://127.0.0.1:{port}/", steps=steps)
        right = failed("look", "not-a-number") if said in no_figures else OK
        comes_out(seen, Story(said.decode(), None, said.decode(), right))
        assert seen.observation.measures.get("load") == written.get(said)


def a_page(first: bytes, charset: bytes) -> bytes:
    return page(body=PAGE, first=first, html=b"Content-Type: text/html; charset=" + charset)


OOPS = b"HTTP/1.1 500 Oops"
STEPS = (
    Story("500", a_page(OOPS, b"utf-8"), "a plain failure", failed("look", "http:500")),
    Story(
        "500-undefined",
        a_page(OOPS, b"undefined"),
        "a page that crashed",
        failed("look", "http:500"),
    ),
    Story("500-idna", a_page(OOPS, b"idna"), "likewise", failed("look", "http:500")),
    Story(
        "good-undefined",
        a_page(b"HTTP/1.1 200 OK", b"undefined"),
        "an unset variable of JavaScript",
        OK,
    ),
)


@pytest.mark.parametrize("story", told(STEPS))
async def test_a_step_that_fails_is_the_portals_fault_whatever_its_letters(
    tmp_path: Path, story: Story
) -> None:
    async with http_server(story.far) as port:
        url = f"http://127.0.0.1:{port}/"
        seen = await once(tmp_path, "api", url=url, steps=[{"name": "look", "url": "/answer"}])
    comes_out(seen, story)


@pytest.mark.parametrize(
    ("step", "right"),
    [
        ({"json": {"a": 1}}, OK),
        ({"method": "DELETE"}, OK),
        ({}, failed("look", "soft-200")),
        ({"json": {"a": 1}, "soft_200s": True}, failed("look", "soft-200")),
    ],
    ids=["post", "delete", "get", "post-that-must-say-something"],
)
async def test_what_is_sent_may_be_answered_by_its_status_alone(
    tmp_path: Path, step: dict[str, Any], right: Right
) -> None:
    """RFC 9110, 15.3.1: most APIs answer a POST so; who is asked for something must say it."""
    async with http_server(page(body=b"", html=b"Content-Type: text/html")) as port:
        steps = [{"name": "look", "url": "/answer", **step}]
        seen = await once(tmp_path, "api", url=f"http://127.0.0.1:{port}/", steps=steps)
    comes_out(seen, Story("empty", None, "an API", right))


async def test_a_single_page_that_fails_keeps_its_status(tmp_path: Path) -> None:
    async with http_server(a_page(OOPS, b"undefined")) as port:
        seen = await once(tmp_path, "portal", url=f"http://127.0.0.1:{port}/")
    comes_out(seen, Story("500", None, "one look at one page", failed("response", "http:500")))


WORDS = (
    Story("form", {"url": "/good", "form": {"t": "{token}"}}, CUT, Right("FAILED")),
    Story("json", {"url": "/good", "json": {"t": "{token}"}}, CUT, Right("FAILED")),
    Story("address", {"url": "/good?t={token}"}, CUT, Right("FAILED")),
    Story("header", {"url": "/good", "headers": {"X-T": "{token}"}}, CUT, Right("FAILED")),
)


@pytest.mark.parametrize("story", told(WORDS))
async def test_a_word_that_cannot_be_sent_back_is_the_far_ends_fault(
    tmp_path: Path, story: Story
) -> None:
    """Rule 1 of the checks: what the far end said wrongly is no bug of ours, and makes no monitor
    blind.
    """
    token = {"name": "token", "url": "/token", "remember": {"token": {"json": "$.token"}}}
    async with http_server(as_json(b'{"token":"ab\\ud83dcdefgh"}')) as port:
        url = f"http://127.0.0.1:{port}/"
        seen = await once(tmp_path, "api", url=url, steps=[token, {"name": "use", **story.far}])
    comes_out(seen, story)


@pytest.mark.parametrize("options", [["--json"], ["--nagios"], []], ids=["json", "nagios", "text"])
async def test_half_an_emoji_is_printed_by_every_verb(tmp_path: Path, options: list[str]) -> None:
    """hartwork/jawanndenn#44, UKGovernmentBEIS/inspect_ai#2316: a surrogate kills the writer."""
    check: dict[str, Any] = {
        "kind": "api",
        "steps": [{"name": "look", "url": "/", "json_values": {"$.status": "ok"}}],
    }
    async with http_server(as_json(b'{"status":"\\ud800"}')) as port:
        file = tmp_path / "reveille.toml"
        checks = table("checks.main", check | {"url": f"http://127.0.0.1:{port}/"})
        file.write_text(f'state = "{tmp_path}/state"\n{SITE}{checks}')
        code, out = await said_by(["--config", str(file), "once", "main", *options])
    assert (code, b"Traceback" in out) == (2, False), out


async def said_by(arguments: list[str]) -> tuple[int | None, bytes]:
    """What the command line prints in a process of its own, as Nagios or a pipe has it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from monitor.cli import main; raise SystemExit(main())",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode, out
