"""TLS as a client of a checked far end: the one maker of contexts, and what a broken handshake
means.

code            OpenSSL says (X509_V_ERR of x509_vfy.h, or the reason of an SSL error)
expired         certificate has expired (10)
not-yet-valid   certificate is not yet valid (9)
self-signed     self-signed certificate, alone or in its chain (18, 19)
untrusted       no way to an authority that is trusted: an unknown one, a link of the chain that was
                not sent, or one that may vouch for nobody (2, 20, 21, 24, 27, 79)
wrong-name      issued for another host name or address, or with its name in the subject alone (62,
                64), or for one that its authority may not vouch for (47, 48)
weak-key        key or digest below this host's security level (66 to 68)
revoked         (23)
certificate     whatever else is wrong with it
weak-protocol   the far end speaks no version of TLS as new as is demanded
no-tls          it does not speak TLS at all
closed          it went away in the middle
tls             whatever else breaks the handshake

Rules: a certificate is checked, and its name; who takes one unchecked says so by the maker that it
calls. Reading the system's authorities takes some 20 ms and 2 MB, so a context is kept for as long
as its file is unchanged.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from checks.contract import CannotTell
from checks.transport.tls_context import OLD_CIPHERS, Version, made, reason

# The numbers are X509_V_ERR_... of <openssl/x509_vfy.h>; they are part of OpenSSL's interface and
# the same in 1.1.1 and 3.x, unlike its messages.
_CERTIFICATE: Mapping[int, str] = {
    2: "untrusted",
    9: "not-yet-valid",
    10: "expired",
    18: "self-signed",
    19: "self-signed",
    20: "untrusted",
    21: "untrusted",
    23: "revoked",
    24: "untrusted",
    27: "untrusted",
    47: "wrong-name",
    48: "wrong-name",
    62: "wrong-name",
    64: "wrong-name",
    66: "weak-key",
    67: "weak-key",
    68: "weak-key",
    79: "untrusted",
}
# The names that ERR_reason_error_string gives, as Python has them in SSLError.reason.
_REASONS: Mapping[str, str] = {
    "UNSUPPORTED_PROTOCOL": "weak-protocol",
    "TLSV1_ALERT_PROTOCOL_VERSION": "weak-protocol",
    "VERSION_TOO_LOW": "weak-protocol",
    "DH_KEY_TOO_SMALL": "weak-key",
    "EE_KEY_TOO_SMALL": "weak-key",
    "CA_KEY_TOO_SMALL": "weak-key",
    "CA_MD_TOO_WEAK": "weak-key",
    "UNEXPECTED_EOF_WHILE_READING": "closed",
    "WRONG_VERSION_NUMBER": "no-tls",
    "HTTP_REQUEST": "no-tls",
    # A server of plain HTTP or SMTP answers a ClientHello with its own text: OpenSSL reads the
    # first bytes as a record's version or type.
    "UNEXPECTED_MESSAGE": "no-tls",
}
# What can be wrong with a certificate: the policies class these as one issue, and the ticket goes
# to whoever renews certificates.
CERTIFICATE_CODES = frozenset({*_CERTIFICATE.values(), "certificate"})
CODES = CERTIFICATE_CODES | frozenset({*_REASONS.values(), "tls"})
"""everything that a handshake can end with"""

# One per file of authorities and way of use: a configuration with more is read anew now and then,
# no worse.
_KEPT_CONTEXTS = 64


def trusting(
    trusted: Path | None,
    minimum: Version = "1.2",
    alpn: tuple[str, ...] = (),
    browsers: bool = False,
) -> ssl.SSLContext:
    """Checks certificate and name, by the authorities of a PEM file or the system's.

    `minimum` is the oldest version of TLS taken; `alpn` what is offered to speak (RFC 7301);
    `browsers` whether the clients of what is looked at are such (tls_context.py).
    Shared between its users: nobody changes it. Raises CannotTell.
    """
    try:
        return _kept(trusted, _changed(trusted), minimum, alpn, browsers)
    except OSError as problem:
        raise _unreadable(problem) from problem


def serving(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """What a server of ours shows to those who call it: a certificate with its chain (PEM), and its
    key where that lies apart. Raises OSError, which a file that holds none is too.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def taking_anything() -> ssl.SSLContext:
    """A context that shows a certificate nobody trusts; nothing is said over such a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # A certificate with a key of 1024 bits or a SHA-1 signature is refused above level 0 before it
    # can be looked at, and whose it is would stay unknown.
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


def old_cipher(agreed: ssl.SSLObject | ssl.SSLSocket) -> str:
    """In words, the cipher that strict clients refuse and browsers take; "" for any other."""
    name = (agreed.cipher() or ("",))[0]
    return f"its TLS has old ciphers alone ({name}; RFC 9325, 4.2)" if name in OLD_CIPHERS else ""


def code_of(error: ssl.SSLError) -> str:
    """The fault code of a broken handshake, or of a connection that broke later."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(error.verify_code, "certificate")
    if isinstance(error, ssl.SSLZeroReturnError | ssl.SSLEOFError):
        return "closed"
    return _REASONS.get(reason(error), "tls")


@lru_cache(maxsize=_KEPT_CONTEXTS)
def _kept(
    trusted: Path | None, _changed: int, minimum: Version, alpn: tuple[str, ...], browsers: bool
) -> ssl.SSLContext:
    context = made(trusted, minimum, browsers)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _changed(trusted: Path | None) -> int:
    # An authority that was added to the file counts from the next attempt, without a restart.
    return trusted.stat().st_mtime_ns if trusted else 0


def _unreadable(problem: OSError) -> CannotTell:
    reason = getattr(problem, "reason", None) or problem.strerror or str(problem)
    return CannotTell(f"the trusted certificates cannot be read: {reason}")
