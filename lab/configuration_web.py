"""The part of a lab's configuration that watches its portals, its CRM, its reports and its uplink."""

from __future__ import annotations

import json
from pathlib import Path
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
{pace}"""

_PORTAL = """\
[checks.{name}]                   # signs in, sees that it is in, signs out
kind = "portal"
component = "{name}"
url = "{url}"
secrets = {{ password = {{ file = {password} }} }}
logout = {{ name = "logout", method = "POST", url = "/logout" }}
within = "5s"
diagnose = ["uplink"]
{pace}
[[checks.{name}.steps]]
name = "open"
url = "/login"
must_contain = ["{title}", "Sign in"]

[[checks.{name}.steps]]
name = "login"
url = "/login"
form = {{ user = "watcher", password = "{{password}}" }}
lands_on = "/home"
must_contain = ["Signed in as watcher"]
"""

_TOOLBAR = """\
[checks.agents-toolbar]           # what agents are shown; `reveille accept agents-toolbar` takes it for right
kind = "ui-config"
url = "{url}"
secrets = {{ password = {{ file = {password} }} }}
looks = [ {{ name = "toolbar", css = "#toolbar button", attributes = ["data-action"] }} ]
logout = {{ name = "logout", method = "POST", url = "/logout" }}
within = "8s"
diagnose = ["agent-portal", "uplink"]
{pace}
[[checks.agents-toolbar.steps]]
name = "login"
url = "/login"
form = {{ user = "watcher", password = "{{password}}" }}
lands_on = "/home"
"""

_REPORT = """\
[checks.calls-report]             # yesterday's report, held against the call records
kind = "report"
url = "{url}"
secrets = {{ password = {{ file = {password} }} }}
records = {{ file = {records} }}
figures = [
  {{ name = "calls", column = "Calls", rows = {{ Date = "{{date}}" }}, records = "offered_calls" }},
  {{ name = "answered", column = "Answered", rows = {{ Date = "{{date}}" }}, records = "answered_calls" }},
  {{ name = "talk", column = "Talk minutes", rows = {{ Date = "{{date}}" }}, records = "talk_minutes" }},
]
logout = {{ name = "logout", method = "POST", url = "/logout" }}
within = "10s"
diagnose = ["report-portal", "uplink"]
{pace}
[[checks.calls-report.steps]]
name = "login"
url = "/login"
form = {{ user = "watcher", password = "{{password}}" }}
lands_on = "/home"

[[checks.calls-report.steps]]
name = "download"
url = "/reports/calls.csv?date={{date}}"
"""

_API = """\
[checks.crm-api]                  # what the agents' screens rely on
kind = "api"
url = "{url}/"
secrets = {{ key = {{ file = {key} }} }}
within = "10s"
diagnose = ["uplink"]
{pace}
[[checks.crm-api.steps]]
name = "customer"
url = "customers/C-1042"
headers = {{ Authorization = "Bearer {{key}}" }}
json_schema = {schema}
"""

_WEBHOOK = """\
[checks.crm-webhook]              # a finished call is filed, and the CRM says so
kind = "webhook"
url = "{url}/"
secrets = {{ key = {{ file = {key} }} }}
listen = "127.0.0.1:0"
callback = {{ json_values = {{ "$.status" = "filed" }} }}
callback_within = "5s"
within = "10s"
diagnose = ["crm-api", "uplink"]
{pace}
[[checks.crm-webhook.steps]]
name = "event"
url = "events"
headers = {{ Authorization = "Bearer {{key}}" }}
json = {{ kind = "call-finished", call = "{{reference}}", callback = "{{callback}}" }}
expect_status = [202]
"""


def web_checks(lab: Lab) -> list[str]:
    """A part for each check."""
    password, key = _text(lab.passwords["watcher"]), _text(lab.passwords["api-key"])
    agents, reports = lab.portals["agent-portal"].root, lab.portals["report-portal"].root
    return [
        _UPLINK.format(pages=lab.world.pages, name_server=lab.world.name_server, pace=_PACE),
        *(
            _PORTAL.format(
                name=one.name, url=one.root, title=one.title, password=password, pace=_PACE
            )
            for one in lab.portals.values()
        ),
        _TOOLBAR.format(url=agents, password=password, pace=_PACE),
        _REPORT.format(url=reports, password=password, records=_text(lab.records), pace=_PACE),
        _API.format(url=lab.crm.url, key=key, schema=_text(lab.schema), pace=_PACE),
        _WEBHOOK.format(url=lab.crm.url, key=key, pace=_PACE),
    ]


def _text(path: Path) -> str:
    """A TOML basic string: JSON's rules are a subset of TOML's for the paths that matter."""
    return json.dumps(str(path.absolute()), ensure_ascii=False)
