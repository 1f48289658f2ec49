"""Jira Service Management Cloud (developer.atlassian.com: "Jira Service Management Cloud REST API >
Request", "Jira Cloud platform REST API v3 > Issue search, Issues, Issue links").

* a request field that its type does not have: 400 with `errorMessage`.
* JQL does not know what was made a moment ago ("eventual consistency"); a field that there is not
  in it is 400.
* an assignee is an account id ("Assign issue"); one that may not be assigned is 400. "Find users
  assignable to issues" finds by account id, or by the mail addresses that profiles show.
* a transition that the workflow does not have at this status: 400.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

TOKEN, USER = "jira-token-0123", "reveille@example.net"
INDEXED_AFTER_SECONDS = 30.0
WORKFLOW = {
    "Open": {"11": "In Progress", "21": "Resolved"},
    "In Progress": {"21": "Resolved", "31": "Open"},
    "Resolved": {"31": "Open", "41": "Closed"},
    "Closed": {},
}
USERS = {"asha@example.net": "5b10a-asha", "ravi@example.net": "5b10a-ravi"}
PRIORITIES = ("Highest", "High", "Medium", "Low")


class JiraServer(VendorServer):
    """One service desk with one request type."""

    routes = (
        ("GET", r"/rest/api/3/myself", "me"),
        ("GET", r"/rest/api/3/priority/search", "priorities"),
        ("GET", r"/rest/servicedeskapi/servicedesk/(\d+)/requesttype/(\d+)/field", "fields"),
        ("GET", r"/rest/servicedeskapi/servicedesk/2", "service_desk"),
        ("GET", r"/rest/api/3/user/assignable/search", "assignable"),
        ("PUT", r"/rest/api/3/issue/NOC-(\d+)/assignee", "assign"),
        ("POST", r"/rest/servicedeskapi/request", "create"),
        ("GET", r"/rest/servicedeskapi/request/NOC-(\d+)/comment", "comments"),
        ("POST", r"/rest/servicedeskapi/request/NOC-(\d+)/comment", "comment"),
        ("POST", r"/rest/servicedeskapi/servicedesk/2/attachTemporaryFile", "lay_down"),
        ("POST", r"/rest/servicedeskapi/request/NOC-(\d+)/attachment", "attach"),
        ("POST", r"/rest/api/3/search/jql", "search"),
        ("GET", r"/rest/api/3/issue/NOC-(\d+)", "show"),
        ("PUT", r"/rest/api/3/issue/NOC-(\d+)", "update"),
        ("GET", r"/rest/api/3/issue/NOC-(\d+)/transitions", "transitions"),
        ("POST", r"/rest/api/3/issue/NOC-(\d+)/transitions", "move"),
        ("POST", r"/rest/api/3/issueLink", "link"),
    )

    def admit(self, asked: Asked) -> None:
        right = b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {right}":
            raise Refused(401, {"message": "Client must be authenticated"})

    def me(self, asked: Asked) -> object:
        return {"accountId": "me", "displayName": "Reveille"}

    def priorities(self, asked: Asked) -> object:
        return {"values": [{"id": str(n), "name": one} for n, one in enumerate(PRIORITIES)]}

    def fields(self, asked: Asked, desk: str, kind: str) -> object:
        if (desk, kind) != ("2", "17"):
            raise Refused(404, {"errorMessage": "The request type could not be found."})
        names = ("summary", "description", "customfield_10050")
        return {
            "canRaiseOnBehalfOf": True,
            "requestTypeFields": [{"fieldId": name, "required": False} for name in names],
        }

    def service_desk(self, asked: Asked) -> object:
        return {"id": "2", "projectId": "10001", "projectKey": "NOC"}

    def assignable(self, asked: Asked) -> object:
        if asked.query.get("project") != "NOC":
            raise Refused(404, {"errorMessages": ["No project could be found."]})
        return [
            {"accountId": number, "displayName": mail.partition("@")[0], "emailAddress": mail}
            for mail, number in USERS.items()
            if asked.query.get("query", "-") in mail or asked.query.get("accountId") == number
        ]

    def assign(self, asked: Asked, number: str) -> object:
        given = asked.json
        if set(given) != {"accountId"} or given["accountId"] not in USERS.values():
            raise Refused(400, {"errors": {"assignee": "User cannot be assigned issues."}})
        self.ticket(number)["assignee"] = given["accountId"]
        return 204, None

    def create(self, asked: Asked) -> object:
        given = asked.json
        if (given.get("serviceDeskId"), given.get("requestTypeId")) != ("2", "17"):
            raise Refused(404, {"errorMessage": "The request type could not be found."})
        values = given["requestFieldValues"]
        if strange := set(values) - {"summary", "description", "customfield_10050"}:
            raise Refused(400, {"errorMessage": f"Field {sorted(strange)[0]} is not on the form"})
        number = self.next_number()
        self.tickets[number] = {
            "summary": values["summary"], "description": values.get("description", ""),
            "status": "Open", "priority": "Medium", "assignee": None, "at": self.now,
            "comments": [], "links": [],
        }  # fmt: skip
        return 201, {"issueId": str(number), "issueKey": f"NOC-{number}"}

    def comments(self, asked: Asked, number: str) -> object:
        said = self.ticket(number)["comments"]
        return {"values": [{"body": text, "author": {"displayName": by}} for by, text in said]}

    def comment(self, asked: Asked, number: str) -> object:
        given = asked.json
        if set(given) != {"body", "public"}:
            raise Refused(400, {"errorMessage": "body and public are needed"})
        self.ticket(number)["comments"].append(("Reveille", given["body"]))
        return 201, {"id": "1"}

    def lay_down(self, asked: Asked) -> object:
        if asked.headers.get("x-atlassian-token") != "no-check":
            raise Refused(403, {"errorMessage": "XSRF check failed"})
        ((field, name, content),) = asked.form
        assert field == "file"
        token = self.uploaded(name, content)
        return 201, {"temporaryAttachments": [{"temporaryAttachmentId": token, "fileName": name}]}

    def attach(self, asked: Asked, number: str) -> object:
        given = asked.json
        self.known(given, "temporaryAttachmentIds public additionalComment", 400)
        self.enclosed(f"NOC-{number}", given["temporaryAttachmentIds"])
        self.ticket(number)["comments"].append(("Reveille", given["additionalComment"]["body"]))
        return 201, {"comment": {"id": "1"}}

    def search(self, asked: Asked) -> object:
        found = re.fullmatch(r'summary ~ "\\"([^"\\]*)\\"" ORDER BY created', asked.json["jql"])
        if not found:
            raise Refused(400, {"errorMessages": ["Field does not exist."]})
        old = [
            {"id": str(n), "key": f"NOC-{n}", "fields": {"summary": one["summary"]}}
            for n, one in self.tickets.items()
            if found[1] in one["summary"] and one["at"] + INDEXED_AFTER_SECONDS <= self.now
        ]
        return {"issues": old, "isLast": True}

    def show(self, asked: Asked, number: str) -> object:
        one = self.ticket(number)
        who = one["assignee"]
        assignee = {"accountId": who, "displayName": who.rpartition("-")[2]} if who else None
        fields = {
            "summary": one["summary"], "status": {"name": one["status"]}, "assignee": assignee,
            "priority": {"name": one["priority"]}, "description": self._document(one),
        }  # fmt: skip
        return {"id": number, "key": f"NOC-{number}", "fields": fields}

    def update(self, asked: Asked, number: str) -> object:
        one = self.ticket(number)
        for name, value in asked.json["fields"].items():
            if name == "priority":
                if value["name"] not in PRIORITIES:
                    raise Refused(400, {"errors": {"priority": "The priority is invalid."}})
                one["priority"] = value["name"]
            elif name == "summary":
                one["summary"] = value
            else:
                raise Refused(400, {"errors": {name: f"Field '{name}' cannot be set."}})
        return 204, None

    def transitions(self, asked: Asked, number: str) -> object:
        there = WORKFLOW[self.ticket(number)["status"]]
        return {
            "transitions": [{"id": n, "name": to, "to": {"name": to}} for n, to in there.items()]
        }

    def move(self, asked: Asked, number: str) -> object:
        one = self.ticket(number)
        to = WORKFLOW[one["status"]].get(asked.json["transition"]["id"])
        if to is None:
            raise Refused(400, {"errorMessages": ["It seems that you have tried to perform an"
                                                  " illegal workflow operation."]})  # fmt: skip
        one["status"] = to
        return 204, None

    def link(self, asked: Asked) -> object:
        given = asked.json
        if given["type"]["name"] != "Duplicate":
            raise Refused(404, {"errorMessages": ["No issue link type with that name found."]})
        self.ticket(given["outwardIssue"]["key"].removeprefix("NOC-"))
        return 201, None

    def _document(self, one: dict[str, Any]) -> object:
        """The Atlassian Document Format: a paragraph a line."""
        lines = [
            {"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []}
            for line in one["description"].split("\n")
        ]
        return {"type": "doc", "version": 1, "content": lines}

    def alive(self, key: str) -> list[str]:
        return [f"NOC-{n}" for n, one in self.tickets.items() if f"[{key}]" in one["summary"]]

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self.ticket(number.removeprefix("NOC-"))
        texts = [one["description"], *(text for _, text in one["comments"])]
        return one["status"], one["priority"], texts

    def owner(self, number: str) -> str:
        who = self.ticket(number.removeprefix("NOC-"))["assignee"]
        return next((mail for mail, account in USERS.items() if account == who), "")

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number.removeprefix("NOC-"))
        if "note" in does:
            one["comments"].append(("Asha", does["note"]))
        if "owner" in does:
            one["assignee"] = USERS[does["owner"]]
        names = {"status": "status", "severity": "priority"}
        one.update({names[name]: value for name, value in does.items() if name in names})
