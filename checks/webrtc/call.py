"""A call as an agent's browser places it, a stage at a time; the stage that fails is the fault.

    us                           edge               faults beside timeout
    name, TCP, TLS ----------->  stages dns tcp tls dns, refused, expired …, tls
    GET, Upgrade: websocket -->  stage websocket    http:NNN, no-subprotocol, closed;
                                                    in the call: dropped
    REGISTER ----------------->  stage register     sip:NNN
    STUN Binding ------------->  stage stun         stun:NNN
    TURN Allocate ------------>  stage turn         turn:NNN, no-relay, no-candidate
      (UDP, TCP, TLS)
    INVITE ------------------->  stage answer       sip:NNN, sip:NNN/CC, no-media, no-codec
    connectivity checks <----->  stage ice          no-ice, no-pair; in the call: lost
    DTLS handshake <---------->  stage dtls         no-fingerprint, fingerprint, dtls;
                                                    in the call: closed
    <======== SRTP ===========>  stage srtp         no-rtp: not one packet
    the script, an echo          stages prompt, press, agent, talk, hold, echo
    what both sides heard        stage media, as of a sip-call
                                 (checks/telephony/call/media_judgement.py)
    BYE ---------------------->  stage hang-up

"bad-peer" in any stage: what came is no WebSocket, SIP, SDP or STUN, or too much of it. The
script's faults are those of sip-call (checks/telephony/call/script_runner.py). Keys are sent by SIP
INFO.
"""

from __future__ import annotations

from typing import ClassVar

from checks.contract import Trace
from checks.kind import Duty
from checks.telephony.call.probe_health import honest
from checks.webrtc.attempt import Attempt
from checks.webrtc.settings import SoftphoneCall


class WebrtcCall(SoftphoneCall):
    """A WebRTC call, from the name of its edge to the voice at its other end, each stage with its
    time.
    """

    KIND: ClassVar[str] = "webrtc-call"
    DUTY: ClassVar[Duty] = "agents"
    PLACES_CALLS: ClassVar[bool] = True
    SAMPLE: ClassVar[str] = """
[checks.browser-call]
kind = "webrtc-call"
every = "15m"
expect = ["answer_seconds <= 4"]
warn = ["certificate_days >= 14"]
url = "wss://edge.example.net/ws"
user = "6101"
password = { credential = "webrtc" }
to = "8000"
script = [{ agent = "agent-01", within = "20s" }]
stun = ["stun:turn.example.net:3478"]
turn = ["turn:turn.example.net:3478?transport=udp", "turns:turn.example.net:5349"]
turn_user = "agents"
turn_password = { credential = "turn" }
"""

    def rights(self) -> frozenset[str]:
        """Memory that is written and then run: callbacks of its DTLS."""
        return frozenset({"webrtc"})

    async def probe(self, trace: Trace) -> None:
        """Place the call. Raises Failed, CannotTell."""
        attempt = Attempt(self, trace, self._within())
        with honest(trace, self, attempt.health) as watch:
            await attempt.run(watch)
