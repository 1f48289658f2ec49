"""The vendors, each with its server, its settings and its words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitor.desks.desk import Desk
from monitor.desks.list import desk_kinds
from monitor.desks.rest_helpdesk import HelpdeskSettings
from tests.desks import (
    freshdesk_server,
    glpi_server,
    jira_server,
    redmine_server,
    request_tracker_server,
    roundup_server,
    servicenow_server,
    zammad_server,
    zendesk_server,
)
from tests.desks.server import VendorServer
from tests.desks.story import Words, ended_well


@dataclass(frozen=True, slots=True)
class Vendor:
    """One of them."""

    kind: str
    server: type[Any]
    words: Words
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    """setting -> the secret that its server wants"""
    path: str = ""
    """of its API, behind host and port"""
    asha: str = "asha"
    """a user of its who may own tickets, as `owners` has her"""
    ravi: str = "ravi"
    """another"""
    guest: str = "nobody-there"
    """one who may not, or who is not there"""
    wrong: str = "no such word"
    """a severity that there is not"""
    opens_with: int = 1
    """the number of the request that opens a ticket, counted from 0"""

    def configured(self, port: int, folder: Path, **changes: Any) -> HelpdeskSettings:
        """Its settings, with secrets in files."""
        for name, secret in self.secrets.items():
            (folder / name).write_text(secret, encoding="utf-8")
        given = {
            "url": f"http://127.0.0.1:{port}{self.path}",
            "timeout": 5.0,
            "severities": {"P0": self.words.p0, "P2": self.words.p2},
            "owners": {"asha": self.asha, "ravi": self.ravi},
            **self.settings,
            **{name: {"file": folder / name} for name in self.secrets},
            **changes,
        }
        made = desk_kinds()[self.kind].model_validate(given)
        assert isinstance(made, HelpdeskSettings)
        return made

    def desk(self, port: int, folder: Path, **changes: Any) -> Desk:
        """A desk called "desk"."""
        return self.configured(port, folder, **changes).desk("desk")

    def ended_well(self, server: VendorServer, number: int, copies: bool = False) -> None:
        """As `story.ended_well`, and owned by who has taken it."""
        ended_well(server, number, self.words, copies)
        (alive,) = server.alive(f"rv-{number}.cafe0001")
        assert server.owner(alive) == self.asha

    def begun(self) -> VendorServer:
        """Its server, empty."""
        made: VendorServer = self.server()
        return made


# The whole of what adapters share is seen at these; the others follow by name, in the slow tests.
QUICK = ("zammad", "jira")
VENDORS = {
    one.kind: one
    for one in (
        Vendor(
            "zammad",
            zammad_server.ZammadServer,
            Words("new", "open", "closed", "3 high", "1 low"),
            {"group": "NOC", "customer": "reveille@example.net"},
            {"token": zammad_server.TOKEN},
            guest="guest",
        ),
        Vendor(
            "request-tracker",
            request_tracker_server.RequestTrackerServer,
            Words("new", "open", "resolved", "90", "40"),
            {"queue": "NOC"},
            {"token": request_tracker_server.TOKEN},
            guest="guest",
        ),
        Vendor(
            "redmine",
            redmine_server.RedmineServer,
            Words("New", "In Progress", "Resolved", "Urgent", "Low"),
            {"project": "noc"},
            {"api_key": redmine_server.KEY},
            asha="Asha NOC",
            ravi="Ravi NOC",
            guest="Guest NOC",
            opens_with=2,
        ),
        Vendor(
            "roundup",
            roundup_server.RoundupServer,
            Words("unread", "in-progress", "resolved", "critical", "wish"),
            {"user": "reveille"},
            {"password": roundup_server.PASSWORD},
            path="/noc",
            opens_with=4,
        ),
        Vendor(
            "servicenow",
            servicenow_server.ServicenowServer,
            Words("1", "2", "6", "1/1", "3/3"),
            {"user": "reveille", "assignment_group": "NOC"},
            {"password": servicenow_server.PASSWORD},
            wrong="9/9",
        ),
        Vendor(
            "zendesk",
            zendesk_server.ZendeskServer,
            Words("new", "open", "solved", "urgent", "low"),
            {"user": zendesk_server.USER},
            {"token": zendesk_server.TOKEN},
            asha="asha@example.net",
            ravi="ravi@example.net",
            guest="guest@example.net",
        ),
        Vendor(
            "freshdesk",
            freshdesk_server.FreshdeskServer,
            Words("2", "3", "4", "4", "1"),
            {"email": "reveille@example.net"},
            {"api_key": freshdesk_server.TOKEN},
            asha="asha@example.net",
            ravi="ravi@example.net",
            opens_with=2,
        ),
        Vendor(
            "glpi",
            glpi_server.GlpiServer,
            Words("1", "2", "5", "5/5", "2/2"),
            {},
            {"user_token": glpi_server.TOKEN, "app_token": glpi_server.APP},
            guest="gone",
            opens_with=2,
        ),
        Vendor(
            "jira",
            jira_server.JiraServer,
            Words("Open", "In Progress", "Resolved", "Highest", "Low"),
            {"user": jira_server.USER, "service_desk": "2", "request_type": "17"},
            {"token": jira_server.TOKEN},
            asha="asha@example.net",
            ravi="ravi@example.net",
        ),
    )
}
MOSTLY_SLOW = [
    pytest.param(vendor, id=kind, marks=[pytest.mark.slow] * (kind not in QUICK))
    for kind, vendor in VENDORS.items()
]
