"""The power: what a UPS says, by the server of Network UPS Tools (upsd, RFC 9271).

    connect   TCP ups.example.net:3493               faults: dns, refused, unreachable
    starttls  > STARTTLS        < OK STARTTLS        faults: no-starttls, expired, wrong-name, …
    status    > LIST VAR main   < VAR main ups.status "OB DISCHRG" …
              ups.status, the worst first:           FSD, LB   battery-low
                                                     OFF       ups-off
                                                     OB        on-battery
                                                     OVER      ups-overloaded
                                                     RB        replace-battery
                                                     BYPASS    ups-bypassed
                                                     ALARM     ups-alarm
              ERR DATA-STALE, DRIVER-NOT-CONNECTED   fault: ups-not-seen
    any of them                                      faults: closed, timeout, bad-peer

Rules: it only asks, and logs in nowhere. A UPS that calibrates its battery (CAL) runs on it by
intent: that is noted, and is no fault before the battery is low. Where no word says that the mains
are there (OL), nothing is known.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, ClassVar

from pydantic import Field

from checks.contract import CannotTell, Check, Failed, Layer, Trace
from checks.host.ups_protocol import begin_tls, names, variables
from checks.kind import Duty
from checks.settings import Duration, ReadableFile
from checks.transport.host_port import Host
from checks.transport.line_protocol import Conversation
from checks.transport.tls import trusting

# In the order in which they matter: who runs on a battery that is low runs for minutes.
_FAULTS: Mapping[str, tuple[str, str]] = {
    "FSD": ("battery-low", "the UPS is about to switch off"),
    "LB": ("battery-low", "the battery is low"),
    "OFF": ("ups-off", "the UPS does not feed what hangs on it"),
    "OB": ("on-battery", "the UPS runs on its battery"),
    "OVER": ("ups-overloaded", "more hangs on the UPS than it can feed"),
    "RB": ("replace-battery", "the battery is to be replaced"),
    "BYPASS": ("ups-bypassed", "the UPS passes the mains on: a cut of power is a cut"),
    "ALARM": ("ups-alarm", "the UPS has an alarm"),
}
# Measure -> variable (RFC 9271 section 5.1), and what it means.
_MEASURES: Mapping[str, tuple[str, str]] = {
    "battery_charge_percent": ("battery.charge", "how full the battery is"),
    "battery_runtime_seconds": ("battery.runtime", "how long the battery lasts, in seconds"),
    "load_percent": ("ups.load", "how much of what it can feed hangs on it"),
    "input_volts": ("input.voltage", "the mains"),
}


class HostPower(Check):
    """Asks a UPS, by the server of Network UPS Tools, how the power is."""

    KIND: ClassVar[str] = "host-power"
    LOOKS_ONLY: ClassVar[bool] = True
    ALSO_CALLED: ClassVar[tuple[str, ...]] = ("ups", "nut", "power", "upsd")
    LAYER: ClassVar[Layer] = Layer.APPLICATION
    DUTY: ClassVar[Duty] = "power"
    SAMPLE: ClassVar[str] = """
[checks.server-room-power]
kind = "host-power"
every = "1m"
ups = "main"
expect = ["battery_runtime_seconds >= 600"]
"""

    ups: Annotated[str, Field(pattern=r'^[^\s"@]{1,255}$', examples=["main"])]
    """its name in ups.conf"""
    host: Host = "127.0.0.1"
    """host name or address of upsd"""
    port: int = Field(default=3493, ge=1, le=65535)
    """its port"""
    starttls: bool = False
    """whether it is asked under TLS"""
    trusted_certificates: ReadableFile | None = None
    """PEM file of the authorities to trust; without it the system's"""
    within: Duration = Field(default=10.0, gt=0)
    """time limit for all of it"""

    def target(self) -> str:
        """The UPS, as NUT's own programs write it."""
        return f"{self.ups}@{self.host}"

    def measures(self) -> Mapping[str, str]:
        """What most drivers tell; one that is not told is not measured."""
        return {
            "connect_seconds": "name resolution and TCP connection, in seconds",
            "starttls_seconds": "STARTTLS and handshake, in seconds; only with it",
            "status_seconds": "asking for the variables, in seconds",
            **{name: meaning for name, (_, meaning) in _MEASURES.items()},
        }

    async def probe(self, trace: Trace) -> None:
        """Ask once. Raises Failed, CannotTell."""
        talk: Conversation | None = None
        try:
            async with asyncio.timeout(self.within):
                with trace.stage("connect"):
                    talk = await Conversation.open(self.host, self.port)
                if self.starttls:
                    with trace.stage("starttls"):
                        await begin_tls(talk)
                        await talk.start_tls(trusting(self.trusted_certificates), self.host)
                with trace.stage("status"):
                    await self._asked(talk, trace)
        except TimeoutError:
            raise Failed("timeout", f"not told within {self.within:g} s") from None
        finally:
            if talk:
                await talk.close()

    async def _asked(self, talk: Conversation, trace: Trace) -> None:
        try:
            told = await variables(talk, self.ups)
        except CannotTell as why:
            known = ", ".join(await names(talk)) if "UNKNOWN-UPS" in str(why) else ""
            raise CannotTell(f"{why}{'; there is: ' + known if known else ''}") from None
        if "ups.status" not in told:
            raise CannotTell(f"upsd does not say the status of {self.ups}")
        for name, (variable, _) in _MEASURES.items():
            with suppress(KeyError, ValueError):
                value = float(told[variable])
                if math.isfinite(value):
                    trace.measure(name, value)
        _judge(told["ups.status"].split(), told.get("ups.alarm", ""), talk, trace)


def _judge(status: list[str], alarm: str, talk: Conversation, trace: Trace) -> None:
    """Raises Failed for the worst that a status says, CannotTell where it says too little."""
    said = talk.shown(" ".join(status))
    trace.note(f"ups.status is {said}")
    calibrates = "CAL" in status
    if calibrates:
        trace.note("it calibrates its battery, and runs on it by intent")
    for word, (code, meaning) in _FAULTS.items():
        if word in status and not (word == "OB" and calibrates):
            more = f", {talk.shown(alarm)}" if word == "ALARM" and alarm else ""
            raise Failed(code, f"{meaning} ({said}{more})")
    # As upsd begins it says WAIT: what is not known to be on the mains is not well.
    if "OL" not in status and not calibrates:
        raise CannotTell(f"its status says nothing of the mains: {said or 'it is empty'}")
