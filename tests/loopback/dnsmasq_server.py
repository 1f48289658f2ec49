"""A dnsmasq of our own on 127.0.0.1 for the zone example.net; it asks nobody else."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.ports import free_port

LONG = [f"{number:03d} {'x' * 240}" for number in range(8)]
"""the texts of long.example.net: too many for a datagram"""
_RECORDS = (
    "--host-record=portal.example.net,192.0.2.10,2001:db8::10",
    "--host-record=portal.example.net,192.0.2.11",
    "--cname=www.example.net,portal.example.net",
    "--mx-host=example.net,mail.example.net,10",
    "--srv-host=_sip._udp.example.net,sip.example.net,5060,10,20",
    "--ptr-record=10.2.0.192.in-addr.arpa,portal.example.net",
    "--txt-record=example.net,v=spf1 -all",
    *(f"--txt-record=long.example.net,{text}" for text in LONG),
)


@asynccontextmanager
async def dnsmasq() -> AsyncIterator[int]:
    """dnsmasq while the block runs; yields its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--user=root",
        ),
        *(
            "--pid-file=",
            "--bind-interfaces",
            "--listen-address=127.0.0.1",
            "--interface=lo",
            f"--port={port}",
        ),
        *("--local=/example.net/", "--local-ttl=300", *_RECORDS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30):
            while not await _listens(port):
                await asyncio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        async with asyncio.timeout(30):
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
