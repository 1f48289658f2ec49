"""ServiceNow's Table API (docs, "REST API reference > Table API"; the incident's state model and
the data policy "Make close info mandatory when resolved or closed" as shipped).

* a field that the table does not have is dropped on insert, with 201.
* an encoded query over a field that there is not gives every record
  (glide.invalid_query.returns_no_rows is false as shipped).
* resolved or closed without `close_code` and `close_notes`: 403, "Operation against file 'incident'
  was aborted by Business Rule".
* a reference holds a sys_id; it is read as {link, value}. With sysparm_input_display_value a value
  is looked up among display values (a user's: his name).
* a closed incident is read-only for everybody but administrators.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

PASSWORD = "servicenow-password-0123"
FIELDS = [
    "short_description",
    "description",
    "correlation_id",
    "correlation_display",
    "impact",
    "urgency",
    "state",
    "assignment_group",
    "category",
    "subcategory",
    "caller_id",
    "work_notes",
    "comments",
    "close_code",
    "close_notes",
    "parent_incident",
    "assigned_to",
    "u_service",
    "cmdb_ci",
    "contact_type",
    "priority",
    "sys_id",
    "number",
]
USERS = {"asha": "5137153cc611227c000bbd1bd8cd2005", "ravi": "5137153cc611227c000bbd1bd8cd2006"}
CLOSE_CODES = ("Solution provided", "Duplicate", "Resolved by caller", "No resolution provided")


class ServicenowServer(VendorServer):
    """One instance."""

    routes = (
        ("GET", r"/api/now/table/incident", "query"),
        ("POST", r"/api/now/table/incident", "insert"),
        ("GET", r"/api/now/table/incident/(\w+)", "show"),
        ("PATCH", r"/api/now/table/incident/(\w+)", "update"),
        ("GET", r"/api/now/table/sys_journal_field", "journal"),
        ("POST", r"/api/now/attachment/file", "upload"),
        ("GET", r"/api/now/attachment", "attachments"),
        ("GET", r"/api/now/table/sys_user", "users"),
        ("GET", r"/api/now/table/(sys_user_group|sys_choice|sys_dictionary)", "named"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.journals: list[dict[str, Any]] = []

    def admit(self, asked: Asked) -> None:
        right = b64encode(f"reveille:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {right}":
            raise Refused(
                401, {"error": {"message": "User Not Authenticated"}, "status": "failure"}
            )

    def upload(self, asked: Asked) -> object:
        self.known(asked.query, "table_name table_sys_id file_name", 400)
        if asked.query.get("table_name") != "incident":
            raise Refused(400, {"error": {"message": "Invalid table"}, "status": "failure"})
        token = self.uploaded(asked.query["file_name"], asked.body)
        self.enclosed(asked.query["table_sys_id"], [token])
        return 201, {"result": {"sys_id": token}}

    def attachments(self, asked: Asked) -> object:
        """ "Attachment API > GET /now/attachment": `hash` is the SHA-256 of the content."""
        query = dict(part.partition("=")[::2] for part in asked.query["sysparm_query"].split("^"))
        files = self.files.get(query["table_sys_id"], [])
        return {
            "result": [
                {"file_name": name, "hash": sha256(content).hexdigest()} for name, content in files
            ]
        }

    def users(self, asked: Asked) -> object:
        found = [
            {"sys_id": number, "user_name": name, "email": f"{name}@example.net"}
            for name, number in USERS.items()
        ]
        for part in asked.query["sysparm_query"].split("^"):
            name, _, value = part.partition("=")
            # Both have the role, and are active.
            if name not in ("active", "roles"):
                found = [one for one in found if one.get(name, value) == value]
        return {"result": found}

    def query(self, asked: Asked) -> object:
        found = list(self.tickets.values())
        for part in asked.query["sysparm_query"].split("^"):
            name, _, value = part.partition("=")
            if name in FIELDS:
                found = [one for one in found if one.get(name, "") == value]
        return {"result": [self._shown(one) for one in found]}

    def insert(self, asked: Asked) -> object:
        number = self.next_number()
        given = {name: str(v) for name, v in asked.json.items() if name in FIELDS}
        one = {
            "sys_id": f"{number:032x}", "number": f"INC{number:07}", "state": "1", "impact": "3",
            "urgency": "3", "assigned_to": "", **given,
        }  # fmt: skip
        one["short_description"] = one.get("short_description", "")[:160]
        self.tickets[number] = one
        self._journal(one, given, "reveille")
        self._priority(one)
        return 201, {"result": self._shown(one)}

    def show(self, asked: Asked, sys_id: str) -> object:
        return {"result": self._shown(self._one(sys_id))}

    def update(self, asked: Asked, sys_id: str) -> object:
        one = self._one(sys_id)
        given = {name: str(v) for name, v in asked.json.items() if name in FIELDS}
        if "assigned_to" in given and asked.query.get("sysparm_input_display_value") == "true":
            given["assigned_to"] = ""  # no name of a user is a sys_id
        after = {**one, **given}
        closing = after["state"] in ("6", "7")
        if one["state"] == "7" and set(given) - {"work_notes", "comments"}:
            raise self._aborted()
        if closing and not (after.get("close_code") in CLOSE_CODES and after.get("close_notes")):
            raise self._aborted()
        one.update(given)
        self._journal(one, given, "reveille")
        self._priority(one)
        return {"result": self._shown(one)}

    def journal(self, asked: Asked) -> object:
        wanted = asked.query["sysparm_query"].split("^")[0].removeprefix("element_id=")
        return {"result": [one for one in self.journals if one["element_id"] == wanted]}

    def named(self, asked: Asked, table: str) -> object:
        if table == "sys_user_group":
            return {"result": [{"name": "NOC"}] if "name=NOC" in str(asked.query) else []}
        if table == "sys_choice":
            return {"result": [{"value": one, "label": one} for one in CLOSE_CODES]}
        return {"result": [{"element": one} for one in FIELDS]}

    def _one(self, sys_id: str) -> dict[str, Any]:
        for one in self.tickets.values():
            if one["sys_id"] == sys_id:
                return one
        raise Refused(404, {"error": {"message": "No Record found"}, "status": "failure"})

    def _aborted(self) -> Refused:
        text = "Operation against file 'incident' was aborted by Business Rule"
        return Refused(403, {"error": {"message": text}, "status": "failure"})

    def _journal(self, one: dict[str, Any], given: dict[str, Any], by: str) -> None:
        for name in ("work_notes", "comments"):
            if text := given.get(name):
                self.journals.append(
                    {"element_id": one["sys_id"], "element": name, "value": text,
                     "sys_created_by": by}
                )  # fmt: skip
                one.pop(name, None)

    def _priority(self, one: dict[str, Any]) -> None:
        # The shipped priority lookup: impact and urgency of 1 to 3 give a priority of 1 to 5.
        one["priority"] = str(int(one["impact"]) + int(one["urgency"]) - 1)

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        shown = {name: value for name, value in one.items() if name not in ("work_notes",)}
        if who := shown.get("assigned_to"):
            shown["assigned_to"] = {"link": f"https://x/api/now/table/sys_user/{who}", "value": who}
        return shown

    def alive(self, key: str) -> list[str]:
        return [o["sys_id"] for o in self.tickets.values() if o.get("correlation_id") == key]

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self._one(number)
        notes = [o["value"] for o in self.journals if o["element_id"] == number]
        return one["state"], f"{one['impact']}/{one['urgency']}", [one["description"], *notes]

    def owner(self, number: str) -> str:
        who = self._one(number)["assigned_to"]
        return next((name for name, sys_id in USERS.items() if sys_id == who), "")

    def operator(self, number: str, **does: str) -> None:
        one = self._one(number)
        if "note" in does:
            self._journal(one, {"work_notes": does["note"]}, "asha")
        if "severity" in does:
            one["impact"], _, one["urgency"] = does["severity"].partition("/")
        one["state"] = does.get("status", one["state"])
        if one["state"] == "6":
            one.update(close_code="Resolved by caller", close_notes="done")
        if "owner" in does:
            one["assigned_to"] = USERS[does["owner"]]
