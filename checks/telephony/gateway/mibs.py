"""Where MIBs keep the state of a span, and what their numbers mean.

Rule: every MIB has its own table here. Private copies of DS1-MIB leave bits out and shift those
above, so a status is read by the table of the MIB that it came from, never by another one.

Sources: DS1-MIB RFC 4805 (dsx1LineStatus), ISDN-MIB RFC 2127, AC-PSTN-MIB (AudioCodes),
APPIAN-LPORT-DS1-MIB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from checks.telephony.alarms import (
    AIS,
    DISABLED,
    LOF,
    LOMF,
    LOOPBACK,
    LOS,
    LOWER_LAYER,
    NFAS,
    OTHER,
    OUT_OF_SERVICE,
    RAI,
    RED,
    SENDING_AIS,
    SENDING_RAI,
    T16_AIS,
    TEST_CODE,
    UNAVAILABLE,
    WORST_FIRST,
    Alarm,
)

# sysUpTime (RFC 3418): centiseconds since the agent started; wraps after 497 days.
UPTIME = "1.3.6.1.2.1.1.3.0"
# sysObjectID.0 (RFC 3418): every agent has it.
OBJECT_ID = "1.3.6.1.2.1.1.2.0"
# isdnLapdOperStatus (RFC 2127): 1 inactive, 2 layer 1 active, 3 layer 2 active; the row is the
# D-channel's interface index.
LAPD_STATUS = "1.3.6.1.2.1.10.20.1.3.4.1.2"
# isdnLapdPeerSabme (RFC 2127): how often the far side set the link up anew.
LAPD_PEER_SABME = "1.3.6.1.2.1.10.20.1.3.4.1.3"
LAYER_2_ACTIVE = 3
# isdnBearerOperStatus (RFC 2127): 1 idle, 2 connecting, 3 connected, 4 active; a row for each
# B-channel.
BEARER_STATUS = "1.3.6.1.2.1.10.20.1.2.1.1.2"
BEARER_IDLE = 1

# dsx1LineStatusLastChange (RFC 4805): sysUpTime when the line came into its present status.
DS1_LAST_CHANGE = "1.3.6.1.2.1.10.18.6.1.16"
# dsx1TimeElapsed (RFC 4805): seconds since the present 15 minutes began.
DS1_ELAPSED = "1.3.6.1.2.1.10.18.6.1.3"
# dsx1CurrentESs (RFC 4805): errored seconds in the present 15 minutes.
DS1_ERRORED = "1.3.6.1.2.1.10.18.7.1.2"
# dsx1CurrentSESs (RFC 4805): severely errored seconds, more than a given number of code violations
# each.
DS1_SEVERELY_ERRORED = "1.3.6.1.2.1.10.18.7.1.3"
# dsx1CurrentUASs (RFC 4805): unavailable seconds, which begin after ten severely errored ones in a
# row.
DS1_UNAVAILABLE = "1.3.6.1.2.1.10.18.7.1.5"

# acTrunkStatusDChannel: 0 established, 1 not established, 10 not applicable.
AUDIOCODES_D_CHANNEL = "1.3.6.1.4.1.5003.9.10.9.2.1.1.1.6"
# acTrunkName, as the gateway's own pages show it.
AUDIOCODES_NAME = "1.3.6.1.4.1.5003.9.10.9.1.1.1.1.1.13"


# The bits of dsx1LineStatus (RFC 4805). 1 is "no alarm" and stands alone.
DS1_BITS: Mapping[int, Alarm | None] = {
    1: None,
    2: RAI,
    4: SENDING_RAI,
    8: AIS,
    16: SENDING_AIS,
    32: LOF,
    64: LOS,
    128: LOOPBACK,
    256: T16_AIS,
    512: LOMF,
    1024: SENDING_RAI,
    2048: TEST_CODE,
    4096: OTHER,
    8192: UNAVAILABLE,
    16384: OUT_OF_SERVICE,
    32768: AIS,
    # A performance threshold was crossed: the line still stands.
    65536: None,
}
# APPIAN-LPORT-DS1-MIB agrees with the standard in its bits up to 128 only.
APPIAN_BITS: Mapping[int, Alarm | None] = {
    **{bit: alarm for bit, alarm in DS1_BITS.items() if bit <= 128},
    # This copy has no T16 AIS: everything above it is shifted.
    256: LOMF,
    512: SENDING_RAI,
    1024: TEST_CODE,
    2048: OTHER,
    4096: UNAVAILABLE,
    8192: OUT_OF_SERVICE,
}
AUDIOCODES_ALARMS: Mapping[int, Alarm | None] = {
    0: DISABLED,
    1: None,
    2: RED,
    3: AIS,
    4: RAI,
    # The D-channel's alarm, not the line's.
    5: None,
    6: LOWER_LAYER,
    7: NFAS,
}
AUDIOCODES_D_CHANNEL_ALARM = 5


@dataclass(frozen=True, slots=True)
class Mib:
    """One MIB's column of line states, and how to read it."""

    status: str
    meanings: Mapping[int, Alarm | None]
    bits: bool = True
    """whether a status is a sum of bits, or one of the numbers"""
    isdn: bool = True
    """whether the agent is asked by ISDN-MIB for D-channels and B-channels, and by DS1-MIB for
    counters
    """

    def alarms(self, status: int) -> tuple[Alarm, ...]:
        """What the line complains of, the worst first. Raises ValueError for a status that this MIB
        does not have.
        """
        parts = [bit for bit in self.meanings if status & bit] if self.bits else [status]
        # Bits that the table does not hold come from another MIB, or a newer copy: a guess would
        # name a wrong alarm.
        if (
            status < 0
            or (self.bits and sum(parts) != status)
            or not parts
            or not set(parts) <= set(self.meanings)
        ):
            raise ValueError(f"{status} is no line status of {self.status}")
        found = {alarm for part in parts if (alarm := self.meanings[part])}
        return tuple(alarm for alarm in WORST_FIRST if alarm in found)


MIBS = {
    "ds1": Mib("1.3.6.1.2.1.10.18.6.1.10", DS1_BITS),
    "audiocodes": Mib(
        "1.3.6.1.4.1.5003.9.10.9.2.1.1.1.7", AUDIOCODES_ALARMS, bits=False, isdn=False
    ),
    "appian": Mib("1.3.6.1.4.1.2785.2.4.2.1.1.15", APPIAN_BITS, isdn=False),
}
