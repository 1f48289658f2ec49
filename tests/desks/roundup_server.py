"""Roundup 2.6's REST API (https://www.roundup-tracker.org/docs/rest.html, "Collections", "Item",
"Get Link", "Post Once Exactly"), with what was seen live on its tracker "classic":

* PATCH without the item's @etag in If-Match is 412; an unknown property 400; a message without an
  author 409.
* a fourth wrong password within a minute is 429, and so is the right one after it.
* a message added to a resolved issue makes it "chatting", unless the change names a status.
* POST to a link of `@poe` makes one item; a second POST to it is 400.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.desks.server import Asked, Refused, VendorServer

PASSWORD = "roundup-password-0123"
WORDS = {
    "status": ("unread", "deferred", "chatting", "need-eg", "in-progress", "testing", "done-cbb",
               "resolved"),
    "priority": ("critical", "urgent", "bug", "feature", "wish"),
    "user": ("admin", "anonymous", "asha", "reveille", "ravi"),
}  # fmt: skip
PROPERTIES = "title messages files nosy superseder keyword priority status assignedto"


def error(status: int, text: str) -> Refused:
    """As it refuses."""
    return Refused(status, {"error": {"status": status, "msg": text}})


class RoundupServer(VendorServer):
    """A tracker "noc"."""

    routes = (
        ("GET", r"/noc/rest/data/(status|priority|user)", "words"),
        ("POST", r"/noc/rest/data/msg", "say"),
        ("GET", r"/noc/rest/data/msg/(\d+)", "said"),
        ("POST", r"/noc/rest/data/file", "upload"),
        ("POST", r"/noc/rest/data/issue/@poe", "once"),
        ("POST", r"/noc/rest/data/issue/@poe/(\w+)", "create"),
        ("GET", r"/noc/rest/data/issue", "search"),
        ("GET", r"/noc/rest/data/issue/(\d+)", "show"),
        ("PATCH", r"/noc/rest/data/issue/(\d+)", "update"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []
        self.links: dict[str, bool] = {}
        self.wrong = 0

    def admit(self, asked: Asked) -> None:
        if self.wrong > 3:
            raise Refused(429, b"Logins occurring too fast. Please wait: 150 seconds.")
        right = b64encode(f"reveille:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {right}":
            self.wrong += 1
            raise Refused(401, b"Invalid Login - Invalid login")
        # CSRF protection of the REST interface ("Preventing CSRF Attacks").
        if asked.headers.get("x-requested-with") != "rest":
            raise error(400, "Required Header Missing")

    def words(self, asked: Asked, of: str) -> object:
        key = "username" if of == "user" else "name"
        all_ = [{"id": str(n), key: word} for n, word in enumerate(WORDS[of], 1)]
        wanted = asked.query.get(key)
        found = [one for one in all_ if wanted in (None, one[key])]
        return {"data": {"collection": found, "@total_size": len(found)}}

    def say(self, asked: Asked) -> object:
        self.known(asked.json, "content author date", 400)
        if asked.json.get("author") not in {str(n) for n in range(1, 6)}:
            raise error(409, "no such user None")
        self.messages.append(asked.json)
        return 201, {"data": {"id": str(len(self.messages)), "link": ""}}

    def said(self, asked: Asked, number: str) -> object:
        one = self.messages[int(number) - 1]
        # The full text comes with @verbose=3 alone; else a link to it.
        if asked.query.get("@verbose") != "3":
            return {"data": {"id": number, "attributes": {"content": {"link": ""}}}}
        author = {"id": one["author"], "username": WORDS["user"][int(one["author"]) - 1]}
        text = one["content"].rstrip("\n")
        return {"data": {"id": number, "attributes": {"author": author, "content": text}}}

    def upload(self, asked: Asked) -> object:
        form = {name: content for name, _, content in asked.form}
        if not form.keys() >= {"name", "type", "content"}:
            raise error(400, "Required file property name not supplied")
        name, content = form["name"].decode(), form["content"]
        return 201, {"data": {"id": self.uploaded(name, content), "link": ""}}

    def once(self, asked: Asked) -> object:
        name = f"once{len(self.links)}"
        self.links[name] = True
        host = asked.headers["host"]
        return 201, {"data": {"link": f"http://{host}/noc/rest/data/issue/@poe/{name}"}}

    def create(self, asked: Asked, link: str) -> object:
        if not self.links.get(link):
            raise error(400, "POE token is not valid or has been used")
        given = asked.json
        self.known(given, PROPERTIES, 400)
        if not given.get("title"):
            raise error(400, "Required issue property title not supplied")
        self.links[link] = False
        number = self.next_number()
        self.tickets[number] = {
            "title": given["title"], "status": self._word("status", given.get("status", "unread")),
            "priority": self._word("priority", given.get("priority", "bug")), "assignedto": "",
            "messages": list(given.get("messages", ())), "superseder": [], "etag": 0,
        }  # fmt: skip
        return 201, {"data": {"id": str(number)}}

    def search(self, asked: Asked) -> object:
        found = [
            {"id": str(n), "title": one["title"]}
            for n, one in self.tickets.items()
            if asked.query["title"].lower() in one["title"].lower()
        ]
        return {"data": {"collection": found, "@total_size": len(found)}}

    def show(self, asked: Asked, number: str) -> object:
        one = self._issue(number)
        links = {
            "status": {"id": "1", "name": one["status"]},
            "priority": {"id": "1", "name": one["priority"]},
            "assignedto": {"id": "3", "username": one["assignedto"]} if one["assignedto"] else None,
            "messages": [{"id": n} for n in one["messages"]],
            "superseder": [{"id": n} for n in one["superseder"]],
            "files": [{"id": n} for n in one.get("files", ())],
        }
        attributes = {"title": one["title"], **links}
        return {
            "data": {"id": number, "attributes": attributes, "@etag": f'"e{number}.{one["etag"]}"'}
        }

    def update(self, asked: Asked, number: str) -> object:
        one, given = self._issue(number), dict(asked.json)
        if asked.headers.get("if-match") != f'"e{number}.{one["etag"]}"':
            raise error(412, "If-Match is missing or does not match.")
        self.known(given, PROPERTIES, 400)
        for name in ("status", "priority"):
            if name in given:
                given[name] = self._word(name, given[name])
        if "assignedto" in given:
            given["assignedto"] = self._word("user", given["assignedto"])
        if "messages" in given and "status" not in given and one["status"] == "resolved":
            one["status"] = "chatting"
        known = one.get("files", ())
        self.enclosed(number, [file for file in given.get("files", ()) if file not in known])
        one.update(given)
        one["etag"] += 1
        return {"data": {"id": number, "attribute": given}}

    def _word(self, of: str, word: str) -> str:
        if word not in WORDS[of]:
            raise error(400, f"property {of}: '{word}' is not a {of}.")
        return word

    def _issue(self, number: str) -> dict[str, Any]:
        if int(number) not in self.tickets:
            raise error(404, f"no such issue {number}")
        return self.tickets[int(number)]

    def alive(self, key: str) -> list[str]:
        return [
            str(n) for n, one in self.tickets.items()
            if f"[{key}]" in one["title"] and not one["superseder"]
        ]  # fmt: skip

    def stands(self, number: str) -> tuple[str, str, list[str]]:
        one = self.ticket(number)
        texts = [self.messages[int(n) - 1]["content"] for n in one["messages"]]
        return one["status"], one["priority"], texts

    def owner(self, number: str) -> str:
        return str(self._issue(number)["assignedto"])

    def operator(self, number: str, **does: str) -> None:
        one = self.ticket(number)
        if "note" in does:
            self.messages.append({"content": does["note"], "author": "3"})
            one["messages"].append(str(len(self.messages)))
        names = {"status": "status", "severity": "priority", "owner": "assignedto"}
        one.update({names[name]: value for name, value in does.items() if name in names})
        one["etag"] += 1
