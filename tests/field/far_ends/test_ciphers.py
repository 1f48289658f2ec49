"""Servers whose TLS 1.2 has old ciphers alone: management boards, gateways, appliances of ten years
ago (RFC 5246, RFC 8422, RFC 9325).

Right is what browsers do (Chromium and curl were asked): the page is shown where the certificate is
good, and it is said what strict clients refuse.
"""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.field.far_ends.test_certificates import place, talk
from tests.field.story import Right, Story, comes_out, once, told
from tests.loopback.certificates import Authority, Key
from tests.loopback.serving import listening

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
