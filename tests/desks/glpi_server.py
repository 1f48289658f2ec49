"""GLPI 10's REST API (apirest.md in its source: "Init session", "Search items", "Add item(s)",
"Update item(s)", "Get sub items", "Errors").

* initSession gives a session token that every other request carries; without it 401
  ERROR_SESSION_TOKEN_INVALID.
* `add` answers 201 with the id; unknown fields of an input are dropped.
* an update answers 200 with [{"ID": true, "message": ""}], false where it did nothing.
* who is assigned is a Ticket_User of type 2, an item as any; the same link twice is no new one
  (400). A new ticket that is assigned is processed (status 2; CommonITILActor::post_addItem).
* in a search of users 1 is the name (the login), 2 the id, 8 whether he is active; ^ and $ hold the
  value to its ends (Search::makeTextSearchValue).
* a solution solves (status 5); a followup under a solved ticket that is not private reopens it.
* a file is a Document ("Upload a document file"): multipart/form-data with `uploadManifest`, the
  input as JSON, and `filename[0]`. Releases before 10.0.4 strip backslashes from that JSON before
  they read it (APIRest::parseIncomingParams). With itemtype and items_id it is with that item at
  once, and is named after it; an extension that Setup > Document types has not is refused.
* `with_documents` of "Get an item" gives `_documents`, each with its filename and comment.
"""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN, APP = "glpi-user-token-0123", "glpi-app-token-0123"
USERS = {44: "asha", 45: "ravi", 46: "gone"}
INACTIVE = (46,)
NEW, ASSIGNED, WAITING, SOLVED, CLOSED = 1, 2, 4, 5, 6


class GlpiServer(VendorServer):
    """One instance."""

    routes = (
        ("GET", r"/apirest.php/initSession", "begin"),
        ("GET", r"/apirest.php/killSession", "end"),
        ("GET", r"/apirest.php/getActiveProfile", "profile"),
        ("GET", r"/apirest.php/search/Ticket", "search"),
        ("GET", r"/apirest.php/search/User", "people"),
        ("POST", r"/apirest.php/Ticket_User", "assign"),
        ("DELETE", r"/apirest.php/Ticket_User/(\d+)", "leave"),
        ("GET", r"/apirest.php/ITILCategory/(\d+)", "category"),
        ("POST", r"/apirest.php/Ticket", "create"),
        ("GET", r"/apirest.php/Ticket/(\d+)", "show"),
        ("PUT", r"/apirest.php/Ticket/(\d+)", "update"),
        ("GET", r"/apirest.php/Ticket/(\d+)/ITILFollowup", "followups"),
        ("GET", r"/apirest.php/Ticket/(\d+)/Ticket_User", "users"),
        ("POST", r"/apirest.php/ITILFollowup", "follow"),
        ("POST", r"/apirest.php/ITILSolution", "solve"),
        ("POST", r"/apirest.php/Ticket_Ticket", "link"),
        ("POST", r"/apirest.php/Document/?", "upload"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.sessions: set[str] = set()
        self.begun = 0
        self.links: dict[int, tuple[int, int]] = {}
        """Ticket_User of type 2 -> ticket and user"""
        self.followup = 13319
        """what the profile may do with followups: READ, ADDALLITEM and the like, as bits"""

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
        rights = {"ticket": 167935, "followup": self.followup}
        return {"active_profile": {"id": 4, "name": "Technician", **rights}}

    def category(self, asked: Asked, number: str) -> object:
        if number != "3":
            raise Refused(404, ["ERROR_ITEM_NOT_FOUND", "Item not found"])
        return {"id": 3, "name": "Telephony"}

    def people(self, asked: Asked) -> object:
        wanted, by = asked.query["criteria[0][value]"], asked.query["criteria[0][field]"]
        found = [
            {"1": name, "2": n, "8": int(n not in INACTIVE)}
            for n, name in USERS.items()
            if re.search(wanted, name if by == "1" else str(n))
        ]
        return {"totalcount": len(found), "count": len(found), "data": found}

    def assign(self, asked: Asked) -> object:
        given = asked.json["input"]
        one, link = self.ticket(str(given["tickets_id"])), (given["tickets_id"], given["users_id"])
        if given["type"] != 2 or given["users_id"] not in USERS or link in self.links.values():
            raise Refused(400, ["ERROR_GLPI_ADD", "it cannot be added"])
        self.links[number := max(self.links, default=0) + 1] = link
        if one["status"] == NEW:
            one["status"] = ASSIGNED
        return 201, {"id": number, "message": ""}

    def leave(self, asked: Asked, number: str) -> object:
        if self.links.pop(int(number), None) is None:
            raise Refused(404, ["ERROR_ITEM_NOT_FOUND", "Item not found"])
        return [{number: True, "message": ""}]

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
            "impact": given.get("impact", 3), "_said": [], "_merged": False,
            "_documents": [],
        }  # fmt: skip
        return 201, {"id": number, "message": ""}

    def show(self, asked: Asked, number: str) -> object:
        one = self.ticket(number)
        shown = {k: v for k, v in one.items() if not k.startswith("_")}
        if asked.query.get("with_documents") == "true":
            shown["_documents"] = list(one["_documents"])
        return shown

    def upload(self, asked: Asked) -> object:
        form = asked.form
        files = [(name, content) for field, name, content in form if field == "filename[0]"]
        if not files:
            raise Refused(400, ["ERROR_UPLOAD_FILE_TOO_BIG_POST_MAX_SIZE", "no file"])
        (manifest,) = [content for field, _, content in form if field == "uploadManifest"]
        try:
            given = json.loads(re.sub(r"\\(.)", r"\1", manifest.decode()))["input"]
        except ValueError:
            raise Refused(400, ["ERROR_JSON_PAYLOAD_INVALID", "JSON payload"]) from None
        ((name, content),) = files
        if given.get("itemtype") != "Ticket" or name.rpartition(".")[2] not in ("html", "png"):
            raise Refused(400, ["ERROR_GLPI_ADD", "The file type is not allowed"])
        one = self.ticket(str(given["items_id"]))
        named = f"Document: Ticket - {one['name']}"
        one["_documents"].append(
            {"name": named, "filename": name, "comment": given.get("comment", "")}
        )
        self.files.setdefault(str(one["id"]), []).append((name, content))
        return 201, {"id": 1, "message": "", "upload_result": {"filename": [{"name": name}]}}

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
        self.ticket(number)
        mine = [(n, user) for n, (ticket, user) in self.links.items() if ticket == int(number)]
        # Who has asked for it stands there as well.
        return [{"id": 0, "users_id": 9, "type": 1}] + [
            {"id": n, "users_id": user, "type": 2} for n, user in mine
        ]

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

    def owner(self, number: str) -> str:
        return ", ".join(USERS[user] for n, user in self.links.values() if n == int(number))

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            one["_said"].append((44, does["note"]))
        if "severity" in does:
            one["impact"], one["urgency"] = (int(n) for n in does["severity"].split("/"))
        if "owner" in does:
            user = next(n for n, name in USERS.items() if name == does["owner"])
            self.links = {n: link for n, link in self.links.items() if link[0] != int(number)}
            self.links[max(self.links, default=0) + 1] = (int(number), user)
        one["status"] = int(does.get("status", one["status"]))
