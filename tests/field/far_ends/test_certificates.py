"""Chains of certificates: the oldest link, the name, the purpose, the client's own (RFC 5280, RFC
9525).

A chain is as old as its oldest link, and a name stands in subjectAltName or nowhere.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.field.far_ends.http_server import page
from tests.field.story import Right, Story, comes_out, once, told
from tests.loopback.serving import listening

LONG_DAYS, SHORT_DAYS, LEAF_DAYS = 3000, 2, 300
BLACKBOX = "prometheus/blackbox_exporter#340 #589 #637 #1012: the earliest end of the chain"


@dataclass
class Certified:
    """A key with its certificate, and who signed it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Certified | None = None

    @property
    def pem(self) -> bytes:
        """The certificate as a file has it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key likewise."""
        private = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(
            serialization.Encoding.PEM, private, serialization.NoEncryption()
        )


def certify(
    name: str,
    days: float,
    issuer: Certified | None = None,
    *extensions: x509.ExtensionType,
    ended: float = 0,
) -> Certified:
    """A certificate for so many days from now on; with `ended` it ended so many days ago. No
    issuer: its own.
    """
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    last = now + timedelta(days=-ended if ended else days)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder().subject_name(subject)
    built = built.issuer_name(issuer.certificate.subject if issuer else subject).public_key(
        key.public_key()
    )
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=400)).not_valid_after(last)
    for extension in extensions:
        built = built.add_extension(
            extension, critical=isinstance(extension, x509.BasicConstraints)
        )
    return Certified(built.sign(issuer.key if issuer else key, hashes.SHA256()), key, issuer)


CA = x509.BasicConstraints(ca=True, path_length=None)
LOCALHOST = x509.SubjectAlternativeName([x509.DNSName("localhost")])
ELSEWHERE = x509.SubjectAlternativeName([x509.DNSName("*.dual.test"), x509.DNSName("*.localhost")])
MAIL_ONLY = x509.SubjectAlternativeName([x509.RFC822Name("a@b.c")])
ONE_LEVEL = x509.SubjectAlternativeName([x509.DNSName("*.a.localhost")])
ADDRESS_AS_NAME = x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")])
LEADING_DOT = x509.SubjectAlternativeName([x509.DNSName(".localhost")])
ONLY_OTHERS = x509.NameConstraints([x509.DNSName("example.net")], None)
NOT_THIS = x509.NameConstraints(None, [x509.DNSName("localhost")])
STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request])
CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


@dataclass(frozen=True)
class Chain:
    """How long root, intermediate and leaf live, what the leaf says, and how the server asks."""

    leaf: tuple[x509.ExtensionType, ...] = (LOCALHOST,)
    root_days: float = LONG_DAYS
    middle_days: float = LONG_DAYS
    middle_ended: float = 0
    middle: tuple[x509.ExtensionType, ...] = ()
    middle_is_ca: bool = True
    alone: bool = False
    sent: str = "leaf middle"
    """which certificates the server sends, in this order"""
    wants_client: bool = False
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    strict_name: bool = False

    def served(self, folder: Path) -> tuple[ssl.SSLContext, Path]:
        """The server's context, and the file of those who are trusted."""
        root = certify("root", self.root_days, None, CA)
        may_sign = x509.BasicConstraints(ca=self.middle_is_ca, path_length=None)
        middle = certify(
            "middle", self.middle_days, root, may_sign, *self.middle, ended=self.middle_ended
        )
        leaf = certify("localhost", LEAF_DAYS, middle, *self.leaf)
        shown, trusted = folder / "shown.pem", folder / "trusted.pem"
        stale = certify("stale", LONG_DAYS, root, CA, ended=1)
        links = {"leaf": leaf, "middle": middle, "root": root, "stale": stale}
        names = ["leaf"] if self.alone else self.sent.split()
        shown.write_bytes(b"".join(links[name].pem for name in names) + leaf.key_pem)
        trusted.write_bytes(root.pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown)
        context.maximum_version = self.newest
        if self.wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(trusted)
        if self.strict_name:
            context.sni_callback = _only_localhost
        return context, trusted


def _only_localhost(
    _socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext
) -> int | None:
    return None if name == "localhost" else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


SOON = Right("DEGRADED")
STORIES = (
    Story("good", Chain(), "RFC 5280"),
    Story("intermediate-ends-soon", Chain(middle_days=SHORT_DAYS), BLACKBOX, SOON),
    Story("root-ends-soon", Chain(root_days=SHORT_DAYS), BLACKBOX, SOON),
    Story(
        "intermediate-has-ended",
        Chain(middle_ended=1),
        "prometheus/blackbox_exporter#1012",
        Right("FAILED"),
    ),
    Story("other-name", Chain((ELSEWHERE,)), "RFC 9525, 6.3", Right("FAILED")),
    Story(
        "name-in-subject-only",
        Chain((MAIL_ONLY,)),
        "matteocorti/check_ssl_cert#51",
        Right("FAILED"),
    ),
    Story("no-names-at-all", Chain(()), "TykTechnologies/tyk#2773", Right("FAILED")),
    Story(
        "must-staple", Chain((LOCALHOST, STAPLE)), "RFC 7633: no browser but Firefox asks for it"
    ),
    Story("for-clients-only", Chain((LOCALHOST, CLIENTS)), "RFC 5280, 4.2.1.12", Right("FAILED")),
    Story(
        "leaf-alone", Chain(alone=True), "RFC 8446, 4.4.2: the chain must be sent", Right("FAILED")
    ),
    Story(
        "client-wanted-1.2",
        Chain(wants_client=True, newest=ssl.TLSVersion.TLSv1_2),
        "RFC 5246, 7.4.6",
        Right("FAILED"),
    ),
    Story("wildcard-of-another-depth", Chain((ONE_LEVEL,)), "RFC 9525, 6.3", Right("FAILED")),
    Story("address-as-a-name", Chain((ADDRESS_AS_NAME,)), "RFC 9525, 6.5", Right("FAILED")),
    Story("name-with-a-dot-first", Chain((LEADING_DOT,)), "RFC 9525, 6.3", Right("FAILED")),
    Story(
        "intermediate-for-others-only",
        Chain(middle=(ONLY_OTHERS,)),
        "RFC 5280, 4.2.1.10",
        Right("FAILED"),
    ),
    Story(
        "intermediate-not-for-this",
        Chain(middle=(NOT_THIS,)),
        "RFC 5280, 4.2.1.10",
        Right("FAILED"),
    ),
    Story(
        "intermediate-is-no-authority",
        Chain(middle_is_ca=False),
        "RFC 5280, 4.2.1.9",
        Right("FAILED"),
    ),
    Story(
        "leaf-twice",
        Chain(sent="leaf leaf middle"),
        "LadybirdBrowser/ladybird#414",
    ),
    Story(
        "in-another-order",
        Chain(sent="leaf root middle"),
        "heartbeatsjp/check-tls-cert#45: TLS 1.3 lets it be (RFC 8446, 4.4.2)",
    ),
    Story(
        "one-that-has-ended-beside",
        Chain(sent="leaf stale middle"),
        "mirleft/ocaml-x509#71: what is not in the path does not count",
    ),
    Story("strict-name", Chain(strict_name=True), "RFC 6066, 3"),
)


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if await reader.read(4096):
        writer.write(page())
        await writer.drain()
        writer.close()


def place(kind: str, port: int) -> dict[str, Any]:
    """Where a check of this kind looks."""
    where = {"host": "127.0.0.1", "server_name": "localhost", "port": port}
    return where if kind == "tls-certificate" else {"url": f"https://localhost:{port}/"}


@pytest.mark.parametrize("kind", ["tls-certificate", "portal"])
@pytest.mark.parametrize("story", told(STORIES))
async def test_a_chain_is_as_good_as_its_worst_link(
    tmp_path: Path, story: Story, kind: str
) -> None:
    context, trusted = story.far.served(tmp_path)
    async with listening(talk, context) as port:
        wanted = {"trusted_certificates": trusted, "warn": ["certificate_days >= 14"]}
        seen = await once(tmp_path, kind, **place(kind, port), **wanted)
    comes_out(seen, story)


@pytest.mark.parametrize(
    ("kind", "right"), [("tls-certificate", Right()), ("portal", Right("FAILED"))]
)
async def test_a_client_is_refused_after_the_handshake_in_tls_1_3(
    tmp_path: Path, kind: str, right: Right
) -> None:
    """RFC 8446, 4.4.2.4: the certificate is there to be looked at; the page is not."""
    context, trusted = Chain(wants_client=True).served(tmp_path)
    async with listening(talk, context) as port:
        seen = await once(tmp_path, kind, **place(kind, port), trusted_certificates=trusted)
    comes_out(seen, Story("client-wanted", None, "RFC 8446, 4.4.2.4", right))


@pytest.mark.parametrize("extension", [(), (STAPLE,)])
async def test_a_staple_that_is_demanded_is_told(tmp_path: Path, extension: Any) -> None:
    """No library of ours can ask for one; that it is demanded is not passed over in silence."""
    context, trusted = Chain((LOCALHOST, *extension)).served(tmp_path)
    async with listening(talk, context) as port:
        where = place("tls-certificate", port)
        seen = await once(tmp_path, "tls-certificate", **where, trusted_certificates=trusted)
    assert any("demands a staple" in note for note in seen.observation.notes) is bool(extension)


async def test_the_link_that_has_ended_is_told_with_its_date(tmp_path: Path) -> None:
    context, trusted = Chain(middle_ended=1).served(tmp_path)
    ended = datetime.now(UTC) - timedelta(days=1)
    async with listening(talk, context) as port:
        seen = await once(
            tmp_path,
            "tls-certificate",
            **place("tls-certificate", port),
            trusted_certificates=trusted,
        )
    assert seen.verdict.fault is not None
    assert f"{ended:%b} {ended.day:2}" in seen.verdict.fault.text, seen.verdict.fault


async def test_a_name_with_the_dot_of_the_root_is_the_same_name(tmp_path: Path) -> None:
    """curl/curl#13440, python/cpython#76178, netty/netty-tcnative#400; RFC 6066, 3: it goes neither
    into the ClientHello, which a strict server would refuse, nor is it in the certificate.
    """
    context, trusted = Chain(strict_name=True).served(tmp_path)
    async with listening(talk, context) as port:
        where = place("tls-certificate", port) | {"server_name": "localhost."}
        seen = await once(tmp_path, "tls-certificate", **where, trusted_certificates=trusted)
    assert str(seen.verdict.state) == "OK", seen.verdict
