"""What is read of name servers, time servers and mail servers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from checks.contract import CannotTell, Failed
from checks.host import sntp, ups_protocol
from checks.network import dns_reader, dns_records
from checks.network.dns_query import TYPES, Query
from checks.network.imap import Imap
from checks.network.starttls import agree_on_tls, begin_imap, hello, reply
from checks.transport.line_protocol import Conversation
from monitor.desks.received_mail import read_mail

_TYPES = ("A", "MX", "TXT", "SRV", "CAA")
# The question of the seeds: portal.example.net IN A.
_ENTRY = b"\x06portal\x07example\x03net\0\0\x01\0\x01"


def dns(data: bytes) -> None:
    """An answer: whether it is ours, and what it says for each type of record."""
    Query(0x1B3E, _ENTRY).answered_by(data)
    for record in _TYPES:
        dns_reader.said(data, record)
    for read in (dns_records.srv_in, dns_records.naptr_in):
        with suppress(ValueError):
            read(data)


assert set(_TYPES) <= set(TYPES)


def time(data: bytes) -> None:
    """A packet of a time server: what is shorter than one never reaches the reader."""
    sntp.read(data.ljust(48, b"\0"), 1_700_000_000.0, 1_700_000_000.1)


class Silent(asyncio.Transport):
    """The way to a mail server that has said all it will ever say."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 40000)})

    def write(self, data: Any) -> None:
        """Nobody listens."""

    def abort(self) -> None:
        """It is over already."""


def _heard(data: bytes) -> Conversation:
    talk = Conversation()
    talk.connection_made(Silent())
    talk.data_received(data)
    talk.eof_received()
    return talk


def smtp(data: bytes) -> None:
    """Banner, greeting, STARTTLS, and the replies to a mail."""
    asyncio.run(_smtp(data))


async def _smtp(data: bytes) -> None:
    talk = _heard(data)
    await reply(talk, 220)
    await agree_on_tls(talk, await hello(talk))
    for good in (235, 250, 354, 250):
        await reply(talk, good)


def upsd(data: bytes) -> None:
    """A list of variables, and one of UPSes."""
    asyncio.run(_upsd(data))


async def _upsd(data: bytes) -> None:
    with suppress(Failed, CannotTell):
        await ups_protocol.names(_heard(data))
    await ups_protocol.variables(_heard(data), "main")


def reply_by_mail(data: bytes) -> None:
    """A mail that may be an answer to a letter."""
    with suppress(ValueError):
        read_mail(data, "mx.example.net")


def imap(data: bytes) -> None:
    """A greeting, and the answers to a search and to a fetch; and a greeting up to STARTTLS."""
    asyncio.run(_imap(data))


async def _imap(data: bytes) -> None:
    with suppress(Failed):
        await begin_imap(_heard(data))
    session = Imap(_heard(data))
    await session.left_over("22-Nov-2026")
    await session.delete("1")
    await session.fetch("1", 65_536)
