"""A far end that leads us to where it cannot get itself does not hear from us what stands there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from checks.web.api import Api
from tests.loopback.test_walked import attempt, fault, serving

TAKEN = {"token": {"field": "token"}}


async def _inner(_: web.Request) -> web.Response:
    page = "<h1>Inner</h1><input name=token value=inner-0123456789>"
    return web.Response(text=page, content_type="text/html")


def walked(site: str, *more: dict[str, Any]) -> Api:
    look = {"name": "look", "url": f"{site}login", "remember": TAKEN}
    return Api.model_validate({"url": site, "steps": [look, *more]})


@pytest.mark.parametrize(
    "told",
    [
        {"url": "told?t={token}"},
        {"url": "told", "headers": {"X-Token": "{token}"}},
        {"url": "told", "form": {"token": "{token}"}},
        {"url": "told", "json": {"a": ["{token}"]}},
        {"url": "told", "body": "{token}"},
    ],
    ids=lambda told: [*told, "query"][1],
)
async def test_what_was_read_at_an_inner_service_is_not_told(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    heard: list[str] = []
    async with serving(login=_inner) as inner:

        async def login(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{inner}login")

        async def hears(request: web.Request) -> web.Response:
            heard.append(await request.text())
            return web.Response(text="well, well")

        async with serving(login=login, told=hears) as site:
            tells = {"name": "tell", **told, "url": f"{site}{told['url']}"}
            seen = await attempt(walked(site, tells), tmp_path)
    assert fault(seen) == ("tell", "redirects")
    assert seen.fault
    assert f"token was taken from {inner.rstrip('/')}" in seen.fault.text
    assert heard == []


async def test_a_log_in_at_another_site_that_a_step_names_goes_on(tmp_path: Path) -> None:
    """Single sign-on: its page's words go back to it, and those of its answer to the portal."""
    heard: list[str] = []

    async def hears(request: web.Request) -> web.Response:
        heard.append(str((await request.post()).get("token")))
        return await _inner(request)

    async with serving(login=_inner, post=hears) as provider:

        async def login(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{provider}login")

        async with serving(login=login, back=hears) as site:
            form = {"form": {"token": "{token}"}}
            seen = await attempt(
                walked(
                    site,
                    {"name": "sign-in", "url": f"{provider}post", "remember": TAKEN, **form},
                    {"name": "back", "url": f"{site}back", **form},
                ),
                tmp_path,
            )
    assert fault(seen) is None
    assert heard == ["inner-0123456789", "inner-0123456789"]


async def _portal_and_elsewhere(
    tmp_path: Path, step: dict[str, Any], sign_in: bool = False, **first: Any
) -> tuple[Any, list[str]]:
    """A portal that leads a walk to another host, which would then be told something."""
    heard: list[str] = []
    (tmp_path / "password").write_text("MARKER-password-9")

    async def hears(request: web.Request) -> web.Response:
        heard.append(f"{request.query_string} {dict(request.headers)} {await request.text()}")
        return await _inner(request)

    async with serving(login=hears, post=hears) as other:

        async def away(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{other}login")

        async def links(_: web.Request) -> web.Response:
            field = f"<h1>Links</h1><input name=next value={other}post>"
            field += "<input name=session value=s-0123456789>"
            return web.Response(text=field, content_type="text/html")

        async with serving(away=away, links=links) as site:
            check = Api.model_validate(
                {
                    "url": site,
                    "secrets": {"password": {"file": str(tmp_path / "password")}},
                    "sign_in_at": [other.rstrip("/")] if sign_in else [],
                    "steps": [{"name": "look", "url": "away"} | first, {"name": "tell"} | step],
                }
            )
            return await attempt(check, tmp_path), heard


PROOF = {"form": {"user": "monitor", "password": "{password}"}}
LINKS = {"url": "links", "remember": {w: {"field": w} for w in ("next", "session")}}


@pytest.mark.parametrize(
    ("step", "first"),
    [
        ({"url": "post", **PROOF}, {}),
        ({"url": "post?p={password}"}, {}),
        ({"url": "post", "headers": {"X-Key": "Bearer {password}"}}, {}),
        ({"url": "post", "json": {"a": ["{password}"]}}, {}),
        ({"url": "{next}", **PROOF}, LINKS),
        ({"url": "{next}", "form": {"session": "{session}"}}, LINKS),
    ],
    ids=["form", "query", "header", "json", "link", "session"],
)
async def test_a_secret_is_told_to_no_host_that_an_answer_led_to(
    tmp_path: Path, step: dict[str, Any], first: dict[str, Any]
) -> None:
    """A portal that was taken over, or an open redirect of it, would have us tell anybody."""
    seen, heard = await _portal_and_elsewhere(tmp_path, step, **first)
    assert fault(seen) == ("tell", "redirects")
    assert "name the site in `sign_in_at`" in seen.fault.text
    assert not any("MARKER" in one or "s-01234" in one for one in heard)


@pytest.mark.parametrize(("url", "first"), [("post", {}), ("{next}", LINKS)])
async def test_a_single_sign_on_that_is_named_is_told(
    tmp_path: Path, url: str, first: dict[str, Any]
) -> None:
    seen, heard = await _portal_and_elsewhere(tmp_path, {"url": url, **PROOF}, True, **first)
    assert fault(seen) is None
    assert "password=MARKER-password-9" in heard[-1]
