"""The configuration that watches a lab: as a user would have written it, comments and all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from lab import prompts
from lab.configuration_browser import browser_checks
from lab.configuration_features import feature_checks
from lab.configuration_web import web_checks

if TYPE_CHECKING:
    from lab.centre import Lab

_SITE = """\
# Watches the practice contact centre that runs in {folder}.

state = {state}

[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
policy = "ozonetel"               # issues, owners, severities, targets and ladders
"""

_PEOPLE = {
    "operators": "operators@example.net",
    "customer-support-desk": "support-desk@example.net",
    "shift-team-leader": "shift-leader@example.net",
    "director-technical-support": "director@example.net",
    "change-request-desk": "change-desk@example.net",
    "change-request-level-2": "change-level-2@example.net",
    "change-request-level-3": "change-level-3@example.net",
}

_LINES = """\
[lines.trunk-a]
registrar = "127.0.0.1:{port}"
user = "monitor"
password = {{ file = {monitor} }}
channels = 3                      # never all that the centre has

[agents.agent-01]                 # the account that our own agent leg answers on
registrar = "127.0.0.1:{port}"
user = "agent-01"
password = {{ file = {agent} }}
"""

_CALLS = """\
[checks.main-number]              # dials in like a customer, answers like an agent
kind = "sip-call"
line = "trunk-a"
to = "8000"
script = [
  {{ hear = {welcome}, within = "4s" }},
  {{ hear = {menu}, within = "4s" }},
  {{ press = "1" }},
  {{ hear = {please_hold}, within = "5s" }},
  {{ agent = "agent-01", within = "10s" }},
  {{ hold = "1s" }},
]
answer_within = "12s"
at = ["08:30", "17:30"]           # twice a day, site time
expect = ["answer_seconds <= 4"]
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["trunk-options"]      # what it stands on, looked at when it fails

[checks.trunk-options]
kind = "sip-options"
line = "trunk-a"
within = "2s"
every = "5m"
confirm = 2
confirm_after = "2s"
recheck = "10s"
"""

_BROWSER = """\
[checks.browser-call]             # as an agent's browser calls: every stage, the welcome, and back what we say
kind = "webrtc-call"
url = "{url}"
user = "browser-01"
password = {{ file = {password} }}
trusted_certificates = {certificate}
to = "8000"
script = [ {{ hear = {welcome}, within = "4s" }} ]
echo = true
media_within = "3s"
every = "5m"
confirm = 2
confirm_after = "2s"
recheck = "10s"
"""

_MAIL = """\
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = {port}
sender = "reveille@example.net"
tls = "starttls"
trusted_certificates = {certificate}
"""


def written(lab: Lab, state: Path) -> str:
    """TOML for monitor.config.load."""
    people = [f'[[people]]\nrole = "{role}"\nmail = "{mail}"\n' for role, mail in _PEOPLE.items()]
    parts = [
        _SITE.format(folder=lab.folder, state=_text(state)),
        *people,
        _LINES.format(
            port=lab.pbx.port, monitor=_secret(lab, "monitor"), agent=_secret(lab, "agent-01")
        ),
        _CALLS.format(
            welcome=_prompt("welcome"), menu=_prompt("menu"), please_hold=_prompt("please-hold")
        ),
        *feature_checks(lab),
        _browser(lab),
        *web_checks(lab),
        *browser_checks(lab),
        _MAIL.format(port=lab.mailbox.port, certificate=_text(lab.certificate.certificate)),
    ]
    return "\n".join(parts)


def _browser(lab: Lab) -> str:
    return _BROWSER.format(
        url=lab.edge.url,
        password=_secret(lab, "browser-01"),
        certificate=_text(lab.certificate.certificate),
        welcome=_prompt("welcome"),
    )


def _secret(lab: Lab, user: str) -> str:
    return _text(lab.passwords[user])


def _prompt(name: str) -> str:
    return _text(prompts.FOLDER / f"{name}.wav")


def _text(path: Path) -> str:
    """A TOML basic string: JSON's rules are a subset of TOML's for the paths that matter."""
    return json.dumps(str(path.absolute()), ensure_ascii=False)
