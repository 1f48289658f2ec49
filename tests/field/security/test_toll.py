"""Who may have our phones call, and whose calls they take: a far end that transfers us to a number
of its own, scanners that knock at the agent's phone, and whoever asks for a password.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sipmessage import Request

from checks.telephony.call.leg import Phone
from checks.telephony.phone.screening import Sources
from checks.telephony.sip.caller_id import same_number
from lab import Lab, prompts
from tests.field.far_ends.sip_server import USER, answer, bound, over_udp, proven
from tests.field.far_ends.sip_server import Request as Asked
from tests.loopback.raw_phone import RawPhone
from tests.loopback.seen import ended
from tests.loopback.sipp.peer import attempt, eventually, running
from tests.loopback.test_sip_call_queue import AGENT
from tests.loopback.test_sip_call_queue import call as through_the_menu

STEP = "8000"


@asynccontextmanager
async def phone_at(port: int, folder: Path, **more: Any) -> AsyncIterator[Phone]:
    """A phone whose registrar has this port."""
    phone = await Phone.start(log=folder / "phone.log")
    who = {
        "address": "sip:monitor@127.0.0.1",
        "registrar": f"sip:127.0.0.1:{port}",
        "local_address": "127.0.0.1",
        "codecs": ["PCMA"],
        "sources": [f"127.0.0.1:{port}"],
        **more,
    }
    files = {"sound": "call.wav", "ladder": "ladder.txt"}
    phone.order("open", name="call", folder=str(folder), files=files, life_seconds=60, account=who)
    try:
        await phone.until("ready", within=30)
        yield phone
    finally:
        await phone.close()


def refer(invite: Request, raw: RawPhone, target: str, number: int, *more: str) -> bytes:
    """A REFER in the dialog of a call that the raw phone has answered; `target` as it is where it
    holds brackets of its own.
    """
    lines = [
        f"REFER {invite.contact[0].uri} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{raw.sip.port};branch=z9hG4bK{secrets.token_hex(6)}",
        "Max-Forwards: 70",
        f"From: {invite.headers['To']};tag={raw.tag}",
        f"To: {invite.headers['From']}",
        f"Call-ID: {invite.headers['Call-ID']}",
        f"CSeq: {number} REFER",
        f"Contact: <sip:raw@127.0.0.1:{raw.sip.port}>",
        f"Refer-To: {target if '<' in target else f'<{target}>'}",
        *more,
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@asynccontextmanager
async def answered(folder: Path) -> AsyncIterator[tuple[RawPhone, RawPhone, Phone, Request]]:
    """A call of our phone that a far end has answered; its INVITE, and a premium host beside."""
    async with (
        RawPhone(0) as raw,
        RawPhone(0) as premium,
        phone_at(raw.sip.port, folder) as phone,
    ):
        raw.pbx = ("127.0.0.1", int(phone.seen("ready")["port"]))  # type: ignore[index]
        phone.order("call", to=f"sip:agent@127.0.0.1:{raw.sip.port}", headers={})
        invite = await raw.rung()
        raw.pick_up(invite, "8 101")
        await phone.until("media", within=10)
        yield raw, premium, phone, invite


async def answer_to(raw: RawPhone, number: int) -> int:
    """What the phone answers to the REFER of this number."""
    async with asyncio.timeout(10):
        while True:
            told = await raw.response()
            if (told.cseq.sequence, told.cseq.method) == (number, "REFER"):
                return told.code


async def called_again(raw: RawPhone, invite: Request) -> Request:
    """The INVITE of another call than the first."""
    async with asyncio.timeout(10):
        while (again := await raw.rung()).headers["Call-ID"] == invite.headers["Call-ID"]:
            continue
    return again


@pytest.mark.engine
async def test_a_refer_leads_to_the_steps_number_alone_and_once(tmp_path: Path) -> None:
    async with answered(tmp_path) as (raw, premium, phone, invite):
        home, trap = f"127.0.0.1:{raw.sip.port}", f"127.0.0.1:{premium.sip.port}"

        async def asked(target: str, number: int) -> int:
            raw.say(refer(invite, raw, target, number))
            return await answer_to(raw, number)

        assert await asked(f"sip:{STEP}@{home}", 101) == 403, "no step is under way"
        phone.order("follow", user=STEP, places=[home], taken_over=False)
        await phone.until("follows", within=5)
        for number, elsewhere in enumerate(
            (
                f"sip:+97912345678@{trap}",  # the field's own: premium number, premium host
                f"sip:+97912345678@{home}",  # the step's host, somebody else's number
                f"sip:{STEP}@{trap}",  # the step's number, somebody else's host
                f"sip:{STEP}@127.0.0.1",  # the step's host without its port
                f"sip:{STEP}:x@{home}.example@{trap}",
                f"tel:{STEP}",
                f"sip:{home}@{trap}",
            ),
            102,
        ):
            assert await asked(elsewhere, number) in (400, 403), elsewhere
        assert await asked(f"sip:{STEP}@{home}", 120) == 202
        again = await called_again(raw, invite)
        assert again.uri.user == STEP
        assert await asked(f"sip:{STEP}@{home}", 121) in (403, 481), "the leave is used up"
        assert premium.sip.all == [], "nothing ever came to the premium host"


ODD = {
    "routed": "<sip:{step}@{home}?Route=%3Csip%3A{trap}%3Blr%3E>",
    "routed, behind a header": "<sip:{step}@{home}?Replaces=a&Route=%3Csip%3A{trap}%3Blr%3E>",
    "routed by what is no parameter": "<sip:{step}@{home};x=%3F?route=%3Csip%3A{trap}%3Blr%3E>",
    "another address": "<sip:{step}@{home};maddr=127.0.0.2>",
    "another address, in capitals": "<sip:{step}@{home};ob;MADDR=127.0.0.2>",
    "another method": "<sip:{step}@{home};method=MESSAGE>",
    "another caller": "<sip:{step}@{home}?From=%3Csip%3A979%40{trap}%3E>",
    "another who asserts": "<sip:{step}@{home}?P-Asserted-Identity=%3Csip%3A979%40{trap}%3E>",
    "a name that looks like it": '"<sip:{step}@{home}>" <sip:+97912345678@{trap}>',
    "a name that begins it": "sip:{step}@{home} <sip:+97912345678@{trap}>",
    "two": "<sip:{step}@{home}>, <sip:+97912345678@{trap}>",
    "two, without a blank": "<sip:{step}@{home}>,<sip:+97912345678@{trap}>",
    "another scheme": "<tel:{step};phone-context={home}>",
    "a number within a number": "<sip:{step};phone-context=+979@{home}>",
    "an extension": "<sip:{step};ext=979@{home}>",
    "dialled on": "<sip:{step};postd=ppp979@{home}>",
    "another host behind the user": "<sip:{step}@{trap}@{home}>",
    "a host in the password": "<sip:{step}:@{trap};x@{home}>",
    "digits of another script": "<sip:\u0668\u0660\u0660\u0660@{home}>",
    "a null": "<sip:{step}%00979@{home}>",
    "more digits, coded": "<sip:{step}%39%37%39@{home}>",
    "a star": "<sip:*@{home}>",
    "a plus": "<sip:+{step}@{home}>",
    "two zeros": "<sip:00{step}@{home}>",
    "no user": "<sip:@{home}>",
}
"""what far ends write in a Refer-To so that it looks like the step's number, and leads elsewhere"""


@pytest.mark.engine
async def test_no_odd_spelling_of_a_refer_leads_elsewhere(tmp_path: Path) -> None:
    async with answered(tmp_path) as (raw, premium, phone, invite):
        home, trap = f"127.0.0.1:{raw.sip.port}", f"127.0.0.1:{premium.sip.port}"
        followed: dict[str, int] = {}
        for number, (name, written) in enumerate(ODD.items(), 101):
            phone.order("follow", user=STEP, places=[home], taken_over=False)
            target = written.format(step=STEP, home=home, trap=trap)
            raw.say(refer(invite, raw, target, number, "Referred-By: <sip:979@premium.example>"))
            if (code := await answer_to(raw, number)) not in (400, 403, 416):
                followed[name] = code
                break
        assert not followed
        assert premium.sip.all == [], "nothing ever came to the premium host"
        asked = f"<sip:{STEP}@{home};transport=udp;user=phone>"
        raw.say(refer(invite, raw, asked, 190))
        again = await called_again(raw, invite)
        assert again.uri.user == STEP, "what exchanges add to the step's own address is no trick"


KNOCKS = ("sipp", "baresip", "raw")


@asynccontextmanager
async def knocking(how: str, port: int, folder: Path) -> AsyncIterator[Path]:
    """A stranger on this host who calls the phone at `port` again and again."""
    log = folder / "stranger.log"
    command: tuple[str, ...] = ()
    if how == "sipp":
        more = ("-sn", "uac", "-m", "40", "-r", "4", "-nostdin", "-trace_msg")
        command = ("sipp", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-s", AGENT, *more)
    elif how == "baresip":
        (folder / "config").write_text(
            "module_path /usr/lib/baresip/modules\nnet_interface 127.0.0.1\nmodule g711.so\n"
            f"module aufile.so\naudio_source aufile,{prompts.FOLDER / 'menu.wav'}\n"
            "audio_player aufile,/dev/null\nmodule_app account.so\nmodule_app menu.so\n"
        )
        (folder / "accounts").write_text("<sip:stranger@127.0.0.1>;regint=0;audio_codecs=pcma\n")
        call = f"/dial sip:{AGENT}@127.0.0.1:{port}"
        command = ("baresip", "-f", str(folder), "-s", "-e", call, "-t", "30")
    else:
        async with RawPhone(port) as raw:
            for _ in range(12):  # and never an ACK: each stands for 32 s
                raw.call_id, raw.branch = secrets.token_hex(8), "z9hG4bK" + secrets.token_hex(6)
                raw.say(raw.invite(number=AGENT))
                raw.say(raw.text("BYE", number=AGENT, sequence=2))
            yield log
            said = b"".join(raw.sip.all).decode()
            log.write_text(said)
        return
    async with running(*command, log=log):
        yield log


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("how", KNOCKS)
async def test_who_knocks_at_the_agents_phone_is_no_customer(how: str, tmp_path: Path) -> None:
    """Straight to its port, as SIP scanners do: 403, and our own call is taken and proven."""
    async with Lab(tmp_path / "lab") as lab:
        check = through_the_menu(lab)
        looking = asyncio.create_task(attempt(check, tmp_path / "seen"))
        bindings = lab.pbx.registrar.registered
        await eventually(lambda: bool(bindings(AGENT)))
        port = int(bindings(AGENT)[0].contact.port or 0)
        (tmp_path / "stranger").mkdir()
        async with knocking(how, port, tmp_path / "stranger") as log:
            seen = await looking
    assert ended(seen) is None, seen.fault
    ladder = (tmp_path / "seen" / "agent-ladder.txt").read_text()
    assert "403" in ladder, log.read_text(errors="replace")[-2000:]
    assert not re.search(r"turned-away", (tmp_path / "seen" / "timings.json").read_text())


@pytest.mark.engine
async def test_the_password_is_for_the_lines_own_realm(tmp_path: Path) -> None:
    """A callee who asks for a password in the name of another realm gets no digest to guess by."""
    proofs: list[str] = []

    def story(asked: Asked) -> list[bytes | float]:
        method = asked.text.split(" ", 1)[0]
        if method == "REGISTER":
            if proven(asked, "Authorization", "home.example"):
                return [answer(asked, "200 OK", bound(asked))]
            digest = 'Digest realm="home.example", nonce="a1"'
            return [answer(asked, "401 Unauthorized", f"WWW-Authenticate: {digest}")]
        if method == "INVITE":
            proofs.extend(asked.all("(?:Proxy-)?Authorization"))
            digest = 'Digest realm="elsewhere.example", nonce="chosen"'
            return [answer(asked, "407 Who", f"Proxy-Authenticate: {digest}")]
        return [answer(asked)]

    async with (
        over_udp(story) as port,
        phone_at(port, tmp_path, user=USER, password="secret1") as phone,
    ):
        phone.order("register")
        await phone.until("registered", within=10)
        phone.order("call", to=f"sip:8000@127.0.0.1:{port}", headers={})
        refused = await phone.until("refused", within=10)
    assert refused["code"] == 407
    assert proofs == []


def test_a_call_comes_by_the_registrar_where_its_address_is_the_registrars() -> None:
    sources = Sources(("127.0.0.1:5060", "10.0.0.0/8", "2001:db8::/32", "pbx.example:5060"))
    ours = ("127.0.0.1:5060", "10.1.2.3:9", "[2001:db8::1]:5060", "pbx.example:5060")
    assert all(map(sources.hold, ours))
    others = (
        "127.0.0.1:5061", "127.0.0.1", "[2001:db9::1]:5060", "10.0.0.1.evil.example:5060",
        "11.0.0.1:5060", "10.0.0.0/8:5060", "evil.example:127.0.0.1:5060", "pbx.example.evil:5060",
        "[::ffff:11.0.0.1]:5060", ":5060", ":", "",
    )  # fmt: skip
    assert not any(map(sources.hold, others))


def test_one_number_in_its_many_spellings() -> None:
    ours = "+49 30 901820"
    assert all(same_number(one, ours) for one in ("004930901820", "030901820", "901820", ours))
    assert not any(same_number(one, ours) for one in ("4930901821", "1820", "", "monitor"))
    assert same_number("monitor", "monitor")
    assert not same_number("agent-1234567", "agent-991234567")
