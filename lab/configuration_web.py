"""The part of a lab's configuration that watches its portals, its CRM, its reports and its uplink."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.centre import Lab

_PACE = """\
every = "5m"
confirm = 2
confirm_after = "2s"
recheck = "10s"
"""

_UPLINK = """\
[checks.uplink]                   # when it is down, what stands on it is not blamed
kind = "uplink"
targets = [
  {{ http = "{pages[0]}", status = 204 }},
  {{ http = "{pages[1]}", status = 204 }},
  {{ dns = "{name_server}" }},
]
samples = 3
pause = "100ms"
answer_within = "1s"
"""

_PORTAL = """\
[checks.{name}]
kind = "portal"
component = "{name}"
url = "{url}"
must_contain = ["{title}", "Sign in"]
within = "5s"
diagnose = ["uplink"]
"""


def web_checks(lab: Lab) -> list[str]:
    """A part for each check."""
    checks = [
        _UPLINK.format(pages=lab.world.pages, name_server=lab.world.name_server),
        *(_PORTAL.format(name=portal.name, url=portal.url, title=portal.title) for portal in lab.portals.values()),
    ]
    return [check + _PACE for check in checks]
