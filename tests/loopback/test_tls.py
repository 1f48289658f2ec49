"""Certificates good and bad, and far ends that do not even show one."""

from __future__ import annotations

import asyncio
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from checks.contract import CannotTell, Failed, Observation, Trace
from checks.network.tls_certificate import TlsCertificate
from monitor.core.verdict import Expectation, State, judge
from tests.loopback.certificates import Authority
from tests.loopback.serving import (
    Talk,
    drop_by_drop,
    endlessly,
    listening,
    says,
    shaking_hands,
    silent,
)


async def look(folder: Path, port: int, **settings: Any) -> Observation:
    check = TlsCertificate(**{"host": "localhost", "port": port, **settings})
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except Failed as refused:
        return trace.observation(refused)
    return trace.observation()


async def seen_of(folder: Path, tls: ssl.SSLContext, **settings: Any) -> Observation:
    async with listening(silent, tls) as port:
        return await look(folder, port, **settings)


def said(seen: Observation) -> tuple[str, str]:
    assert seen.fault is not None, seen
    return seen.fault.stage, seen.fault.code


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_a_good_certificate_is_good_for_so_many_days(
    authority: Authority, tmp_path: Path
) -> None:
    seen = await seen_of(
        tmp_path, authority.issue("localhost"), trusted_certificates=authority.file
    )
    assert seen.fault is None
    assert [stage.name for stage in seen.stages] == ["connect", "tls", "verify"]
    assert 29.9 < seen.measures["certificate_days"] <= 30 and seen.measures["tls_version"] == 1.3
    assert any("for localhost, issued by Test authority" in note for note in seen.notes)
    assert judge(seen, [Expectation.parse("certificate_days >= 14")]).state is State.OK
    assert judge(seen, [Expectation.parse("certificate_days >= 45")]).state is State.FAILED


async def test_each_thing_that_is_wrong_has_its_own_code(
    authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "Other authority")
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    cases = {
        "expired": authority.issue("localhost", days=(-90, -3)),
        "not-yet-valid": authority.issue("localhost", days=(5, 90)),
        "wrong-name": authority.issue("other.example.net"),
        "self-signed": authority.issue("localhost", itself=True),
        "untrusted": other.issue("localhost"),
        "weak-key": authority.issue("localhost", key=small),
    }
    for code, context in cases.items():
        seen = await seen_of(tmp_path, context, trusted_certificates=authority.file)
        assert said(seen) == ("verify", code), seen
        assert "tls_seconds" in seen.measures
        days = -3 if code == "expired" else 90 if code == "not-yet-valid" else 30
        assert seen.measures["certificate_days"] == pytest.approx(days, abs=0.1)
        assert "issued by" in (seen.fault.text if seen.fault else "")


async def test_an_authority_that_signed_itself_and_is_not_trusted(
    authority: Authority, tmp_path: Path
) -> None:
    assert said(await seen_of(tmp_path, authority.issue("localhost"))) == ("verify", "untrusted")


async def test_a_link_of_the_chain_that_is_not_sent_is_missed(
    authority: Authority, tmp_path: Path
) -> None:
    between = Authority(tmp_path, "Between", authority)
    whole = await seen_of(tmp_path, between.issue("localhost"), trusted_certificates=authority.file)
    assert whole.fault is None
    broken = between.issue("localhost", chain=False)
    assert said(await seen_of(tmp_path, broken, trusted_certificates=authority.file)) == (
        "verify",
        "untrusted",
    )


async def test_authorities_that_cannot_be_read_blame_nobody(
    authority: Authority, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no certificate")
    async with listening(silent, authority.issue("localhost")) as port:
        for file in (nothing, tmp_path / "gone.pem"):
            values = TlsCertificate(host="localhost").model_dump()
            values |= {"port": port, "trusted_certificates": file}
            check = TlsCertificate.model_construct(**values)
            with pytest.raises(CannotTell, match="trusted certificates cannot be read"):
                await check.probe(Trace(time.monotonic, tmp_path))


async def test_the_name_is_the_one_asked_for_and_sni_carries_it(
    authority: Authority, tmp_path: Path
) -> None:
    asked: list[str | None] = []
    context = authority.issue("portal.example.net", "127.0.0.1")
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    trusted = {"trusted_certificates": authority.file}
    assert (
        await seen_of(tmp_path, context, server_name="portal.example.net", **trusted)
    ).fault is None
    assert (await seen_of(tmp_path, context, host="127.0.0.1", **trusted)).fault is None
    assert asked == ["portal.example.net", None]


async def test_old_versions_of_tls_are_weak(authority: Authority, tmp_path: Path) -> None:
    context = authority.issue("localhost")
    with pytest.warns(DeprecationWarning):
        context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_1
    with shaking_hands(context) as port:
        old = await look(tmp_path, port, trusted_certificates=authority.file)
    assert said(old) == ("tls", "weak-protocol")
    newer = authority.issue("localhost")
    newer.maximum_version = ssl.TLSVersion.TLSv1_2
    seen = await seen_of(tmp_path, newer, trusted_certificates=authority.file)
    assert seen.fault is None and seen.measures["tls_version"] == 1.2
    with shaking_hands(newer) as port:
        strict = await look(
            tmp_path, port, trusted_certificates=authority.file, minimum_version="1.3"
        )
    assert said(strict) == ("tls", "weak-protocol")


def after_starttls(tls: ssl.SSLContext, *lines: str) -> Talk:
    """A service that begins in the clear."""

    async def secure(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.start_tls(tls)
        await silent(reader, writer)

    return says(*lines, then=secure)


async def test_smtp_and_imap_begin_in_the_clear(authority: Authority, tmp_path: Path) -> None:
    smtp = ("220 mail.test ESMTP", "250-mail.test\n250-SIZE 1000\n250 STARTTLS", "220 go ahead")
    imap = ("* OK ready", "* CAPABILITY IMAP4rev1\na1 OK begin")
    for protocol, lines in {"smtp": smtp, "imap": imap}.items():
        for context, code in (
            (authority.issue("localhost"), None),
            (authority.issue("else.example"), "wrong-name"),
        ):
            async with listening(after_starttls(context, *lines)) as port:
                seen = await look(
                    tmp_path, port, starttls=protocol, trusted_certificates=authority.file
                )
            assert (seen.fault and seen.fault.code) == code, seen
            assert seen.measures["starttls_seconds"] > 0 and "certificate_days" in seen.measures


@pytest.mark.parametrize(
    ("protocol", "talk", "code"),
    [
        ("smtp", says("220 mail.test", "250 mail.test"), "no-starttls"),
        (
            "smtp",
            says("220 mail.test", "250-mail.test\n250 STARTTLS", "454 4.7.0 not now"),
            "smtp:454",
        ),
        ("smtp", says("554 no service"), "smtp:554"),
        ("smtp", says("SSH-2.0-OpenSSH"), "bad-peer"),
        ("smtp", says("220 mail.test", then=None), "closed"),
        (
            "smtp",
            says("220 a", "250 STARTTLS\n250 STARTTLS", "220 go ahead\n250 slipped in"),
            "no-starttls",
        ),
        ("imap", says("* OK ready", "a1 BAD what?"), "no-starttls"),
        ("imap", says("* BYE overloaded"), "imap:bye"),
        ("smtp", endlessly(b"220-more\r\n"), "bad-peer"),
        ("smtp", endlessly(b"2" * 4096), "bad-peer"),
        ("imap", endlessly(b"* OK more\r\n" * 100), "bad-peer"),
        ("smtp", drop_by_drop(b"2"), "timeout"),
        ("imap", silent, "timeout"),
    ],
)
async def test_what_goes_wrong_before_tls_is_told_apart(
    protocol: str, talk: Talk, code: str, tmp_path: Path
) -> None:
    async with listening(talk) as port:
        seen = await look(
            tmp_path, port, starttls=protocol, within=1.0 if code == "timeout" else 30.0
        )
    assert said(seen) == ("starttls", code), seen


async def test_words_slipped_in_before_tls_are_not_taken_for_what_comes_after(
    tmp_path: Path,
) -> None:
    async with listening(
        says("220 a", "250-a\n250 STARTTLS", "220 go ahead\n250 slipped in")
    ) as port:
        assert said(await look(tmp_path, port, starttls="smtp")) == ("tls", "bad-peer")


async def test_far_ends_that_do_not_speak_tls(tmp_path: Path) -> None:
    cases: list[tuple[Talk, str]] = [
        (says("220 mail.test ESMTP"), "no-tls"),
        (endlessly(b"\x16\x03\x03\x40\x00" + b"x" * 16384), "tls"),
        (says(then=None), "closed"),
        (silent, "timeout"),
        (drop_by_drop(b"\x16"), "timeout"),
    ]
    for talk, code in cases:
        async with listening(talk) as port:
            seen = await look(tmp_path, port, within=1.0 if code == "timeout" else 30.0)
        stage, found = said(seen)
        assert stage == "tls" and found in (code, "no-tls"), (code, seen)


async def test_nobody_there_and_no_such_name(tmp_path: Path) -> None:
    async with listening(silent) as port:
        pass
    assert said(await look(tmp_path, port, host="127.0.0.1")) == ("connect", "refused")
    assert said(await look(tmp_path, port, host="mail.invalid", within=20.0)) == ("connect", "dns")
    assert said(await look(tmp_path, port, host="a..b")) == ("connect", "dns")
