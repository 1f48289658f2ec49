"""The one list of desks: the word written as `kind = ...` in [desks.NAME], and the settings of that
kind.

A new one is a file with its settings and one line here. Its module is imported when the kind is
first asked for: a configuration pays for what it uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from monitor.desks.desk import Desk, DeskSettings

_DESKS = {
    "built-in": "monitor.desks.built_in:BuiltInSettings",
    "chat": "monitor.desks.chat:ChatSettings",
    "mail": "monitor.desks.mail:MailSettings",
    "freshdesk": "monitor.desks.freshdesk:FreshdeskSettings",
    "glpi": "monitor.desks.glpi:GlpiSettings",
    "jira": "monitor.desks.jira:JiraSettings",
    "osticket": "monitor.desks.osticket:OsticketSettings",
    "pagerduty": "monitor.desks.pagerduty:PagerdutySettings",
    "redmine": "monitor.desks.redmine:RedmineSettings",
    "request-tracker": "monitor.desks.request_tracker:RequestTrackerSettings",
    "request-tracker-mail": "monitor.desks.request_tracker_mail:RequestTrackerMailSettings",
    "roundup": "monitor.desks.roundup:RoundupSettings",
    "servicenow": "monitor.desks.servicenow:ServicenowSettings",
    "telephone": "monitor.desks.telephone:TelephoneSettings",
    "webhook": "monitor.desks.webhook:WebhookSettings",
    "zammad": "monitor.desks.zammad:ZammadSettings",
    "zendesk": "monitor.desks.zendesk:ZendeskSettings",
}


class DeskKinds(Mapping[str, type[DeskSettings]]):
    """Every kind of desk: what `kind` says in [desks.NAME] -> its settings."""

    def __getitem__(self, kind: str) -> type[DeskSettings]:
        return _settings(_DESKS[kind])

    def __iter__(self) -> Iterator[str]:
        return iter(_DESKS)

    def __len__(self) -> int:
        return len(_DESKS)


def desk_kinds() -> Mapping[str, type[DeskSettings]]:
    """Every kind of desk there is."""
    return DeskKinds()


def build(name: str, settings: DeskSettings) -> Desk:
    """The desk that is called `name`."""
    return settings.desk(name)


def _settings(where: str) -> type[DeskSettings]:
    module, _, name = where.partition(":")
    found: type[DeskSettings] = getattr(import_module(module), name)
    return found
