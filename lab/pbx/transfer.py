"""A transfer as the exchange carries it out itself, standing between both sides (RFC 3515, RFC
3891, RFC 5589).

transferor            exchange                 target
REFER ------------------>
<---------- 202 Accepted
<----- NOTIFY 100 Trying   INVITE -------------->      (blind: Refer-To names a number)
<--- NOTIFY 200 or 4xx     <----------------- 200      (attended: Replaces names the other call)
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

# RFC 3515 section 2.1; the headers behind `?` are RFC 3261 section 19.1.1, where Replaces is
# hidden.
_REFER_TO = re.compile(r"<?sips?:([^@;?>]+)@[^?>]*(?:\?([^>]*))?>?")
_REPLACES = re.compile(r"(?:^|&)Replaces=([^&]*)", re.IGNORECASE)
# The transferor ends his own call (RFC 5589 section 6); a phone that forgets to is hung up after
# this.
GRACE_SECONDS = 2.0


def refer(leg: Party, request: Request) -> None:
    """Answer a REFER within a talk, and carry the transfer out."""
    exchange, talk = leg.exchange, leg.talk
    target = _REFER_TO.search(request.headers.get("Refer-To") or "")
    if target is None:
        leg.reply(request, 400)
    elif talk is None or exchange.faults.broken("transfer-refused"):
        leg.reply(request, 603)
    else:
        # RFC 3515 section 2.4.4: accepted, and at once a NOTIFY, before anything is known.
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
    """Tell the transferor how the transfer gets on, as message/sipfrag (RFC 3420)."""
    # RFC 3515 section 2.4.7: the last NOTIFY ends the subscription that REFER made.
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
        # RFC 5589 section 6: the transferor keeps the call when the target does not answer.
        if not leg.ended.is_set():
            talk.take_in(leg)
        return
    talk.take_in(target)
    await _leave(talk, leg)


async def _attended(exchange: Switchboard, talk: Conversation, leg: Party, replaces: str) -> None:
    call_id, *tags = replaces.split(";")
    named = dict(tag.split("=", 1) for tag in tags if "=" in tag)
    # RFC 3891 section 3: to-tag is the tag of whoever gets the Replaces, here the exchange itself.
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
    """Take the transferor out of the talk, and tell him that the transfer is done."""
    talk.let_go(leg)
    notify(leg, 200, final=True)
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await leg.ended.wait()
    except TimeoutError:
        leg.hang_up("transferred", sip_messages.reason(16, "Normal call clearing"))
