"""The part of a lab's configuration that proves what agents do with a call, and what the dialer
does for them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.centre import Lab

_ACCOUNT = """\
[{section}.{name}]
registrar = "127.0.0.1:{port}"
user = "{name}"
password = {{ file = {password} }}
"""

_CONTROL = """\
[checks.call-control]             # hold, mute and transfer, each proven at the other side's ear
kind = "sip-call"
line = "trunk-a"
to = "6104"
script = [
  {{ agent = "tester-01", within = "10s" }},
  {{ on-hold = "2s", hears = "music" }},
  {{ mute = "1500ms", code = "*6" }},
  {{ transfer = "supervisor-01", attended = true, within = "10s" }},
]
at = ["08:40", "17:40"]
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["trunk-options"]
"""

_CONFERENCE = """\
[checks.call-conference]          # three in a room, and each hears the others
kind = "sip-call"
line = "trunk-a"
to = "6105"
script = [
  {{ agent = "tester-02", within = "10s" }},
  {{ conference = "supervisor-02", room = "8601", within = "10s" }},
]
at = ["08:45", "17:45"]
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["trunk-options"]
"""

_DIALER = """\
[checks.outbound-dialer]          # click to call: the agent and the customer are called, and hear each other
kind = "outbound-dialer"
line = "customer-01"
agent = "tester-03"
url = "{url}/"
secrets = {{ key = {{ file = {key} }} }}
called_within = "10s"
caller_id = "8000"
at = ["08:50", "17:50"]
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["trunk-options"]

[[checks.outbound-dialer.steps]]
name = "api"
url = "calls"
headers = {{ Authorization = "Bearer {{key}}" }}
json = {{ customer = "{{customer}}", agent = "{{agent}}" }}
expect_status = [202]
"""
_LINES = ("customer-01",)
_AGENTS = ("supervisor-01", "supervisor-02", "tester-01", "tester-02", "tester-03")


def feature_checks(lab: Lab) -> list[str]:
    """The accounts that it takes, and a part for each check."""
    accounts = [("lines", name) for name in _LINES] + [("agents", name) for name in _AGENTS]
    return [
        *(
            _ACCOUNT.format(
                section=section, name=name, port=lab.pbx.port, password=_text(lab, name)
            )
            for section, name in accounts
        ),
        _CONTROL.format(),
        _CONFERENCE.format(),
        _DIALER.format(url=lab.dialer.url, key=_text(lab, "api-key")),
    ]


def _text(lab: Lab, account: str) -> str:
    """A TOML basic string: JSON's rules are a subset of TOML's for the paths that matter."""
    return json.dumps(str(lab.passwords[account].absolute()), ensure_ascii=False)
