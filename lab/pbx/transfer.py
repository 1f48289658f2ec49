"""A transfer as the exchange carries it out itself, standing between both sides (RFC 3515, RFC
3891, RFC 5589).

transferor            exchange                 target
REFER ------------------>
<---------- 202 Accepted
<----- NOTIFY 100 Trying   INVITE -------------->      (blind: Refer-To names a number)
<--- NOTIFY 200 or 4xx     <----------------- 200      (attended: Replaces names the call to the target)
BYE -------------------->  the others hear the target
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import unquote

from sipmessage import Request

from lab.pbx import sip_messages, tones
from lab.pbx.switchboard import Conversation, Party, Switchboard
from lab.pbx.talk import others

_REFER_TO = re.compile(r"<?sips?:([^@;?>]+)@[^?>]*(?:\?([^>]*))?>?")
_REPLACES = re.compile(r"(?:^|&)Replaces=([^&]*)", re.IGNORECASE)
GRACE_SECONDS = 2.0
"""how long the transferor has to hang up by himself"""


def refer(leg: Party, request: Request) -> None:
    """Take a REFER within a talk."""
    exchange, talk = leg.exchange, leg.talk
    target = _REFER_TO.search(request.headers.get("Refer-To") or "")
    if target is None:
        leg.reply(request, 400)
    elif talk is None or exchange.faults.broken("transfer-refused"):
        leg.reply(request, 603)
    else:
        leg.reply(request, 202)
        replaces = _REPLACES.search(target[2] or "")
        notify(leg, 100, final=False)
        work = (
            _attended(exchange, talk, leg, unquote(replaces[1]))
            if replaces
            else _blind(exchange, talk, leg, target[1])
        )
        exchange.start(work)


def notify(leg: Party, code: int, final: bool) -> None:
    """How the transfer gets on, as message/sipfrag (RFC 3420)."""
    state = "terminated;reason=noresource" if final else "active;expires=60"
    made = leg.dialog.request("NOTIFY", {"Event": "refer", "Subscription-State": state})
    line = f"SIP/2.0 {code} {sip_messages.PHRASES.get(code, 'Unknown')}\r\n"
    sip_messages.with_body(made, "message/sipfrag;version=2.0", line.encode())
    leg.exchange.transactions.ask(made, leg.dialog.flow, lambda _: None)


async def _blind(exchange: Switchboard, talk: Conversation, leg: Party, number: str) -> None:
    transferred = others(talk, leg)
    if exchange.faults.broken("transfer-lost"):
        await _leave(talk, leg)
        return
    if exchange.is_room(number):
        for other in transferred:
            talk.let_go(other)
            exchange.join(number, other)
        await _leave(talk, leg)
        return
    talk.let_go(leg)
    for other in transferred:
        other.loop(tones.ringback(other.stream.law))
    target = await exchange.reach(number, transferred)
    if target is None:
        notify(leg, 480, final=True)
        if not leg.ended.is_set():
            talk.take_in(leg)
        return
    talk.take_in(target)
    await _leave(talk, leg)


async def _attended(exchange: Switchboard, talk: Conversation, leg: Party, replaces: str) -> None:
    call_id, *tags = replaces.split(";")
    named = dict(tag.split("=", 1) for tag in tags if "=" in tag)
    consult = exchange.legs.get((call_id, named.get("to-tag", "")))
    if consult is None or consult.talk is None:
        notify(leg, 481, final=True)
        return
    if not exchange.faults.broken("transfer-lost"):
        second = consult.talk
        talk.let_go(leg)
        for target in others(second, consult):
            second.let_go(target)
            talk.take_in(target)
        consult.hang_up("transferred", sip_messages.reason(16, "Normal call clearing"))
    await _leave(talk, leg)


async def _leave(talk: Conversation, leg: Party) -> None:
    """The transferor is told that it is done, and is out of it."""
    talk.let_go(leg)
    notify(leg, 200, final=True)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await leg.ended.wait()
    except TimeoutError:
        leg.hang_up("transferred", sip_messages.reason(16, "Normal call clearing"))
