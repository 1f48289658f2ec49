"""A far end that breaks the protocol: what the phones saw of it turns a fault into "bad-peer".

seen by a phone   what it is                                            turns
malformed         datagrams from the far end that are no SIP, or        what never came in time;
                  answer nothing                                        an engine that died of it
provisionals      provisional responses without end                     an answer that never came
forked            answers (2xx) of several far ends to the one call     a call that went well
bad-rtp           packets where RTP should be, that are none            no-rtp
flood             RTP many times as fast as agreed                      every fault, and none
malformed         a challenge that our engine cannot read, since it     what never came in time: no
                  names another scheme than Digest (RFC 8898)           log-in, or UNKNOWN
other-payload     RTP of a payload type that was not agreed             nothing: it is added to the
                                                                        words of a fault of sound
other-payload,    RTP of the second codec of an answer, which our       a fault of sound: UNKNOWN
lawful            engine does not play, while it was not asked for
                  alone (checks/telephony/phone/codec_choice.py)
codec-asked       it was, and there is no answer yet                    every fault: UNKNOWN
codec-refused     the far end does not go with it                       a fault of sound: UNKNOWN
codec-agreed      it does: heard as ever, but for the sound before      a prompt of which a part was
                                                                        missed then: UNKNOWN

Their exhibits: bad-peer.txt (the datagrams), the ladder, and the counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from checks.contract import CannotTell, Failed, Trace
from checks.telephony.call.leg import Event, Phone
from checks.telephony.sip.malformed import MANY_PROVISIONALS

BAD_PEER = "bad-peer"
# Codes that say that nothing, or something else, was heard.
_OF_SOUND = ("silent", "unknown-prompt", "not-heard", "dtmf-ignored", "dead-air", "one-way-")
# Of them, those that a beginning which was missed explains.
_IN_PART = ("not-heard", "unknown-prompt", "dtmf-ignored")
_OF_CODECS = ("codec-asked", "codec-agreed", "codec-refused")
# Codes that say "nothing came": a breach of the protocol may be the reason that nothing did.
_NEVER_CAME = ("timeout", "not-rung", "not-answered", "not-registered")


@contextmanager
def named(trace: Trace, legs: Mapping[str, Phone]) -> Iterator[None]:
    """Around an attempt: raises Failed("bad-peer") in place of a fault that a far end's breach
    explains.
    """
    try:
        yield
    except Failed as fault:
        if found := blamed(fault, legs) or unplayed(fault, legs):
            raise found from fault
        raise
    except CannotTell as problem:
        if found := killed(problem, legs):
            raise found from problem
        raise
    hold_to_protocol(trace, legs)


def blamed(fault: Failed, legs: Mapping[str, Phone]) -> Failed | CannotTell | None:
    """The fault by its right name, "bad-peer"; None where no breach explains it."""
    for phone in legs.values():
        # A flood explains whatever followed: its receiver is busy.
        if flood := phone.seen("flood"):
            return Failed(BAD_PEER, f"{_flood(flood)}; then {fault}")
        if fault.code in _NEVER_CAME and (bad := phone.seen("malformed")):
            if challenged := _unread_challenge(bad):
                return challenged
            return Failed(BAD_PEER, f"{fault.text}; it sent what is no SIP: {bad['why']}")
        if fault.code == "timeout" and phone.seen("provisionals"):
            return Failed(
                BAD_PEER, f"{fault.text}; more than {MANY_PROVISIONALS} provisional responses came"
            )
        if fault.code == "no-rtp" and (bad := phone.seen("bad-rtp")):
            return Failed(BAD_PEER, f"{fault.text}; what came instead is no RTP: {bad['why']}")
    return None


def unplayed(fault: Failed, legs: Mapping[str, Phone]) -> Failed | CannotTell | None:
    """A fault with the reason why nothing was heard, where RTP came that our engine does not play;
    None where none did. What was agreed on callers hear: it is we who do not.
    """
    for phone in legs.values():
        asked = phone.seen("codec-asked")
        if asked and (chosen := _chosen(fault, phone, asked["codec"])):
            return chosen
        # What was lawful is played since it was asked for.
        otherwise = {"lawful": False} if asked else {}
        seen = phone.seen("other-payload", **otherwise)
        if seen and fault.code.startswith(_OF_SOUND):
            return _other(fault, seen)
    return None


def _other(fault: Failed, seen: Event) -> Failed | CannotTell:
    if seen["lawful"]:
        return CannotTell(
            f"the far end took several codecs and sends the one of payload type {seen['came']};"
            f" our engine plays the first alone ({seen['agreed']}): name one in 'codecs' ({fault})"
        )
    return Failed(
        fault.code,
        f"{fault.text}; its RTP has payload type {seen['came']}, and {seen['agreed']} was agreed",
        fault.origin,
    )


def _chosen(fault: Failed, phone: Phone, codec: str) -> CannotTell | None:
    """What a fault is in a call whose far end was asked for one codec alone; None: what it is in
    any other.
    """
    told = [event for event in phone.events if event.name in _OF_CODECS][-1]
    sends = f"the far end took several codecs and sends {codec}"
    way = "name one in 'codecs'"
    if told.name == "codec-asked":
        return CannotTell(f"{sends}; asked for it alone it has not answered: {way} ({fault})")
    if told.name == "codec-refused" and fault.code.startswith(_OF_SOUND):
        said = f"{told['code']} {told['phrase']}".strip()
        return CannotTell(f"{sends}; asked for it alone it says {said}: {way} ({fault})")
    # What was said between the answer and the agreement nobody heard.
    begun = max((one.at for one in phone.orders), default=0.0)
    if told.name == "codec-agreed" and fault.code in _IN_PART and begun < told.at:
        return CannotTell(f"{sends}, which was asked for alone while it spoke: {way} ({fault})")
    return None


def killed(problem: CannotTell, legs: Mapping[str, Phone]) -> Failed | None:
    """An engine that dies is our own trouble, unless what is no SIP had just come to it."""
    for phone in legs.values():
        # A process that was put down by us did not die of a datagram.
        if phone.failed and (bad := phone.seen("malformed")):
            return Failed(
                BAD_PEER,
                f"it sent what is no SIP, and our engine died of it: {bad['why']} ({problem})",
            )
    return None


def hold_to_protocol(trace: Trace, legs: Mapping[str, Phone]) -> None:
    """Raises Failed for what nobody may do, even if the call went well."""
    for phone in legs.values():
        if flood := phone.seen("flood"):
            with trace.stage("media"):
                raise Failed(BAD_PEER, _flood(flood))
        # RFC 3261 section 13.2.2.4 lets a forked INVITE be answered twice; a trunk that does so
        # bills the call twice.
        if forked := phone.seen("forked"):
            with trace.stage("answer"):
                raise Failed(
                    BAD_PEER, f"the one call was answered by {forked['ends']} far ends (forked)"
                )


def _unread_challenge(bad: Event) -> Failed | CannotTell | None:
    """What a challenge of schemes that our engine does not know is: a refusal, where none of them
    is ours; None for what is no challenge.
    """
    from sipmessage import Response

    from checks.telephony.sip.digest import challenge
    from checks.telephony.sip.message import NotSip, read

    try:
        message = read(bad.facts.get("text", "").encode("utf-8", "replace") + b"\r\n\r\n").message
    except NotSip:
        return None
    if not isinstance(message, Response) or message.code not in (401, 407):
        return None
    asked = [
        value
        for name in ("WWW-Authenticate", "Proxy-Authenticate")
        for value in message.headers.getlist(name)
    ]
    if all(value.strip().lower().startswith("digest") for value in asked):
        return None
    if challenge(asked) is None:
        return Failed(f"sip:{message.code}", f"{message.phrase[:200]}; it asks for no digest")
    return CannotTell(
        f"the far end asks for a digest ({message.code}), beside it for a proof of another scheme,"
        " which our engine reads no challenge of"
    )


def _flood(seen: Event) -> str:
    return (
        f"RTP flood: {seen['packets']} packets in {seen['seconds']:.1f} s, about {seen['due']}"
        " were due"
    )
