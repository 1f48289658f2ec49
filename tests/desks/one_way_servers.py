"""What takes events and answers with nothing to read back, each as its document has it:

* a receiver of Standard Webhooks 1.0: refuses a wrong signature (401), a moment more than five
  minutes away (400), and has each id once.
* PagerDuty's Events API v2 ("Send an Event"): 400 "Event object is invalid" with the errors, 202
  else; a trigger without summary, source and severity is invalid; alerts are kept by dedup_key.
* osTicket's api/tickets.email (docs, "Remote piping"; class.thread.php, lookupByEmailHeaders): a
  Message-ID that it has had changes nothing; References find the ticket; a mail under a closed
  ticket reopens it. Attachments of a mail are those of its entry (class.mailparse.php).
"""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, b64encode
from email import message_from_bytes
from email.policy import default
from hashlib import sha256
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

HOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROUTING_KEY = "pagerduty-key-0123"
API_KEY = "osticket-key-0123"


class HookServer(VendorServer):
    """A receiver of signed webhooks."""

    routes = (("POST", r"/hook/?", "take"), ("OPTIONS", r"/hook/?", "may"))

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, Any] = {}

    def admit(self, asked: Asked) -> None:
        if asked.method != "POST":
            return
        name, moment = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
        content = f"{name}.{moment}.".encode() + asked.body
        key = b64decode(HOOK_SECRET.removeprefix("whsec_"))
        right = "v1," + b64encode(hmac.new(key, content, sha256).digest()).decode()
        if not hmac.compare_digest(right, asked.headers.get("webhook-signature", "")):
            raise Refused(401, {"error": "signature"})
        if abs(time.time() - int(moment)) > 300:
            raise Refused(400, {"error": "too old"})

    def may(self, asked: Asked) -> object:
        return 204, None

    def take(self, asked: Asked) -> object:
        self.events.setdefault(asked.headers["webhook-id"], asked.json)
        return 200, None


class PagerServer(VendorServer):
    """The Events API."""

    routes = (("POST", r"/v2/enqueue/?", "take"),)

    def __init__(self) -> None:
        super().__init__()
        self.alerts: dict[str, dict[str, Any]] = {}

    def admit(self, asked: Asked) -> None:
        if asked.json.get("routing_key") != ROUTING_KEY:
            raise self._invalid("'routing_key' is invalid")

    def take(self, asked: Asked) -> object:
        given = asked.json
        self.known(given, "routing_key event_action dedup_key payload client links images", 400)
        action, key = given["event_action"], given["dedup_key"]
        if action == "trigger":
            payload = given.get("payload", {})
            for name in ("summary", "source", "severity"):
                if not payload.get(name):
                    raise self._invalid(f"'payload.{name}' is missing or blank")
            if payload["severity"] not in ("critical", "error", "warning", "info"):
                raise self._invalid("'payload.severity' is invalid")
            self.alerts.setdefault(key, {"status": "", "times": 0})
            self.alerts[key].update(payload, status="triggered")
        elif key in self.alerts:
            self.alerts[key]["status"] = {"acknowledge": "acknowledged", "resolve": "resolved"}[
                action
            ]
        return 202, {"status": "success", "message": "Event processed", "dedup_key": key}

    def _invalid(self, text: str) -> Refused:
        said = {"status": "invalid event", "message": "Event object is invalid", "errors": [text]}
        return Refused(400, said)


class OsticketServer(VendorServer):
    """Mails by its API."""

    routes = (("POST", r"/api/tickets.email", "take"),)

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, int] = {}

    def admit(self, asked: Asked) -> None:
        if asked.headers.get("x-api-key") != API_KEY:
            raise Refused(401, b"Valid API key required")

    def take(self, asked: Asked) -> object:
        mail = message_from_bytes(asked.body, policy=default)
        if not mail["From"]:
            raise Refused(400, b"Invalid email: no From")
        name = str(mail["Message-ID"])
        if name in self.seen:
            return 201, str(600_000 + self.seen[name]).encode()
        known = [self.seen[one] for one in str(mail["References"]).split() if one in self.seen]
        number = known[-1] if known else self.next_number()
        one = self.tickets.setdefault(number, {"status": "open", "mails": []})
        one["status"] = "open"
        one["mails"].append(mail)
        kept = [(str(part.get_filename()), part.get_content()) for part in mail.iter_attachments()]
        self.files.setdefault(str(number), []).extend(kept)
        self.seen[name] = number
        return 201, str(600_000 + number).encode()
