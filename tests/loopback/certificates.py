"""Certificates of every sort, from an authority of the test's own; the servers that show them are
Python's ssl.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass
class Authority:
    """An authority with its files in `folder`."""

    folder: Path
    name: str = "Test authority"
    issuer: Authority | None = None
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        by = self.issuer or self
        built = _builder(self.name, by.name, self.key, timedelta(days=-400), timedelta(days=4000))
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = built.sign(by.key, hashes.SHA256())
        self.file = self.folder / f"{self.name.replace(' ', '-')}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        *names: str,
        days: tuple[float, float] = (-1, 30),
        key: Key | None = None,
        itself: bool = False,
        chain: bool = True,
    ) -> ssl.SSLContext:
        """A server's context with a certificate for these names, valid from and to so many days
        from now.

        `itself`: signed by its own key; `chain`: whether the authorities in between are sent along.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        issuer, signer = (names[0], key) if itself else (self.name, self.key)
        built = _builder(names[0], issuer, key, timedelta(days=days[0]), timedelta(days=days[1]))
        built = built.add_extension(
            x509.SubjectAlternativeName([_written(name) for name in names]), critical=False
        )
        leaf = built.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        between = (
            self.certificate.public_bytes(serialization.Encoding.PEM)
            if chain and self.issuer
            else b""
        )
        file = self.folder / "server.pem"
        file.write_bytes(leaf + between + _pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(file)
        return context


def _written(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    name: str, issuer: str, key: Key, begins: timedelta, ends: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
