"""Datagrams by the thousand: mutated SIP, SDP, RTP and RTCP, and floods; each function gives what
came of it.

A far end that pelts says the right thing too: only a crash, a hang or a wrong word can be wrong.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

from tests.torture import mutate
from tests.torture.aims import WELCOME, Outcome, agent, call, options, pelted, registration
from tests.torture.case import Case
from tests.torture.far_end import HOST, Asked, FarEnd, Story, granted

Where = tuple[str, int]
_RTP_PER_SECOND = 400


def mangled(status: str, lot: random.Random, number: int, body: bool = False) -> Story:
    """That response, mutated so many times, and then the right answer."""

    async def told(far: FarEnd, asked: Asked) -> None:
        made = far.answer(
            asked,
            status,
            f"Contact: {asked.one('Contact')};expires=60",
            body=far.sdp() if body else "",
        )
        for _ in range(number):
            far.say(mutate.mutated(made, lot))
        await granted(far, asked)

    return told


async def own_transactions(
    lot: random.Random, number: int, folder: Path, each: int = 1
) -> list[Outcome]:
    """Mutated answers to OPTIONS and REGISTER by turns."""
    found = []
    for index in range(number):
        aim = (options, registration)[index % 2]
        status = lot.choice(("200 OK", "401 Unauthorized", "503 Service Unavailable", "100 Trying"))
        found.append(await aim(mangled(status, lot, each), folder / f"own-{index}"))
    return found


async def setting_up(lot: random.Random, number: int, folder: Path) -> Outcome:
    """Mutated provisional responses and answers while a call is set up, then the right answer."""

    async def told(far: FarEnd, invite: Asked) -> None:
        far.say(far.answer(invite, "100 Trying"))
        right = far.answer(invite, "200 OK", body=far.sdp())
        for index in range(number):
            made = lot.choice(
                (
                    right,
                    far.answer(invite, "183 Progress", body=far.sdp()),
                    far.answer(invite, "180 Rings"),
                )
            )
            far.say(mutate.mutated(made, lot))
            if index % 20 == 19:
                await asyncio.sleep(0.01)
        far.say(right)
        await far.acknowledged.wait()
        far.play(invite, cycle(WELCOME))

    return await call(told, folder)


async def describing(lot: random.Random, folder: Path) -> Outcome:
    """One answer, whose description is mutated."""

    async def told(far: FarEnd, invite: Asked) -> None:
        body = mutate.mutated(far.sdp().replace("\n", "\r\n").encode(), lot)
        made = far.answer(invite, "200 OK", "Content-Type: application/sdp")
        far.say(made.replace(b"Content-Length: 0", b"Content-Length: %d" % len(body)) + body)
        await asyncio.wait_for(far.acknowledged.wait(), 10)
        far.play(invite, cycle(WELCOME))

    return await call(told, folder, {"stay": "200ms"}, media_within="1s")


async def in_the_call(lot: random.Random, number: int, folder: Path) -> Outcome:
    """Mutated requests within the call: re-INVITE, UPDATE, INFO, REFER, NOTIFY, OPTIONS, MESSAGE,
    ACK, CANCEL.
    """
    methods = (
        "INVITE",
        "UPDATE",
        "INFO",
        "REFER",
        "NOTIFY",
        "OPTIONS",
        "MESSAGE",
        "ACK",
        "CANCEL",
        "PRACK",
    )

    def datagrams(far: FarEnd, invite: Asked) -> Iterator[tuple[bytes, Where]]:
        for index in range(number):
            method = lot.choice(methods)
            made = far.request(
                method, invite, "Refer-To: <sip:nobody@127.0.0.1:9>", sequence=index + 2
            )
            yield mutate.mutated(made, lot), invite.source

    return await call(pelted(datagrams, 400), folder, {"stay": f"{number / 400 + 1:.1f}s"})


async def rtp_and_rtcp(lot: random.Random, number: int, folder: Path) -> Outcome:
    """Packets of nobody, whole and mutated, beside the right ones; every fourth is RTCP, every
    fifth an event.
    """

    def datagrams(far: FarEnd, invite: Asked) -> Iterator[tuple[bytes, Where]]:
        host, port = invite.media
        for index in range(number):
            control = index % 4 == 0
            made = (
                mutate.rtcp(lot)
                if control
                else (mutate.event(lot) if index % 5 == 0 else mutate.rtp(lot, 8))
            )
            yield (
                mutate.mutated(made, lot) if index % 3 else made,
                (host, port + 1 if control else port),
            )

    seconds = number / _RTP_PER_SECOND + 1
    story = pelted(datagrams, _RTP_PER_SECOND)
    return await call(story, folder, {"stay": f"{seconds:.1f}s"}, rtp_from="anywhere")


async def at_the_agent(lot: random.Random, number: int, folder: Path) -> Outcome:
    """Mutated INVITEs and other requests at the agent's phone, while a call waits for it."""

    async def hurl(far: FarEnd, registered: Asked) -> None:
        for index in range(number):
            body = far.sdp()
            made = Case("", f"m{index}", body=body).request(f"{HOST}:{registered.source[1]}", index)
            far.say(mutate.mutated(mutate.mutated(made, lot), lot), registered.source)
            if index % 20 == 19:
                await asyncio.sleep(0.02)

    return await agent(hurl, folder)


async def cases_at_the_agent(cases: tuple[Case, ...], folder: Path) -> Outcome:
    """Torture cases as requests at the agent's phone."""

    async def hurl(far: FarEnd, registered: Asked) -> None:
        for case in cases:
            far.say(case.request(f"{HOST}:{registered.source[1]}"), registered.source)

    return await agent(hurl, folder)


async def cases_in_a_call(cases: tuple[Case, ...], folder: Path) -> Outcome:
    """Torture cases as requests at a phone that is in a call, which must not care."""

    def datagrams(far: FarEnd, invite: Asked) -> Iterator[tuple[bytes, Where]]:
        return ((case.request(f"{HOST}:{invite.source[1]}"), invite.source) for case in cases)

    return await call(pelted(datagrams, 100), folder, {"stay": f"{len(cases) / 100 + 1:.1f}s"})


async def flood_of_sip(number: int, folder: Path) -> Outcome:
    """A call that stands, and so many datagrams of 64 KiB, 2 KiB and no SIP at its port, as fast as
    they go.
    """

    def datagrams(far: FarEnd, invite: Asked) -> Iterator[tuple[bytes, Where]]:
        junk = (
            b"x" * 65_000,
            b"INVITE " + b"y" * 2000,
            b"\x00" * 300,
            far.answer(invite, "180 Ringing"),
        )
        for index in range(number):
            yield junk[index % len(junk)], invite.source if index % 3 else invite.media

    hold = {"stay": f"{number / 2000 + 1:.1f}s"}
    return await call(pelted(datagrams, 2000), folder, hold, rtp_from="anywhere")


# --- the memory of the children


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


def _peak_megabytes(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


@asynccontextmanager
async def watched(pid: int) -> AsyncIterator[list[float]]:
    """The most memory (MiB) that any child of a process ever had, as the list's only element."""
    most = [0.0]

    async def look() -> None:
        while True:
            most[0] = max([most[0], *map(_peak_megabytes, _children(pid))])
            await asyncio.sleep(0.2)

    task = asyncio.create_task(look())
    try:
        yield most
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
