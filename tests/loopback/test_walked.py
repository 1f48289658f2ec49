"""API, webhook, report and ui-config beyond the practice centre: tokens, registered paths, reports
of other makes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from checks.contract import CannotTell, Check, Failed, Observation, Trace
from checks.web.api import Api
from checks.web.report import Report
from checks.web.ui_config import UiConfig
from checks.web.webhook import Webhook
from lab.records import Centre, write_csv

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
DAY = date(2026, 11, 20)


@asynccontextmanager
async def serving(**handlers: Handler) -> AsyncIterator[str]:
    """A web server with a handler for each path; yields its address."""
    application = web.Application()
    for path, handler in handlers.items():
        application.router.add_route("*", f"/{path}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def attempt(
    check: Check, folder: Path, accepted: dict[str, Any] | None = None
) -> Observation:
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240 - a test's own
    trace = Trace(time.monotonic, folder, accepted=accepted)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    seen = trace.observation()
    assert set(seen.measures) <= set(check.measures()), set(seen.measures) - set(check.measures())
    return seen


def fault(seen: Observation) -> tuple[str, str] | None:
    assert seen.blind is None, seen.blind
    return (seen.fault.stage, seen.fault.code) if seen.fault else None


async def test_a_token_is_fetched_used_and_never_shown(tmp_path: Path) -> None:
    token = "tok-3c1f9a77d2"
    (tmp_path / "secret").write_text("hunter2hunter2\n")

    async def tokens(request: web.Request) -> web.Response:
        assert (await request.json())["secret"] == "hunter2hunter2"
        return web.json_response({"access_token": token})

    async def customer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {token}"
        return web.json_response({"tier": "silver", "echo": f"{token} hunter2hunter2"})

    async with serving(token=tokens, customer=customer) as url:
        check = Api.model_validate(
            {
                "url": url,
                "secrets": {"secret": {"file": str(tmp_path / "secret")}},
                "steps": [
                    {
                        "name": "token",
                        "url": "token",
                        "json": {"secret": "{secret}"},
                        "remember": {"token": {"json": "$.access_token"}},
                    },
                    {
                        "name": "customer",
                        "url": "customer",
                        "headers": {"Authorization": "Bearer {token}"},
                        "json_values": {"$.tier": "gold"},
                    },
                ],
            }
        )
        seen = await attempt(check, tmp_path / "seen")
    assert fault(seen) == ("customer", "json-differs")
    kept = repr(seen) + "".join(one.path.read_text() for one in seen.exhibits)
    assert token not in kept
    assert "hunter2" not in kept


@pytest.mark.parametrize(("late", "ended"), [(False, None), (True, ("callback", "no-callback"))])
async def test_callbacks_to_a_registered_path_are_told_apart(
    tmp_path: Path, late: bool, ended: tuple[str, str] | None
) -> None:
    """The API sends one of an earlier attempt first; and then that of this one, or not."""
    (tmp_path / "path").write_text("hooks/registered-there\n")
    calls: list[asyncio.Task[None]] = []

    async def event(request: web.Request) -> web.Response:
        body = await request.json()

        async def call_back() -> None:
            async with aiohttp.ClientSession() as session:
                for reference in ("an-earlier-one", *(() if late else (body["call"],))):
                    async with session.post(
                        body["back"], json={"call": reference, "status": "filed"}
                    ) as answer:
                        await answer.read()

        calls.append(asyncio.create_task(call_back()))
        return web.json_response({}, status=202)

    async with serving(events=event) as url:
        check = Webhook.model_validate(
            {
                "url": url,
                "listen": "127.0.0.1:0",
                "path": {"file": str(tmp_path / "path")},
                "callback_within": "2s" if late else "30s",
                "callback": {"json_values": {"$.status": "filed"}},
                "steps": [
                    {
                        "name": "event",
                        "url": "events",
                        "json": {"call": "{reference}", "back": "{callback}"},
                        "expect_status": [202],
                    }
                ],
            }
        )
        seen = await attempt(check, tmp_path / "seen")
        await asyncio.gather(*calls)
    assert fault(seen) == ended
    assert seen.measures["other_requests"] == 1


def report(url: str, records: Path, **more: Any) -> Report:
    figures = [
        {"name": "calls", "json_path": "$.rows[*].calls", "records": "offered_calls"},
        {"name": "ASR", "json_path": "$.asr", "records": "asr_percent", "tolerance": 0.1},
    ]
    settings = {
        "url": url,
        "steps": [{"name": "run", "url": "run?day={date}"}],
        "figures": figures,
        "records": {"file": str(records)},
        "date": DAY,
        "date_format": "%d.%m.%Y",
        "own_calls": ["reveille"],
        **more,
    }
    return Report.model_validate(settings, context={"timezone": "Asia/Kolkata"})


async def test_a_report_by_json_is_held_to_the_records_of_its_day(tmp_path: Path) -> None:
    legs = Centre(3, "Asia/Kolkata", 100).day(DAY)
    write_csv(tmp_path / "Master.csv", legs)
    calls: dict[str, set[str]] = {}
    for leg in legs:
        if leg.accountcode != "reveille":
            calls.setdefault(leg.linkedid, set()).add(leg.disposition)
    answered = sum("ANSWERED" in outcomes for outcomes in calls.values())
    told = {
        "rows": [{"calls": len(calls) - 1}, {"calls": 1}],
        "asr": f"{100 * answered / len(calls):.1f} %",
    }

    async def run(request: web.Request) -> web.Response:
        assert request.query["day"] == "20.11.2026"
        return web.json_response(told)

    async with serving(run=run) as url:
        check = report(url, tmp_path / "Master.csv")
        assert fault(await attempt(check, tmp_path / "right")) is None
        told["rows"] = [{"calls": len(calls) - 3}]
        seen = await attempt(check, tmp_path / "wrong")
        assert fault(seen) == ("compare", "figures-differ")
        assert seen.fault is not None
        assert seen.fault.text == f"calls: {len(calls) - 3}, records {len(calls)}"
        del told["rows"]
        assert fault(await attempt(check, tmp_path / "less")) == ("figures", "report-missing")


async def test_records_that_cannot_be_read_are_not_the_reports_fault(tmp_path: Path) -> None:
    async def run(_request: web.Request) -> web.Response:
        return web.json_response({"rows": [{"calls": 1}], "asr": 100})

    async with serving(run=run) as url:
        seen = await attempt(report(url, tmp_path / "nowhere.csv"), tmp_path / "seen")
    assert seen.blind is not None
    assert "the call records cannot be read" in seen.blind


@pytest.mark.parametrize(
    ("shown", "accepted", "ended"),
    [
        ({"bar": ["a", "b"], "theme": "light"}, {"bar": ["a", "b"], "theme": ["light"]}, None),
        (
            {"bar": ["b", "a"], "theme": "light"},
            {"bar": ["a", "b"], "theme": ["light"]},
            ("compare", "differs"),
        ),
        ({"bar": ["a", "b"]}, {"bar": ["a", "b"], "theme": ["light"]}, ("compare", "differs")),
        ({}, {"bar": ["a", "b"], "theme": ["light"]}, ("read", "missing")),
        ("nonsense", {"bar": ["a"]}, ("read", "bad-json")),
    ],
)
async def test_a_screen_by_its_configuration_is_held_to_what_was_accepted(
    tmp_path: Path, shown: Any, accepted: dict[str, Any], ended: tuple[str, str] | None
) -> None:
    async def ui(_request: web.Request) -> web.Response:
        return web.Response(text="{" if shown == "nonsense" else json.dumps(shown))

    async with serving(ui=ui) as url:
        looks = [{"name": "bar", "json": "$.bar[*]"}, {"name": "theme", "json": "$.theme"}]
        check = UiConfig.model_validate(
            {"url": url, "steps": [{"name": "ui", "url": "ui"}], "looks": looks}
        )
        seen = await attempt(check, tmp_path / "seen", accepted={"shown": accepted})
    assert fault(seen) == ended
    if ended is None or ended[0] == "compare":
        assert set(seen.proposals) == {"shown"}
