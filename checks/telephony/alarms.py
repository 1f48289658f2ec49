"""Alarms of a PRI line, as a gateway's MIB or an Asterisk names them (ITU-T G.775, RFC 4805)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: its code, for fault codes, and its words."""

    code: str
    text: str


LOS = Alarm("los", "loss of signal")
LOF = Alarm("lof", "loss of frame")
# Asterisk and AudioCodes gateways have one word, "red", for both: T1 craft calls them the red
# alarm.
RED = Alarm("red", "loss of signal or of frame")
AIS = Alarm("ais", "alarm indication signal: the far side's equipment has lost its own line")
RAI = Alarm("rai", "remote alarm: the far end does not receive us")
T16_AIS = Alarm("t16-ais", "alarm indication signal in time slot 16")
LOMF = Alarm("lomf", "loss of multiframe")
OUT_OF_SERVICE = Alarm("out-of-service", "the equipment is out of service")
UNAVAILABLE = Alarm("unavailable", "unavailable signal state")
LOOPBACK = Alarm("loopback", "a loopback is on the line")
TEST_CODE = Alarm("test-code", "a test pattern is on the line")
SENDING_AIS = Alarm("sending-ais", "this end sends an alarm indication signal")
SENDING_RAI = Alarm("sending-rai", "this end reports a remote alarm")
OTHER = Alarm("other", "a failure that the MIB does not name")
RECOVERING = Alarm("recovering", "the line is recovering from an alarm")
LOWER_LAYER = Alarm("lower-layer", "the layer below the trunk is down")
NFAS = Alarm("nfas", "alarm of the group that shares a D-channel")
DISABLED = Alarm("disabled", "the trunk is switched off")

# The first explains the others: without a signal there is no frame, and a receiver that has lost
# the frame answers with a remote alarm.
WORST_FIRST = (
    OUT_OF_SERVICE,
    LOWER_LAYER,
    LOS,
    RED,
    LOF,
    AIS,
    RAI,
    T16_AIS,
    LOMF,
    UNAVAILABLE,
    NFAS,
    LOOPBACK,
    TEST_CODE,
    OTHER,
    RECOVERING,
    SENDING_AIS,
    SENDING_RAI,
    DISABLED,
)
