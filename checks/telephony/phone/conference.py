"""The process of a conference: one account, many calls, and a bridge that mixes those who have
joined (`python -m checks.telephony.phone.conference FD`).

Over the inherited socket FD come commands, one JSON object a line, and go events, as with the
process of one call (process.py). Each names its leg.

    open    account, folder, life_seconds            tells ready, with its port for links
    record  file                                     what is said is kept from now on
    link    secret                                   takes a call to this user, and joins it at once
    dial    leg, to, caller                          tells leg-answered, or leg-ended
    admit                                            calls of the registrar ring: tells incoming
    answer  leg                                      tells leg-answered
    refuse  leg, status                              tells leg-ended
    collect leg, count, within, turn                 tells digits: so many keys, or those up to #
    play    leg, file                                said to this leg alone, over what it hears
    ask     leg, keys, within, turn                  tells key or no-key
    join    leg                                      it hears all who have joined, and they it
    drop    leg                                      tells leg-ended
    hang-up                                          all legs; tells closed

The engine's build holds four calls in a process (`PJSUA_MAX_CALLS`). A conference of more is a hub
with a link to each of several such processes: every bridge gives each of its calls all but its own
sound, and a tree has no echo.

No orphan: it ends as the process of one call does (socket closed, SIGTERM, end of its life).
"""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pjsua2 as pj

from checks.process.channel import Channel, be_a_good_child
from checks.telephony.phone import pjsua2_settings
from checks.telephony.phone.conference_leg import Collector, Ear, Leg, Log, kept
from checks.telephony.phone.engine_trouble import run_to_the_end
from checks.telephony.phone.keypad import Keypad
from checks.telephony.phone.pjsua2_settings import Account
from checks.telephony.phone.screening import Sources
from checks.telephony.phone.sdp_reading import SdpReading
from checks.telephony.phone.unwanted_calls import Door

_TICK_MILLISECONDS = 10
_STUCK_SECONDS = 15
# A BYE repeats after 0.5 and 1.5 s (RFC 3261 section 17.1.2.2).
_FAREWELL_SECONDS = 3.0
# The recordings grow four times a second (recording.py).
_READ_EVERY_SECONDS = 0.2
_RECORDER_SECONDS = 0.5
# The leg that leads to the hub.
LINK = "(link)"


class Room:
    """The conference. Its methods do; what comes of it is told as events."""

    def __init__(self, channel: Channel) -> None:
        self.tell = channel.tell
        self.broken: Exception | None = None
        self.folder = Path()
        self.legs: dict[str, Leg] = {}
        self._channel, self._log = channel, Log()
        self._reading = SdpReading(lambda _lines: None)
        self._endpoint: Any = None
        self._account: Any = None
        self._recorder: Any = None
        self._secret, self._door = "", Door()
        self._admits, self._sources, self._callers = False, Sources(), 0
        self._dies = time.monotonic() + 600
        self._terminated = False
        self._next_read = 0.0
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self) -> None:
        """Run until it is told to hang up, or the daemon is gone."""
        while not (self._channel.gone or self._terminated or time.monotonic() > self._dies):
            signal.setitimer(signal.ITIMER_REAL, _STUCK_SECONDS)
            self.turn()
            for command in self._channel.commands():
                if command["do"] == "hang-up":
                    self._leave()
                    return
                self._obey(command)
        self._leave()

    def turn(self) -> None:
        """Let time pass. Raises what broke in a callback."""
        if self._endpoint is None:
            time.sleep(0.002)
            return
        self._endpoint.libHandleEvents(_TICK_MILLISECONDS)
        self._door.answer()
        if self.broken is not None:
            raise self.broken
        if time.monotonic() >= self._next_read:
            self._next_read = time.monotonic() + _READ_EVERY_SECONDS
            for leg in self.legs.values():
                if leg.collector is not None and leg.collector.attend():
                    leg.collector = None
                if leg.keypad is not None and leg.recording is not None:
                    leg.recording.refresh()
                    leg.keypad = None if leg.keypad.attend() else leg.keypad

    def connect(self, leg: Leg) -> None:
        """Mix one leg with all who have joined, and into the recording."""
        for other in self.legs.values():
            if other is not leg and other.joined and other.sound is not None:
                other.sound.startTransmit(leg.sound)
                leg.sound.startTransmit(other.sound)
        if self._recorder is not None:
            leg.sound.startTransmit(self._recorder)

    def join(self, leg: Leg) -> None:
        """From now on it hears the others, and they it."""
        leg.players.clear()
        leg.joined = True
        self.connect(leg)
        self.tell("joined", leg=leg.name)

    def on_incoming(self, call_id: int, far: str, invite: str) -> None:
        """A link of our own is taken, one call of the registrar's (`far`, host:port) rings where
        that was said; nobody else is let in.
        """
        # A call object that is let go of hangs up: there is one for each call, and no more.
        wanted = self._secret and f"sip:{self._secret}@" in invite.partition("\n")[0]
        if not wanted and self._admits and self._sources.hold(far):
            self._rings(call_id)
            return
        taken = LINK in self.legs and not self.legs[LINK].over
        if not wanted or taken:
            self._door.turn_away(self._account, call_id, pj.PJSIP_SC_FORBIDDEN)
            return
        leg = self.legs[LINK] = Leg(self, self._account, LINK, call_id)
        leg.is_link = True
        self._answered(leg, pj.PJSIP_SC_OK)

    def _rings(self, call_id: int) -> None:
        if any(leg.is_caller and not leg.over for leg in self.legs.values()):
            self._door.turn_away(self._account, call_id, pj.PJSIP_SC_BUSY_HERE)
            return
        self._callers += 1
        name = f"(caller {self._callers})"
        leg = self.legs[name] = Leg(self, self._account, name, call_id)
        leg.is_caller = True
        self._answered(leg, pj.PJSIP_SC_RINGING)
        self.tell("incoming", leg=name, caller=leg.getInfo().remoteUri)

    def _answered(self, leg: Leg, status: int) -> None:
        parameter = pj.CallOpParam(True)
        parameter.opt.videoCount = 0
        parameter.statusCode = status
        leg.answer(parameter)

    def leave(self, leg: Leg) -> None:
        """The leg is over: the engine takes its sound off the bridge by itself."""
        leg.joined, leg.keypad = False, None
        leg.players.clear()

    def _terminate(self, _number: int, _frame: object) -> None:
        self._terminated = True

    def _obey(self, command: dict[str, Any]) -> None:
        match command:
            case {"do": "open"}:
                self._open(command)
            case {"do": "admit"}:
                self._admits = True
            case {"do": "register"}:
                self._account.setRegistration(True)
            case {"do": "record", "file": file}:
                self._record(file)
            case {"do": "link", "secret": secret}:
                self._secret = secret
                self.tell("linkable")
            case {"do": "dial", "leg": name, "to": to}:
                self._dial(name, to, command.get("caller"))
            case {"leg": name} if name in self.legs and not self.legs[name].over:
                self._serve(self.legs[name], command)
            case _:
                # The far end has hung up meanwhile: its end was told.
                pass

    def _serve(self, leg: Leg, command: dict[str, Any]) -> None:
        match command:
            case {"do": "play", "file": file}:
                self._play(leg, file)
            case {"do": "ask"} if leg.recording is not None:
                leg.keypad = Keypad(
                    Ear(leg, leg.recording),
                    command,
                    lambda: leg.digits,
                )
            case {"do": "join"}:
                if leg.sound is not None:
                    self.join(leg)
            case {"do": "answer"}:
                self._answered(leg, pj.PJSIP_SC_OK)
            case {"do": "refuse", "status": status}:
                parameter = pj.CallOpParam(True)
                parameter.statusCode = status
                leg.hangup(parameter)
            case {"do": "collect"}:
                leg.collector = Collector(leg, command)
            case {"do": "drop"}:
                leg.hangup(pj.CallOpParam(True))
            case _:
                raise ValueError(f"no such command: {command['do']}")

    def _open(self, command: dict[str, Any]) -> None:
        self.folder = Path(command["folder"])
        self._dies = time.monotonic() + command["life_seconds"]
        account, _ = pjsua2_settings.relayed(Account.read(command["account"]))
        self._sources = Sources(account.sources)
        self._endpoint, port = pjsua2_settings.started(account, self._log, self._reading.begin)
        self._account = _Registering(self)
        self._account.create(pjsua2_settings.of_account(account))
        links = port
        if account.transport != "udp":
            # Our own processes meet over UDP, whatever the line has.
            own = pjsua2_settings.of_transport(replace(account, transport="udp", relay=""))
            added = self._endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, own)
            links = int(self._endpoint.transportGetInfo(added).localName.rsplit(":", 1)[1])
        self.tell("ready", links=links)

    def _dial(self, name: str, to: str, caller: str | None) -> None:
        leg = self.legs[name] = Leg(self, self._account, name)
        parameter = pj.CallOpParam(True)
        parameter.opt.videoCount = 0
        if caller:
            parameter.txOption.localUri = caller
        try:
            leg.makeCall(to, parameter)
        except pj.Error as problem:
            leg.over = True
            self.tell("leg-ended", leg=name, code=0, phrase=problem.reason, answered=False)

    def _play(self, leg: Leg, file: str) -> None:
        leg.players.clear()
        player = pj.AudioMediaPlayer()
        player.createPlayer(file, pj.PJMEDIA_FILE_NO_LOOP)
        player.startTransmit(leg.sound)
        leg.players.append(player)

    def _record(self, file: str) -> None:
        self._recorder = pj.AudioMediaRecorder()
        self._recorder.createRecorder(file)

    def _leave(self) -> None:
        if self._endpoint is not None:
            for leg in self.legs.values():
                if not leg.over:
                    with suppress(pj.Error):  # it has ended in this very moment
                        leg.hangup(pj.CallOpParam(True))
            deadline = time.monotonic() + _FAREWELL_SECONDS
            while time.monotonic() < deadline and not all(leg.over for leg in self.legs.values()):
                signal.setitimer(signal.ITIMER_REAL, _STUCK_SECONDS)
                self._endpoint.libHandleEvents(_TICK_MILLISECONDS)
            # The recorder writes the length of its WAV when the bridge lets go of it, a tick later.
            self._recorder = None
            deadline = time.monotonic() + _RECORDER_SECONDS
            while time.monotonic() < deadline:
                self._endpoint.libHandleEvents(_TICK_MILLISECONDS)
        self.tell("closed")


class _Registering(pj.Account):  # type: ignore[misc]
    """The account, which tells how its registration went."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.room = room

    @kept
    def onIncomingCall(self, parameter: Any) -> None:  # noqa: N802 - the engine's name
        received = parameter.rdata
        self.room.on_incoming(parameter.callId, received.srcAddress, received.wholeMsg)

    @kept
    def onRegState(self, parameter: Any) -> None:  # noqa: N802
        if parameter.code // 100 == 2:
            self.room.tell("registered")
        else:
            # Without a response on the wire the status is our own stack's (a timer, the network).
            origin, code = "far" if parameter.rdata.wholeMsg else "local", parameter.code
            phrase = parameter.reason
            self.room.tell("registration-failed", code=code, phrase=phrase, origin=origin)


def main() -> None:
    """Run the process until the conference is over; does not return."""
    channel = Channel(int(sys.argv[1]))
    be_a_good_child()
    room = Room(channel)
    run_to_the_end(channel, room.run, room._leave)


if __name__ == "__main__":
    main()
