"""Servers whose TLS 1.2 is old: ciphers, groups and renegotiation of management boards, gateways
and appliances of ten years ago (RFC 5246, RFC 5746, RFC 8422, RFC 9325).

Right is what browsers do (Chromium and curl were asked): the page is shown where the certificate is
good, and it is said what strict clients refuse.
"""

from __future__ import annotations

import base64
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.field.far_ends.test_certificates import place, talk
from tests.field.story import Right, Story, comes_out, once, told
from tests.loopback.certificates import Authority, Key
from tests.loopback.serving import listening
from tests.loopback.sipp.peer import begun, is_bound, running
from tests.ports import free_port

BOARDS = "prometheus/blackbox_exporter#1437: a management board, down for the probe alone"
STORIES = (
    Story("rsa-gcm", "AES128-GCM-SHA256", BOARDS),
    Story("rsa-gcm-256", "AES256-GCM-SHA384", BOARDS),
    Story("rsa-cbc", "AES256-SHA:AES128-SHA", "RFC 5246, 9: the one that all must have"),
    Story("ecdhe-cbc", "ECDHE-RSA-AES256-SHA", "RFC 8422, 6"),
    Story("ecdsa-cbc", "ECDHE-ECDSA-AES128-SHA", "RFC 8422, 6"),
    Story("no-secret", "NULL-SHA256:@SECLEVEL=0", "RFC 5246, A.5", Right("FAILED", "tls")),
    Story("nobody", "AECDH-AES128-SHA:@SECLEVEL=0", "RFC 8422, 5.2", Right("FAILED", "tls")),
)


def served(authority: Authority, ciphers: str) -> ssl.SSLContext:
    """A server's context that has these alone."""
    key: Key = rsa.generate_private_key(65537, 2048)
    if "ECDSA" in ciphers:
        key = ec.generate_private_key(ec.SECP256R1())
    context = authority.issue("localhost", key=key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(ciphers)
    return context


@pytest.mark.parametrize("kind", ["portal", "tls-certificate"])
@pytest.mark.parametrize("story", told(STORIES))
async def test_what_browsers_take_is_taken_and_told(
    tmp_path: Path, story: Story, kind: str
) -> None:
    authority = Authority(tmp_path)
    async with listening(talk, served(authority, story.far)) as port:
        trusted = {"trusted_certificates": authority.file}
        seen = await once(tmp_path, kind, **place(kind, port), **trusted)
    comes_out(seen, story)
    warned = any("old ciphers alone" in note for note in seen.observation.notes)
    assert warned is (story.right.state == "OK"), seen.observation.notes


@pytest.mark.parametrize("kind", ["portal", "tls-certificate"])
async def test_a_server_that_has_new_ciphers_too_is_not_moved_to_old_ones(
    tmp_path: Path, kind: str
) -> None:
    authority = Authority(tmp_path)
    context = served(authority, "ECDHE-RSA-AES128-GCM-SHA256:AES256-SHA")
    # It leaves the choice to the client, as OpenSSL's servers do unless they are told.
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    async with listening(talk, context) as port:
        trusted = {"trusted_certificates": authority.file}
        seen = await once(tmp_path, kind, **place(kind, port), **trusted)
    assert str(seen.verdict.state) == "OK"
    assert not any("old ciphers alone" in note for note in seen.observation.notes)


async def test_a_program_that_asks_is_warned(tmp_path: Path) -> None:
    """Clients of an API are programs: some of them will not get in."""
    authority = Authority(tmp_path)
    async with listening(talk, served(authority, "AES128-SHA")) as port:
        steps = [{"name": "look", "url": "/"}]
        wanted = {"trusted_certificates": authority.file, "url": f"https://localhost:{port}/"}
        seen = await once(tmp_path, "api", steps=steps, **wanted)
    assert str(seen.verdict.state) == "DEGRADED", seen.verdict


# RFC 2409 section 6.2: the group of 1024 bits that servers of that time have.
OAKLEY_2 = bytes.fromhex(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404"
    "DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406"
    "B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)
# PKCS #3: the prime and its generator, 2, as DER writes two numbers in a row.
GROUP = b"\x30\x81\x87\x02\x81\x81\0" + OAKLEY_2 + b"\x02\x01\x02"


@pytest.mark.parametrize(
    ("ciphers", "right"),
    [
        ("DHE-RSA-AES128-GCM-SHA256:AES128-GCM-SHA256", Right()),
        ("DHE-RSA-AES128-GCM-SHA256", Right("FAILED", "tls")),
    ],
    ids=["beside-another", "alone"],
)
async def test_a_small_group_is_met_as_browsers_meet_it(
    tmp_path: Path, ciphers: str, right: Right
) -> None:
    """louislam/uptime-kuma#1331: they offer no DHE, and the server takes what they offer."""
    authority = Authority(tmp_path)
    context = served(authority, f"{ciphers}:@SECLEVEL=0")
    written = base64.encodebytes(GROUP).decode()
    group = tmp_path / "group.pem"
    group.write_text(f"-----BEGIN DH PARAMETERS-----\n{written}-----END DH PARAMETERS-----\n")
    context.load_dh_params(str(group))
    async with listening(talk, context) as port:
        trusted = {"trusted_certificates": authority.file}
        seen = await once(tmp_path, "portal", **place("portal", port), **trusted)
    comes_out(seen, Story("small-group", None, "RFC 7919", right))


@asynccontextmanager
async def gnutls(folder: Path, priority: str) -> AsyncIterator[int]:
    """A server of GnuTLS with the certificate of a server that Python made; its port."""
    port, certificate = free_port(), str(folder / "server.pem")
    words = ["gnutls-serv", "--http", "--port", str(port), "--priority", priority]
    words += ["--x509certfile", certificate, "--x509keyfile", certificate]
    async with running(*words, log=folder / "gnutls.log") as process:
        await begun(process, lambda: is_bound(port, "tcp") or _bound_6(port))
        yield port


def _bound_6(port: int) -> bool:
    lines = Path("/proc/net/tcp6").read_text(encoding="ascii").splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") for line in lines)


@pytest.mark.skipif(not shutil.which("gnutls-serv"), reason="gnutls-bin is not installed")
@pytest.mark.parametrize("kind", ["portal", "tls-certificate"])
async def test_a_server_of_before_rfc_5746_is_talked_to(tmp_path: Path, kind: str) -> None:
    """psf/requests#6537, ArchiveTeam/ArchiveBot#565: OpenSSL 3 refuses it, browsers do not."""
    authority = Authority(tmp_path)
    served(authority, "AES128-GCM-SHA256")
    old = "NORMAL:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION"
    async with gnutls(tmp_path, old) as port:
        trusted = {"trusted_certificates": authority.file}
        seen = await once(tmp_path, kind, **place(kind, port), **trusted)
    comes_out(seen, Story("no-safe-renegotiation", None, "RFC 5746, 4.1"))
