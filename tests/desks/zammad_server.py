"""Zammad 6, as its REST documentation has it: https://docs.zammad.org/en/latest/api/ ("Ticket",
"Ticket Articles", "Authentication: HTTP Token"); merging as in its TicketsController#ticket_merge.

* create: `group`, `title`, `customer` and an `article` are required; an unknown reference is 422
  ("No lookup value found for 'group'").
* an owner without full access to the group, or who is not active, becomes nobody without a word
  (admin documentation, "Group permissions"; Ticket#check_owner_active).
* `ticket_merge` answers 200 with result "failed" for what it does not do.
* Without Elasticsearch the search is one over titles; merged tickets stay in it, as state "merged".
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN = "zammad-token-0123"
STATES = ("new", "open", "pending reminder", "pending close", "closed", "merged")
PRIORITIES = ("1 low", "2 normal", "3 high")
GROUPS = ("Users", "NOC")
AGENTS = {"-": True, "asha": True, "ravi": True, "guest": False}
"""login -> whether he has full access to the groups"""


class ZammadServer(VendorServer):
    """One instance with two groups."""

    routes = (
        ("GET", r"/api/v1/users/me", "me"),
        ("GET", r"/api/v1/users/search", "users"),
        ("GET", r"/api/v1/groups", "groups"),
        ("GET", r"/api/v1/ticket_states", "states"),
        ("GET", r"/api/v1/ticket_priorities", "priorities"),
        ("GET", r"/api/v1/tickets/search", "search"),
        ("POST", r"/api/v1/tickets", "create"),
        ("GET", r"/api/v1/tickets/(\d+)", "show"),
        ("PUT", r"/api/v1/tickets/(\d+)", "update"),
        ("POST", r"/api/v1/ticket_articles", "add"),
        ("GET", r"/api/v1/ticket_articles/by_ticket/(\d+)", "articles"),
        ("PUT", r"/api/v1/ticket_merge/(\d+)/(\d+)", "merge"),
    )

    def admit(self, asked: Asked) -> None:
        if asked.headers.get("authorization") != f"Token token={TOKEN}":
            raise Refused(401, {"error": "Invalid token!"})

    def me(self, asked: Asked) -> object:
        return {"id": 3, "login": "reveille", "email": "reveille@example.net"}

    def users(self, asked: Asked) -> object:
        words = asked.query["query"].strip('"')
        return [
            {"id": n, "login": one, "email": f"{one}@example.net", "active": True}
            for n, one in enumerate(AGENTS, 1)
            if words in f"{one}@example.net"
        ]

    def groups(self, asked: Asked) -> object:
        return [{"id": n, "name": name, "active": True} for n, name in enumerate(GROUPS, 1)]

    def states(self, asked: Asked) -> object:
        return [{"id": n, "name": name} for n, name in enumerate(STATES, 1)]

    def priorities(self, asked: Asked) -> object:
        return [{"id": n, "name": name} for n, name in enumerate(PRIORITIES, 1)]

    def search(self, asked: Asked) -> object:
        words = asked.query["query"].strip('"')
        return [one for one in reversed(self.tickets.values()) if words in one["title"]]

    def create(self, asked: Asked) -> object:
        given = asked.json
        self._looked_up(given)
        if not given.get("article", {}).get("body"):
            raise Refused(422, {"error": "Need at least an 'article body' field."})
        if not given.get("customer"):
            raise Refused(422, {"error": "Missing required value for field 'customer_id'!"})
        number = self.next_number()
        self.tickets[number] = {
            "id": number, "number": str(10_000 + number), "title": given["title"],
            "group": given["group"], "state": given.get("state", "new"), "owner": "-",
            "priority": given.get("priority", "2 normal"), "articles": [],
            "service": given.get("service"),
        }  # fmt: skip
        self._article(number, given["article"])
        return 201, self.tickets[number]

    def show(self, asked: Asked, number: str) -> object:
        return self.ticket(number)

    def update(self, asked: Asked, number: str) -> object:
        ticket, given = self.ticket(number), asked.json
        self._looked_up(given)
        if ticket["state"] == "merged":
            raise Refused(422, {"error": "Cannot follow-up on a merged ticket."})
        if "article" in given:
            self._article(int(number), given.pop("article"))
        if not AGENTS[given.get("owner", "-")]:
            given["owner"] = "-"
        ticket.update(given)
        return ticket

    def add(self, asked: Asked) -> object:
        self.ticket(str(asked.json["ticket_id"]))
        return 201, self._article(asked.json["ticket_id"], asked.json)

    def articles(self, asked: Asked, number: str) -> object:
        return self.ticket(number)["articles"]

    def merge(self, asked: Asked, source: str, target: str) -> object:
        into = [one for one in self.tickets.values() if one["number"] == target]
        if not into or into[0] is self.ticket(source):
            return {"result": "failed", "message": "The target ticket number could not be found."}
        into[0]["articles"] += self.ticket(source)["articles"]
        self.ticket(source).update(state="merged", articles=[])
        return {"result": "success"}

    def _looked_up(self, given: dict[str, Any]) -> None:
        self.known(given, "title group customer state priority owner article tags service")
        for name, there in (
            ("group", GROUPS),
            ("state", STATES),
            ("priority", PRIORITIES),
            ("owner", tuple(AGENTS)),
        ):
            if name in given and given[name] not in there:
                raise Refused(422, {"error": f"No lookup value found for '{name}': {given[name]}"})

    def _article(self, number: int, given: dict[str, Any]) -> dict[str, Any]:
        self.known(
            given,
            "ticket_id subject body content_type type internal sender from created_by attachments",
        )
        for one in given.get("attachments", ()):
            self.known(one, "filename data mime-type")
            content = b64decode(one["data"], validate=True)
            self.files.setdefault(str(number), []).append((one["filename"], content))
        article = {
            "id": sum(len(one["articles"]) for one in self.tickets.values()) + 1,
            "ticket_id": number, "from": "Reveille", "created_by": "reveille@example.net", **given,
        }  # fmt: skip
        self.tickets[number]["articles"].append(article)
        # Only a customer's article reopens (sender "Customer"); an agent's note does not.
        return article

    # -- what the story asks of each vendor's server

    def alive(self, key: str) -> list[str]:
        return [
            str(number) for number, one in self.tickets.items()
            if key in one["title"] and one["state"] != "merged"
        ]  # fmt: skip

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self.ticket(number)
        return one["state"], one["priority"], [article["body"] for article in one["articles"]]

    def owner(self, number: str) -> str:
        return str(self.ticket(number)["owner"]).strip("-")

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            self._article(int(number), {"body": does["note"], "created_by": "asha@example.net"})
        names = {"status": "state", "severity": "priority", "owner": "owner"}
        one.update({names[name]: value for name, value in does.items() if name in names})
