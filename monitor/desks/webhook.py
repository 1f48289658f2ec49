"""The webhook desk: each event of a ticket is one signed POST of JSON, of a form that you choose.

    POST {url}
    webhook-id: rv-12.cafe0001.opened.1.0123456789ab      the same at every try
    webhook-timestamp: 1795824180
    webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">

The headers are those of Standard Webhooks 1.0 (github.com/standard-webhooks, "Webhook metadata" and
"Signature scheme"): whoever takes them refuses what is not signed, what is old, and an id that it
has had. 2xx is done; 410 Gone never; anything else later, in the outbox's time.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from hashlib import sha256
from typing import Any, ClassVar

from pydantic import Field

from checks.settings import Duration, ReadableFile, Secret
from checks.transport.clear_text import MEANT, ClearText, is_open
from checks.transport.http.message import Headers
from monitor.clock import SystemClock
from monitor.desks.desk import Desk, DeskSettings, Letter, Never, Takes, TryLater
from monitor.desks.field_mapping import filled
from monitor.desks.helpdesk import FieldMapping, Url
from monitor.desks.owners import Owners
from monitor.desks.rest import Rest, encoded, refusal
from monitor.desks.rest_helpdesk import revealed

_PREFIX = "whsec_"
_GONE = 410
# Words of a ticket with its stages and its history run to some 10 kB.
_LONGEST_TEXT = 20_000
_TEMPLATE: dict[str, Any] = {
    "type": "ticket.{event}",
    "data": {
        "ticket": "{number}",
        "thread": "{thread}",
        "site": "{site}",
        "title": "{title}",
        "severity": "{severity}",
        "owner": "{owner}",
        "taken_by": "{taken_by}",
        "taken_as": "{taken_as}",
        "state": "{state}",
        "check": "{check}",
        "opened_at": "{opened_at}",
        "resolution_due": "{resolution_due}",
        "subject": "{subject}",
        "text": "{words}",
    },
}


class WebhookSettings(ClearText, DeskSettings):
    """Each event of a ticket as a signed POST of JSON."""

    KIND: ClassVar[str] = "webhook"
    TAKES: ClassVar[frozenset[Takes]] = frozenset({"tickets"})
    PUSHES_ANSWERS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
[desks.hook]
kind = "webhook"
url = "https://hooks.example.net/reveille"
secret = { credential = "hook" }
body = { ticket = "{number}", what = "{event}", text = "{subject}" }
"""

    url: Url
    """where it is sent"""
    secret: Secret
    """what it is signed with, as in whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, by reference"""
    body: FieldMapping = Field(default_factory=lambda: dict(_TEMPLATE))
    """the JSON that is sent; {number}, {event}, {subject}, {words} and the like are filled in"""
    owners: Owners = Field(default_factory=dict)
    """who takes tickets here = what he is called there, as in { asha = "asha.k" }; {taken_as} is
    who has taken it, {taken_by} the same as he is called here"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    timeout: Duration = 30.0
    """how long to wait for the answer"""
    pushes: Secret | None = None
    """what whoever takes the events signs answers with, by reference; they go to /hooks/NAME of the
    page"""

    def pushed_by(self) -> Secret | None:
        """The secret of the answers."""
        return self.pushes

    def desk(self, name: str) -> Desk:
        """The desk that posts there."""
        return Webhook(name, self)

    def clear_text(self) -> str | None:
        """A signature keeps nobody from reading it."""
        if is_open(self.url):
            return f"tickets go out in the clear; write https, {MEANT}"
        return None

    async def try_out(self) -> str:
        """Ask what may be asked there (RFC 9110 section 9.3.7); nothing is posted."""
        _key(self.secret)
        rest = _rest(self)
        reply = await rest("OPTIONS", "", taken=range(200, 500))
        if reply.status in (401, 403):
            raise refusal(reply.status, f"{self.url}: {reply.status}")
        return f"{self.url} answers {reply.status}; the signature is proven by a real event alone"


class Webhook:
    """Posts each letter once a try, under one id."""

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        self.name = name
        self.concurrency = 2
        self.timeout_seconds = settings.timeout + 5.0
        self._settings, self._rest, self._clock = settings, _rest(settings), SystemClock()

    async def deliver(self, letter: Letter) -> str:
        """Post it; returns its id. Raises TryLater, Never."""
        if "ticket" not in letter.body:
            raise Never("a report is for people; a webhook takes none")
        body = encoded(filled(self._settings.body, letter, _LONGEST_TEXT, self._settings.owners))
        moment = str(int(self._clock.now().timestamp()))
        headers = signed(_key(self._settings.secret), letter.key, moment, body)
        reply = await self._rest(
            "POST", "", body, headers=headers, taken=range(400, 500), kind="application/json"
        )
        if reply.status == _GONE:
            raise Never(f"{self._settings.url} is gone for good (410)")
        if reply.status >= 400:
            raise TryLater(f"{self._settings.url}: {reply.status} {reply.text[:200]}")
        return letter.key


def signed(key: bytes, name: str, moment: str, body: bytes) -> Headers:
    """The three headers ("Signature scheme")."""
    content = f"{name}.{moment}.".encode() + body
    signature = b64encode(hmac.new(key, content, sha256).digest()).decode()
    return (
        ("webhook-id", name),
        ("webhook-timestamp", moment),
        ("webhook-signature", f"v1,{signature}"),
    )


def _key(secret: Secret) -> bytes:
    written = revealed(secret)
    try:
        return b64decode(written.removeprefix(_PREFIX), validate=True)
    except Error:
        raise TryLater(f"the secret of {secret.where()} is no whsec_ and base64") from None


def _rest(settings: WebhookSettings) -> Rest:
    return Rest(
        settings.url, trusted=settings.trusted_certificates, timeout_seconds=settings.timeout
    )
