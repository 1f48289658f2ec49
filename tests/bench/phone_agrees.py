"""A phone is the judge of calls: `./reveille bench phone-agrees`.

Telephones, registrars and servers that are odd, each in one way: those of the field and their
siblings (tests/field/far_ends), each with its source. The kinds of check that speak SIP look at
each, and beside them baresip and SIPp, which nobody here wrote: a call is good where it was
answered and sound came, a registration where it was granted, a question where it was answered.

    calls            sip-call                                   baresip   SIPp
    registrations    sip-registration  sip-call  webrtc-call    baresip   SIPp
    questions        sip-options                                          SIPp

Targets: no kind refuses what one of the two passes, but where the story says why that is no good
(its right verdict is a fault); and no kind is of another mind than the others without a reason.
Exit status 1 when one is missed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.field.far_ends import (
    test_calls,
    test_calls_siblings,
    test_options,
    test_registration,
    test_registration_siblings,
)
from tests.field.far_ends.phone import ringing
from tests.field.far_ends.sip_server import PASSWORD, USER, Request, over_udp
from tests.field.far_ends.test_softphone import Edge
from tests.field.far_ends.test_softphone import called as by_softphone
from tests.field.story import OK, Story, in_short, once
from tests.loopback.sipp.peer import HERE
from tests.ports import free_port

PEERS = "baresip sip-tester"
AT_ONCE = 3
PATIENCE_SECONDS = 8
OURS = ("sip-call", "sip-registration", "sip-options", "webrtc-call")
BECAUSE: dict[tuple[str, str], str] = {}
"""kind and story -> why a kind of ours may refuse what a phone passes"""
# A phone hears nothing of it: the far end is asked once, by a program that says so.
_HEARD = ("Call established", "incoming rtp for 'audio' established")
_GRANTED = ("200 OK",)
Verdict = tuple[bool | None, str]
"""whether it was good (None: not told), and the words"""


@dataclass(frozen=True, slots=True)
class Judged:
    """What each said of one story."""

    group: str
    story: Story
    said: dict[str, Verdict]

    def refused(self) -> list[str]:
        """The kinds of ours that refuse what a phone passes, where the story has no fault."""
        passed = any(good for who, (good, _) in self.said.items() if who not in OURS)
        if not passed or self.story.right != OK:
            return []
        return [who for who in OURS if self.said.get(who, (None, ""))[0] is False]

    def parted(self) -> bool:
        """Whether two kinds of ours are of different minds."""
        minds = {self.said[who][0] for who in OURS if who in self.said} - {None}
        return len(minds) > 1


Far = Callable[[Story], AbstractAsyncContextManager[int]]
Asks = Callable[[Story, int, Path], Awaitable[Verdict]]


def line(port: int) -> dict[str, Any]:
    """An account there."""
    secret = {"environment": "REVEILLE_TEST_SECRET"}
    return {"registrar": f"127.0.0.1:{port}", "user": USER, "password": secret}


def of(seen: Any, stage: str = "") -> Verdict:
    """The verdict of a check; with a stage it is good if that was passed."""
    state, fault = str(seen.verdict.state), seen.verdict.fault
    if state == "UNKNOWN":
        return None, in_short(seen)[:90]
    good = fault is None or (stage != "" and fault.stage not in ("connect", "probe", stage))
    return good, "" if good else f"{fault.stage}: {fault.code} {fault.text}"[:90]


async def call(story: Story, port: int, folder: Path) -> Verdict:
    """By sip-call."""
    # What a phone knows as well: that it was answered, and that sound comes.
    asked = {"to": "8000", "answer_within": "8s", "script": [{"stay": "1s"}], **story.settings}
    registrar = {"registrar": f"127.0.0.1:{port}"}
    return of(await once(folder, "sip-call", registrar, line="main", **asked))


async def registered(_story: Story, port: int, folder: Path) -> Verdict:
    """By sip-registration; a farewell that is refused comes after it."""
    seen = await once(folder, "sip-registration", line(port), line="main", within="3s")
    return of(seen, "register")


async def registered_to_call(_story: Story, port: int, folder: Path) -> Verdict:
    """By sip-call: whether it got as far as its INVITE."""
    asked = {"to": "8000", "answer_within": "1s", "signalling_within": "3s", "listen": "0s"}
    return of(await once(folder, "sip-call", line(port), line="main", **asked), "register")


async def registered_by_web(story: Story, _port: int, folder: Path) -> Verdict:
    """By webrtc-call, at an edge that says the same over a WebSocket."""

    def plays(asked: Request) -> list[str | bytes]:
        return [one.decode() for one in story.far(asked) if isinstance(one, bytes)]

    return of(await by_softphone(folder, Edge(register=plays)), "register")


async def asked(_story: Story, port: int, folder: Path) -> Verdict:
    """By sip-options."""
    return of(await once(folder, "sip-options", host=f"127.0.0.1:{port}", within="3s"))


def by_baresip(words: str, *marks: str, account: str = "regint=0") -> Asks:
    """By baresip, which says each of these marks where it was good."""

    async def asks(_story: Story, port: int, folder: Path) -> Verdict:
        there = f"{USER}@127.0.0.1:{port}"
        modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile"))
        (folder / "config").write_text(
            "module_path /usr/lib/baresip/modules\nnet_interface 127.0.0.1\n"
            f"sip_listen 127.0.0.1:{free_port()}\naudio_source aufile,{test_calls.WELCOME}\n"
            f"audio_player aufile,{folder}/heard.wav\naudio_alert aufile,{folder}/alert.wav\n"
            f"{modules}module_app account.so\nmodule_app menu.so\n"
        )
        (folder / "accounts").write_text(f"<sip:{there}>;{account}\n")
        dial = ["-e", words.format(port=port)] if words else []
        return await _said(["baresip", "-f", str(folder), *dial], marks)

    return asks


async def _said(command: list[str], marks: tuple[str, ...]) -> Verdict:
    """Whether a program says all of these, until it does or time is over."""
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told = ""
    try:
        # Where time is over, what it has said until then decides.
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while child.stdout and (some := await child.stdout.read(4096)):
                    told += some.decode(errors="replace")
                    if all(mark in told for mark in marks):
                        return True, ""
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
    return False, told.strip().rpartition("\n")[2][-80:]


def by_sipp(*scenario: str) -> Asks:
    """By SIPp, which ends well where the scenario was gone through."""

    async def asks(_story: Story, port: int, folder: Path) -> Verdict:
        fixed = ("-m", "1", "-timeout", f"{PATIENCE_SECONDS}s", "-timeout_error", "-nostdin")
        child = await asyncio.create_subprocess_exec(
            *("sipp", *scenario, "-i", "127.0.0.1", "-p", str(free_port()), "-s", "8000", *fixed),
            f"127.0.0.1:{port}",
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await child.wait() == 0, f"exit {child.returncode}"

    return asks


@asynccontextmanager
async def _phone(story: Story) -> AsyncIterator[int]:
    async with ringing(story.far) as phone:
        yield phone.port


@dataclass(frozen=True, slots=True)
class Group:
    """Far ends of one sort, and who looks at them."""

    name: str
    stories: Iterable[Story]
    far: Far
    asks: dict[str, Asks]


GROUPS = (
    Group(
        "calls",
        (
            *test_calls.SIGNALLING,
            *test_calls.MEDIA,
            *test_calls.DESCRIPTIONS,
            *test_calls_siblings.SIGNALLING,
            *test_calls_siblings.DESCRIPTIONS,
        ),
        _phone,
        {
            "sip-call": call,
            "baresip": by_baresip("/dial sip:8000@127.0.0.1:{port}", *_HEARD),
            "SIPp": by_sipp("-sn", "uac", "-d", "500"),
        },
    ),
    Group(
        "registrations",
        (
            *test_registration.CONTACTS,
            *test_registration.PROOFS,
            *test_registration.GRANTS,
            *test_registration_siblings.CONTACTS,
            *test_registration_siblings.PROOFS,
        ),
        lambda story: over_udp(story.far),
        {
            "sip-registration": registered,
            "sip-call": registered_to_call,
            "webrtc-call": registered_by_web,
            "baresip": by_baresip(
                "", *_GRANTED, account=f"regint=60;auth_user={USER};auth_pass={PASSWORD}"
            ),
            "SIPp": by_sipp("-sf", str(HERE / "registers.xml")),
        },
    ),
    Group(
        "questions",
        test_options.OVER_UDP,
        lambda story: over_udp(story.far),
        {"sip-options": asked, "SIPp": by_sipp("-sf", str(HERE / "asks.xml"))},
    ),
)


async def judged(group: Group, story: Story, lanes: asyncio.Semaphore) -> Judged:
    """Ask each of them, each with a far end of its own."""
    said = {}
    async with lanes:
        for who, asks in group.asks.items():
            with tempfile.TemporaryDirectory(prefix="bench-phone-") as scratch:
                async with group.far(story) as port:
                    said[who] = await asks(story, port, Path(scratch))
    return Judged(group.name, story, said)


async def measured(wanted: str) -> list[Judged]:
    """Every story whose group or name has this in it."""
    lanes = asyncio.Semaphore(AT_ONCE)
    chosen = [
        judged(group, story, lanes)
        for group in GROUPS
        for story in group.stories
        if wanted in f"{group.name} {story.name}"
    ]
    return list(await asyncio.gather(*chosen))


def _reason(one: Judged, who: str) -> str:
    return BECAUSE.get((who, one.story.name), "NO REASON")


def table(found: list[Judged]) -> str:
    """Who passed how many of each group, and a line for each that is not of one mind."""
    lines = []
    for group in GROUPS:
        some = [one for one in found if one.group == group.name]
        passed = {who: sum(one.said[who][0] is True for one in some) for who in group.asks}
        lines.append(
            f"{group.name:<15}{len(some):>4} far ends; passed by "
            + ", ".join(f"{who} {count}" for who, count in passed.items())
        )
    for one in found:
        for who in one.refused():
            passed_by = [peer for peer in one.said if one.said[peer][0]]
            lines.append(
                f"{one.group} / {one.story.name}: {who} refuses it ({one.said[who][1]}),"
                f" passed by {', '.join(passed_by)}; because: {_reason(one, who)}"
            )
        if one.parted() and not one.refused():
            minds = ", ".join(f"{who} {one.said[who]}" for who in OURS if who in one.said)
            lines.append(f"{one.group} / {one.story.name}: of different minds: {minds}")
    return "\n".join(lines)


def main() -> int:
    """With an argument: only the groups and names with that in them."""
    os.environ["REVEILLE_TEST_SECRET"] = PASSWORD
    began = time.monotonic()
    found = asyncio.run(measured(sys.argv[1] if len(sys.argv) > 1 else ""))
    print(table(found))
    refused = [(one, who) for one in found for who in one.refused()]
    unexplained = sum(_reason(one, who) == "NO REASON" for one, who in refused)
    unknown = sum(one.said[who][0] is None for one in found for who in OURS if who in one.said)
    print(
        f"phone_agrees: {len(found)} far ends, {len(refused)} refused that a phone passes,"
        f" {unexplained} without a reason (target 0), {sum(one.parted() for one in found)} of"
        f" different minds, {unknown} not told, {time.monotonic() - began:.0f} s"
    )
    return 0 if not unexplained else 1


if __name__ == "__main__":
    raise SystemExit(main())
