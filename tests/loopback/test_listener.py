"""Where callbacks arrive: the right one counts, whoever else knocks is answered and forgotten."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from checks.contract import CannotTell
from checks.web.callback_listener import Callback, Listener

PATIENCE = 30.0


def any_one(_came: Callback) -> bool:
    return True


async def say(port: int, written: bytes) -> bytes:
    """What is answered; nothing where it is hung up on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(written)
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_a_callback_arrives_whole() -> None:
    async with (
        Listener("127.0.0.1", 0, "/x", any_one) as listener,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(
            f"http://127.0.0.1:{listener.port}/x?a=1", json={"status": "filed"}
        ) as answer:
            assert answer.status == 204
        came = await asyncio.wait_for(listener.callback(), PATIENCE)
    assert (came.method, came.content_type, came.text) == (
        "POST",
        "application/json",
        '{"status": "filed"}',
    )
    assert came.sender == "127.0.0.1"


async def test_chunks_are_put_together() -> None:
    async def parts() -> object:
        for part in (b'{"status":', b' "filed"}'):
            yield part

    async with (
        Listener("127.0.0.1", 0, "/x", any_one) as listener,
        aiohttp.ClientSession() as session,
    ):
        async with session.post(
            f"http://127.0.0.1:{listener.port}/x", data=parts(), expect100=True
        ) as answer:
            assert answer.status == 204
        assert (await asyncio.wait_for(listener.callback(), PATIENCE)).text == '{"status": "filed"}'


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        (b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.1 404"),
        (b"POST /xx HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", b"HTTP/1.1 404"),
        (b"POST /x HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n", b"HTTP/1.1 413"),
        (b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 413"),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"HTTP/1.1 413"),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", b""),
        (b"POST /x HTTP/1.1\r\nContent-Length: many\r\n\r\n", b""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b""),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10_000, b""),
    ],
)
async def test_others_are_answered_and_forgotten(written: bytes, answer: bytes) -> None:
    async with Listener("127.0.0.1", 0, "/x", any_one) as listener:
        assert (await say(listener.port, written)).startswith(answer)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listener.callback(), 0.05)
        await say(listener.port, b"POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
        assert (await asyncio.wait_for(listener.callback(), PATIENCE)).body == b"ok"


async def test_only_the_one_that_is_waited_for_counts() -> None:
    async with Listener("127.0.0.1", 0, "/x", lambda came: b"mine" in came.body) as listener:
        for body in (b"other", b"mine!", b"mine2"):
            await say(listener.port, b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\n" + body)
        assert (await asyncio.wait_for(listener.callback(), PATIENCE)).body == b"mine!"
        assert listener.others == 1


async def test_an_address_that_is_taken_is_our_own_trouble() -> None:
    async with Listener("127.0.0.1", 0, "/x", any_one) as listener:
        with pytest.raises(CannotTell, match="cannot listen for the callback"):
            async with Listener("127.0.0.1", listener.port, "/y", any_one):
                pass
