"""A helpdesk that says back what it was told at the log-in: its account is in no answer of ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from checks import masking
from monitor.desks.desk import Never, TryLater
from monitor.desks.list import desk_kinds
from tests.desks.server import read_request, written
from tests.desks.story import letters
from tests.desks.test_one_way import KINDS, settings
from tests.desks.vendors import VENDORS
from tests.field.security.places import of_desks
from tests.loopback.serving import listening


def test_every_desk_with_an_account_is_in_a_test_of_its_own() -> None:
    takers = {kind for kind, desk in desk_kinds().items() if "tickets" in desk.TAKES}
    # Apprise asks in a process of its own: tests/desks/test_chat.py holds its refusals to the same.
    # What only mails has the account of a mail server: that of the kind "mail".
    assert set(of_desks()) & takers == {*VENDORS, *KINDS, "chat", "request-tracker-mail"}


@pytest.mark.parametrize("kind", [*VENDORS, *KINDS])
async def test_an_account_is_never_said_again(kind: str, tmp_path: Path) -> None:
    heard, statuses = bytearray(), [400, 401, 503]

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(request := await read_request(reader))
        writer.write(written(statuses[0], request))
        await writer.drain()

    async with listening(echo) as port:
        if kind in VENDORS:
            desk, secrets = VENDORS[kind].desk(port, tmp_path), VENDORS[kind].secrets
        else:
            desk = settings(kind, port, tmp_path).desk("desk")
            secrets = {"secret": (tmp_path / "secret").read_text(encoding="utf-8")}
        while statuses:
            with masking.attempt() as mask, pytest.raises((Never, TryLater)) as refusal:
                await desk.deliver(next(letters(12)))
            said = mask.text(str(refusal.value))
            assert [name for name, secret in secrets.items() if secret in said] == []
            del statuses[0]
    assert heard
