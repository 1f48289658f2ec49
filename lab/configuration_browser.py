"""The part of a lab's configuration that is looked at in a browser: the chat and the agents' desk.
A host without Chromium does without them, but for the chat's plain WebSocket.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from checks.web.browser.executable import find
from lab import prompts

if TYPE_CHECKING:
    from lab.centre import Lab

_PACE = """\
every = "5m"
confirm = 2
confirm_after = "2s"
recheck = "10s"
diagnose = ["uplink"]
"""

_SOCKET = """\
[checks.chat-socket]              # what the chat stands on
kind = "websocket"
component = "chat"
url = "{socket}"
subprotocols = ["chat"]
answer = "Welcome"
within = "3s"
"""

_CHAT = """\
[checks.chat]                     # as a visitor: the page, its widget, a message, the bot's answer
kind = "chat"
url = "{url}"
open = "Chat with us"
frame = "#chat"
field = "Type a message"
send = "Send"
message = "ping {{nonce}}"
answer = "You said: ping {{nonce}}"
step_within = "8s"
answer_within = "4s"
"""

_DESK = """\
[checks.agent-desk]               # as an agent: signs in, sees the queue, signs out
kind = "portal-browser"
component = "agent-portal"
url = "{url}"
steps = [
  {{ open = "/" }},
  {{ fill = "User name", with = "watcher", stage = "login", within = "5s" }},
  {{ fill = "Password", secret = {{ file = {password} }} }},
  {{ click = "Sign in" }},
  {{ see = "Signed in as watcher", within = "5s" }},
  {{ click = "Sign out", stage = "logout" }},
  {{ see = "Password" }},
]
"""

_SOFTPHONE = """\
[checks.agent-softphone]          # as an agent's own browser: is rung, calls, comes back when its socket drops
kind = "webrtc-browser"
url = "{url}"
user = "browser-02"
password = {{ file = {password} }}
caller = {{ user = "browser-03", password = {{ file = {caller} }} }}
ring_within = "5s"
trusted_certificates = {certificate}
to = "8000"
script = [ {{ hear = {welcome}, within = "4s" }} ]
echo = true
media_within = "4s"
"""


def browser_checks(lab: Lab) -> list[str]:
    """A part for each check."""
    checks = [_SOCKET.format(socket=lab.chat.socket_url)]
    if find(None) is not None:
        checks += [
            _CHAT.format(url=lab.chat.url),
            _DESK.format(url=lab.agent_desk.url, password=_text(lab.passwords["watcher"])),
            _SOFTPHONE.format(
                url=lab.edge.url,
                password=_text(lab.passwords["browser-02"]),
                caller=_text(lab.passwords["browser-03"]),
                certificate=_text(lab.certificate.certificate),
                welcome=_text(prompts.FOLDER / "welcome.wav"),
            ),
        ]
    return [check + _PACE for check in checks]


def _text(path: Path) -> str:
    return json.dumps(str(path.absolute()), ensure_ascii=False)
