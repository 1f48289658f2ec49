"""A certificate of the lab's own, made when it is first needed: for SIP over TLS and for STARTTLS
on 127.0.0.1.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# A new one is made at each start; a month outlives any lab that is left running.
DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificate:
    """Two PEM files; whoever shall trust the lab trusts `certificate`."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """For the lab's own listening sockets: TLS 1.2 and newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate, self.key)
        return context


def make(folder: Path, days: int = DAYS) -> Certificate:
    """Write a self-signed certificate for 127.0.0.1 and localhost, and its key (0600) there; valid
    from now on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    made.key.unlink(missing_ok=True)
    # Made empty with its mode first, so that the key is never readable by others, not even briefly.
    made.key.touch(mode=0o600)
    made.key.write_bytes(_pem(key))
    # From the clock of the file system: nobody but monitor/clock.py asks what time it is.
    written = datetime.fromtimestamp(made.key.stat().st_mtime, UTC)
    made.certificate.write_bytes(
        _signed(key, written, days).public_bytes(serialization.Encoding.PEM)
    )
    return made


def _signed(key: ec.EllipticCurvePrivateKey, now: datetime, days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Reveille lab")])
    where = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour of grace, for peers in containers whose clocks are behind.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(where), critical=False)
        # Its own authority: who trusts this file trusts the lab, and nothing else.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
