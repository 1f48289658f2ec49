"""Chat and push by the real Apprise, to a server of the tests' own (its `json://`)."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main
from monitor.desks.chat import ChatSettings
from monitor.desks.chat_child import _without
from monitor.desks.desk import TryLater
from tests.desks.server import Asked, Refused, VendorServer, serving
from tests.desks.story import letters

TOKEN = "a-token-that-nobody-sees"
SITE = '[site]\nname = "Pune"\ntimezone = "Asia/Kolkata"\nregion = "india"\n\n'


class Channel(VendorServer):
    """What takes messages: Apprise's custom JSON (version, title, message, type)."""

    routes = (("POST", r"/.*", "take"),)

    def __init__(self, status: int = 200) -> None:
        super().__init__()
        self.status = status
        self.messages: list[dict[str, Any]] = []

    def admit(self, asked: Asked) -> None:
        if self.status != 200:
            raise Refused(self.status, {"error": f"no entry for {TOKEN}"})

    def take(self, asked: Asked) -> object:
        self.messages.append(asked.json)
        return {}


def settings(port: int, folder: Path, **more: Any) -> ChatSettings:
    (folder / "chat").write_text(f"json://127.0.0.1:{port}/{TOKEN}", encoding="utf-8")
    given = {"address": {"file": folder / "chat"}, **more}
    return ChatSettings.model_validate(given)


async def test_what_matters_is_told_in_a_message_each(tmp_path: Path) -> None:
    channel = Channel()
    async with serving(channel) as port:
        desk = settings(port, tmp_path, severities=["P0"]).desk("chat")
        story = [one for one in letters(12) if one.kind in ("opened", "note", "closed")]
        for letter in story:
            await desk.deliver(letter)
        # The first is P0; what was reclassified to P2 is not told there any more.
        (told,) = channel.messages
        assert "RV-12" in told["title"] and told["type"] == "failure"
        assert "\n" not in told["title"] and told["message"]
        channel.status = 403
        with pytest.raises(TryLater) as refused:
            await desk.deliver(replace(story[0], key="again"))
        assert "JSON" in str(refused.value) and TOKEN not in str(refused.value)


async def test_what_a_far_end_said_wakes_no_channel(tmp_path: Path) -> None:
    channel = Channel()
    said = "503 @everyone <!channel> @here <@U01> @ALL, to ops@all.example <b>"
    async with serving(channel) as port:
        desk = settings(port, tmp_path).desk("chat")
        opened = next(one for one in letters(12) if one.kind == "opened")
        ticket = {**opened.body["ticket"], "summary": said}
        await desk.deliver(replace(opened, body={**opened.body, "ticket": ticket}))
    (told,) = channel.messages
    assert not re.search(r"@(everyone|here|all)\b|<[!@]", told["message"], re.IGNORECASE)
    assert told["message"].replace("\u2060", "").startswith(said)


async def test_a_desk_is_tested_by_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = Channel()
    async with serving(channel) as port:
        made = settings(port, tmp_path)
        assert "knows the address" in await made.try_out()
        assert channel.messages == [], "who only checks sends nothing"
        file = tmp_path / "reveille.toml"
        text = f'{SITE}[desks.shift]\nkind = "chat"\naddress = {{ file = "chat" }}\n'
        file.write_text(text, encoding="utf-8")
        words = ["--config", str(file), "--json", "desks", "test", "shift"]
        assert await asyncio.to_thread(main, words) == 0
        assert "one message was sent" in json.loads(capsys.readouterr().out)["said"]
        (told,) = channel.messages
        assert "a test" in told["title"] and "Nothing is wrong" in told["message"]
        # Two are none, either: one address is one desk.
        for wrong in ("nonsense://x", f"json://127.0.0.1:{port}/a, json://127.0.0.1:{port}/b"):
            (tmp_path / "chat").write_text(wrong, encoding="utf-8")
            assert await asyncio.to_thread(main, words) == 1
            assert "no address that Apprise knows" in capsys.readouterr().out


def test_no_part_of_an_address_is_said_again() -> None:
    address = "noc://noc-team:noc-team-S3cr3t@h.example/room?apikey=K%2BEY-1234#frag-5678"
    said = "noc-team-S3cr3t refused; K+EY-1234, K%2BEY-1234, frag-5678, noc-team"
    left = _without(address, said)
    assert left == "… refused; …, …, …, …"
