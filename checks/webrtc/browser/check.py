"""The same call as an agent's browser makes it: JsSIP in Chromium, a microphone, the browser's own
WebRTC and counts.

    us                                   edge                  faults beside timeout
    name, TCP, TLS, upgrade ---------->  stages dns tcp tls websocket, looked at before the browser is (webrtc-call)
    REGISTER by the page ------------->  stage register        sip:NNN, no-socket: the browser is not let in; dropped
    the socket is dropped; anew ------>  stage reconnect       sip:NNN
    STUN, TURN ----------------------->  stages stun turn      as of webrtc-call; no-candidate: the browser finds none
    <------------- INVITE of `caller`    stage ring            not-rung: registered, and takes no calls; not-connected
    INVITE --------------------------->  stage answer          sip:NNN, no-media, no-codec
    connectivity checks <------------->  stage ice             no-ice, no-pair; in the call: lost
    DTLS handshake <------------------>  stage dtls            no-fingerprint, dtls; in the call: closed
    <============ SRTP ===============>  stage srtp            no-rtp: not one packet
    the script, an echo                  stages prompt, press, agent, talk, hold, echo
    what both sides heard               stage media, as of a sip-call
    (checks/telephony/call/media_judgement.py)
    BYE ------------------------------>  stage hang-up

A socket that drops in the call is "dropped" in the stage websocket. A browser that dies, hangs or
is not there is UNKNOWN. With `trusted_certificates` the certificate is proven just before, and then
taken by the browser as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from checks.contract import Claim, Layer, Trace
from checks.settings import Duration, Secret, Settings
from checks.telephony.call.probe_health import honest
from checks.web.browsing import LAUNCH_SECONDS, Executable
from checks.webrtc.browser.attempt import MEASURES, BrowserAttempt
from checks.webrtc.call import WebrtcCall

STAGES = (
    "dns", "tcp", "tls", "websocket", "register", "reconnect", "stun", "turn", "ring", "answer", "ice", "dtls", "srtp"
)  # fmt: skip
_RECOVERY_SECONDS = 6.0
"""what JsSIP waits at most before it connects anew, and the second try"""


class Caller(Settings):
    """A second account at the same edge, which calls ours."""

    user: Annotated[str, Field(pattern=r"^[^\s<>\"',;@:]+$")] = Field(examples=["6102"])
    """the account's user name"""
    login: str | None = None
    """the user name for the digest, where it is another"""
    password: Secret | None = None
    """the account's password, by reference"""


class WebrtcBrowser(Executable, WebrtcCall):
    """A call by a real browser's softphone, which is also rung, and comes back when its socket
    drops.
    """

    KIND: ClassVar[str] = "webrtc-browser"
    LAYER: ClassVar[Layer] = Layer.AGENT

    keys: Literal["rfc4733", "info"] = "rfc4733"
    """how `press` sends digits"""
    reconnect: bool = True
    """whether the socket is dropped once, to see that the softphone comes back by itself"""
    caller: Caller | None = None
    """an account that calls ours before we call: a softphone that is registered must ring"""
    ring_within: Duration = Field(default=8.0, gt=0)
    """how soon it must ring"""

    @model_validator(mode="after")
    def _two_accounts(self) -> Self:
        if self.caller and self.caller.user == self.user:
            raise ValueError("'caller' must be another account than the one that is called")
        return self

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that there are with these settings."""
        there = {
            "tls": self._secure,
            "stun": bool(self.stun),
            "turn": bool(self.turn),
            "reconnect": self.reconnect,
            "ring": self.caller is not None,
        }
        return tuple(stage for stage in STAGES if there.get(stage, True))

    def claims(self) -> tuple[Claim, ...]:
        """The accounts, and a place in the browser."""
        caller = (Claim(f"{self.caller.user} at {self.url}", 1),) if self.caller else ()
        return (*super().claims(), *caller, self.place())

    def measures(self) -> Mapping[str, str]:
        """Every measure it can give with these settings."""
        return {**super().measures(), **MEASURES}

    def longest_seconds(self) -> float:
        """Every timer of its own, and the browser's own start and end."""
        return super().longest_seconds() + LAUNCH_SECONDS

    def _within(self) -> dict[str, float]:
        longer = {
            "reconnect": self.step_within + _RECOVERY_SECONDS,
            "ring": self.ring_within + 2 * self.step_within,
        }
        return {stage: longer.get(stage, seconds) for stage, seconds in super()._within().items()}

    async def probe(self, trace: Trace) -> None:
        """Place the call. Raises Refused, CannotTell."""
        attempt = BrowserAttempt(self, trace, self._within())
        with honest(trace, self, attempt.health) as watch:
            await attempt.run(watch)
