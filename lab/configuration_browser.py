"""The part of a lab's configuration that is looked at in a browser: the chat and the agents' desk. A host without
Chromium does without them, but for the chat's plain WebSocket.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from checks.web.browser.executable import find

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


def browser_checks(lab: Lab) -> list[str]:
    """A part for each check."""
    checks = [_SOCKET.format(socket=lab.chat.socket_url)]
    if find(None) is not None:
        password = json.dumps(str(lab.passwords["watcher"].absolute()), ensure_ascii=False)
        checks += [_CHAT.format(url=lab.chat.url), _DESK.format(url=lab.agent_desk.url, password=password)]
    return [check + _PACE for check in checks]
