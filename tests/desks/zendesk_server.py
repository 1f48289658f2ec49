"""Zendesk's Ticketing API (https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/:
"Create Ticket", "List Tickets" with external_id, "Update Ticket", "Merge Tickets Into Target
Ticket"; "Idempotency" of the introduction).

* the same Idempotency-Key with the same body gives the first answer again
  (x-idempotency-lookup: hit); with another body 400.
* a closed ticket is immutable: 422 RecordInvalid; it is closed by the desk itself, or by a merge.
* an assignee who is no agent is 422; a new ticket with one becomes open ("Ticket lifecycle").
* unknown attributes of a ticket are passed over; a status that there is not is 422.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN = "zendesk-token-0123"
USER = "reveille@example.net"
USERS = {44: "asha@example.net", 45: "ravi@example.net", 46: "guest@example.net"}
AGENTS = (44, 45)
STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = ("urgent", "high", "normal", "low")


class ZendeskServer(VendorServer):
    """One account."""

    routes = (
        ("GET", r"/api/v2/users/me.json", "me"),
        ("GET", r"/api/v2/users/search.json", "users"),
        ("GET", r"/api/v2/users/(\d+).json", "user"),
        ("GET", r"/api/v2/ticket_fields.json", "fields"),
        ("GET", r"/api/v2/groups/assignable.json", "groups"),
        ("GET", r"/api/v2/tickets.json", "index"),
        ("POST", r"/api/v2/tickets.json", "create"),
        ("GET", r"/api/v2/tickets/(\d+).json", "show"),
        ("PUT", r"/api/v2/tickets/(\d+).json", "update"),
        ("GET", r"/api/v2/tickets/(\d+)/comments.json", "comments"),
        ("POST", r"/api/v2/tickets/(\d+)/merge.json", "merge"),
        ("POST", r"/api/v2/uploads.json", "upload"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, tuple[bytes, object]] = {}

    def admit(self, asked: Asked) -> None:
        right = b64encode(f"{USER}/token:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {right}":
            raise Refused(401, {"error": "Couldn't authenticate you"})

    def me(self, asked: Asked) -> object:
        return {"user": {"id": 1, "email": USER, "role": "agent"}}

    def users(self, asked: Asked) -> object:
        wanted = asked.query["query"].removeprefix("email:")
        return {"users": [self._user(n) for n, mail in USERS.items() if wanted in mail]}

    def user(self, asked: Asked, number: str) -> object:
        if int(number) not in USERS:
            raise Refused(404, {"error": "RecordNotFound"})
        return {"user": self._user(int(number))}

    def _user(self, number: int) -> dict[str, Any]:
        role = "agent" if number in AGENTS else "end-user"
        return {"id": number, "email": USERS[number], "role": role, "suspended": False}

    def fields(self, asked: Asked) -> object:
        return {"ticket_fields": [{"id": 360, "title": "Service", "active": True}]}

    def groups(self, asked: Asked) -> object:
        return {"groups": [{"id": 7, "name": "NOC"}]}

    def index(self, asked: Asked) -> object:
        wanted = asked.query.get("external_id")
        found = [one for one in self.tickets.values() if one["external_id"] == wanted]
        return {"tickets": found, "count": len(found)}

    def create(self, asked: Asked) -> object:
        key = asked.headers.get("idempotency-key", "")
        if key in self.answers:
            body, answer = self.answers[key]
            if body != asked.body:
                raise Refused(400, {"error": "IdempotentRequestError"})
            return 201, answer
        given = asked.json["ticket"]
        self._valid(given)
        if not given.get("comment", {}).get("body"):
            raise self._invalid("Description: cannot be blank")
        number = self.next_number()
        self.tickets[number] = {
            "id": number, "subject": given["subject"], "external_id": given.get("external_id"),
            "status": given.get("status", "new"), "priority": given.get("priority"),
            "assignee_id": None, "custom_fields": given.get("custom_fields", []),
            "group_id": given.get("group_id"),
        }  # fmt: skip
        self.tickets[number]["_comments"] = [(1, given["comment"]["body"])]
        answer = {"ticket": self._shown(number)}
        if key:
            self.answers[key] = (asked.body, answer)
        return 201, answer

    def show(self, asked: Asked, number: str) -> object:
        self.ticket(number)
        return {"ticket": self._shown(int(number))}

    def update(self, asked: Asked, number: str) -> object:
        one, given = self.ticket(number), asked.json["ticket"]
        if one["status"] == "closed":
            raise self._invalid("Status: closed prevents ticket update")
        self._valid(given)
        if comment := given.get("comment"):
            one["_comments"].append((1, comment["body"]))
            self.enclosed(number, comment.get("uploads", ()))
            # A public comment of the requester reopens; an agent's does not.
        names = ("status", "priority", "external_id", "assignee_id")
        one.update({name: given[name] for name in names if name in given})
        if given.get("assignee_id") and one["status"] == "new":
            one["status"] = "open"
        return {"ticket": self._shown(int(number))}

    def upload(self, asked: Asked) -> object:
        return 201, {"upload": {"token": self.uploaded(asked.query["filename"], asked.body)}}

    def comments(self, asked: Asked, number: str) -> object:
        said = self.ticket(number)["_comments"]
        return {"comments": [{"id": n, "author_id": by, "plain_body": text}
                             for n, (by, text) in enumerate(said)]}  # fmt: skip

    def merge(self, asked: Asked, target: str) -> object:
        into = self.ticket(target)
        for number in asked.json["ids"]:
            one = self.ticket(str(number))
            if "closed" in (one["status"], into["status"]):
                raise self._invalid("closed tickets cannot be merged")
            into["_comments"] += one["_comments"]
            one.update(status="closed", _merged=True)
        return {"job_status": {"id": "j1", "status": "queued"}}

    def _valid(self, given: dict[str, Any]) -> None:
        for name, words in (("status", STATUSES), ("priority", PRIORITIES)):
            if given.get(name) is not None and given[name] not in words:
                raise self._invalid(f"{name}: {given[name]} is not a valid {name}")
        if given.get("assignee_id") is not None and given["assignee_id"] not in AGENTS:
            raise self._invalid("Assignee: is invalid")

    def _invalid(self, text: str) -> Refused:
        return Refused(422, {"error": "RecordInvalid", "description": text})

    def _shown(self, number: int) -> dict[str, Any]:
        return {k: v for k, v in self.tickets[number].items() if not k.startswith("_")}

    def alive(self, key: str) -> list[str]:
        return [
            str(n) for n, one in self.tickets.items()
            if one["external_id"] == key and not one.get("_merged")
        ]  # fmt: skip

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self.ticket(number)
        return one["status"], one["priority"], [text for _, text in one["_comments"]]

    def owner(self, number: str) -> str:
        return USERS.get(self.ticket(number)["assignee_id"], "")

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            one["_comments"].append((44, does["note"]))
        if "owner" in does:
            one["assignee_id"] = next(n for n, mail in USERS.items() if mail == does["owner"])
        one["status"] = does.get("status", one["status"])
        one["priority"] = does.get("severity", one["priority"])
