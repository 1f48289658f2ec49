"""Listening ports against the accepted list (`reveille baseline NAME`): what nobody knows of
listens to everybody.

    listen    /proc/net/{tcp,udp}*      unexpected-port

    $ reveille baseline open-ports        from then on these are right:
                                        tcp 0.0.0.0:22 sshd, udp 0.0.0.0:5060 asterisk

Rules: a listener on the loopback alone is nobody's way in, and passed over unless wanted. UDP ports
that the system picks by itself (RTP, resolvers) are passed over. A port that is accepted and no
longer there is a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from checks.host.check import HostCheck
from checks.kind import Duty

Listener = Annotated[str, Field(pattern=r"^(tcp|udp) \S+:(\d{1,5}|\*)( \S+)?$")]


class HostPorts(HostCheck):
    """Compares this host's listening ports with the accepted ones."""

    KIND: ClassVar[str] = "host-ports"
    LOOKS_ONLY: ClassVar[bool] = True
    LOOK: ClassVar[str] = "ports"
    ACCEPTS: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "servers"
    SAMPLE: ClassVar[str] = """
# What else may listen is accepted by hand: `reveille baseline open-ports`.
[checks.open-ports]
kind = "host-ports"
every = "15m"
expected = ["tcp *:22 sshd", "udp *:5060 asterisk"]
"""
    WORST: ClassVar[tuple[str, ...]] = ("unexpected-port",)

    expected: tuple[Listener, ...] = Field(default=(), examples=[["tcp *:22 sshd", "udp *:5060"]])
    """listeners that are right without being accepted, as PROTOCOL ADDRESS:PORT PROGRAM; * stands
    for any
    """
    loopback: bool = False
    """whether listeners on 127.0.0.1 and ::1 are looked at too"""

    def measures(self) -> Mapping[str, str]:
        """How many listen."""
        return {
            "listen_seconds": "finding the listeners, in seconds",
            "listeners": "ports that listen",
            "unexpected_listeners": "ports that listen and are not accepted",
        }
