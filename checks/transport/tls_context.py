"""The one context of TLS as a client, and OpenSSL's words for what breaks: without the rest of the
house, since the process of a phone has TLS too.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Literal

Version = Literal["1.2", "1.3"]
# Ciphers of TLS 1.2 that browsers and curl still take, and Python's own list does not (with an RSA
# key exchange Go does neither): old appliances, gateways and management boards have nothing else.
OLD_CIPHERS = (
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-SHA",
    "AES128-SHA",
)


# Of a server that cannot say that it renegotiates safely (RFC 5746): browsers take it, OpenSSL 3
# does not unless told. Python names it from 3.12 on; the bit is part of OpenSSL's interface.
_LEGACY_SERVER_CONNECT = 0x4


class _Context(ssl.SSLContext):
    """Asks for a name, and checks it, without the dot at its end: "portal.example.net." is the same
    host, and goes neither into a ClientHello (RFC 6066 section 3) nor into a certificate.
    """

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """What asyncio and our own connections secure themselves by."""
        if isinstance(server_hostname, str) and server_hostname != ".":
            server_hostname = server_hostname.removesuffix(".")
        return super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


def made(trusted: Path | None, minimum: Version, browsers: bool = False) -> ssl.SSLContext:
    """Checks certificate and name, by the authorities of a PEM file or the system's; `minimum` is
    the oldest version that it speaks. Raises OSError, which a file that holds none is too.

    `browsers`: offers no DHE, as none of them does any more. A server that would rather have it,
    with a group of 1024 bits, shows them its page all the same; one that has nothing else does not.
    """
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    if trusted:
        context.load_verify_locations(cafile=str(trusted))
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    # Python 3.13 adds VERIFY_X509_STRICT and VERIFY_X509_PARTIAL_CHAIN: a certificate that browsers
    # take (no Authority Key Identifier, as of many a private authority) would be a fault on one
    # host and none on another.
    context.verify_flags = ssl.VERIFY_X509_TRUSTED_FIRST
    # RFC 9525 section 6.3: a name counts in subjectAltName alone, for browsers and Go too.
    context.hostname_checks_common_name = False
    # TLS 1.0 and 1.1 must not be used any more (RFC 8996).
    newest = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
    context.minimum_version = newest[minimum]
    # The old ones come last: a server that has others as well does not come to them. Names that a
    # library has no more are passed over; those of TLS 1.3 are not chosen here.
    left_out = ("TLS_", "DHE-") if browsers else ("TLS_",)
    own = [one["name"] for one in context.get_ciphers() if not one["name"].startswith(left_out)]
    context.set_ciphers(":".join((*own, *OLD_CIPHERS)))
    context.options |= _LEGACY_SERVER_CONNECT
    # Each certificate is looked at anew: a resumed session shows none (RFC 8446 section 2.2).
    context.options |= ssl.OP_NO_TICKET
    return context


def said(error: ssl.SSLError) -> str:
    """OpenSSL's words for what broke."""
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_message:
        return error.verify_message
    return (reason(error) or str(error)).replace("_", " ").lower()


def reason(error: ssl.SSLError) -> str:
    """OpenSSL's name of the error; empty where Python itself made it, without this field."""
    return str(getattr(error, "reason", None) or "")
