"""The process of one call leg: a telephone under remote control (`python -m
checks.telephony.phone.process FD`).

Over the inherited socket FD come commands, one JSON object a line ({"do": ...}), and go events
({"event": ..., "at": monotonic seconds, ...}). Secrets come only this way. Everything happens in
one loop of the main thread.

No orphan: when the socket closes (the daemon is gone, by whatever way), at SIGTERM, or when its
life is over, it hangs up, takes its registration back and leaves within seconds. A process stuck in
the engine is ended by SIGALRM. It leaves by os._exit: the engine aborts in a normal interpreter
exit.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.process.channel import Channel, be_a_good_child
from checks.telephony.phone import leg_exhibits
from checks.telephony.phone.engine_trouble import run_to_the_end
from checks.telephony.phone.process_health import Pulse
from checks.telephony.phone.screening import Screen

if TYPE_CHECKING:
    from checks.telephony.phone.challenge_side import Side
    from checks.telephony.phone.handset import Handset
    from checks.telephony.phone.listener import CallListener

# Ten times a second the loop would be too slow for the moment of the first packet.
_TICK_MILLISECONDS = 10
# No step of the loop takes longer: a process that stands still for so long is stuck in the engine.
_STUCK_SECONDS = 15
# RFC 3261 section 17.1.2.2: a BYE repeats after 0.5 and 1.5 s: three of them go out within this
# time.
_FAREWELL_SECONDS = 3.0
# The registration is taken back by courtesy: it runs out anyway.
_UNREGISTER_SECONDS = 1.5
# When the daemon is dead; the guard leaves it half a second more (engine.py).
_ORPHAN_SECONDS = 1.0


class Phone:
    """Obeys the commands and tells what happens."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._handset: Handset | None = None
        self._ear: CallListener | None = None
        self._side: Side | None = None
        self._files: dict[str, str] = {}
        self._folder, self._name = Path(), "call"
        self._born = time.monotonic()
        # Until the order "open" names the life of the call.
        self._dies = self._born + 600
        self._unregister = False
        self._terminated = False
        self._pulse = Pulse()
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self) -> None:
        """Run until it is told to hang up, or the daemon is gone."""
        while True:
            # The alarm is set anew each turn: SIGALRM ends a process whose loop stands still.
            signal.setitimer(signal.ITIMER_REAL, _STUCK_SECONDS)
            self._turn()
            for command in self._channel.commands():
                if command["do"] == "hang-up":
                    self._leave(command.get("within", _FAREWELL_SECONDS))
                    return
                self._obey(command)
            if self._channel.gone or self._terminated or time.monotonic() > self._dies:
                # With a dead daemon nobody reads the exhibits: what counts is that the far end's
                # channel is free.
                self._leave(_ORPHAN_SECONDS if self._channel.gone else _FAREWELL_SECONDS)
                return

    def _terminate(self, _number: int, _frame: object) -> None:
        self._terminated = True

    def _turn(self) -> None:
        """Let time pass: the engine works, the ear listens."""
        if self._handset is None:
            # Nothing to do before the account is there; 2 ms keep the start quick and the CPU
            # idle.
            time.sleep(0.002)
            return
        with self._pulse.waiting(_TICK_MILLISECONDS / 1000):
            self._wait(self._handset)
        if self._ear is None and self._handset.media_at is not None:
            self._open_ear(self._handset)
        if self._ear is not None and self._ear.attend() and self._side is not None:
            self._side.attend()

    def _wait(self, handset: Handset) -> None:
        """For a tick; while something is timed, a millisecond at a time."""
        stopwatch = self._side.stopwatch if self._side else None
        if stopwatch is None:
            handset.poll(_TICK_MILLISECONDS)
            return
        # A stopwatch takes the moment at which a file grows, to a millisecond.
        for _ in range(_TICK_MILLISECONDS):
            handset.poll(1)
            stopwatch.look()

    def _open_ear(self, handset: Handset) -> None:
        from checks.telephony.audio.recording import Recording
        from checks.telephony.phone.challenge_side import Side
        from checks.telephony.phone.listener import CallListener

        at = handset.media_at or time.monotonic()
        self._ear = CallListener(
            self._channel.tell, Recording(handset.heard_file, at), Recording(handset.said_file, at)
        )
        self._side = Side(handset, self._ear, self._channel.tell, self._folder / f".{self._name}")

    def _obey(self, command: dict[str, Any]) -> None:
        match command:
            case {"do": "open"}:
                self._open(command)
            case {"do": "register"}:
                self._phone.register()
                self._unregister = True
            case {"do": "trust", "realm": realm}:
                self._phone.trust(realm)
            case {"do": "call", "to": to}:
                self._place(to, command.get("headers", {}), command.get("caller"))
            case {"do": "answer"}:
                self._phone.answer(command.get("status", 200))
            case {"do": "control"}:
                self._control(command)
            case {"do": "screen"}:
                self._phone.screen = Screen(
                    command["caller"], command.get("own"), command["picks_up"]
                )
            case {"do": "follow", "user": user, "places": places, "taken_over": taken_over}:
                self._phone.follow(user, tuple(places), taken_over)
                self._channel.tell("follows")
            case {"do": "stay-put"}:
                self._phone.follows = None
            case {"do": "play", "file": file}:
                self._phone.play(Path(file), command.get("again", False))
            case _:
                self._converse(command)

    def _converse(self, command: dict[str, Any]) -> None:
        """Obey the commands that need a call with sound."""
        if self._ear is None or self._side is None or not self._phone.has_media:
            self._channel.tell("no-media", command=command["do"], turn=command.get("turn", 0))
            return
        match command:
            case {"do": "press", "digits": digits, "method": method}:
                self._press(self._side, digits, method)
            case {"do": "listen"}:
                self._ear.listen_for(command)
            case {"do": "challenge"}:
                self._side.challenge(command)
            case {"do": "await-digits"}:
                self._side.await_digits(command)
                self._channel.tell("awaits-digits", expect=command["expect"])
            case {"do": "await-key"}:
                self._side.await_key(command)
            case {"do": "hush"}:
                self._phone.hush()
            case {"do": "review", "wanted": wanted}:
                self._ear.recording.refresh()
                code, text = self._ear.what_is_heard(command, wanted)
                self._channel.tell("reviewed", code=code, text=text)
            case {"do": "await-sound"}:
                self._ear.await_sound(command)
            case {"do": "sample", "since": since}:
                self._channel.tell(
                    "sampled", **self._ear.examine({**command, "answered_at": since})
                )
            case {"do": "examine"}:
                self._channel.tell("examined", **self._ear.examine(command))
            case {"do": "count"}:
                self._phone.look_at_media()
                self._channel.tell(
                    "counted", number=command.get("number", 0), **self._phone.statistics
                )
            case _:
                raise ValueError(f"no such command: {command['do']}")

    @property
    def _phone(self) -> Handset:
        if self._handset is None:
            raise RuntimeError("the first command is open")
        return self._handset

    def _open(self, command: dict[str, Any]) -> None:
        # numpy takes its time now, or its import would be measured as the far end's.
        import checks.telephony.phone.challenge_side  # noqa: F401 - for its import alone
        from checks.telephony.phone.handset import Handset
        from checks.telephony.phone.pjsua2_settings import Account

        self._folder, self._name, self._files = (
            Path(command["folder"]),
            command["name"],
            command["files"],
        )
        self._dies = self._born + command["life_seconds"]
        self._handset = Handset(self._channel.tell, self._folder, self._name)
        # A PIN that is pressed must be in no ladder and no recording.
        self._handset.ladder.secretive = command.get("secretive", False)
        self._handset.open(Account.read(command["account"]))

    def _place(self, to: str, headers: dict[str, str], caller: str | None) -> None:
        import pjsua2 as pj

        try:
            self._phone.call(to, headers, caller)
        except pj.Error as problem:
            # An address that does not resolve never becomes an INVITE: the origin is local.
            self._channel.tell("refused", code=0, phrase=problem.reason, reasons=[], origin="local")

    def _press(self, side: Side, digits: str, method: str) -> None:
        import pjsua2 as pj

        shown = "(masked)" if self._phone.ladder.secretive else digits
        try:
            side.press(digits, method)
        except pj.Error as problem:
            self._channel.tell("press-failed", text=problem.reason, digits=shown, method=method)
            return
        # What was heard before the digit is no answer to it.
        if self._ear is not None:
            self._ear.turn_page()
        self._channel.tell("pressed", digits=shown, method=method)

    def _control(self, command: dict[str, Any]) -> None:
        from checks.telephony.phone import call_control

        call_control.obey(self._phone, command)

    # --- leaving

    def _leave(self, within: float) -> None:
        """Hang up, wait for the answer, un-REGISTER, write the exhibits, say so."""
        if self._handset is not None:
            began = time.monotonic()
            had_call = self._handset.in_call
            self._handset.hang_up()
            answered = (
                self._until(lambda: self._phone.farewell_answered(began), within)
                if had_call
                else True
            )
            self._channel.tell("hung-up", began=began, answered=answered, had_call=had_call)
            # A registration that failed cannot be taken back.
            if self._unregister and self._handset.registered:
                self._handset.unregister()
                self._until(lambda: not self._phone.registered, _UNREGISTER_SECONDS)
            health = self._pulse.figures(self._handset.media_at)
            # Figures are taken after the call: they need its whole recording.
            self._channel.tell(
                "statistics", **self._handset.statistics, **self._sound_figures(), health=health
            )
            leg_exhibits.write(
                self._folder, self._name, self._files, self._born, self._handset, self._ear
            )
        self._channel.tell("closed")

    def _until(self, condition: Any, within: float) -> bool:
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline:
                return False
            # The wait for a far end must not look like a loop that is stuck.
            signal.setitimer(signal.ITIMER_REAL, _STUCK_SECONDS)
            with self._pulse.waiting(_TICK_MILLISECONDS / 1000):
                self._phone.poll(_TICK_MILLISECONDS)
        return True

    def _sound_figures(self) -> dict[str, float]:
        if self._ear is None or self._handset is None:
            return {}
        return {**self._ear.figures(), "rx_ssrc_changes": self._handset.ssrc_changes}


def main() -> None:
    """Run the process until its call is over; does not return."""
    channel = Channel(int(sys.argv[1]))
    be_a_good_child()
    phone = Phone(channel)
    run_to_the_end(channel, phone.run, lambda: phone._leave(_FAREWELL_SECONDS))


if __name__ == "__main__":
    main()
