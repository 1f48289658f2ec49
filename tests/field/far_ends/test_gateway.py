"""SNMP agents of gateways with small buffers: a question that is refused is asked in smaller
pieces.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.far_ends.snmp_agent import (
    GAUGE,
    ISDN,
    NO_INSTANCE,
    SPANS,
    TEXT,
    TICKS,
    UPTIME,
    number,
    snmp_agent,
    tlv,
)
from tests.field.story import OK, Right, Story, comes_out, failed, once, told

SMALL = "gosnmp/gosnmp#72, DataDog/dd-agent#1155, net-snmp/net-snmp#212"
UNKNOWN = Right("UNKNOWN")
LINE, LINK = f"{SPANS}.10.2", f"{ISDN}.2.2"
"""the state of the second span's line, and of its D-channel"""


def told_as(name: str, what: str, value: bytes, right: Right = OK) -> Story:
    """One value of another type or form than its MIB has it."""
    return Story(name, {"odd": {what: value}}, "what is not read is not up", right)


STORIES = (
    Story("good", {}, "RFC 4805"),
    Story("too-big-for-eight", {"how": "too-big", "most": 8}, SMALL),
    Story("too-big-for-one", {"how": "too-big", "most": 1}, SMALL),
    Story(
        "drops-what-is-big",
        {"how": "dropped", "most": 8},
        "DataDog/datadog-agent#7818",
        slow=True,
    ),
    Story("bulk-fails", {"how": "bulk-fails"}, SMALL),
    Story("bulk-dropped", {"how": "bulk-dropped"}, "DataDog/datadog-agent#7818", slow=True),
    Story("bulk-of-one", {"how": "bulk-of-one"}, "RFC 3416, 4.2.3: fewer may come"),
    Story("no-such-name", {"how": "no-such-name"}, "a v1 answer to v2c"),
    Story("no-uptime", {"how": "no-uptime"}, "in the field"),
    Story("not-increasing", {"how": "not-increasing"}, "RFC 3416, 4.2.3: a loop must end"),
    Story(
        "counters-forbidden",
        {"how": "authorization"},
        "the optional counters of 15 minutes",
    ),
    Story(
        "negative-ticks",
        {"how": "negative-ticks"},
        "an agent that writes TimeTicks signed",
        slow=True,
    ),
    Story("v1-only", {"how": "v1-only"}, "RFC 1157: an old gateway", slow=True),
    Story("too-big-for-three", {"how": "too-big", "most": 3}, "RFC 3416, 4.2.1: in pieces of two"),
    Story(
        "too-big-and-few-rows",
        {"how": "too-big", "most": 7},
        "net-snmp/net-snmp#212: an odd number of names is left",
    ),
    Story("other-port", {"how": "other-port"}, "an agent of many addresses"),
    told_as("state-as-text", LINE, tlv(TEXT, b"1")),
    told_as("state-as-text-in-alarm", LINE, tlv(TEXT, b"64"), failed("line", "alarm:los")),
    told_as("state-in-words", LINE, tlv(TEXT, b"noAlarm(1)"), UNKNOWN),
    told_as("state-empty", LINE, tlv(TEXT, b""), UNKNOWN),
    told_as("state-not-there", LINE, tlv(NO_INSTANCE, b""), UNKNOWN),
    told_as("state-0", LINE, number(0), UNKNOWN),
    told_as("state-below-0", LINE, number(-1), UNKNOWN),
    told_as("state-as-a-gauge", LINE, number(1, GAUGE)),
    told_as("link-as-text", LINK, tlv(TEXT, b"3")),
    told_as("link-in-words", LINK, tlv(TEXT, b"layer2Active"), UNKNOWN),
    told_as("link-down", LINK, number(1), failed("d-channel", "d-channel-down")),
    told_as("uptime-as-integer", UPTIME, number(8640000)),
    told_as("uptime-as-text", UPTIME, tlv(TEXT, b"8640000")),
    told_as("uptime-at-its-end", UPTIME, tlv(TICKS, b"\0\xff\xff\xff\xff")),
)


@pytest.mark.parametrize("story", told(STORIES))
async def test_a_gateway_is_read_as_far_as_it_can_be(
    tmp_path: Path, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVEILLE_TEST_SECRET", "public-enough")
    async with snmp_agent(**story.far) as port:
        community = {"environment": "REVEILLE_TEST_SECRET"}
        seen = await once(tmp_path, "pri-snmp", host=f"127.0.0.1:{port}", community=community)
    comes_out(seen, story)
