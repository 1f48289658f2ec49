"""Proxies that the environment names: every look goes there itself, and that is said.

A look through one would say of the far end what the proxy is; that they are passed over in silence
is a riddle to whoever set them (bluewave-labs/Checkmate#3857, elastic/beats#7166).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from monitor.verbs.checking import proxies_passed_over
from tests.field.far_ends.http_server import page
from tests.field.far_ends.test_websocket import echoing
from tests.field.story import in_short, once
from tests.loopback.serving import Talk, listening
from tests.ports import free_port


async def a_page(reader: Any, writer: Any) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(page())


@pytest.mark.parametrize(
    ("kind", "talk", "settings"),
    [
        ("portal", a_page, {"url": "http://127.0.0.1:PORT/"}),
        ("api", a_page, {"url": "http://127.0.0.1:PORT/", "steps": [{"name": "a", "url": "/"}]}),
        ("uplink", a_page, {"targets": [{"http": "http://127.0.0.1:PORT/"}]}),
        (
            "websocket",
            echoing(),
            {"url": "ws://127.0.0.1:PORT/", "send": "hi", "answer": "hi"},
        ),
    ],
    ids=["portal", "api", "uplink", "websocket"],
)
async def test_no_look_goes_through_a_proxy_of_the_environment(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    talk: Talk,
    settings: Mapping[str, Any],
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy"):
        # Nobody is there: what goes through it fails.
        for spelled in (name, name.upper()):
            monkeypatch.setenv(spelled, f"http://127.0.0.1:{free_port()}")
    async with listening(talk) as port:
        seen = await once(tmp_path, kind, **_at(port, settings))
    assert str(seen.verdict.state) == "OK", in_short(seen)


def _at(port: int, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _at(port, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_at(port, one) for one in value]
    return value.replace("PORT", str(port)) if isinstance(value, str) else value


def test_check_config_names_the_proxies_that_are_passed_over_and_not_where_they_are() -> None:
    given = {"HTTPS_PROXY": "http://me:secret@proxy.example.net:3128", "no_proxy": "x"}
    (told,) = proxies_passed_over({**given, "http_proxy": ""})
    assert "HTTPS_PROXY of the environment" in str(told)
    assert "secret" not in str(told) and "http_proxy" not in str(told)
    assert list(proxies_passed_over({"PATH": "/bin"})) == []
