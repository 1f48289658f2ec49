"""By what an SNMP agent knows who asks: a community of v1 and v2c, or a user of v3 with keys (RFC
3414, RFC 3826).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Authentication = Literal["md5", "sha", "sha224", "sha256", "sha384", "sha512"]
Privacy = Literal["des", "3des", "aes", "aes192", "aes256"]

# RFC 3414 (MD5, SHA-1) and RFC 7860 (SHA-2).
AUTHENTICATION = {
    "md5": "USM_AUTH_HMAC96_MD5",
    "sha": "USM_AUTH_HMAC96_SHA",
    "sha224": "USM_AUTH_HMAC128_SHA224",
    "sha256": "USM_AUTH_HMAC192_SHA256",
    "sha384": "USM_AUTH_HMAC256_SHA384",
    "sha512": "USM_AUTH_HMAC384_SHA512",
}
# RFC 3414 (DES), RFC 3826 (AES-128); the longer AES keys are a draft that gateways offer.
PRIVACY = {
    "des": "USM_PRIV_CBC56_DES",
    "3des": "USM_PRIV_CBC168_3DES",
    "aes": "USM_PRIV_CFB128_AES",
    "aes192": "USM_PRIV_CFB192_AES",
    "aes256": "USM_PRIV_CFB256_AES",
}


@dataclass(frozen=True, slots=True)
class Community:
    """A community, by which SNMP v2c knows who asks."""

    # repr=False: a community is a password, and must not come into an error's text.
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class User:
    """A user of SNMP v3; without keys nothing is proven or hidden."""

    name: str
    authentication: Authentication = "sha"
    authentication_key: str | None = field(default=None, repr=False)
    privacy: Privacy = "aes"
    privacy_key: str | None = field(default=None, repr=False)
    context: str = ""
