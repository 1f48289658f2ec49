"""Request Tracker 5 REST2, as its own document has it (RT::REST2, sections "Creating Tickets",
"Updating Tickets", "Replying/Commenting Tickets", "Summary"), with what was seen live on 5.0.3:

* an unknown custom field is dropped on create, with 201; in a query it gives 200 and total 0.
* a status that is none, or no transition of the lifecycle, gives 200 with the complaint as text.
* a reply (`correspond`) reopens a resolved ticket; a comment does not.
* an owner that is none, or has no OwnTicket there, gives 200 with the complaint as text, and so
  does the owner that it has already (RT::Ticket::CurrentUserCanSetOwner, _NewOwnerCanOwnTicket).
* of a user an account without AdminUsers is told `Privileged` and little more, a stranger is 404
  (RT::REST2::Resource::User).
* merging is `MergeInto` of an update; a merged ticket answers as the one it lives on in.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN = "1-14-0123456789abcdef"
QUEUE = "NOC"
FIELDS = ("Service",)
STATUSES = ("new", "open", "stalled", "resolved", "rejected", "deleted")
# The shipped lifecycle "default": a resolved ticket does not become "approved" or the like.
NEXT = {"deleted": ("new", "open", "stalled", "resolved", "rejected")}


USERS = {"asha": True, "ravi": True, "guest": False}
"""login -> whether he has OwnTicket"""


class RequestTrackerServer(VendorServer):
    """One instance with a queue and a custom field."""

    routes = (
        ("GET", r"/REST/2.0/queue/(.+)", "queue"),
        ("GET", r"/REST/2.0/user/(.+)", "user"),
        ("POST", r"/REST/2.0/ticket", "create"),
        ("GET", r"/REST/2.0/tickets", "search"),
        ("GET", r"/REST/2.0/ticket/(\d+)", "show"),
        ("PUT", r"/REST/2.0/ticket/(\d+)", "update"),
        ("POST", r"/REST/2.0/ticket/(\d+)/(comment|correspond)", "write"),
        ("GET", r"/REST/2.0/ticket/(\d+)/history", "history"),
        ("GET", r"/REST/2.0/transaction/(\d+)/attachments", "attachments"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.transactions: list[dict[str, Any]] = []

    def admit(self, asked: Asked) -> None:
        if asked.headers.get("authorization") != f"token {TOKEN}":
            raise Refused(401, {"message": "Unauthorized"})

    def queue(self, asked: Asked, name: str) -> object:
        if name not in (QUEUE, "1"):
            raise Refused(404, {"message": "Not Found"})
        create = {"ref": "create", "type": "ticket", "_url": "/REST/2.0/ticket?Queue=1"}
        fields = [
            {"id": str(n), "name": one, "type": "customfield"} for n, one in enumerate(FIELDS)
        ]
        return {
            "id": 1, "Name": QUEUE, "Lifecycle": "default", "TicketCustomFields": fields,
            "_hyperlinks": [create],
        }  # fmt: skip

    def user(self, asked: Asked, name: str) -> object:
        if name not in USERS:
            raise Refused(404, {"message": "Not Found"})
        return {"Privileged": 1, "RealName": name.title(), "EmailAddress": f"{name}@example.net"}

    def create(self, asked: Asked) -> object:
        given = asked.json
        if given.get("Queue") != QUEUE:
            raise Refused(400, {"message": "Could not create ticket. Queue not set"})
        number = self.next_number()
        self.tickets[number] = {
            "id": number, "Subject": given.get("Subject", ""), "Status": given.get("Status", "new"),
            "Priority": int(given.get("Priority", 0)), "Owner": "Nobody", "into": None,
            "CustomFields": {k: v for k, v in given.get("CustomFields", {}).items() if k in FIELDS},
        }  # fmt: skip
        self._transaction(number, "Create", given.get("Content", ""), "reveille")
        return 201, {"type": "ticket", "id": str(number), "_url": f"/REST/2.0/ticket/{number}"}

    def search(self, asked: Asked) -> object:
        found = re.fullmatch(r"Subject LIKE '([^']*)'", asked.query["query"])
        mine = [
            one for one in self.tickets.values()
            if found and found[1] in one["Subject"] and not one["into"]
        ]  # fmt: skip
        items = [{"type": "ticket", "id": str(o["id"]), "Subject": o["Subject"]} for o in mine]
        return {"count": len(items), "total": len(items), "page": 1, "items": items}

    def show(self, asked: Asked, number: str) -> object:
        one = self._effective(number)
        return {
            **{k: v for k, v in one.items() if k != "into"}, "EffectiveId": {"id": str(one["id"])},
            "Owner": {"id": one["Owner"], "type": "user"},
            "CustomFields": [
                {"name": name, "values": [one["CustomFields"].get(name, "")]} for name in FIELDS
            ],
        }  # fmt: skip

    def update(self, asked: Asked, number: str) -> object:
        one, said = self._effective(number), []
        for name, value in asked.json.items():
            if name == "Status":
                if value not in STATUSES or value not in NEXT.get(one["Status"], STATUSES):
                    said.append(f"Ticket {number}: Status '{value}' isn't a valid status.")
                    continue
                said.append(f"Ticket {number}: Status changed from '{one['Status']}' to '{value}'")
                one["Status"] = value
            elif name == "Priority":
                one["Priority"] = int(value)
                said.append(f"Ticket {number}: Priority changed")
            elif name == "Owner":
                said.append(self._given_to(one, value))
            elif name == "MergeInto":
                # RT::Ticket::MergeInto: both are loaded by their effective ids.
                mine, into = self._effective(number), self._effective(str(value))
                if mine is into:
                    said.append("Can't merge a ticket into itself")
                    continue
                mine["into"] = into["id"]
                said.append("Merge Successful")
            # An attribute that it does not know is passed over without a word.
        return said

    def _given_to(self, one: dict[str, Any], name: str) -> str:
        if name not in USERS:
            return "That user does not exist"
        if not USERS[name]:
            return "That user may not own tickets in that queue"
        if one["Owner"] == name:
            return "That user already owns that ticket"
        one["Owner"] = name
        return f"Owner changed to {name}"

    def write(self, asked: Asked, number: str, how: str) -> object:
        one, given = self._effective(number), asked.json
        if not given.get("Content") or not given.get("ContentType"):
            raise Refused(400, {"message": "Content is a required field"})
        for file in given.get("Attachments", ()):
            if not all(file.get(name) for name in ("FileName", "FileType", "FileContent")):
                raise Refused(400, {"message": "FileName is a required field for each attachment"})
            content = b64decode(file["FileContent"], validate=True)
            self.files.setdefault(number, []).append((file["FileName"], content))
        kind = {"comment": "Comment", "correspond": "Correspond"}[how]
        self._transaction(one["id"], kind, given["Content"], "reveille")
        if how == "correspond" and one["Status"] in ("new", "resolved"):
            one["Status"] = "open"
        return 201, ["Comments added" if how == "comment" else "Correspondence added"]

    def history(self, asked: Asked, number: str) -> object:
        one = self._effective(number)["id"]
        mine = [t for t in self.transactions if self._effective(str(t["ticket"]))["id"] == one]
        items = [
            {"type": "transaction", "id": str(t["id"]), "Type": t["Type"],
             "Creator": {"id": t["Creator"], "type": "user"}}
            for t in mine
        ]  # fmt: skip
        return {"count": len(items), "total": len(items), "items": items}

    def attachments(self, asked: Asked, number: str) -> object:
        text = self.transactions[int(number) - 1]["text"]
        # As a field of a collection it is text; the attachment's own record has it in base64.
        return {"items": [{"id": number, "ContentType": "text/plain", "Content": text}]}

    def _effective(self, number: str) -> dict[str, Any]:
        one = self.ticket(number)
        return self._effective(str(one["into"])) if one["into"] else one

    def _transaction(self, number: int, kind: str, text: str, creator: str) -> None:
        self.transactions.append(
            {"id": len(self.transactions) + 1, "ticket": number, "Type": kind, "text": text,
             "Creator": creator}
        )  # fmt: skip

    def alive(self, key: str) -> list[str]:
        return [str(n) for n, o in self.tickets.items() if key in o["Subject"] and not o["into"]]

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self.ticket(number)
        mine = [t for t in self.transactions if self._effective(str(t["ticket"])) is one]
        return one["Status"], str(one["Priority"]), [t["text"] for t in mine]

    def owner(self, number: str) -> str:
        one = self.ticket(number)["Owner"]
        return "" if one == "Nobody" else str(one)

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            self._transaction(int(number), "Comment", does["note"], "asha")
        if "severity" in does:
            one["Priority"] = int(does["severity"])
        one["Status"] = does.get("status", one["Status"])
        one["Owner"] = does.get("owner", one["Owner"])
