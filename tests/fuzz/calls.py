"""What is read of calls: SIP, descriptions, RTP with its keys, RTCP, AMI, SNMP."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import cache
from typing import Any

from sipmessage import Response

from checks.contract import Failed
from checks.telephony.asterisk.ami import Interface, UnknownAction
from checks.telephony.phone.rtcp_xr import blocks, payload_of
from checks.telephony.sip import causes, ladder, malformed, sdp
from checks.telephony.sip.bindings import Bindings, least_seconds
from checks.telephony.sip.caller_id import is_it, number_of
from checks.telephony.sip.digest import Proofs
from checks.telephony.sip.forgiven_sdp import forgiven
from checks.telephony.sip.framing import body_length
from checks.telephony.sip.message import Awaited, is_like_a_request, read
from checks.telephony.sip.name_address import addresses, sip_uri
from checks.telephony.sip.relayed import Relayed
from checks.webrtc.browser import sdp_answer
from lab.pbx.rtp import Keys, Packet

_OWN = sip_uri("sip:monitor@127.0.0.1:5060")


def sip(data: bytes) -> None:
    """A message as every transaction of ours reads it, and what is taken out of an answer."""
    is_like_a_request(data)
    body_length(data.partition(b"\r\n\r\n")[0] + b"\r\n")
    relayed = Relayed("127.0.0.1:4000", "192.0.2.7:5061")
    relayed.outward(relayed.inward(data))
    came = read(data)
    Awaited().mismatch(came)
    for header in ("From", "To", "P-Asserted-Identity"):
        for value in came.message.headers.getlist(header):
            with suppress(ValueError):
                number_of(value)
                is_it(value, "+49301234")
                addresses([value])
    if isinstance(came.message, Response):
        _answer(came.message)


def _answer(answer: Response) -> None:
    causes.refused(answer.code, answer.phrase, answer.headers.getlist("Reason"))
    with suppress(ValueError):
        bound = Bindings.told(answer)
        bound.granted(bound.of(_OWN))
    with suppress(ValueError):
        least_seconds(answer)
    with suppress(ValueError):
        Proofs("monitor", lambda: "not so secret").take(answer)


def sip_log(data: bytes) -> None:
    """An entry of the engine's log: a message for the ladder, or one that was dropped."""
    entry = data.decode("utf-8", "replace")
    dropped, exhibits = malformed.Dropped(), malformed.Exhibits()
    for part in entry.split("\n\n\n"):
        if one := dropped.read(part):
            exhibits.add(one)
        if message := ladder.parse_log(part, 0.0):
            asked = malformed.Asked()
            found = (asked.look(message), malformed.deadly(message), message.phrase)
            del found
            message.has_body  # noqa: B018 - it is computed
    exhibits.text()
    ladder.masked(entry)


def session(data: bytes) -> None:
    """The description of an answer: what is wrong with it, in words."""
    text = data.decode("utf-8", "replace")
    sdp.fault_of(text)
    sdp.fault_of(text, encrypted_only=True)
    sdp_answer.answers_bye(text)
    if (answer := sdp_answer.final_answer(text)) is not None:
        for prove in (lambda: answer.codec, answer.prove_ice, answer.prove_fingerprint):
            with suppress(Failed):
                prove()


def forgiven_session(data: bytes) -> None:
    """A description as it was meant: what was forgiven once is not changed again."""
    meant, _ = forgiven(data)
    again, _ = forgiven(meant)
    if again != meant:
        raise AssertionError(f"{meant!r:.200} is forgiven anew: {again!r:.200}")


def rtcp(data: bytes) -> None:
    """Extended reports, alone and within the datagram that a raw socket sees."""
    list(blocks(data))
    if data:
        list(blocks(payload_of(data, 4001)))


def rtp(data: bytes) -> None:
    """Packets of a stream, each with its length before it: the keys that they press."""
    keys, at = Keys(lambda _: None), 0
    while at < len(data):
        length = data[at]
        if packet := Packet.parse(data[at + 1 : at + 1 + length]):
            keys.event(packet)
        at += 1 + length


class Answering(asyncio.Transport):
    """A far end that says all it has as soon as it is asked, in the name of the asker's action."""

    def __init__(self, reader: asyncio.StreamReader, content: bytes) -> None:
        super().__init__()
        self._reader, self._content, self._over = reader, content, False

    def write(self, data: Any) -> None:
        """Answer."""
        identity = re.search(rb"reveille-[0-9a-f]+", bytes(data))
        if identity and not self._over:
            self._reader.feed_data(self._content.replace(b"reveille-id", identity[0]))
            self._over = True
            self._reader.feed_eof()

    def abort(self) -> None:
        """It is over."""
        self._over = True

    def is_closing(self) -> bool:
        """Whether it is over."""
        return self._over


def manager(data: bytes) -> None:
    """A list of the manager interface, and then an action."""
    asyncio.run(_manager(data))


async def _manager(data: bytes) -> None:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=65_536)
    protocol = asyncio.StreamReaderProtocol(reader)
    writer = asyncio.StreamWriter(Answering(reader, data), protocol, reader, loop)
    told = Interface(reader, writer, "9.0.0")
    try:
        await told.items("PRIShowSpans", "PRIShowSpans", "PRIShowSpansComplete")
        await told.action("CoreStatus")
    except UnknownAction:
        return
    finally:
        writer.transport.abort()


# Whatever the library raises while it reads a datagram ends in its own thread, and the question
# waits for its answer: what it may not do is take long, or memory.
ANSWERS_OF_SNMP = (Exception,)


def snmp(data: bytes) -> None:
    """An agent's datagram, through the library's whole road for messages."""
    engine, domain = _snmp_engine()
    engine.message_dispatcher.receive_message(engine, domain, ("127.0.0.1", 161), data)


@cache
def _snmp_engine() -> tuple[Any, Any]:
    import pysnmp.hlapi.v3arch.asyncio as api
    from pysnmp.carrier.asyncio.dgram import udp

    return api.SnmpEngine(), udp.DOMAIN_NAME
