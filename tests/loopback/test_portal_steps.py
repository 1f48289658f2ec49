"""A walk through a portal: log in with what was remembered, look, log out whatever happened;
nothing secret is seen.
"""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.web.portal import Portal
from lab import Lab
from monitor.core.verdict import Expectation, State, judge

PASSWORD = 'gr8 "sea"&son'
TOKEN = "csrf-0123456789abcdef"
PAGE = "<!doctype html><html><head><title>{0}</title></head><body><h1>{0}</h1>{1}</body></html>"
LOGIN = (
    '<form method="post"><input name="user"><input type="password" name="password">'
    f"<input value='{TOKEN}' type=hidden name=csrf_token></form>"
)


class Shop:
    """A portal with a login that wants its CSRF token back, pages for who is in, and bad days."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.seen_headers: list[dict[str, str]] = []
        self.fault = ""
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        self.seen_headers.append(dict(request.headers))
        found = getattr(self, f"_{request.path.strip('/').replace('.', '_')}", None)
        if found is None:
            return self._html("Not here", "", 404)
        answer: web.StreamResponse = await found(request)
        return answer

    def inside(self, request: web.Request) -> bool:
        return request.cookies.get("session") == "s-0123456789abcdef"

    async def _login(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            page = self._html("Sign in", LOGIN)
            page.set_cookie("before", "visited", path="/login")
            return page
        form = {name: str(value) for name, value in (await request.post()).items()}
        right = (form["user"], form["password"], form["csrf_token"]) == ("monitor", PASSWORD, TOKEN)
        if not right or self.fault == "login":
            return self._html("Sign in", f"<p>Wrong: {form['password']}</p>{LOGIN}")
        answer = web.Response(status=303, headers={"Location": "/home"})
        answer.set_cookie("session", "s-0123456789abcdef", httponly=True)
        return answer

    async def _home(self, request: web.Request) -> web.StreamResponse:
        if not self.inside(request):
            return web.Response(status=302, headers={"Location": "/login"})
        if self.fault == "leak":
            coded = base64.b64encode(PASSWORD.encode()).decode()
            return self._html(
                "Oops", " ".join((PASSWORD, TOKEN, request.cookies["session"], coded)), 500
            )
        return self._html(
            "Agents", '<p class="n">Agents ready: 1,204</p><a href="/logout">Sign out</a>'
        )

    async def _state_json(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == "Bearer tok-0123456789":
            return web.json_response({"queues": [{"name": "sales", "waiting": 3}], "status": "up"})
        return web.json_response({"status": "denied"}, status=401)

    async def _token_json(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        return web.json_response(
            {"access_token": "tok-0123456789" if asked == {"key": PASSWORD} else ""}
        )

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        if self.fault == "logout":
            return self._html("Error", "", 500)
        answer = web.Response(status=303, headers={"Location": "/login"})
        answer.del_cookie("session")
        return answer

    async def _basic(self, request: web.Request) -> web.StreamResponse:
        wanted = "Basic " + base64.b64encode(f"monitor:{PASSWORD}".encode()).decode()
        return self._html("In", "", 200 if request.headers.get("Authorization") == wanted else 401)

    async def _away(self, request: web.Request) -> web.StreamResponse:
        return web.Response(
            status=int(request.query.get("status", 302)), headers={"Location": request.query["to"]}
        )

    @staticmethod
    def _html(title: str, body: str, status: int = 200) -> web.Response:
        return web.Response(text=PAGE.format(title, body), status=status, content_type="text/html")


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async for one in opened():
        yield one


async def opened() -> AsyncIterator[Shop]:
    shop = Shop()
    application = web.Application()
    application.router.add_route("*", "/{any:.*}", shop.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    shop.port = runner.addresses[0][1]
    yield shop
    await runner.cleanup()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return tmp_path / "password"


STEPS: list[dict[str, Any]] = [
    {"name": "open", "url": "/login", "remember": {"csrf": {"field": "csrf_token"}}},
    {
        "name": "login",
        "url": "/login",
        "form": {"user": "monitor", "password": "{password}", "csrf_token": "{csrf}"},
        "lands_on": "/home",
        "must_contain": ["Sign out"],
        "measure": {"agents_ready": {"regex": r"ready: ([\d,]+)"}},
    },
]
LOGOUT = {"name": "logout", "url": "/logout"}


def walking(shop: Shop, secret: Path, steps: list[dict[str, Any]], **settings: Any) -> Portal:
    written = {
        "url": f"http://127.0.0.1:{shop.port}/",
        "steps": steps,
        "secrets": {"password": {"file": secret}},
    }
    return Portal.model_validate({**written, **settings})


async def look(check: Portal, folder: Path) -> Observation:
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def everything(seen: Observation) -> str:
    """All that anybody may come to see of an attempt."""
    kept = [exhibit.path.read_text() for exhibit in seen.exhibits]
    return " ".join((str(seen), *kept))


async def test_a_walk_logs_in_with_a_token_and_logs_out(
    shop: Shop, secret: Path, tmp_path: Path
) -> None:
    check = walking(shop, secret, STEPS, logout=LOGOUT)
    seen = await look(check, tmp_path)
    assert seen.fault is None and seen.blind is None, seen
    assert [stage.name for stage in seen.stages] == ["open", "login", "logout"]
    assert shop.asked == [
        ("GET", "/login"), ("POST", "/login"), ("GET", "/home"), ("GET", "/logout"),
        ("GET", "/login"),
    ]  # fmt: skip
    assert (
        shop.seen_headers[1]["Cookie"] == "before=visited"
        and "session" in shop.seen_headers[2]["Cookie"]
    )
    assert "session" not in shop.seen_headers[4].get("Cookie", ""), "the logout took it away"
    assert seen.measures["agents_ready"] == 1204
    assert set(seen.measures) <= set(check.measures())
    assert (
        seen.measures["login_response_seconds"]
        <= seen.measures["login_seconds"]
        <= seen.measures["total_seconds"]
    )
    assert judge(seen, [Expectation.parse("login_response_seconds <= 5")]).state is State.OK
    broken = judge(seen, [Expectation.parse("login_seconds <= 0")])
    assert broken.state is State.FAILED and broken.fault and broken.fault.stage == "login"


async def test_a_login_that_lets_nobody_in_is_a_fault_of_its_step(
    shop: Shop, secret: Path, tmp_path: Path
) -> None:
    shop.fault = "login"
    seen = await look(walking(shop, secret, STEPS, logout=LOGOUT), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("login", "wrong-page"), seen
    assert shop.asked[-1] == ("GET", "/login") and ("GET", "/logout") in shop.asked, (
        "logged out all the same"
    )
    assert any("done after the failure" in note for note in seen.notes)
    bare = [STEPS[0], {**STEPS[1], "lands_on": None, "must_contain": [], "measure": {}}]
    soft = await look(walking(shop, secret, bare), tmp_path)
    assert soft.fault and (soft.fault.stage, soft.fault.code) == ("login", "soft-200")
    assert soft.fault.text == "after the login the page asks for a password again"
    assert PASSWORD not in everything(soft)
    assert (await look(walking(shop, secret, bare, soft_200s=False), tmp_path)).fault is None
    allowed = [bare[0], {**bare[1], "soft_200s": False}]
    assert (await look(walking(shop, secret, allowed), tmp_path)).fault is None


async def test_nothing_secret_is_seen_whatever_the_page_says(
    shop: Shop, secret: Path, tmp_path: Path
) -> None:
    shop.fault = "leak"
    seen = await look(walking(shop, secret, STEPS, logout=LOGOUT), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("login", "http:500")
    assert [exhibit.name for exhibit in seen.exhibits] == ["login.html"]
    for private in (
        PASSWORD,
        TOKEN,
        "s-0123456789abcdef",
        base64.b64encode(PASSWORD.encode()).decode(),
        "gr8",
    ):
        assert private not in everything(seen)


async def test_json_is_sent_compared_and_remembered(
    shop: Shop, secret: Path, tmp_path: Path
) -> None:
    steps = [
        {
            "name": "token",
            "url": "/token.json",
            "json": {"key": "{password}"},
            "remember": {"access": {"json": "$.access_token"}},
        },
        {
            "name": "state",
            "url": "/state.json",
            "headers": {"Authorization": "Bearer {access}"},
            "json_values": {"$.status": "up"},
            "measure": {"waiting": {"json": "$.queues[0].waiting"}},
            "must_match": ["sales|support"],
        },
    ]
    seen = await look(walking(shop, secret, steps), tmp_path)
    assert seen.fault is None and seen.measures["waiting"] == 3, seen
    for wrong, code in (
        ({"json_values": {"$.status": "down"}}, "json-differs"),
        ({"json_values": {"$.nowhere": 1}}, "json-missing"),
        ({"must_match": ["^<html"]}, "no-match"),
        ({"min_bytes": 5000}, "too-small"),
        ({"measure": {"waiting": {"json": "$.status"}}}, "not-a-number"),
        ({"remember": {"other": {"header": "X-Other"}}}, "not-found"),
        ({"expect_status": [201, 204]}, "http:200"),
    ):
        fault = (
            await look(walking(shop, secret, [steps[0], {**steps[1], **wrong}]), tmp_path)
        ).fault
        assert fault and (fault.stage, fault.code) == ("state", code), fault
    (secret.parent / "other").write_text("other\n")
    wrong_key = await look(walking(shop, secret.parent / "other", steps), tmp_path)
    assert wrong_key.fault and (wrong_key.fault.stage, wrong_key.fault.code) == (
        "token",
        "not-found",
    )


async def test_a_logout_that_fails_is_a_fault_only_when_all_else_went_well(
    shop: Shop, secret: Path, tmp_path: Path
) -> None:
    shop.fault = "logout"
    seen = await look(walking(shop, secret, STEPS, logout=LOGOUT), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("logout", "http:500")
    steps = [*STEPS, {"name": "search", "url": "/nowhere"}]
    seen = await look(walking(shop, secret, steps, logout=LOGOUT), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("search", "http:404")
    assert "logout after the failure: http:500: Internal Server Error" in seen.notes
    shop.fault = ""
    steps = [{"name": "open", "url": "/login"}, {"name": "slow", "url": "/login", "within": 1e-6}]
    seen = await look(walking(shop, secret, steps, logout=LOGOUT), tmp_path)
    assert seen.fault and (seen.fault.stage, seen.fault.code) == ("slow", "timeout")
    assert shop.asked[-2:] == [("GET", "/logout"), ("GET", "/login")]


async def test_credentials_stay_with_their_own_site(
    shop: Shop, secret: Path, tmp_path: Path
) -> None:
    account = {"user": "monitor", "password": {"file": secret}}
    one = Portal.model_validate({"url": f"http://127.0.0.1:{shop.port}/basic", **account})
    assert (await look(one, tmp_path)).fault is None
    async for other in opened():
        there = f"http://127.0.0.1:{other.port}/home"
        shop.seen_headers.clear()
        steps: list[dict[str, Any]] = [
            {"name": "open", "url": "/login"},
            {"name": "away", "url": f"/away?to={there}",
             "headers": {"X-Key": "{password}", "X-Site": "pune"},
             "expect_status": [200, 302, 404]},
        ]  # fmt: skip
        seen = await look(walking(shop, secret, steps, **account), tmp_path)
        assert seen.fault is None, seen
        assert {"Authorization", "X-Key", "X-Site"} <= set(shop.seen_headers[1])
        for headers in other.seen_headers:
            assert "X-Site" in headers and not {"Authorization", "X-Key"} & set(headers)
        before = len(other.asked)
        posted = [{"name": "away", "url": f"/away?status=307&to={there}", "body": "{password}"}]
        fault = (await look(walking(shop, secret, posted), tmp_path)).fault
        assert fault and fault.code == "redirects" and len(other.asked) == before, (
            "what was sent is not sent on"
        )


async def test_the_portals_of_the_lab_let_the_monitor_in(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab:
        portal = lab.portals["agent-portal"]
        user, password = portal._account
        (tmp_path / "secret").write_text(password)
        check = Portal.model_validate({
            "url": portal.url,
            "secrets": {"password": {"file": tmp_path / "secret"}},
            "steps": [
                {"name": "open", "url": "/login", "must_contain": ["Sign in"]},
                {"name": "login", "url": "/login", "lands_on": "/home",
                 "form": {"user": user, "password": "{password}"}},
                {"name": "toolbar", "url": "/toolbar.json", "json_values": {"$.layout.columns": 3}},
            ],
            "logout": {"name": "logout", "url": "/logout", "method": "POST", "lands_on": "/login"},
        })  # fmt: skip
        assert (await look(check, tmp_path)).fault is None
        lab.break_("agent-portal-login")
        fault = (await look(check, tmp_path)).fault
        assert fault and (fault.stage, fault.code) == ("login", "wrong-page")


async def test_a_secret_that_is_not_there_blames_nobody(shop: Shop, tmp_path: Path) -> None:
    seen = await look(walking(shop, tmp_path / "gone", STEPS), tmp_path)
    assert seen.fault is None and seen.blind and "gone" in seen.blind and not shop.asked


def test_settings_say_what_is_wrong_with_steps() -> None:
    base = {"url": "https://portal.example.net/"}
    step = {"name": "open", "url": "/"}
    for settings, said in (
        ({"steps": [step, step]}, "two steps are called 'open'"),
        ({"steps": [{**step, "form": {"p": "{password}"}}]}, "no secret, and no word"),
        ({"steps": [{**step, "form": {}, "json": {}}]}, "one body"),
        ({"steps": [{**step, "method": "GET", "body": "x"}]}, "a GET sends nothing"),
        ({"steps": [{**step, "headers": {"Host": "a"}}]}, "set by the request itself"),
        ({"steps": [{**step, "remember": {"a": {}}}]}, "name one of field, regex"),
        ({"steps": [{**step, "remember": {"a": {"regex": "("}}}]}, "no regular expression"),
        ({"steps": [{**step, "name": "total"}]}, "cannot be called"),
        ({"steps": [step], "must_contain": ["x"]}, "must_contain belongs into a step"),
        ({"logout": step}, "comes after steps"),
        ({"user": "a"}, "a user and a password"),
    ):
        with pytest.raises(ValidationError, match=said):
            Portal.model_validate({**base, **settings})
