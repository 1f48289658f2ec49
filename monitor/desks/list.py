"""The one list of desks. A new one is a file with its settings and one line here."""

from __future__ import annotations

from monitor.desks.built_in import BuiltInSettings
from monitor.desks.desk import Desk, DeskSettings
from monitor.desks.mail import MailSettings

_DESKS: tuple[type[DeskSettings], ...] = (
    BuiltInSettings,
    MailSettings,
)


def desk_kinds() -> dict[str, type[DeskSettings]]:
    """Every kind of desk: what `kind` says in [desks.NAME] -> its settings."""
    return {settings.KIND: settings for settings in _DESKS}


def build(name: str, settings: DeskSettings) -> Desk:
    """The desk that is called `name`."""
    return settings.desk(name)
