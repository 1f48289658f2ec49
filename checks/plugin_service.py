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
import json
import os
import socket
import sys
import threading
from typing import Any

from checks.contract import CannotTell
from checks.plugin_run import Ran, Work, own_user, run_here
from checks.process.asked import NotAsked, allowed, end_with_whoever_asked, received
from checks.process.child import telling

_KEYS = {"command", "environment", "line", "user"}


def main() -> int:
    """Run one plugin, for whoever may ask."""
    tell = telling()
    try:
        with socket.socket(fileno=os.dup(0)) as peer:
            allowed(peer, sys.argv[1])
            work = understood(received(peer))
        threading.Thread(target=end_with_whoever_asked, args=(0,), daemon=True).start()
        ran = asyncio.run(run_here(work))
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
    try:
        job = json.loads(written)
    except (ValueError, RecursionError):
        raise NotAsked("the job is no JSON") from None
    if not isinstance(job, dict) or set(job) != _KEYS:
        raise NotAsked(f"a job has exactly {', '.join(sorted(_KEYS))}")
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
    return Work(tuple(command), environment, job["line"].encode(), job["user"])


if __name__ == "__main__":
    sys.exit(main())
