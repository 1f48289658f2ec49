"""What the service manager is told: sd_notify(3), and the watchdog of systemd.service(5).

Without $NOTIFY_SOCKET (a terminal, another init) everything here does nothing. A message is never
waited for: when the service manager is too busy to take it, it is lost, and the next one says the
same again.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServiceManager:
    """The line to systemd. Every method returns whether the message went out."""

    address: str | None = None
    watchdog_seconds: float | None = None
    """How often to say `alive`: half of WatchdogSec=. None when nobody watches."""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> ServiceManager:
        """Take the variables out of the environment, so that no child process speaks in the
        daemon's name.
        """
        address = environment.pop("NOTIFY_SOCKET", None)
        # Said twice in each period, as sd_watchdog_enabled(3) recommends: one late message is then
        # no death.
        microseconds = environment.pop("WATCHDOG_USEC", "")
        # The variables are inherited: WATCHDOG_PID says whether they were meant for this process
        # (sd_watchdog_enabled(3)).
        watched = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        # A path or an abstract socket; other families, as vsock, are for whole virtual machines.
        if not address or address[0] not in "/@":
            return cls()
        return cls(
            address, int(microseconds) / 2e6 if watched and microseconds.isdecimal() else None
        )

    def ready(self, status: str = "") -> bool:
        """Say that the daemon has started, or is done with reloading."""
        return self._tell("READY=1", *_status(status))

    def status(self, text: str) -> bool:
        """Set the one line that `systemctl status` shows."""
        return self._tell(*_status(text or "-"))

    def alive(self) -> bool:
        """Ask for another watchdog period."""
        return self._tell("WATCHDOG=1")

    def reloading(self) -> bool:
        """Say that the configuration is read anew; `ready` must follow."""
        # Type=notify-reload wants the moment by CLOCK_MONOTONIC with it, to tell this reload from
        # an earlier one (sd_notify(3)).
        return self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> bool:
        """Say that the daemon is on its way out."""
        return self._tell("STOPPING=1", *_status(status))

    def _tell(self, *assignments: str) -> bool:
        if self.address is None:
            return False
        # "@" stands for the NUL byte with which the name of an abstract socket begins (unix(7)).
        path = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        ) as line:
            try:
                # One datagram for all assignments, so that READY and its STATUS cannot be parted.
                line.sendto("\n".join(assignments).encode(), path)
            except OSError:
                return False
        return True


def _status(text: str) -> tuple[str, ...]:
    """At most one assignment: a line break in the text must not begin another."""
    return (f"STATUS={' '.join(text.split())}",) if text else ()
