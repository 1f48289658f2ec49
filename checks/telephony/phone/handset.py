"""One telephone on pjsua2: an account and at most one call, told as events. Only for the child
process of a call leg.

Traps of the engine that this file lives with (pjsua2 2.15.1):
* asserts are compiled in: everything happens in the main thread (threadCnt=0, mainThreadOnly), one
  Endpoint, one account;
* the log callback is only called up to consoleLevel; the writer must be kept referenced;
* getInfo() is held while its members are read; getInfo() and getStreamStat() raise once the call is
  over;
* a status may be made up by our own stack: what was received is read from the wire (`Ladder`);
* the default media port is reused and an orphan's sound would be heard: a random port per call;
* an exception in a callback is printed and swallowed: `_kept` keeps it for the loop.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pjsua2 as pj

from checks.telephony.phone import pjsua2_settings
from checks.telephony.phone.callbacks import DTMF, LineAccount, LineCall, Wire
from checks.telephony.phone.codec_choice import CodecChoice
from checks.telephony.phone.pjsua2_settings import Account
from checks.telephony.phone.rtp_counters import Meter
from checks.telephony.phone.screening import Screen, Sources, callers_in
from checks.telephony.phone.sdp_reading import SdpReading
from checks.telephony.phone.sip_watch import Tell, Watch
from checks.telephony.phone.sound_bridge import Sounding
from checks.telephony.phone.strays import is_strays
from checks.telephony.phone.tls_relay import TlsRelay
from checks.telephony.phone.unwanted_calls import Door
from checks.telephony.sip.ladder import Ladder
from checks.telephony.sip.plain_digits import PlainDigits

_ENDED = pj.PJSIP_INV_STATE_DISCONNECTED
# A far end that rings for minutes sends one each 60 s or so (RFC 3261 section 13.3.1.1); more
# would flood the daemon.
_PROVISIONALS_TOLD = 20


class Handset(Sounding):
    """The telephone. Its methods do; what comes of it is told as events."""

    def __init__(self, tell: Tell, folder: Path, name: str) -> None:
        super().__init__(folder, name)
        self.tell, self.ladder = tell, Ladder()
        self.broken: Exception | None = None
        self.digits = ""
        """every digit that the far end pressed"""
        self.ended = False
        self.registered = False
        self.screen, self.sources = Screen(), Sources()
        self.ssrc_changes = 0
        """how often RTP came from another sender than before"""
        self.meter, self.watch, self._door = Meter(), Watch(tell, folder, name), Door()
        self.choice = CodecChoice(tell)
        self.watch.second_codec = self.on_second_codec
        self._endpoint: Any = None
        self._account: Any = None
        self._configured: Any = None
        self._relay: TlsRelay | None = None
        self._call: Any = None
        self._sound: Any = None
        self._media_index, self._frame_ms = 0, 0
        self._wire = Wire(self)
        self._reading = SdpReading(lambda lines: self.tell("forgiven", lines=lines))
        self._provisionals = 0
        self._plain_digits = PlainDigits()
        self._hanging_up = False
        self._rtp_seen = False
        self._next_look = 0.0

    # --- what the telephone does

    def open(self, account: Account) -> None:
        """Start the engine with this account; tells `ready` with its port. Raises pjsua2.Error."""
        account, self._relay = pjsua2_settings.relayed(account)
        if self._relay is not None:
            self.ladder.seen = self._relay.on_the_wire
        self.watch.srtp, self.sources = account.srtp, Sources(account.sources)
        self._endpoint, port = pjsua2_settings.started(account, self._wire, self._reading.begin)
        # The account is added when the transport is there: its Contact holds the port.
        self._account = LineAccount(self)
        self._configured = pjsua2_settings.of_account(account)
        self._account.create(self._configured)
        self.tell("ready", port=port)

    def register(self) -> None:
        """REGISTER; tells `registered` or `registration-failed`."""
        self._account.setRegistration(True)

    def unregister(self) -> None:
        """REGISTER with no expiry; `registered` becomes False when it is answered."""
        self._account.setRegistration(False)

    def trust(self, realm: str) -> None:
        """Answer challenges of this realm alone: it has registered the account."""
        pjsua2_settings.pin_to(self._account, self._configured, realm)

    def call(self, to: str, headers: dict[str, str], caller: str | None = None) -> None:
        """INVITE; tells `invited`, then what becomes of it. Raises pjsua2.Error (an address that
        does not resolve).
        """
        self._call = LineCall(self, self._account)
        parameter = pj.CallOpParam(True)
        # A video stream in an offer makes some trunks refuse the whole call.
        parameter.opt.videoCount = 0
        for name, value in headers.items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            parameter.txOption.headers.push_back(header)
        # A From that differs from the account shows another number to the callee.
        if caller:
            parameter.txOption.localUri = caller
        self._call.makeCall(to, parameter)

    def answer(self, status: int) -> None:
        """Answer the call that rings, or send a provisional or final response of one's choice."""
        parameter = pj.CallOpParam(True)
        parameter.opt.videoCount = 0
        parameter.statusCode = status
        self._call.answer(parameter)

    def press(self, digits: str, method: str) -> None:
        """Send DTMF. Raises pjsua2.Error, as when the far end did not offer telephone-event."""
        parameter = pj.CallSendDtmfParam()
        # 160 ms: eight RTP packets, and four times what ITU-T Q.24 wants.
        parameter.method, parameter.digits, parameter.duration = DTMF[method], digits, 160
        self._call.sendDtmf(parameter)

    def hang_up(self) -> None:
        """BYE, CANCEL or a refusal, as fits; the call may linger until `farewell_answered`."""
        if self.in_call:
            # The counts are gone with the call.
            self.look_at_media()
            self._hanging_up = True
            self._call.hangup(pj.CallOpParam(True))

    # --- how it stands

    @property
    def statistics(self) -> dict[str, Any]:
        """The RTP counts so far; {} when there never was media."""
        return {**self.meter.latest, **self.watch.far.figures} if self.meter.latest else {}

    def buffered_ms(self) -> float | None:
        """What the jitter buffer holds just now, milliseconds of sound; None without media."""
        if not self.has_media or self.held:
            return None
        return float(self._call.getStreamStat(self._media_index).jbuf.size * self._frame_ms)

    def farewell_answered(self, since: float) -> bool:
        """Whether the BYE, or the INVITE that was cancelled or refused, has got (or sent) its final
        response.
        """
        return self.ladder.ended(since, self._hanging_up)

    def poll(self, milliseconds: int) -> None:
        """Let the engine work. Raises what broke in a callback."""
        self._endpoint.libHandleEvents(milliseconds)
        self._door.answer()
        # The engine may break in a callback: poll raises it where the process can act on it.
        if self.broken is not None:
            raise self.broken
        if self.choice.due:
            self.choose_codec()
        if self.has_media and time.monotonic() >= self._next_look:
            self.look_at_media()

    def look_at_media(self) -> None:
        """Take the RTP counts; tells `rtp-first` once, with where it came from and where it should
        have.
        """
        # While the call is on hold, getStreamStat tells of a stream that is paused.
        if not self.has_media or self.held:
            return
        stat = self._call.getStreamStat(self._media_index)
        info = self._call.getStreamInfo(self._media_index)
        self.watch.count(
            self.meter.take(pjsua2_settings.counts(stat, info), time.monotonic()), self.media_at
        )
        # Until the first packet every 20 ms, since its moment is a measure; then four times a
        # second.
        self._next_look = time.monotonic() + (0.25 if self._rtp_seen else 0.02)
        if not self._rtp_seen and stat.rtcp.rxStat.pkt > 0:
            self._rtp_seen = True
            source = self._call.getMedTransportInfo(self._media_index).srcRtpName
            self.tell("rtp-first", source=source, expected=info.remoteRtpAddress)

    # --- what the engine says

    def on_message(self, message: Any) -> None:
        """Keep a SIP message that was sent or received, and tell what it means for the call."""
        message = self.ladder.seen(message)
        if is_strays(message, self.ladder, self.sources, self.tell):
            return
        self.ladder.add(message)
        self.watch.look(message)
        of_choice = self.choice.look(message)
        if not self.ended and (digit := self._plain_digits.look(message)):
            self.on_digit(digit, "info")
        # After the end nothing more is told: the daemon awaits its statistics only.
        if message.method != "INVITE" or self.ended or of_choice:
            return
        if message.direction == "sent" and message.status is None:
            self.tell("invited", message.at)
        elif (
            message.direction == "received" and message.status is not None and message.status < 200
        ):
            # Told events are bounded; the ladder keeps the messages.
            self._provisionals += 1
            if self._provisionals <= _PROVISIONALS_TOLD:
                name = "trying" if message.status == 100 else "provisional"
                self.tell(
                    name,
                    message.at,
                    code=message.status,
                    phrase=message.phrase,
                    with_media=message.has_body,
                )
        elif message.direction == "received" and self.media_at is not None:
            self.on_change_answered(message)

    def on_registration(self, code: int, phrase: str, expires: int) -> None:
        """The registrar answered, or nobody did."""
        # A 2xx to REGISTER with expires 0 took the binding away (RFC 3261 section 10.2.2).
        self.registered = code // 100 == 2 and expires > 0
        if code // 100 == 2:
            pjsua2_settings.pin(self._account, self._configured, self.ladder)
            self.tell("registered" if self.registered else "unregistered")
            return
        answer = self.ladder.final_response("REGISTER")
        # A status without a response on the wire is our own stack's: 408 by timer F, 503 by the
        # network.
        far = answer is not None and answer.status == code
        self.tell(
            "registration-failed",
            code=code,
            phrase=phrase if far else self._reason(phrase),
            origin="far" if far else "local",
            challenges=pjsua2_settings.challenges_in(answer),
        )

    def on_incoming(self, call_id: int, far: str) -> None:
        """It rings; a second call, or one that is not meant for us, is refused as busy, and one
        that does not come by the registrar as forbidden."""
        if not self.sources.hold(far):
            self._door.turn_away(self._account, call_id, pj.PJSIP_SC_FORBIDDEN)
            return
        known = callers_in(self.ladder)
        if not (admitted := self.screen.admits(known)):
            self.tell("turned-away", identities=known)
        if self._call is not None or not admitted:
            # The engine is in its own callback here: hanging up must wait (unwanted_calls.py).
            self._door.turn_away(self._account, call_id, pj.PJSIP_SC_BUSY_HERE)
            return
        self._call = LineCall(self, self._account, call_id)
        info = self._call.getInfo()
        # 180 at once: a queue takes a phone that says nothing for unreachable.
        self.answer(pj.PJSIP_SC_RINGING)
        self.tell("incoming", far=info.remoteUri, identities=known)
        if self.screen.picks_up:
            self.answer(pj.PJSIP_SC_OK)

    def on_call_state(self, state: int, code: int, phrase: str) -> None:
        """The call was answered or is over."""
        if state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.tell("answered")
        if state != _ENDED or self.ended:
            return
        self.ended = True
        # What follows our own BYE is no event of the far end.
        if self._hanging_up:
            return
        if (bye := self.ladder.far_request("BYE")) is not None:
            self.tell("far-bye", bye.at, reasons=bye.headers("Reason"))
            return
        if self.ladder.far_request("CANCEL") is not None:
            self.tell("cancelled")
            return
        # Neither BYE nor CANCEL came: the INVITE was refused, by the far end or by our own stack.
        answer = self.ladder.final_response("INVITE")
        said = phrase if answer else self._reason(phrase)
        self.watch.refused(answer, code, said, described=self._sound is not None)

    def _reason(self, phrase: str) -> str:
        """Why there was no answer: the relay knows better than the engine's stack behind it."""
        return (self._relay.trouble if self._relay else "") or phrase

    def on_media(self, index: int) -> None:
        """Sound can flow (again): connect what is said and heard."""
        self._sound, self._media_index, self.held = self._call.getAudioMedia(index), index, False
        self._connect_sound()
        self.meter.ordered()
        info = self._call.getStreamInfo(index)
        self._frame_ms = info.audCodecParam.info.frameLen
        self.watch.begin_media(self._call.getMedTransportInfo(index).localRtcpName)
        self.tell("media", **pjsua2_settings.media_of(info), encrypted=self.watch.encrypted)

    def on_digit(self, digit: str, method: str) -> None:
        """The far end pressed a digit."""
        self.digits += digit
        if method == "rfc4733":
            self.meter.stood_in(time.monotonic())
        self.tell("dtmf", digit=digit, method=method)
