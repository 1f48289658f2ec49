"""One thing that goes wrong has one word, whatever looks at it: every kind that opens connections,
at one place.

The far end's faults are found in this process; what is this host's own (a firewall, no descriptor,
a broken resolver) in a process with a network, a limit, a resolver of its own: there nothing is
known, and nobody is blamed.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from checks.kinds import kinds
from tests.loopback.certificates import Authority
from tests.loopback.every_kind import ALSO_OWN, LEFT_OUT, SETTINGS, Place, built, job, word
from tests.loopback.serving import listening
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
EVERY = list(SETTINGS)
WITH_OTHERS = [*EVERY, *ALSO_OWN]


MARKS = {"chat": pytest.mark.slow, "sip-call": pytest.mark.engine}


def but(*left_out: str) -> list[object]:
    """The kinds to go through; one that starts a browser is slow, and a phone wants its engine."""
    return [pytest.param(kind, marks=MARKS.get(kind, ())) for kind in EVERY if kind not in left_out]


OWN_NETWORK = 'ip link set lo up && ip route add prohibit 192.0.2.0/24 && exec "$@"'
OWN_RESOLVER = 'ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec "$@"'
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes a network of its own")


def test_every_kind_is_tried_or_left_out_with_a_reason() -> None:
    assert set(SETTINGS) | set(LEFT_OUT) == set(kinds())
    assert not set(SETTINGS) & set(LEFT_OUT)
    assert set(ALSO_OWN) <= set(LEFT_OUT)
    assert all(LEFT_OUT.values())


async def said(kind: str, place: Place, folder: Path) -> str:
    return await word(await asyncio.to_thread(built, kind, place, folder), folder)


@pytest.mark.parametrize("kind", but())
async def test_a_closed_port_is_refused(kind: str, tmp_path: Path) -> None:
    assert await said(kind, Place("127.0.0.1", free_port()), tmp_path) == "refused"


@pytest.mark.parametrize("kind", but("dns"))
async def test_a_name_that_does_not_exist_is_a_fault_of_names(kind: str, tmp_path: Path) -> None:
    assert await said(kind, Place("nowhere.invalid", free_port()), tmp_path) == "dns"


async def slammed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """RST at once (SO_LINGER of no time)."""
    sock = writer.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize("kind", but("dns"))
async def test_a_connection_that_is_reset_is_closed(kind: str, tmp_path: Path) -> None:
    async with listening(slammed) as port:
        assert await said(kind, Place("127.0.0.1", port), tmp_path) == "closed"


BAD = ("expired", "not-yet-valid", "wrong-name", "self-signed", "untrusted")


def bad(code: str, ours: Authority, others: Authority) -> ssl.SSLContext:
    """A server's context with a certificate that is wrong in this way to whoever trusts `ours`."""
    days = {"expired": (-90.0, -3.0), "not-yet-valid": (3.0, 90.0)}.get(code, (-1.0, 30.0))
    name = "other.example.net" if code == "wrong-name" else "localhost"
    by = others if code == "untrusted" else ours
    return by.issue(name, days=days, itself=code == "self-signed")


async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Nothing is said that the handshake does not say."""
    await reader.read()


@pytest.mark.parametrize("code", BAD)
@pytest.mark.parametrize("kind", but("dns", "uplink"))
async def test_a_bad_certificate_has_the_same_word(kind: str, code: str, tmp_path: Path) -> None:
    """`dns` has no TLS, and `uplink` trusts the system's authorities alone."""
    ours, others = Authority(tmp_path), Authority(tmp_path, "Stranger")
    async with listening(hold, bad(code, ours, others)) as port:
        assert await said(kind, Place("localhost", port, str(ours.file)), tmp_path) == code


def told(place: Place, names: list[str], *within: str, full: bool = False) -> dict[str, str]:
    """The words of a process of its own, run `within` another program."""
    done = subprocess.run(
        [*within, sys.executable, "-m", "tests.loopback.every_kind"],
        input=job(place, names, full), cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    assert list(found) == names
    return found


def seeing(found: Mapping[str, str], why: str) -> Mapping[str, str]:
    """Those that blame the far end, or say another reason than this."""
    return {
        kind: word
        for kind, word in found.items()
        if not (word.startswith("blind: ") and why in word)
    }


@pytest.mark.browser
@needs_root
def test_this_host_s_own_firewall_blames_nobody() -> None:
    own = ("unshare", "--net", "sh", "-c", OWN_NETWORK, "sh")
    found = told(Place("192.0.2.1", 443), WITH_OTHERS, *own)
    browser = {kind: found.pop(kind) for kind in ("chat", "portal-browser")}
    assert not seeing(found, "own firewall or routing forbids it")
    assert not seeing(browser, "network access denied")


@pytest.mark.browser
@needs_root
def test_a_broken_resolver_of_this_host_blames_nobody(tmp_path: Path) -> None:
    """`dns` is left out: a resolver is what it looks at."""
    nobody = tmp_path / "resolv.conf"
    nobody.write_text("nameserver 127.0.0.99\noptions timeout:1 attempts:1\n", encoding="utf-8")
    own = ("unshare", "--net", "--mount", "sh", "-c", OWN_RESOLVER, str(nobody))
    found = told(
        Place("platform.example.net", 443), [kind for kind in WITH_OTHERS if kind != "dns"], *own
    )
    assert not seeing(found, "names cannot be resolved here")


@pytest.mark.browser
def test_no_descriptor_left_blames_nobody() -> None:
    found = told(Place("127.0.0.1", free_port()), EVERY, full=True)
    assert not seeing(found, "no socket to be had")
