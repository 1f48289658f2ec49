"""Redmine 5, as https://www.redmine.org/projects/redmine/wiki/Rest_api has it (Rest_Issues,
Rest_IssueStatuses, Rest_Enumerations, Rest_Projects, Rest_Users).

* an update answers 204 without a body, also for a status that the workflow does not allow to this
  role: it is passed over without a word.
* memberships tell of each member his name and roles; logins are told to administrators alone
  (Rest_Memberships, Rest_Users). A role says whether it is `assignable` (Rest_Roles).
* an assignee who may not be one is 422 "Assignee is invalid" (Issue#validate_issue).
* 422 with `errors` for what its validations refuse; an attribute that it does not know is dropped.
"""

from __future__ import annotations

from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

USERS = {5: "Asha NOC", 6: "Ravi NOC", 7: "Guest NOC"}
ROLES = {3: True, 4: False}
"""role -> whether its members may be assigned issues"""
MEMBERS = {5: 3, 6: 3, 7: 4}
KEY = "redmine-api-key-0123"
STATUSES = {1: "New", 2: "In Progress", 3: "Resolved", 5: "Closed"}
PRIORITIES = {1: "Low", 2: "Normal", 4: "Urgent"}
FIELDS = {7: "Service"}
EVERYWHERE = {8: "Region"}
"""fields for all projects: no project lists them (ProjectsHelper#render_api_includes of 5.0)"""
WORKFLOW = {1: (1, 2, 3), 2: (1, 2, 3), 3: (1, 2, 3, 5), 5: (5,)}


def refused(text: str) -> Refused:
    """What a validation says."""
    return Refused(422, {"errors": [text]})


class RedmineServer(VendorServer):
    """One project."""

    routes = (
        ("GET", r"/users/current.json", "me"),
        ("GET", r"/projects/(\w+).json", "project"),
        ("GET", r"/projects/noc/memberships.json", "memberships"),
        ("GET", r"/roles/(\d+).json", "role"),
        ("GET", r"/users.json", "users"),
        ("GET", r"/issue_statuses.json", "statuses"),
        ("GET", r"/enumerations/issue_priorities.json", "priorities"),
        ("GET", r"/issues.json", "search"),
        ("POST", r"/issues.json", "create"),
        ("GET", r"/issues/(\d+).json", "show"),
        ("PUT", r"/issues/(\d+).json", "update"),
        ("POST", r"/issues/(\d+)/relations.json", "relate"),
        ("POST", r"/uploads.json", "upload"),
        ("GET", r"/custom_fields.json", "listed"),
    )

    def admit(self, asked: Asked) -> None:
        if asked.headers.get("x-redmine-api-key") != KEY:
            raise Refused(401, None)

    def me(self, asked: Asked) -> object:
        return {"user": {"id": 9, "login": "reveille"}}

    def project(self, asked: Asked, name: str) -> object:
        if name != "noc":
            raise Refused(404, None)
        fields = [{"id": n, "name": one} for n, one in FIELDS.items()]
        return {
            "project": {
                "id": 1, "identifier": "noc", "trackers": [{"id": 3, "name": "Support"}],
                "issue_custom_fields": fields,
            }
        }  # fmt: skip

    def memberships(self, asked: Asked) -> object:
        all_ = [
            {"id": n, "user": {"id": n, "name": USERS[n]}, "roles": [{"id": role, "name": "R"}]}
            for n, role in MEMBERS.items()
        ]
        start = int(asked.query.get("offset", "0"))
        # A page of two, as a project of hundreds has pages of a hundred.
        return {"memberships": all_[start : start + 2], "total_count": len(all_)}

    def role(self, asked: Asked, number: str) -> object:
        return {"role": {"id": int(number), "name": "R", "assignable": ROLES[int(number)]}}

    def users(self, asked: Asked) -> object:
        raise Refused(403, None)  # for administrators alone

    def statuses(self, asked: Asked) -> object:
        return {
            "issue_statuses": [
                {"id": n, "name": name, "is_closed": n == 5} for n, name in STATUSES.items()
            ]
        }

    def priorities(self, asked: Asked) -> object:
        return {"issue_priorities": [{"id": n, "name": name} for n, name in PRIORITIES.items()]}

    def search(self, asked: Asked) -> object:
        if asked.query.get("status_id") != "*":
            raise AssertionError("without status_id=* Redmine shows open issues alone")
        words = asked.query.get("subject", "").removeprefix("~")
        found = [self._shown(n) for n, one in self.tickets.items() if words in one["subject"]]
        return {"issues": found, "total_count": len(found)}

    def create(self, asked: Asked) -> object:
        given = asked.json["issue"]
        if given.get("project_id") != "noc":
            raise Refused(404, None)
        if not given.get("subject"):
            raise refused("Subject cannot be blank")
        if len(given["subject"]) > 255:
            raise refused("Subject is too long (maximum is 255 characters)")
        if given.get("priority_id", 2) not in PRIORITIES:
            raise refused("Priority cannot be blank")
        number = self.next_number()
        self.tickets[number] = {
            "subject": given["subject"], "description": given.get("description", ""),
            "status": 1, "priority": given.get("priority_id", 2), "journals": [], "to": 0,
            "fields": {f["id"]: f["value"] for f in given.get("custom_fields", ())
                       if f["id"] in FIELDS | EVERYWHERE},
        }  # fmt: skip
        return 201, {"issue": self._shown(number)}

    def show(self, asked: Asked, number: str) -> object:
        self.ticket(number)
        return {"issue": self._shown(int(number), "journals" in asked.query.get("include", ""))}

    def update(self, asked: Asked, number: str) -> object:
        one, given = self.ticket(number), asked.json["issue"]
        if (to := given.get("assigned_to_id")) is not None:
            if not ROLES.get(MEMBERS.get(to, 0)):
                raise refused("Assignee is invalid")
            one["to"] = to
        if given.get("status_id") in WORKFLOW[one["status"]]:
            one["status"] = given["status_id"]
        if given.get("priority_id") in PRIORITIES:
            one["priority"] = given["priority_id"]
        one["subject"] = given.get("subject", one["subject"])
        self.enclosed(number, [file["token"] for file in given.get("uploads", ())])
        if given.get("notes"):
            one["journals"].append(("reveille", given["notes"]))
        return 204, None

    def listed(self, asked: Asked) -> object:
        raise Refused(403, None)  # for administrators alone

    def upload(self, asked: Asked) -> object:
        if asked.headers.get("content-type") != "application/octet-stream":
            raise Refused(406, None)
        return 201, {"upload": {"token": self.uploaded(asked.query["filename"], asked.body)}}

    def relate(self, asked: Asked, number: str) -> object:
        given = asked.json["relation"]
        self.ticket(str(given["issue_to_id"]))
        if given["relation_type"] not in ("relates", "duplicates", "blocks"):
            raise refused("Type is not included in the list")
        self.ticket(number)["duplicates"] = given["issue_to_id"]
        return 201, {"relation": {"id": 1, **given}}

    def _shown(self, number: int, journals: bool = False) -> dict[str, Any]:
        one = self.tickets[number]
        shown = {
            "id": number, "subject": one["subject"], "description": one["description"],
            "status": {"id": one["status"], "name": STATUSES[one["status"]]},
            "priority": {"id": one["priority"], "name": PRIORITIES[one["priority"]]},
            "author": {"id": 9, "name": "Reveille"},
            "custom_fields": [
                {"id": n, "name": name, "value": one["fields"].get(n, "")}
                for n, name in (FIELDS | EVERYWHERE).items()
            ],
        }  # fmt: skip
        if one["to"]:
            shown["assigned_to"] = {"id": one["to"], "name": USERS[one["to"]]}
        if journals:
            shown["journals"] = [
                {"id": n, "user": {"name": by}, "notes": text}
                for n, (by, text) in enumerate(one["journals"])
            ]
        return shown

    def alive(self, key: str) -> list[str]:
        return [str(n) for n, one in self.tickets.items() if f"[{key}]" in one["subject"]]

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self.ticket(number)
        texts = [one["description"], *(text for _, text in one["journals"])]
        return STATUSES[one["status"]], PRIORITIES[one["priority"]], texts

    def owner(self, number: str) -> str:
        return USERS.get(self.ticket(number)["to"], "")

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            one["journals"].append(("asha", does["note"]))
        if "owner" in does:
            one["to"] = next(n for n, name in USERS.items() if name == does["owner"])
        for name, words in (("status", STATUSES), ("severity", PRIORITIES)):
            if name in does:
                place = "priority" if name == "severity" else name
                one[place] = next(n for n, word in words.items() if word == does[name])
