"""Who has an account at the centre, and where and in which time zone it stands."""

from __future__ import annotations

# RFC 1122 section 3.2.1.3: what listens here cannot be reached from any other host.
HOST = "127.0.0.1"
# The zone of the site "Pune" in templates/centre.toml: the call records' days begin by it.
ZONE = "Asia/Kolkata"

# The queue rings these two, the longest idle first.
AGENTS = ("agent-01", "agent-02")
# Softphones at the WebRTC edge: the first is called without a browser, the second lives in a
# browser, and the third calls the second.
BROWSERS = ("browser-01", "browser-02", "browser-03")
# No queue rings the supervisor, so that a transfer or a conference always finds this line free.
DESK = "supervisor-01"
# Accounts of the monitor's own checks, which no queue rings either. An extension follows from the
# place in USERS: these are 6104 and on.
TESTERS = ("tester-01", "tester-02", "tester-03", "customer-01", "supervisor-02")
USERS = ("monitor", *AGENTS, DESK, *TESTERS)

# The user of every portal and of the agent desk.
WATCHER = "watcher"
# Not a user: the name under which the key of the CRM and of the dialer is kept.
API_KEY = "api-key"
