"""What a telephone does to a call that stands: hold, mute, transfer. Only for the child process of
a call leg.

hold      re-INVITE with sendonly (RFC 3264 section 8.4)     tells held, or change-refused
resume    re-INVITE with sendrecv                            tells media, or change-refused
mute      our sound is kept from the call                    tells muted; resume tells unmuted
transfer  REFER (RFC 3515), with Replaces (RFC 3891) where a call is to be taken over (RFC 5589);
          every NOTIFY, and a refusal of the REFER, is told as transfer-status
codec     re-INVITE with one codec alone, of itself          tells codec-asked, and what came of it
identify  what names the dialog, for such a Replaces         tells dialog
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pjsua2 as pj

from checks.telephony.phone.callbacks import LineCall
from checks.telephony.phone.codec_choice import CodecChoice
from checks.telephony.phone.rtp_counters import Meter
from checks.telephony.phone.screening import Sources
from checks.telephony.sip.ladder import Ladder, Message
from checks.telephony.sip.refer_target import refer_target

# A tag is a token (RFC 3261 section 25.1), so that no quotes need care.
_TAG = re.compile(r";[ \t]*tag=([^;,\s]+)")


@dataclass(frozen=True, slots=True)
class Following:
    """A leave to be transferred: to a user at one of these places (host or host:port), or to be
    taken over by another call.
    """

    user: str = ""
    places: tuple[str, ...] = ()
    taken_over: bool = False

    def to(self, target: str) -> bool:
        """Whether a Refer-To names that user at one of them."""
        found = refer_target(target)
        if found is None or not self.user:
            return False
        places = {_with_port(place) for place in self.places}
        return found.user == self.user and _with_port(found.place) in places


def _with_port(place: str) -> str:
    """RFC 3261 section 19.1.2: a URI without a port means 5060."""
    return (place if re.search(r":\d+$", place) else f"{place}:5060").lower()


class Changing:
    """The part of a handset that changes a call which stands, and is changed by the far end."""

    tell: Callable[..., None]
    ladder: Ladder
    choice: CodecChoice
    meter: Meter

    def __init__(self) -> None:
        self.follows: Following | None = None
        """where it may be transferred to by the far end, once; None: nowhere"""
        self.sources = Sources()
        """where the line's calls come from"""
        self.held = self.ended = False
        self._call: Any = None
        self._sound: Any = None
        self._account: Any = None
        self._successor: Any = None
        self._former: Any = None
        self._players: list[Any] = []
        self._muted = False

    def follow(self, user: str, places: tuple[str, ...], taken_over: bool) -> None:
        """Go with a transfer there, once."""
        self.follows = Following(user, places, taken_over)

    @property
    def in_call(self) -> bool:
        """Whether there is a call that is not over."""
        return self._call is not None and not self.ended

    @property
    def call_now(self) -> Any:
        """The engine's own call, for controls."""
        return self._call

    def mute(self, on: bool) -> None:
        """Keep our sound from the call, or let it through again; silence (the first player) always
        goes.
        """
        self._muted = on
        # The silence keeps the RTP clock going: a far end would take a gap for a dead call.
        for player in self._players[1:]:
            (player.stopTransmit if on else player.startTransmit)(self._sound)

    def on_change_answered(self, answer: Message) -> None:
        """A re-INVITE was answered; asked for credentials, the engine itself asks again."""
        # 401 and 407 are challenges: the engine sends the same re-INVITE with credentials.
        if (answer.status or 0) >= 300 and answer.status not in (401, 407):
            self.tell("change-refused", answer.at, code=answer.status, phrase=answer.phrase)

    def on_second_codec(self, codec: str) -> None:
        """A packet came that the engine does not play: no loss, and to be played from now on."""
        self.meter.stood_in(time.monotonic())
        self.choice.want(codec)

    def choose_codec(self) -> None:
        """Ask for the codec alone that the far end sends, once the call is answered."""
        # An offer out of a call on hold would hold it, or resume it, by an order of nobody's.
        if not self.in_call or self.held or self._sound is None:
            return
        info = self._call.getInfo()
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.choice.ask(self._offered_anew)

    def _offered_anew(self) -> bool:
        """Whether a re-INVITE went out: while another is under way none may (RFC 3261, 14.1)."""
        parameter = pj.CallOpParam(True)
        parameter.opt.videoCount = 0
        try:
            self._call.reinvite(parameter)
        except pj.Error:
            return False
        return True

    def on_held(self) -> None:
        """The far end has taken it that it is on hold; its counts begin anew when it is resumed."""
        answer = self.ladder.final_response("INVITE")
        # The last direction attribute counts: media level stands after session level (RFC 8866
        # section 6.7).
        ways = (
            re.findall(r"(?m)^a=(sendrecv|sendonly|recvonly|inactive)\s*$", answer.text)
            if answer
            else []
        )
        self.held = True
        self.tell("held", far_direction=ways[-1] if ways else "sendrecv")

    def on_transfer_status(self, code: int, phrase: str, final: bool) -> None:
        """The REFER was refused, or a NOTIFY says how the transfer gets on (RFC 3515 section
        2.4.5).
        """
        self.tell("transfer-status", code=code, phrase=phrase, final=final)

    def is_current(self, call: Any) -> bool:
        """Whether events of a call count. One that was transferred to takes the place of the old
        one.
        """
        if call is self._successor:
            # The former call is kept: one let go of would be hung up at once by the engine.
            self._former, self._call, self._successor = self._call, call, None
            # Until the new call has media of its own.
            self._sound = None
            self.choice.begin()
            self.tell("transferred")
        return call is self._call

    def successor_for(self, call: Any, target: str) -> Any:
        """The call to `target` that shall take the place of `call`; None when this phone does not
        go there: it calls the step's number alone, whoever asks.
        """
        followed = self.follows is not None and call is self._call and self.follows.to(target)
        return self._succeeded(target, followed)

    def taken_over(self, call: Any, far: str) -> Any:
        """The call of somebody else (`far`, host:port) that shall take the place of `call` (RFC
        3891).
        """
        followed = (
            self.follows is not None
            and self.follows.taken_over
            and call is self._call
            and self.sources.hold(far)
        )
        return self._succeeded("", followed)

    def _succeeded(self, target: str, followed: bool) -> Any:
        self.tell("transfer-asked", target=target, followed=followed)
        if not followed:
            return None
        # A leave to go is used up by going: a second REFER is not followed.
        self.follows = None
        # RFC 3515 section 2.4.2: whoever accepts a REFER calls the target itself.
        self._successor = LineCall(self, self._account)  # type: ignore[arg-type]
        return self._successor


def obey(handset: Changing, order: Mapping[str, Any]) -> None:
    """Do one of them to a handset's call; what the engine refuses is a control-failed event."""
    if not handset.in_call:
        handset.tell("no-call", command=order["what"])
        return
    try:
        _DO[order["what"]](handset, order)
    except pj.Error as problem:
        handset.tell("control-failed", command=order["what"], text=problem.reason)


def _hold(handset: Changing, _order: Mapping[str, Any]) -> None:
    handset.call_now.setHold(pj.CallOpParam(True))


def _resume(handset: Changing, _order: Mapping[str, Any]) -> None:
    parameter = pj.CallOpParam(True)
    parameter.opt.flag = pj.PJSUA_CALL_UNHOLD
    # Some PBXs refuse a re-INVITE that adds a video stream with 488.
    parameter.opt.videoCount = 0
    handset.call_now.reinvite(parameter)


def _mute(handset: Changing, order: Mapping[str, Any]) -> None:
    handset.mute(order["on"])
    handset.tell("muted" if order["on"] else "unmuted")


def _transfer(handset: Changing, order: Mapping[str, Any]) -> None:
    handset.call_now.xfer(refer_to(order["to"], order.get("replaces")), pj.CallOpParam(True))


def _identify(handset: Changing, _order: Mapping[str, Any]) -> None:
    answer = handset.ladder.final_response("INVITE")
    handset.tell("dialog", **(dialog_of(answer) if answer else {}))


_DO = {
    "hold": _hold,
    "resume": _resume,
    "mute": _mute,
    "transfer": _transfer,
    "identify": _identify,
}


def refer_to(uri: str, replaces: Mapping[str, str] | None) -> str:
    """The Refer-To of a URI; `replaces` is what `dialog_of` found of the call to be taken over."""
    if not replaces:
        return f"<{uri}>"
    named = f"{replaces['call_id']};to-tag={replaces['far_tag']};from-tag={replaces['own_tag']}"
    # RFC 3891 section 3: to-tag is the local tag of whoever gets the INVITE, from-tag that of its
    # far end.
    return f"<{uri}?Replaces={quote(named, safe='')}>"


def dialog_of(answer: Message) -> dict[str, str]:
    """Call-ID and both tags, out of the 2xx to an INVITE of ours."""
    call_id = [*answer.headers("Call-ID"), *answer.headers("i"), ""][0]
    # Compact header forms (RFC 3261 section 7.3.3): i, f and t.
    own = _TAG.search([*answer.headers("From"), *answer.headers("f"), ""][0])
    far = _TAG.search([*answer.headers("To"), *answer.headers("t"), ""][0])
    return {"call_id": call_id, "own_tag": own[1] if own else "", "far_tag": far[1] if far else ""}
