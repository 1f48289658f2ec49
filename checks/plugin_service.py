"""Runs a plugin for the daemon as a user of its own: `python -m checks.plugin_service UNIT`,
started by systemd for each connection (reveille-plugins.socket), with the connection as its
standard input and output.

    daemon -> {"command": […], "environment": {…}, "line": "…", "user": "reveille-plugins"}
    daemon <- {"done": {"status": 2, "output": base64, "endless": false}}, or {"blind": "…"}

It has no right, no credential and no file of the daemon's. It runs what the daemon of UNIT, or
root, names, as the user that its unit gives it; it becomes nobody else.
"""

from __future__ import annotations

import asyncio
import base64
import sys
from typing import Any

from checks.contract import CannotTell
from checks.plugin_run import Ran, Work, own_user, run_here
from checks.process.asked import NotAsked, asked_for, table
from checks.process.child import telling

_KEYS = {"command", "environment", "line", "user"}


def main() -> int:
    """Run one plugin, for whoever may ask."""
    tell = telling()
    try:
        _, written = asked_for(sys.argv[1])
        ran = asyncio.run(run_here(understood(written)))
    except (NotAsked, OSError) as why:
        tell(blind=f"the service of the plugins runs nothing: {why}")
        return 1
    except CannotTell as why:
        tell(blind=str(why))
        return 0
    tell(done=_told(ran))
    return 0


def _told(ran: Ran) -> dict[str, Any]:
    output = base64.b64encode(ran.output).decode()
    return {"status": ran.status, "output": output, "endless": ran.endless}


def understood(written: bytes) -> Work:
    """The plugin that was asked for. Raises NotAsked for what is none, and for another user's."""
    job = table(written, _KEYS)
    command, environment = job["command"], job["environment"]
    if not isinstance(command, list) or not isinstance(environment, dict):
        raise NotAsked("command is a list, and environment a table")
    words = [*command, *environment.values(), job["line"], job["user"]]
    if not command or not all(isinstance(word, str) for word in words):
        raise NotAsked("command, environment, line and user are made of texts")
    if job["user"] != own_user():
        raise NotAsked(
            f"the plugin is to run as {job['user']!r}, and reveille-plugins@.service runs as"
            f" {own_user()!r}; write run_as = {own_user()!r}, or User={job['user']} and"
            " DynamicUser=no into a drop-in of that unit"
        )
    try:
        line = job["line"].encode()
    except UnicodeEncodeError:  # half a surrogate pair (RFC 8259, 8.2)
        raise NotAsked("line is no text that can be given to a plugin") from None
    return Work(tuple(command), environment, line, job["user"])


if __name__ == "__main__":
    sys.exit(main())
