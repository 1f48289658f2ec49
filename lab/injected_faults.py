"""Everything that can be broken in the lab, as one table; and what is broken just now.

Rule: nothing keeps a copy. Whoever acts asks `broken(name)` at that moment, so that a fault works
at once, also in a call that is under way.
"""

from __future__ import annotations

import asyncio
from difflib import get_close_matches

PORTALS = ("agent-portal", "admin-portal", "dashboard-portal", "report-portal")

# Name -> what is seen of it from outside. `python -m lab --list` prints it.
FAULTS: dict[str, str] = {
    "trunk-refuses": "the trunk has no circuit: 503 with Reason Q.850 cause 34, also to OPTIONS",
    "trunk-down": "the trunk is dead: no SIP message is answered",
    "busy": "the main number is busy: 486 with Reason Q.850 cause 17",
    "rings-for-ever": "the main number rings and is never answered",
    "answers-late": "the main number rings for seven seconds before it answers",
    "early-hang-up": "the far end hangs up a second after it answered, with Reason Q.850 cause 41",
    "no-rtp": "calls are answered, but not one RTP packet comes",
    "ivr-silent": "calls are answered, but the IVR plays silence",
    "wrong-prompt": "the IVR plays another announcement where the welcome should be",
    "false-answer-ringback": "calls are answered, and ring on behind the answer",
    "false-answer-busy": "calls are answered by a busy tone",
    "false-answer-congestion": "calls are answered by the network's congestion tone",
    "false-answer-sit": "calls are answered by special information tones",
    "voicemail": "calls are answered by somebody's voicemail",
    "fax": "calls are answered by a fax",
    "frozen": "two seconds into a prompt its last 20 ms repeat for ever",
    "choppy": "a third of every prompt is cut out of it",
    "clipped": "every prompt is amplified beyond the end of the scale",
    "echo": "in a talk the caller hears himself, a fifth of a second late",
    "dtmf-ignored": "the IVR does not act on any key",
    "agent-not-reachable": "the queue rings no agent; the caller hears music",
    "one-way-to-agent": "the agent does not hear the caller",
    "one-way-to-caller": "the caller does not hear the agent",
    "hold-dead": "the re-INVITE that puts a call on hold is never answered",
    "hold-silent": "who is on hold hears silence and no music",
    "one-way-after-resume": "after a hold the caller does not hear the agent any more",
    "mute-ignored": "who has muted himself by *6 is still heard",
    "keys-lost": "digits pressed in a talk do not reach the other side",
    "transfer-refused": "the exchange declines every transfer: 603",
    "transfer-lost": (
        "a transfer is said to have succeeded, and the transferred side is left in silence"
    ),
    "conference-split": "in a conference the last to join is not heard",
    "recording-missing": "the voice logger keeps no recording",
    "recording-short": "the voice logger keeps the first third of each call",
    "recording-from-agent": "the voice logger begins when an agent answers, and not with the call",
    "recording-silent": "the voice logger's recordings are silent",
    "dialer-dead": "the dialer takes every order, and calls nobody",
    "dialer-refuses": "the dialer's API answers 503",
    "dialer-silent": "the dialer calls both sides, and does not connect them",
    "wrong-caller-id": "calls to agents and customers present 0000000000 and not who calls",
    **{f"{portal}-down": f"the {portal.replace('-', ' ')} answers 503" for portal in PORTALS},
    **{f"{portal}-login": f"the {portal.replace('-', ' ')} lets nobody in" for portal in PORTALS},
    "agent-portal-maintenance": "the agent portal answers 200, but with a maintenance page",
    "ui-changed": "the agents' toolbar has no transfer button any more",
    "report-missing": "the report portal has no report of yesterday: 404",
    "report-wrong": "the report leaves out every tenth answered call",
    "api-down": "the CRM's API answers 503",
    "api-form-changed": "the CRM's API answers in another form: a text for a number, a field less",
    "webhook-lost": "the CRM takes events and never calls back",
    "webhook-wrong": "the CRM calls back, but says that the event was lost",
    "uplink-down": (
        "nothing beyond the uplink answers, and no portal or API is reached from outside"
    ),
    "webrtc-socket-down": "the WebRTC edge answers 503 to the WebSocket upgrade",
    "webrtc-register-refused": "the WebRTC edge refuses every softphone: 403",
    "webrtc-no-return": "a softphone whose socket dropped is refused when it comes back: 403",
    "webrtc-calls-lost": "softphones register at the WebRTC edge, but calls to them never ring",
    "webrtc-ice-blocked": "no media can reach the WebRTC edge, as behind a firewall",
    "webrtc-no-media": "WebRTC calls are answered, but not one packet comes",
    "webrtc-one-way": "who calls by WebRTC is not heard",
    "chat-widget-missing": "the page comes, but the chat widget's script is not there: 404",
    "chat-dead-socket": "the chat widget's WebSocket is not let in: 503",
    "chat-silent": "the chat takes messages, and nobody answers",
    "agent-desk-blank": "a script of the agent desk fails, and its page stays empty",
    "agent-desk-login-broken": "the agent desk takes no password",
    "agent-desk-hangs": "signing in at the agent desk never ends",
    "mail-refused": "the mail server puts every recipient off: 451, try again later",
}


class UnknownFault(LookupError):
    """There is no fault of that name."""

    def __init__(self, name: str) -> None:
        close = get_close_matches(name, FAULTS, n=1)
        super().__init__(
            f"there is no fault {name!r}" + (f"; did you mean '{close[0]}'?" if close else "")
        )


class Faults:
    """What is broken just now."""

    def __init__(self) -> None:
        self._broken: set[str] = set()
        self._changed = asyncio.Event()

    @property
    def names(self) -> frozenset[str]:
        """The faults that are switched on."""
        return frozenset(self._broken)

    def broken(self, name: str) -> bool:
        """Whether this one is switched on; a name outside the table is a bug (KeyError)."""
        # The table is asked first, so that a misspelt name fails whether or not anything is broken.
        return bool(FAULTS[name]) and name in self._broken

    def switch_on(self, name: str) -> None:
        """Raises UnknownFault."""
        if name not in FAULTS:
            raise UnknownFault(name)
        self._broken.add(name)
        self._tell()

    def switch_off(self, name: str | None = None) -> None:
        """Mend one, or everything. Raises UnknownFault."""
        if name is not None and name not in FAULTS:
            raise UnknownFault(name)
        self._broken -= {name} if name else set(FAULTS)
        self._tell()

    async def until(self, name: str, broken: bool) -> None:
        """Wait until this fault is (or is no longer) switched on."""
        while self.broken(name) is not broken:
            await self._changed.wait()

    def _tell(self) -> None:
        # A new event for the next change: who waits on the old one wakes, and asks again.
        self._changed.set()
        self._changed = asyncio.Event()
