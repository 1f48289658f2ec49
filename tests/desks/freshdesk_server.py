"""Freshdesk API v2 (https://developers.freshdesk.com/api/#tickets: "Create a Ticket", "Filter
Tickets", "List All Tickets", "Update a Ticket"; "#conversations": "Create a Note", "List All
Conversations of a Ticket"; "Errors").

* a field that there is not: 400 "Validation failed" with `invalid_field`.
* a search that is not over newly made tickets: "it may take a few minutes for the index".
* a requester is required; status and priority are numbers (2 open, 3 pending, 4 resolved).
* a `responder_id` of no agent: 400 with `invalid_value`; agents are found by mail address ("List
  All Agents") and number ("View an Agent").
* a tag has at most 32 letters.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN = "freshdesk-key-0123"
INDEXED_AFTER_SECONDS = 120.0
AGENTS = {44: "asha@example.net", 45: "ravi@example.net"}
KNOWN = (
    "responder_id subject description email priority status source tags group_id custom_fields type"
)


class FreshdeskServer(VendorServer):
    """One account."""

    routes = (
        ("GET", r"/api/v2/agents/me", "me"),
        ("GET", r"/api/v2/agents", "agents"),
        ("GET", r"/api/v2/agents/(\d+)", "agent"),
        ("GET", r"/api/v2/ticket_fields", "fields"),
        ("GET", r"/api/v2/groups", "groups"),
        ("GET", r"/api/v2/search/tickets", "search"),
        ("GET", r"/api/v2/tickets", "index"),
        ("POST", r"/api/v2/tickets", "create"),
        ("GET", r"/api/v2/tickets/(\d+)", "show"),
        ("PUT", r"/api/v2/tickets/(\d+)", "update"),
        ("POST", r"/api/v2/tickets/(\d+)/notes", "note"),
        ("GET", r"/api/v2/tickets/(\d+)/conversations", "conversations"),
    )

    def admit(self, asked: Asked) -> None:
        right = b64encode(f"{TOKEN}:X".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {right}":
            raise Refused(
                401, {"code": "invalid_credentials", "message": "You have to be logged in"}
            )

    def me(self, asked: Asked) -> object:
        return {"id": 9, "contact": {"email": "reveille@example.net"}}

    def agents(self, asked: Asked) -> object:
        wanted = asked.query.get("email")
        return [self._agent(n) for n, mail in AGENTS.items() if mail == wanted]

    def agent(self, asked: Asked, number: str) -> object:
        if int(number) not in AGENTS:
            raise Refused(404, None)
        return self._agent(int(number))

    def _agent(self, number: int) -> dict[str, Any]:
        return {"id": number, "contact": {"email": AGENTS[number], "active": True}}

    def fields(self, asked: Asked) -> object:
        return [{"name": "status"}, {"name": "priority"}, {"name": "cf_service"}]

    def groups(self, asked: Asked) -> object:
        return [{"id": 7, "name": "NOC"}]

    def search(self, asked: Asked) -> object:
        found = re.fullmatch(r'"tag:\'(.*)\'"', asked.query["query"])
        if not found:
            raise Refused(400, {"description": "Validation failed"})
        old = [
            one for one in self.tickets.values()
            if found[1] in one["tags"] and one["_at"] + INDEXED_AFTER_SECONDS <= self.now
        ]  # fmt: skip
        return {"results": [self._shown(one) for one in old], "total": len(old)}

    def index(self, asked: Asked) -> object:
        return [self._shown(one) for one in list(self.tickets.values())[-100:]]

    def create(self, asked: Asked) -> object:
        given = asked.json
        self._valid(given, KNOWN)
        for name in ("subject", "description", "email"):
            if not given.get(name):
                raise self._invalid(name, "missing_field")
        number = self.next_number()
        self.tickets[number] = {
            "id": number, "subject": given["subject"], "tags": given.get("tags", []),
            "description_text": given["description"], "status": given.get("status", 2),
            "priority": given.get("priority", 1), "responder_id": None, "_at": self.now,
            "custom_fields": given.get("custom_fields", {}), "_notes": [],
        }  # fmt: skip
        return 201, self._shown(self.tickets[number])

    def show(self, asked: Asked, number: str) -> object:
        return self._shown(self.ticket(number))

    def update(self, asked: Asked, number: str) -> object:
        self._valid(asked.json, KNOWN.replace(" description", ""))
        self.ticket(number).update(asked.json)
        return self._shown(self.ticket(number))

    def note(self, asked: Asked, number: str) -> object:
        if asked.headers.get("content-type", "").startswith("multipart/form-data"):
            return self._note_with_files(asked, number)
        given = asked.json
        if strange := set(given) - {"body", "private", "incoming", "notify_emails", "user_id"}:
            raise self._invalid(sorted(strange)[0], "invalid_field")
        self.ticket(number)["_notes"].append((9, given["body"]))
        return 201, {"id": 1}

    def _note_with_files(self, asked: Asked, number: str) -> object:
        given = {name: content.decode() for name, file, content in asked.form if not file}
        if set(given) != {"body", "private"}:
            raise self._invalid("body", "missing_field")
        files = [(file, content) for name, file, content in asked.form if name == "attachments[]"]
        self.files.setdefault(number, []).extend(files)
        self.ticket(number)["_notes"].append((9, given["body"]))
        return 201, {"id": 1}

    def conversations(self, asked: Asked, number: str) -> object:
        return [
            {"id": n, "user_id": by, "body": text, "body_text": re.sub(r"<[^>]*>", " ", text)}
            for n, (by, text) in enumerate(self.ticket(number)["_notes"])
        ]

    def _valid(self, given: dict[str, Any], known: str) -> None:
        if strange := set(given) - set(known.split()):
            raise self._invalid(sorted(strange)[0], "invalid_field")
        if strange := set(given.get("custom_fields", {})) - {"cf_service"}:
            raise self._invalid(sorted(strange)[0], "invalid_field")
        if given.get("status", 2) not in (2, 3, 4, 5):
            raise self._invalid("status", "invalid_value")
        if given.get("responder_id") not in (None, *AGENTS):
            raise self._invalid("responder_id", "invalid_value")
        if given.get("priority", 1) not in (1, 2, 3, 4):
            raise self._invalid("priority", "invalid_value")
        if any(len(tag) > 32 for tag in given.get("tags", ())):
            raise self._invalid("tags", "invalid_value")

    def _invalid(self, field: str, code: str) -> Refused:
        errors = [{"field": field, "message": "It should not be so", "code": code}]
        return Refused(400, {"description": "Validation failed", "errors": errors})

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in one.items() if not k.startswith("_")}

    def alive(self, key: str) -> list[str]:
        return [str(n) for n, one in self.tickets.items() if key in one["tags"]]

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        from monitor.desks.helpdesk import without_tags

        one = self.ticket(number)
        texts = [one["description_text"], *(text for _, text in one["_notes"])]
        return str(one["status"]), str(one["priority"]), [without_tags(text) for text in texts]

    def owner(self, number: str) -> str:
        return AGENTS.get(self.ticket(number)["responder_id"], "")

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            one["_notes"].append((44, f"<div>{does['note']}</div>"))
        if "owner" in does:
            one["responder_id"] = next(n for n, mail in AGENTS.items() if mail == does["owner"])
        one["status"] = int(does.get("status", one["status"]))
        one["priority"] = int(does.get("severity", one["priority"]))
