"""Finds the listening ports."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

from checks.host.collectors.collector import Look, listed

STAGES = ("listen",)
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def look(at: Look) -> None:
    """Find the listening ports and compare them with the accepted ones."""
    with at.stage("listen"):
        compare(at, sorted(set(listeners(at.settings["loopback"]))))


def compare(at: Look, found: list[str]) -> None:
    """What listens against what was accepted and expected."""
    accepted: list[str] | None = at.accepted.get("ports")
    at.propose("ports", found)
    at.measure("listeners", len(found))
    expected = at.settings["expected"]
    strange = [
        one
        for one in found
        if one not in (accepted or ()) and not any(fits(one, rule) for rule in expected)
    ]
    at.measure("unexpected_listeners", len(strange))
    if accepted is None and not expected:
        at.warning(f"no ports are accepted yet, of {len(found)} that listen: {listed(found)}")
        return
    if strange:
        at.fault("unexpected-port", f"not accepted: {listed(strange)}")
    if gone := [one for one in accepted or () if one not in found]:
        at.warning(f"accepted, and no longer there: {listed(gone)}")


def listeners(loopback: bool) -> Iterator[str]:
    """Every listening port, written like `tcp 0.0.0.0:22 sshd`."""
    import psutil

    # UDP sockets have no state "listening": an unconnected one below the range that the kernel
    # picks from was bound by a program on purpose (ip(7)).
    lowest = int(_EPHEMERAL.read_text(encoding="ascii").split()[0])
    names: dict[int | None, str] = {None: "?"}
    for one in psutil.net_connections("inet"):
        tcp = one.type == socket.SOCK_STREAM
        host, port = one.laddr or ("", 0)
        if (tcp and one.status != psutil.CONN_LISTEN) or (
            not tcp and (one.raddr or not 0 < port < lowest)
        ):
            continue
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback and not loopback:
            continue
        if one.pid not in names:
            try:
                names[one.pid] = psutil.Process(one.pid).name().replace(" ", "-")
            except psutil.Error:
                names[one.pid] = "?"
        yield f"{'tcp' if tcp else 'udp'} {host}:{port} {names[one.pid]}"


def fits(listener: str, rule: str) -> bool:
    """Whether a listener is what a line of the configuration means."""
    protocol, address, *program = rule.split(" ")
    own_protocol, own_address, own_program = listener.split(" ", 2)
    (host, _, port), (own_host, _, own_port) = address.rpartition(":"), own_address.rpartition(":")
    same_place = host in ("*", own_host) and port in ("*", own_port)
    return (
        protocol == own_protocol
        and same_place
        and (not program or program[0] in ("*", own_program))
    )
