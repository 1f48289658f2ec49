"""The process in which pyVoIP calls (see process/child.py for what it tells).

Traps of the engine that this file lives with (pyVoIP 1.6.8): register() and invite() block, so each
has a thread; it swallows what breaks in its threads; final responses but 404 and 503 pass it by,
and it cannot read every one, so they are read from what comes, before it does; it misses a 200 that
comes before any provisional response, and knows no PRACK. What it misses is `blind`, never a fault.
Left by os._exit: its threads do not end.
"""

from __future__ import annotations

import math
import os
import random
import re
import socket
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from checks.process.child import job, telling

# 20 ms of G.711: 160 bytes (RFC 3551 section 4.5.14).
_FRAME_BYTES, _FRAME_SECONDS = 160, 0.02
# The limit of checks.telephony.audio.sound, which needs numpy: this process does without.
_SILENCE_DBM0 = -50.0
# ITU-T G.711: a full-scale sine of mu-law has 3.17 dBm0. No sound has no level.
_FULL_SCALE_DBM0, _NOTHING_DBM0 = 3.17, -99.0
# The engine's receiver looks at a 200 late, if it looks at all.
_MISSED_SECONDS = 5.0
# Two round trips: the farewell is asked for a proof, as everything is.
_LEAVING_SECONDS = 3.0
_STATUS_OK, _STATUS_FINAL, _AUTHENTICATE = 200, 300, (401, 407)


_STATUS = re.compile(rb"(?i)SIP/2\.0[ \t]+(\d{3})\b")
_OF_INVITE = re.compile(rb"(?im)^cseq[ \t]*:[ \t]*\d{1,10}[ \t]+INVITE\b")
_RELIABLE = re.compile(rb"(?im)^require[ \t]*:[^\r\n]*\b100rel\b")


class Fault(Exception):
    """What the far end did: a code and its words."""


class Blind(Exception):
    """What this engine could not do."""


class Telephone:
    """A telephone on pyVoIP with one account, for one call."""

    def __init__(self, job: dict[str, Any]) -> None:
        from pyVoIP.VoIP import VoIPPhone

        self._job = job
        port = _free_port(job["local_address"])
        # Two hundred ports at a random place: the engine takes the first free one.
        low = random.randrange(20000, 60000, 2)  # noqa: S311 - a port, no secret
        self._phone = VoIPPhone(
            job["server"],
            job["port"],
            job["user"],
            job["password"],
            myIP=job["local_address"],
            sipPort=port,
            rtpPortLow=low,
            rtpPortHigh=low + 200,
        )
        self._unlike_any_other()
        self._statuses: list[int] = []
        self._reliable = False
        """whether the far end awaits a PRACK (RFC 3262)"""
        self._read_first()
        self._call: Any = None
        self._broken = ""
        self.measures: dict[str, float] = {}

    def _unlike_any_other(self) -> None:
        """Have what must be unique be so (RFC 3261, 8.1.1.4 and 8.1.1.7): this engine counts
        from 1 in each process, so that a far end took a second look within 32 s (timer H) for a
        repetition of the first, and answered 400.
        """
        sip = self._phone.sip
        sip.callID.x = random.SystemRandom().randrange(2**48)
        write = sip.gen_invite

        def written(number: str, session: str, media: Any, way: Any, _: str, call: str) -> str:
            # An INVITE with a proof is a transaction of its own (RFC 3261 section 22.2).
            return str(write(number, session, media, way, sip.gen_branch(), call))

        sip.gen_invite = written  # type: ignore[method-assign, assignment]

    def _read_first(self) -> None:
        """See each message before the engine reads it, or fails to."""
        from pyVoIP import SIP

        engines = SIP.SIPMessage

        def read(data: bytes) -> Any:
            self._came(data)
            return engines(data)

        SIP.SIPMessage = read  # type: ignore[misc, assignment]

    def register(self) -> None:
        """Start the engine, and wait until the account is registered. Raises Fault."""
        self._beside(self._phone.start)
        if not _until(self._registered, self._job["register_within"]):
            # A registrar that answered and refused is another fault than one that is silent.
            failures = self._phone.sip.registerFailures
            code = "not-registered" if failures else "timeout"
            raise Fault(
                code,
                "the registrar does not take the account" if failures else "no answer to REGISTER",
            )
        # Its receiver starts a second later, and loses a response that comes before.
        time.sleep(1.2)

    def call(self) -> None:
        """Call, and wait until the call is answered. Raises Fault, Blind."""
        self._statuses.clear()
        self._beside(self._invite)
        within = self._job["answer_within"]
        _until(lambda: self._answered() or bool(self._refusal()) or bool(self._broken), within)
        if self._answered():
            return
        if refused := self._refusal():
            raise Fault(f"sip:{refused}", "the call was refused")
        if self._broken:
            raise Blind(f"pyVoIP broke: {self._broken}")
        # The 200 was on the wire, and the engine did not act on it: that is no fault of the far
        # end.
        if _STATUS_OK in self._statuses and not _until(self._answered, _MISSED_SECONDS):
            raise Blind("the call was answered, and pyVoIP missed it")
        if self._reliable:
            raise Blind("the far end awaits a PRACK (RFC 3262), which pyVoIP does not know")
        if self._statuses[-1:] and self._statuses[-1] in _AUTHENTICATE:
            raise Blind("the far end asks for a proof that pyVoIP did not give")
        raise Fault("timeout", f"no answer within {within:g} s")

    def listen(self) -> None:
        """Measure what is heard. Raises Fault where nothing is."""
        packets = [0]
        client = self._call.RTPClients[0]
        parse = client.parse_packet

        def parsed(packet: bytes) -> None:
            packets[0] += 1
            parse(packet)

        # The engine counts no packets: each is counted on its way into its parser.
        client.parse_packet = parsed
        heard = bytearray()
        end = time.monotonic() + self._job["listen"]
        while time.monotonic() < end:
            heard += self._call.read_audio(_FRAME_BYTES, blocking=False)
            time.sleep(_FRAME_SECONDS)
        self.measures |= {
            "rx_packets": float(packets[0]),
            "rx_level_dbm0": (level := _level(heard)),
        }
        if not packets[0]:
            raise Fault("no-rtp", f"no RTP within {self._job['listen']:g} s of the answer")
        if level < _SILENCE_DBM0:
            raise Fault("silent", f"{packets[0]} packets, and no sound in them")

    def hang_up(self) -> None:
        """Send BYE where the call stands."""
        if self._call is not None and self._answered():
            self._call.hangup()

    def leave(self) -> None:
        """Take the registration back; no answer is waited for longer than
        three seconds.
        """
        # Its status says at once that it is not registered any more, before it has said so to the
        # registrar: what counts is that its step is through.
        self._beside(self._phone.stop).join(_LEAVING_SECONDS)

    def _invite(self) -> None:
        self._call = self._phone.call(self._job["to"])

    def _beside(self, step: Callable[[], Any]) -> threading.Thread:
        def run() -> None:
            try:
                step()
            except Exception as problem:  # noqa: BLE001 - the engine's own, told
                self._broken = self._broken or f"{type(problem).__name__}: {problem}"[:200]

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _came(self, data: bytes) -> None:
        """Keep what answers our INVITE."""
        head = data.partition(b"\r\n\r\n")[0]
        found = _STATUS.match(head)
        if found is None or not _OF_INVITE.search(head):
            return
        self._statuses.append(int(found[1]))
        self._reliable = self._reliable or bool(_RELIABLE.search(head))

    def _registered(self) -> bool:
        return self._phone.get_status().name == "REGISTERED"

    def _answered(self) -> bool:
        return self._call is not None and self._call.state.name == "ANSWERED"

    def _refusal(self) -> int:
        refused = (
            one for one in self._statuses if one >= _STATUS_FINAL and one not in _AUTHENTICATE
        )
        return next(refused, 0)


def main() -> None:
    """Do the job, and tell the daemon how it went; does not return."""
    warnings.simplefilter("ignore")
    wanted, tell = job(), telling()
    telephone = Telephone(wanted)
    last: dict[str, Any] = {"done": {}}
    try:
        tell(begin="register")
        telephone.register()
        tell(begin="answer")
        telephone.call()
        tell(begin="media")
        telephone.listen()
        tell(begin="hang-up")
        telephone.hang_up()
    except Fault as fault:
        code, text = fault.args
        last = {"fault": code, "text": text}
        telephone.hang_up()
    except Blind as blind:
        last = {"blind": str(blind)}
    telephone.leave()
    for name, value in telephone.measures.items():
        tell(measure=name, value=value)
    tell(**last)
    # Its threads are no daemons, and would keep the process for ever.
    os._exit(0)


def _until(condition: Callable[[], bool], within: float) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _level(heard: bytes | bytearray) -> float:
    """dBm0 of unsigned 8-bit samples, as this engine gives them; a sine of full scale has 3.17 dBm0
    (G.711).
    """
    if not heard:
        return _NOTHING_DBM0
    mean = sum((sample - 128) ** 2 for sample in heard) / len(heard)
    return (
        20 * math.log10(math.sqrt(mean) / (128 / math.sqrt(2))) + _FULL_SCALE_DBM0
        if mean
        else _NOTHING_DBM0
    )


def _free_port(address: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
