"""Whether a desk that pushes has signed what it sends: by the headers of Standard Webhooks, or by
those that helpdesks send.

    webhook-id, webhook-timestamp, webhook-signature: v1,<base64 of HMAC over id.timestamp.body>
    X-Hub-Signature-256: sha256=<hex of HMAC-SHA256 over the body>     (and X-Hub-Signature: sha1=…)
    X-Zendesk-Webhook-Signature: <base64 of HMAC-SHA256 over timestamp and body>

Rules: every comparison takes the same time, whatever is wrong. Standard Webhooks are refused when
they are older than five minutes, or from the future; whoever acts by one keeps its id. The other
forms have no moment that is signed everywhere: by them nothing is done but to look.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping

from monitor.desks.webhook import signed

# Standard Webhooks 1.0, "Verifying webhook authenticity": five minutes either way.
_TOLERANCE_SECONDS = 300
_PREFIX = "whsec_"


def is_standard(secret: str, headers: Mapping[str, str], body: bytes, now_seconds: float) -> bool:
    """Whether it is signed as Standard Webhooks are, and fresh. `headers` by small letters."""
    name, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not name or not moment.isascii() or not moment.isdecimal() or len(moment) > 12:
        return False
    if abs(now_seconds - int(moment)) > _TOLERANCE_SECONDS:
        return False
    (_, right) = signed(_key(secret), name, moment, body)[2]
    given = headers.get("webhook-signature", "")[:2000].split(" ")
    # Several, while a secret is replaced by another: all of them are compared.
    found = [_same(one, right) for one in given[:10]]
    return any(found)


def is_signed(secret: str, headers: Mapping[str, str], body: bytes, now_seconds: float) -> bool:
    """Whether it is signed in any of the forms."""
    key = secret.encode()
    zendesk = headers.get("x-zendesk-webhook-signature-timestamp", "")[:40].encode() + body
    found = (
        _same(headers.get("x-hub-signature-256", ""), f"sha256={_hex(key, body, 'sha256')}"),
        _same(headers.get("x-hub-signature", ""), f"sha256={_hex(key, body, 'sha256')}"),
        _same(headers.get("x-hub-signature", ""), f"sha1={_hex(key, body, 'sha1')}"),
        _same(
            headers.get("x-zendesk-webhook-signature", ""),
            b64encode(hmac.digest(key, zendesk, "sha256")).decode(),
        ),
        is_standard(secret, headers, body, now_seconds),
    )
    return any(found)


def _hex(key: bytes, body: bytes, how: str) -> str:
    return hmac.digest(key, body, how).hex()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _key(secret: str) -> bytes:
    """The bytes behind whsec_…; any other secret as it is written."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    except Error:
        return secret.encode()
