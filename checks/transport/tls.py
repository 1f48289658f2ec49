"""TLS as a client of a checked far end: what is trusted, and what a refusal of the handshake means.

code            OpenSSL says
expired         certificate has expired (X509_V_ERR 10)
not-yet-valid   certificate is not yet valid (9)
self-signed     self-signed certificate, alone or in its chain (18, 19)
untrusted       no way to an authority that is trusted: an unknown one, or a link of the chain was
                not sent (2, 20, 21)
wrong-name      issued for another host name or address (62, 64)
weak-key        key or digest below security level 1 of this host's OpenSSL, or its own higher one
                (66 to 68)
revoked         (23)
certificate     whatever else is wrong with it
weak-protocol   the far end speaks no version of TLS as new as is demanded
no-tls          it does not speak TLS at all
tls             whatever else breaks the handshake
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

from checks.contract import CannotTell, Refused
from checks.transport.line_protocol import far_faults

Version = Literal["1.2", "1.3"]
_CODES = {
    9: "not-yet-valid",
    10: "expired",
    18: "self-signed",
    19: "self-signed",
    2: "untrusted",
    20: "untrusted",
    21: "untrusted",
    23: "revoked",
    62: "wrong-name",
    64: "wrong-name",
    66: "weak-key",
    67: "weak-key",
    68: "weak-key",
}
_REASONS = {
    "UNSUPPORTED_PROTOCOL": "weak-protocol",
    "TLSV1_ALERT_PROTOCOL_VERSION": "weak-protocol",
    "VERSION_TOO_LOW": "weak-protocol",
    "DH_KEY_TOO_SMALL": "weak-key",
    "EE_KEY_TOO_SMALL": "weak-key",
    "UNEXPECTED_EOF_WHILE_READING": "closed",
    "WRONG_VERSION_NUMBER": "no-tls",
    "HTTP_REQUEST": "no-tls",
    "UNEXPECTED_MESSAGE": "no-tls",
}
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME, which Python's ssl has no name for"""


def trusting(trusted: Path | None, minimum: Version = "1.2") -> ssl.SSLContext:
    """Checks certificate and name; by these authorities, or the system's. Raises CannotTell."""
    try:
        changed = trusted.stat().st_mtime_ns if trusted else 0
        return _trusting(trusted, changed, minimum)
    except OSError as problem:
        reason = getattr(problem, "reason", None) or problem.strerror or str(problem)
        raise CannotTell(f"the trusted certificates cannot be read: {reason}") from problem


@lru_cache(maxsize=64)
def _trusting(trusted: Path | None, _changed: int, minimum: Version) -> ssl.SSLContext:
    """Kept, since the system's authorities take long to read."""
    context = ssl.create_default_context(cafile=str(trusted) if trusted else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if minimum == "1.3" else ssl.TLSVersion.TLSv1_2
    return context


def taking_anything() -> ssl.SSLContext:
    """To see a certificate that is not to be trusted; nothing is ever said over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def trusting_only(certificate: bytes) -> ssl.SSLContext:
    """To have one certificate (DER) read by OpenSSL: it vouches for itself, whatever its date, name
    and issuer.
    """
    context = taking_anything()
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_NO_CHECK_TIME)
    context.load_verify_locations(cadata=certificate)
    return context


def refused(error: ssl.SSLError) -> Refused:
    """What a broken handshake says of the far end."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(_CODES.get(error.verify_code, "certificate"), error.verify_message)
    reason = error.reason or str(error)
    return Refused(_REASONS.get(reason, "tls"), reason.replace("_", " ").lower())


@contextmanager
def handshake() -> Iterator[None]:
    """Turns a broken handshake into the fault that it is."""
    try:
        with far_faults():
            yield
    except Refused as error:
        if isinstance(cause := error.__cause__, ssl.SSLError):
            raise refused(cause) from cause
        raise
