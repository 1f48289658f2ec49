"""GLPI 10's REST API (apirest.md in its source: "Init session", "Search items", "Add item(s)",
"Update item(s)", "Get sub items", "Errors").

* initSession gives a session token that every other request carries; without it 401
  ERROR_SESSION_TOKEN_INVALID.
* `add` answers 201 with the id; unknown fields of an input are dropped.
* an update answers 200 with [{"ID": true, "message": ""}], false where it did nothing.
* a solution solves (status 5); a followup under a solved ticket that is not private reopens it.
"""

from __future__ import annotations

from html import escape
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN, APP = "glpi-user-token-0123", "glpi-app-token-0123"
NEW, ASSIGNED, WAITING, SOLVED, CLOSED = 1, 2, 4, 5, 6


class GlpiServer(VendorServer):
    """One instance."""

    routes = (
        ("GET", r"/apirest.php/initSession", "begin"),
        ("GET", r"/apirest.php/killSession", "end"),
        ("GET", r"/apirest.php/getActiveProfile", "profile"),
        ("GET", r"/apirest.php/search/Ticket", "search"),
        ("GET", r"/apirest.php/ITILCategory/(\d+)", "category"),
        ("POST", r"/apirest.php/Ticket", "create"),
        ("GET", r"/apirest.php/Ticket/(\d+)", "show"),
        ("PUT", r"/apirest.php/Ticket/(\d+)", "update"),
        ("GET", r"/apirest.php/Ticket/(\d+)/ITILFollowup", "followups"),
        ("GET", r"/apirest.php/Ticket/(\d+)/Ticket_User", "users"),
        ("POST", r"/apirest.php/ITILFollowup", "follow"),
        ("POST", r"/apirest.php/ITILSolution", "solve"),
        ("POST", r"/apirest.php/Ticket_Ticket", "link"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.sessions: set[str] = set()
        self.begun = 0

    def admit(self, asked: Asked) -> None:
        if asked.headers.get("app-token") != APP:
            raise Refused(400, ["ERROR_WRONG_APP_TOKEN_PARAMETER", "parameter app_token wrong"])
        if asked.path.endswith("/initSession"):
            if asked.headers.get("authorization") != f"user_token {TOKEN}":
                raise Refused(401, ["ERROR_GLPI_LOGIN_USER_TOKEN", "user_token seems invalid"])
        elif asked.headers.get("session-token") not in self.sessions:
            raise Refused(401, ["ERROR_SESSION_TOKEN_INVALID", "session_token seems invalid"])

    def begin(self, asked: Asked) -> object:
        self.begun += 1
        self.sessions.add(name := f"session{self.begun}")
        return {"session_token": name}

    def end(self, asked: Asked) -> object:
        self.sessions.discard(asked.headers["session-token"])
        return 200, None

    def profile(self, asked: Asked) -> object:
        return {"active_profile": {"id": 4, "name": "Technician", "ticket": 167935}}

    def category(self, asked: Asked, number: str) -> object:
        if number != "3":
            raise Refused(404, ["ERROR_ITEM_NOT_FOUND", "Item not found"])
        return {"id": 3, "name": "Telephony"}

    def search(self, asked: Asked) -> object:
        words = asked.query["criteria[0][value]"]
        found = [
            {"2": n, "1": one["name"]} for n, one in self.tickets.items() if words in one["name"]
        ]
        return {"totalcount": len(found), "count": len(found), "data": found}

    def create(self, asked: Asked) -> object:
        given = asked.json["input"]
        if not given.get("name") or not given.get("content"):
            raise Refused(400, ["ERROR_GLPI_ADD", "Mandatory fields are not filled"])
        number = self.next_number()
        self.tickets[number] = {
            "id": number, "name": given["name"][:255], "content": escape(given["content"]),
            "status": given.get("status", NEW), "urgency": given.get("urgency", 3),
            "impact": given.get("impact", 3), "_said": [], "_owner": None, "_merged": False,
        }  # fmt: skip
        return 201, {"id": number, "message": ""}

    def show(self, asked: Asked, number: str) -> object:
        return {k: v for k, v in self.ticket(number).items() if not k.startswith("_")}

    def update(self, asked: Asked, number: str) -> object:
        one, given = self.ticket(number), asked.json["input"]
        done = not (one["status"] == CLOSED and "status" not in given)
        if done:
            one.update({k: v for k, v in given.items() if k in one})
        return [{number: done, "message": ""}]

    def followups(self, asked: Asked, number: str) -> object:
        return [
            {"id": n, "users_id": by, "content": escape(text)}
            for n, (by, text) in enumerate(self.ticket(number)["_said"])
        ]

    def users(self, asked: Asked, number: str) -> object:
        owner = self.ticket(number)["_owner"]
        return [{"users_id": owner, "type": 2}] if owner else []

    def follow(self, asked: Asked) -> object:
        given = asked.json["input"]
        one = self.ticket(str(given["items_id"]))
        if given.get("itemtype") != "Ticket":
            raise Refused(400, ["ERROR_GLPI_ADD", "itemtype"])
        one["_said"].append((9, given["content"]))
        if one["status"] == SOLVED and not given.get("is_private"):
            one["status"] = ASSIGNED
        return 201, {"id": 1, "message": ""}

    def solve(self, asked: Asked) -> object:
        given = asked.json["input"]
        one = self.ticket(str(given["items_id"]))
        if one["status"] in (SOLVED, CLOSED):
            raise Refused(400, ["ERROR_GLPI_ADD", "The ticket is already solved"])
        one["status"] = SOLVED
        return 201, {"id": 1, "message": ""}

    def link(self, asked: Asked) -> object:
        given: dict[str, Any] = asked.json["input"]
        self.ticket(str(given["tickets_id_2"]))
        self.ticket(str(given["tickets_id_1"]))["_merged"] = True
        return 201, {"id": 1, "message": ""}

    def alive(self, key: str) -> list[str]:
        return [str(n) for n, one in self.tickets.items() if f"[{key}]" in one["name"]]

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        from html import unescape

        one = self.ticket(number)
        texts = [unescape(one["content"]), *(text for _, text in one["_said"])]
        return str(one["status"]), f"{one['impact']}/{one['urgency']}", texts

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            one["_said"].append((44, does["note"]))
        if "severity" in does:
            one["impact"], one["urgency"] = (int(n) for n in does["severity"].split("/"))
        one["_owner"] = 44 if "owner" in does else one["_owner"]
        one["status"] = int(does.get("status", one["status"]))
