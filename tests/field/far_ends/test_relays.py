"""STUN and TURN servers that err: what an agent's browser would get no candidate of, each told by
its own code, and what every browser takes.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aioice import stun
from aioice.turn import make_integrity_key
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.contract import Failed
from checks.webrtc import relay

OURS = ("203.0.113.7", 40_000)
Answers = Callable[[stun.Message, bytes], list[bytes]]


def success(asked: stun.Message, **attributes: Any) -> stun.Message:
    """A success to it."""
    return said(asked, stun.Class.RESPONSE, **attributes)


def said(asked: stun.Message, how: stun.Class, **attributes: Any) -> stun.Message:
    told = stun.Message(asked.message_method, how, asked.transaction_id)
    told.attributes.update({name.replace("_", "-"): value for name, value in attributes.items()})
    return told


def error(code: int, text: str = "", **more: Any) -> Answers:
    """The same error to every question."""
    return lambda asked, _: [
        bytes(said(asked, stun.Class.ERROR, ERROR_CODE=(code, text), **more)),
    ]


def mapped(asked: stun.Message, _: bytes) -> list[bytes]:
    return [bytes(success(asked, XOR_MAPPED_ADDRESS=OURS))]


class Server(asyncio.DatagramProtocol):
    """Answers each datagram as its story has it."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        for one in self._answers(stun.parse_message(data), data):
            self._transport.sendto(one, addr)


@asynccontextmanager
async def serving(answers: Answers) -> AsyncIterator[str]:
    """Its host and port."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: Server(answers), local_addr=("127.0.0.1", 0)
    )
    try:
        host, port = transport.get_extra_info("sockname")[:2]
        yield f"{host}:{port}"
    finally:
        transport.close()


def broken_attribute(asked: stun.Message, _: bytes) -> list[bytes]:
    """XOR-MAPPED-ADDRESS of three bytes."""
    head = struct.pack("!HHI12s", 0x0101, 8, 0x2112A442, asked.transaction_id)
    return [head + struct.pack("!HH", 0x0020, 3) + b"\0\1\2\0"]


ODD: dict[str, tuple[Answers, str]] = {
    "plain": (mapped, ""),
    "rfc-3489": (lambda asked, _: [bytes(success(asked, MAPPED_ADDRESS=OURS))], ""),
    "a stray datagram first": (lambda asked, data: [b"jaK\0", *mapped(asked, data)], ""),
    "another's answer first": (
        lambda asked, data: [
            bytes(stun.Message(asked.message_method, stun.Class.RESPONSE)), *mapped(asked, data)
        ], "",
    ),
    "twice": (lambda asked, data: 2 * mapped(asked, data), ""),
    "an echo": (lambda _, data: [data], "bad-peer: our own question came back"),
    "no address": (lambda asked, _: [bytes(success(asked))], "bad-peer: a success without our"),
    "an error without a code": (
        lambda asked, _: [bytes(said(asked, stun.Class.ERROR))], "bad-peer: an error without a code"
    ),
    "overloaded": (error(500, "Server Error"), "stun:500: Server Error"),
    "sent on": (error(300, "Try Alternate"), "stun:300: Try Alternate; it sends clients on"),
    "always something else": (lambda *_: [b"HTTP/1.1 400 \r\n\r\n"], "bad-peer: what came is not"),
    "a broken attribute": (broken_attribute, "bad-peer: what came is not STUN"),
}  # fmt: skip
"""what a STUN server says, and how it is told; "": our address is known"""


@pytest.mark.parametrize("story", ODD)
async def test_a_stun_server_that_errs_is_told_by_its_code(story: str) -> None:
    answers, told = ODD[story]
    async with serving(answers) as where, asyncio.timeout(30):
        if not told:
            assert await relay.reflexive_address(f"stun:{where}") == "203.0.113.7:40000"
            return
        with pytest.raises(Failed) as fault:
            await relay.reflexive_address(f"stun:{where}")
    assert f"{fault.value.code}: {fault.value.text}".startswith(told)


@dataclass
class Relay:
    """A TURN server of long-term credentials; `granted` are the attributes of its success."""

    granted: dict[str, Any]
    stale: int = 0
    """how often the nonce has just run out"""
    password: str = "secret1"
    _asked: int = 0

    def __call__(self, asked: stun.Message, _: bytes) -> list[bytes]:
        key = {"REALM": "pune", "NONCE": b"n%d" % self._asked}
        if "MESSAGE-INTEGRITY" not in asked.attributes:
            return error(401, "Unauthorized", **key)(asked, b"")
        self._asked += 1
        if self._asked <= self.stale:
            return error(438, "Stale Nonce", **key)(asked, b"")
        told = success(asked, **self.granted)
        told.add_message_integrity(make_integrity_key("u", "pune", self.password))
        return [bytes(told)]


GRANTED = {"LIFETIME": 600, "XOR_MAPPED_ADDRESS": OURS, "XOR_RELAYED_ADDRESS": ("198.51.100.2", 5)}
TURNS: dict[str, tuple[Answers, str]] = {
    "plain": (Relay(GRANTED), ""),
    "sent on": (error(300, "Try Alternate"), "turn:300: Try Alternate; it sends clients on"),
    "forbidden": (error(403, "Forbidden"), "turn:403: Forbidden"),
    "full": (error(508), "turn:508: it has no relay left"),
    "too many": (error(486, "Quota"), "turn:486: Quota; this user has as many"),
    "no realm": (error(401, "Unauthorized"), "turn:401: Unauthorized; it names no realm and nonce"),
    "wrong password": (error(401, "No", REALM="r", NONCE=b"n"), "turn:401: No"),
    "stale for ever": (Relay(GRANTED, stale=9), "turn:438: Stale Nonce"),
    "no port": (Relay({**GRANTED, "XOR_RELAYED_ADDRESS": ("198.51.100.2", 0)}), "no-relay: "),
    "no address": (Relay({**GRANTED, "XOR_RELAYED_ADDRESS": ("0.0.0.0", 5)}), "no-relay: "),
    "no relay in its yes": (
        Relay({name: GRANTED[name] for name in ("LIFETIME", "XOR_MAPPED_ADDRESS")}),
        "bad-peer: TURN allocation response is missing XOR-RELAYED-ADDRESS",
    ),
}
"""what a TURN server says to Allocate, and how it is told; "": the relay is known"""


@pytest.mark.parametrize("story", TURNS)
async def test_a_turn_server_that_errs_is_told_by_its_code(story: str) -> None:
    answers, told = TURNS[story]
    async with serving(answers) as where, asyncio.timeout(30):
        asking = relay.relayed_address(f"turn:{where}", "u", "secret1", "")
        if not told:
            assert await asking == "198.51.100.2:5"
            return
        with pytest.raises(Failed) as fault:
            await asking
    assert f"{fault.value.code}: {fault.value.text}".startswith(told)


@given(st.binary(max_size=60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_comes_is_an_answer_a_fault_or_dropped(body: bytes, headed: bool) -> None:
    """Also behind a head that is right in all its lengths."""
    body = body[: len(body) // 4 * 4]
    head = struct.pack("!HHI12s", 0x0101, len(body), 0x2112A442, b"0" * 12)

    async def received() -> None:
        question = relay._Question()
        for _ in range(3):
            question.datagram_received((head if headed else b"") + body, ("127.0.0.1", 3478))
        if question.failed.done():
            assert isinstance(question.failed.exception(), Failed)

    asyncio.run(received())
