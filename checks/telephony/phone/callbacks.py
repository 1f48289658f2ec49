"""The callbacks of the engine (pjsua2), passed on to the handset. All run in the main thread.

An exception in a callback would be printed and swallowed: `_kept` keeps it for the handset's loop.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

import pjsua2 as pj

from checks.telephony.phone.codec_choice import CodecChoice
from checks.telephony.phone.engine_trouble import kept_by
from checks.telephony.phone.sip_watch import Watch
from checks.telephony.sip.ladder import Message, parse_log
from checks.telephony.sip.malformed import Dropped
from checks.telephony.sip.sdp_offer import with_codec_alone, with_usual_events

# How digits are sent -> the engine's number for it.
DTMF = {"rfc4733": 0, "info": 1}


class Listener(Protocol):
    """What the callbacks are passed on to: the handset."""

    broken: Exception | None
    ssrc_changes: int
    watch: Watch
    choice: CodecChoice

    def on_message(self, message: Message) -> None: ...
    def on_registration(self, code: int, phrase: str, expires: int) -> None: ...
    def on_incoming(self, call_id: int, far: str) -> None: ...
    def on_call_state(self, state: int, code: int, phrase: str) -> None: ...
    def on_media(self, index: int) -> None: ...
    def on_held(self) -> None: ...
    def on_digit(self, digit: str, method: str) -> None: ...
    def on_transfer_status(self, code: int, phrase: str, final: bool) -> None: ...
    def is_current(self, call: Any) -> bool: ...
    def successor_for(self, call: Any, target: str) -> Any: ...
    def taken_over(self, call: Any, far: str) -> Any: ...


_kept = kept_by("handset")


class Wire(pj.LogWriter):  # type: ignore[misc]
    """Takes the SIP messages out of the engine's log."""

    def __init__(self, handset: Listener) -> None:
        super().__init__()
        self.handset = handset
        self._dropped = Dropped()

    @_kept
    def write(self, entry: Any) -> None:
        if message := parse_log(entry.msg, time.monotonic()):
            self.handset.on_message(message)
        # The engine tells a change of the RTP source in its log only.
        elif "Changed RTP peer SSRC" in entry.msg:
            self.handset.ssrc_changes += 1
        elif entry.msg.startswith("RTP decode error: "):
            self.handset.watch.bad_rtp(entry.msg.removeprefix("RTP decode error: ").strip())
        elif entry.msg.startswith("Bad RTP pt "):
            self.handset.watch.other_payload(entry.msg)
        elif malformed := self._dropped.read(entry.msg):
            self.handset.watch.dropped(malformed)


class LineAccount(pj.Account):  # type: ignore[misc]
    """Registrations and incoming calls."""

    def __init__(self, handset: Listener) -> None:
        super().__init__()
        self.handset = handset

    @_kept
    def onRegState(self, parameter: Any) -> None:  # noqa: N802 - the engine's name
        self.handset.on_registration(parameter.code, parameter.reason, parameter.expiration)

    @_kept
    def onIncomingCall(self, parameter: Any) -> None:  # noqa: N802
        self.handset.on_incoming(parameter.callId, parameter.rdata.srcAddress)


class LineCall(pj.Call):  # type: ignore[misc]
    """States, media and digits of a call. getInfo() is held while its members are read: they live
    in it.
    """

    def __init__(self, handset: Listener, account: LineAccount, call_id: int = -1) -> None:
        super().__init__(account, call_id)
        self.handset = handset

    @_kept
    def onCallState(self, _parameter: Any) -> None:  # noqa: N802
        # getInfo raises once the call is over, so that it comes first, while the engine still
        # holds the call.
        info = self.getInfo()
        if not self.handset.is_current(self):
            return
        self.handset.on_call_state(info.state, info.lastStatusCode, info.lastReason)

    @_kept
    def onCallMediaState(self, _parameter: Any) -> None:  # noqa: N802
        info = self.getInfo()
        if not self.handset.is_current(self):
            return
        for index, media in enumerate(info.media):
            if (
                media.type == pj.PJMEDIA_TYPE_AUDIO
                and media.status == pj.PJSUA_CALL_MEDIA_LOCAL_HOLD
            ):
                self.handset.on_held()
            # REMOTE_HOLD still has media: the far end holds us, and its music is to be heard.
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status in (
                pj.PJSUA_CALL_MEDIA_ACTIVE,
                pj.PJSUA_CALL_MEDIA_REMOTE_HOLD,
            ):
                self.handset.on_media(index)

    @_kept
    def onCallSdpCreated(self, parameter: Any) -> None:  # noqa: N802
        """Our own description, before it goes out."""
        # Within an answer the numbers are those of the offer (RFC 3264 section 6.1).
        if not parameter.remSdp.wholeSdp:
            offer = with_usual_events(parameter.sdp.wholeSdp)
            parameter.sdp.wholeSdp = with_codec_alone(offer, self.handset.choice.alone)

    @_kept
    def onDtmfDigit(self, parameter: Any) -> None:  # noqa: N802
        method = next(
            (name for name, number in DTMF.items() if number == parameter.method), "unknown"
        )
        self.handset.on_digit(parameter.digit, method)

    @_kept
    def onCallTransferStatus(self, parameter: Any) -> None:  # noqa: N802
        self.handset.on_transfer_status(
            parameter.statusCode, parameter.reason, parameter.finalNotify
        )

    @_kept
    def onCallTransferRequest(self, parameter: Any) -> None:  # noqa: N802
        """The far end wants us to call somebody else; a phone that does not follow refuses."""
        successor = self.handset.successor_for(self, parameter.dstUri)
        # 403 tells the far end that a transfer of this phone will not do; its call to us stands
        # (RFC 3515 section 2.4.2).
        parameter.statusCode = (
            pj.PJSIP_SC_ACCEPTED if successor is not None else pj.PJSIP_SC_FORBIDDEN
        )
        parameter.newCall = successor

    @_kept
    def onCallReplaceRequest(self, parameter: Any) -> None:  # noqa: N802
        """Somebody else wants to take over the far end's part of this call."""
        successor = self.handset.taken_over(self, parameter.rdata.srcAddress)
        parameter.statusCode = pj.PJSIP_SC_OK if successor is not None else pj.PJSIP_SC_FORBIDDEN
        parameter.newCall = successor
