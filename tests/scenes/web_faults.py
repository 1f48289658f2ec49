"""The lab's faults that no call meets: which check sees each, at which stage and by which code,
whose ticket it is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """What becomes of a fault. `cause`: the check whose failure the ticket names, where it is
    another.
    """

    check: str
    stage: str
    code: str
    issue: str
    cause: str = ""


_PORTALS = ("agent-portal", "admin-portal", "dashboard-portal", "report-portal")
API = "api-crm-integration"

WEB = {
    **{f"{portal}-down": Seen(portal, "open", "http:503", f"{portal}-down") for portal in _PORTALS},
    **{
        f"{portal}-login": Seen(portal, "login", "wrong-page", f"{portal}-down")
        for portal in _PORTALS
    },
    "agent-portal-maintenance": Seen("agent-portal", "open", "missing-text", "agent-portal-down"),
    "ui-changed": Seen("agents-toolbar", "compare", "differs", "ui-configuration"),
    "report-missing": Seen("calls-report", "download", "report-missing", "reports"),
    "report-wrong": Seen("calls-report", "compare", "figures-differ", "reports"),
    "api-down": Seen("crm-api", "customer", "http:503", API),
    "api-form-changed": Seen("crm-api", "customer", "schema", API),
    "webhook-lost": Seen("crm-webhook", "callback", "no-callback", API),
    "webhook-wrong": Seen("crm-webhook", "compare", "wrong-body", API),
    "uplink-down": Seen("admin-portal", "open", "timeout", "internet-down", cause="uplink"),
}
