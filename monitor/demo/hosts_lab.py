"""The lab with several hosts, in the foreground: what befalls them is typed, a line each.

cut pune-1      slow pune-1      hold pune-1      mend pune-1
kill pune-1     start pune-1     freeze pune-1    thaw pune-1
break agent-portal-down          mend
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from lab import Lab
from lab.injected_faults import UnknownFault
from lab.own_server import NoServer
from lab.server_link import Link
from monitor.demo.daemon import NotSeen
from monitor.demo.hosts_story import configured, portal_port
from monitor.demo.several_hosts import NAMES, Host, SeveralHosts
from monitor.terminal import complain, say

_SLOW_SECONDS = 0.3


async def _kill(host: Host) -> None:
    host.send(signal.SIGKILL)
    await host.process.wait()


async def _start(host: Host) -> None:
    if host.process.returncode is not None:
        await host.start()


def _done(act: Callable[[Host], None]) -> Callable[[Host], Awaitable[None]]:
    async def done(host: Host) -> None:
        act(host)

    return done


_ACTS: Mapping[str, Callable[[Host], Awaitable[None]]] = {
    "cut": _done(lambda host: host.link.cut()),
    "slow": _done(lambda host: host.link.slow(_SLOW_SECONDS)),
    "hold": _done(lambda host: host.link.hold()),
    "mend": _done(lambda host: host.link.mend()),
    "kill": _kill,
    "start": _start,
    "freeze": _done(lambda host: host.send(signal.SIGSTOP)),
    "thaw": _done(lambda host: host.send(signal.SIGCONT)),
}


def practise(folder: Path, count: int, break_: Iterable[str]) -> int:
    """Run it until Ctrl-C, SIGTERM or the end of what is typed. Returns the exit code."""
    try:
        asyncio.run(_run(folder, NAMES[:count], tuple(break_)))
    except (NoServer, NotSeen) as missing:
        complain(f"reveille: {missing}")
        return 1
    return 0


async def _run(folder: Path, names: tuple[str, ...], break_: tuple[str, ...]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with Lab(folder / "lab") as lab, Link(partial(portal_port, lab)) as way:
        for name in break_:
            lab.break_(name)
        written = partial(configured, lab, names, way.port)
        async with SeveralHosts(folder, names, written) as hosts:
            for what, place in lab.where().items():
                say(f"{what:22} {place}")
            for host in hosts.all.values():
                say(f"{host.name:22} {host.file}")
            say(f"{'type':22} {', '.join(_ACTS)} and a host; break and a fault; mend")
            typed = asyncio.ensure_future(_typed(lab, hosts))
            # Without a terminal nothing is typed, and it goes on.
            ended = [asyncio.ensure_future(stopped.wait())]
            await asyncio.wait([*ended, *([typed] if sys.stdin.isatty() else [])],
                               return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
            typed.cancel()


async def _typed(lab: Lab, hosts: SeveralHosts) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        if words := line.decode("utf-8", "replace").split():
            complain(await answered(lab, hosts, words))


async def answered(lab: Lab, hosts: SeveralHosts, words: list[str]) -> str:
    """Do what was typed; what came of it, in words."""
    act, named = words[0], words[1] if len(words) > 1 else ""
    try:
        if act in _ACTS and named in hosts.all:
            await _ACTS[act](hosts.all[named])
        elif act == "break":
            lab.break_(named)
        elif act == "mend" and not named:
            lab.mend()
        else:
            return (
                f"{' '.join(words)[:60]!r} is not understood: {', '.join(_ACTS)} and one of"
                f" {', '.join(hosts.all)}; break and a fault; mend"
            )
    except (UnknownFault, NotSeen) as wrong:
        return str(wrong)
    return "done"
