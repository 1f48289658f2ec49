"""The same call as an agent's browser makes it: JsSIP in Chromium, a microphone, the browser's own
WebRTC and counts.

    us                            edge            faults beside timeout
    name, TCP, TLS, upgrade --->  stages dns tcp tls websocket, looked at before the browser is
                                                  (webrtc-call)
    REGISTER by the page ------>  stage register  sip:NNN, no-socket: the browser is not let in;
                                                  dropped
    the socket is dropped ----->  stage reconnect sip:NNN
    STUN, TURN ---------------->  stages stun turn  as of webrtc-call; no-candidate: the browser
                                                  finds none
    <------ INVITE of `caller`    stage ring      not-rung: registered, and takes no calls;
                                                  not-connected
    INVITE -------------------->  stage answer    sip:NNN, no-media, no-codec
    connectivity checks <------>  stage ice       no-ice, no-pair; in the call: lost
    DTLS handshake <----------->  stage dtls      no-fingerprint, dtls; in the call: closed
    <========= SRTP ===========>  stage srtp      no-rtp: not one packet
    the script, an echo           stages prompt, press, agent, talk, hold, echo
    what both sides heard         stage media, as of a sip-call
                                  (checks/telephony/call/media_judgement.py)
    BYE ----------------------->  stage hang-up

A socket that drops in the call is "dropped" in the stage websocket. A browser that dies, hangs or
is not there is UNKNOWN. With `trusted_certificates` the certificate is proven just before, and then
taken by the browser as it is.
"""

from __future__ import annotations

from typing import ClassVar

from checks.contract import Trace
from checks.kind import Duty
from checks.telephony.call.probe_health import honest
from checks.webrtc.browser.attempt import BrowserAttempt
from checks.webrtc.browser.settings import BrowserCall


class WebrtcBrowser(BrowserCall):
    """A call by a real browser's softphone, which is also rung, and comes back when its socket
    drops.
    """

    KIND: ClassVar[str] = "webrtc-browser"
    DUTY: ClassVar[Duty] = "agents"
    PLACES_CALLS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
# Needs a Chromium on this host, as in: apt install chromium-headless-shell
[checks.agents-browser]
kind = "webrtc-browser"
every = "30m"
expect = ["concealed_percent <= 5"]
url = "wss://edge.example.net/ws"
user = "6101"
password = { credential = "webrtc" }
to = "8000"
caller = { user = "6102", password = { credential = "webrtc-caller" } }
turn = ["turn:turn.example.net:3478?transport=udp"]
turn_user = "agents"
turn_password = { credential = "turn" }
"""

    async def probe(self, trace: Trace) -> None:
        """Place the call. Raises Failed, CannotTell."""
        attempt = BrowserAttempt(self, trace, self._within())
        with honest(trace, self, attempt.health) as watch:
            await attempt.run(watch)
