"""pri-snmp against a real agent (snmpsim) with a gateway's tables, changed between two looks."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Check, Failed, Observation, Trace
from checks.settings import Secret
from checks.telephony.gateway import mibs
from checks.telephony.gateway.pri_snmp import PriSnmp, SnmpSpan
from tests.loopback.snmp_agent import (
    AUTHENTICATION,
    COUNTER,
    GAUGE,
    INTEGER,
    PRIVACY,
    STATUS,
    TEXT,
    TICKS,
    USER,
    Gateway,
    gateway,
)

# Its agent takes seconds to start: once, and not once for each worker.
pytestmark = pytest.mark.xdist_group("one gateway")

AUDIOCODES = mibs.MIBS["audiocodes"].status
APPIAN = mibs.MIBS["appian"].status


async def look(check: Check, folder: Path, memory: Mapping[str, Any] | None = None) -> Observation:
    trace = Trace(time.monotonic, folder, memory)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


@pytest.fixture(scope="module")
def one_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def agent(one_agent: Gateway) -> Gateway:
    one_agent.pri()
    return one_agent


@pytest.fixture
def check(agent: Gateway, tmp_path: Path) -> PriSnmp:
    return PriSnmp(
        host=f"127.0.0.1:{agent.port}", community=secret(tmp_path, "community", "public")
    )


def secret(folder: Path, name: str, value: str) -> Secret:
    (folder / name).write_text(value + "\n", encoding="utf-8")
    return Secret(file=folder / name)


def fault(seen: Observation) -> tuple[str, str]:
    assert seen.fault, seen.blind or seen.measures
    return seen.fault.stage, seen.fault.code


async def test_all_spans_of_a_gateway_are_found_and_counted(check: PriSnmp, tmp_path: Path) -> None:
    seen = await look(check, tmp_path)
    assert seen.fault is None and seen.blind is None
    assert [stage.name for stage in seen.stages] == [
        "connect",
        "spans",
        "line",
        "d-channel",
        "channels",
    ]
    told = {name: value for name, value in seen.measures.items() if not name.endswith("_seconds")}
    assert told == {
        "spans_total": 2,
        "spans_up": 2,
        "channels_total": 4,
        "channels_busy": 2,
        "occupancy_percent": 50,
        "flaps": 0,
    }
    assert set(seen.measures) <= {
        *check.measures(),
        "line_seconds",
        "d_channel_seconds",
        "channels_seconds",
    }
    assert seen.notes == ("span 1: up", "span 2: up")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (64, "los"),
        (32, "lof"),
        (8, "ais"),
        (2, "rai"),
        (64 + 32 + 4, "los"),
        (256, "t16-ais"),
        (16384, "out-of-service"),
    ],
)
async def test_an_alarm_is_named(
    check: PriSnmp, agent: Gateway, tmp_path: Path, status: int, code: str
) -> None:
    agent.tell({f"{STATUS}.2": (INTEGER, status)})
    seen = await look(check, tmp_path)
    assert fault(seen) == ("line", f"alarm:{code}")
    assert seen.fault and seen.fault.text.startswith("span 2: ")
    assert (seen.measures["spans_up"], seen.measures["spans_total"]) == (1, 2)


async def test_a_line_is_up_and_its_d_channel_is_not(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    agent.tell({f"{mibs.LAPD_STATUS}.101": (INTEGER, 2)})
    seen = await look(check, tmp_path)
    assert fault(seen) == ("d-channel", "d-channel-down")
    assert seen.fault and seen.fault.text == "the D-channel is down: span 1"
    assert seen.measures["spans_up"] == 1


async def test_a_gateway_without_spans_is_a_fault(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    agent.tell(without="1.3.6.1.2.1.10.18")
    assert fault(await look(check, tmp_path)) == ("spans", "no-spans")


async def test_a_span_that_must_be_there_and_is_not(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    named = check.model_copy(
        update={"spans": (SnmpSpan(name="telco-a", index="1"), SnmpSpan(name="telco-b", index="7"))}
    )
    seen = await look(named, tmp_path)
    assert fault(seen) == ("spans", "no-such-span")
    assert seen.fault and "telco-b" in seen.fault.text and "telco-a" not in seen.fault.text


async def test_named_spans_are_all_that_is_judged(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    agent.tell({f"{STATUS}.2": (INTEGER, 64), f"{mibs.LAPD_STATUS}.102": (INTEGER, 1)})
    named = check.model_copy(
        update={"spans": (SnmpSpan(name="telco-a", index="1", d_channel="101"),)}
    )
    assert (await look(named, tmp_path)).fault is None
    agent.tell({f"{mibs.LAPD_STATUS}.101": (INTEGER, 1)})
    seen = await look(named, tmp_path)
    assert seen.fault and seen.fault.text == "the D-channel is down: telco-a"


async def test_the_last_channel_is_taken(check: PriSnmp, agent: Gateway, tmp_path: Path) -> None:
    agent.tell({f"{mibs.BEARER_STATUS}.{row}": (INTEGER, 4) for row in (1002, 1003, 1004, 1005)})
    seen = await look(check, tmp_path)
    assert fault(seen) == ("channels", "channels-exhausted")
    assert seen.measures["occupancy_percent"] == 100


async def test_a_flap_between_two_looks_is_seen_and_stays_for_a_while(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    first = await look(check, tmp_path)
    agent.tell({f"{mibs.LAPD_PEER_SABME}.102": (COUNTER, 9), mibs.UPTIME: (TICKS, 8_670_000)})
    second = await look(check, tmp_path, first.memory)
    assert fault(second) == ("d-channel", "flapping")
    assert second.fault and "span 2 2 times" in second.fault.text
    assert (second.measures["flaps"], second.measures["spans_up"]) == (2, 2)
    agent.tell({mibs.UPTIME: (TICKS, 8_672_000)})
    confirmed = await look(check, tmp_path, second.memory)
    assert fault(confirmed) == ("d-channel", "flapping")
    agent.tell({mibs.UPTIME: (TICKS, 8_670_000 + 100 * 901)})
    later = await look(check, tmp_path, confirmed.memory)
    assert later.fault is None and later.measures["flaps"] == 0


async def test_a_line_that_changed_since_and_is_well_again_has_flapped(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    first = await look(check, tmp_path)
    agent.tell({f"{mibs.DS1_LAST_CHANGE}.1": (TICKS, 8_650_000), mibs.UPTIME: (TICKS, 8_670_000)})
    assert fault(await look(check, tmp_path, first.memory)) == ("line", "flapping")
    tolerant = check.model_copy(update={"flaps_tolerated": 1})
    seen = await look(tolerant, tmp_path, first.memory)
    assert seen.fault is None and seen.measures["flaps"] == 1


async def test_unavailable_seconds_tell_of_a_flap_and_of_the_worst_span(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    first = await look(check, tmp_path)
    agent.tell(
        {
            f"{mibs.DS1_UNAVAILABLE}.2": (GAUGE, 12),
            f"{mibs.DS1_ERRORED}.1": (GAUGE, 3),
            f"{mibs.DS1_ELAPSED}.2": (INTEGER, 600),
            mibs.UPTIME: (TICKS, 8_670_000),
        }
    )
    seen = await look(check, tmp_path, first.memory)
    assert fault(seen) == ("line", "flapping")
    assert (seen.measures["unavailable_seconds"], seen.measures["errored_seconds"]) == (12, 3)


async def test_an_outage_that_was_seen_is_no_flap_when_it_ends(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    first = await look(check, tmp_path)
    agent.tell(
        {
            f"{STATUS}.1": (INTEGER, 64),
            f"{mibs.LAPD_STATUS}.101": (INTEGER, 1),
            mibs.UPTIME: (TICKS, 8_650_000),
        }
    )
    down = await look(check, tmp_path, first.memory)
    assert fault(down) == ("line", "alarm:los")
    agent.tell(
        {
            f"{STATUS}.1": (INTEGER, 1),
            f"{mibs.LAPD_STATUS}.101": (INTEGER, 3),
            f"{mibs.LAPD_PEER_SABME}.101": (COUNTER, 8),
            f"{mibs.DS1_LAST_CHANGE}.1": (TICKS, 8_660_000),
            mibs.UPTIME: (TICKS, 8_670_000),
        }
    )
    assert (await look(check, tmp_path, down.memory)).fault is None


async def test_a_gateway_that_started_anew_has_no_past(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    first = await look(check, tmp_path)
    agent.tell({f"{mibs.LAPD_PEER_SABME}.101": (COUNTER, 50), mibs.UPTIME: (TICKS, 3000)})
    assert (await look(check, tmp_path, first.memory)).fault is None


async def test_audiocodes_is_read_by_its_own_table(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    agent.tell(
        {
            f"{AUDIOCODES}.1": (INTEGER, 1),
            f"{AUDIOCODES}.2": (INTEGER, 1),
            f"{AUDIOCODES}.3": (INTEGER, 0),
            **{
                f"{mibs.AUDIOCODES_D_CHANNEL}.{row}": (INTEGER, 0 if row < 3 else 10)
                for row in (1, 2, 3)
            },
            **{f"{mibs.AUDIOCODES_NAME}.{row}": (TEXT, f"telco-{row}") for row in (1, 2, 3)},
        }
    )
    audiocodes = check.model_copy(update={"mib": "audiocodes"})
    seen = await look(audiocodes, tmp_path)
    assert seen.fault is None and seen.notes == ("telco-1: up", "telco-2: up")
    agent.tell({f"{AUDIOCODES}.2": (INTEGER, 2)})
    assert fault(await look(audiocodes, tmp_path)) == ("line", "alarm:red")
    agent.tell({f"{AUDIOCODES}.2": (INTEGER, 5)})
    assert fault(await look(audiocodes, tmp_path)) == ("d-channel", "d-channel-down")
    agent.tell({f"{AUDIOCODES}.2": (INTEGER, 1), f"{mibs.AUDIOCODES_D_CHANNEL}.1": (INTEGER, 1)})
    seen = await look(audiocodes, tmp_path)
    assert seen.fault and (seen.fault.code, seen.fault.text) == (
        "d-channel-down",
        "the D-channel is down: telco-1",
    )
    demanded = audiocodes.model_copy(update={"spans": (SnmpSpan(name="spare", index="3"),)})
    assert fault(await look(demanded, tmp_path)) == ("line", "alarm:disabled")


async def test_a_shifted_copy_of_the_mib_is_not_read_by_the_standard_table(
    check: PriSnmp, agent: Gateway, tmp_path: Path
) -> None:
    agent.tell({f"{APPIAN}.1.1": (INTEGER, 256), f"{APPIAN}.1.2": (INTEGER, 1)})
    appian = check.model_copy(update={"mib": "appian"})
    assert fault(await look(appian, tmp_path)) == ("line", "alarm:lomf")


async def test_v3_with_keys_and_what_is_wrong_with_them(agent: Gateway, tmp_path: Path) -> None:
    def as_user(authentication: str, privacy: str, user: str = USER) -> PriSnmp:
        return PriSnmp(
            host=f"127.0.0.1:{agent.port}",
            user=user,
            authentication_password=secret(tmp_path, f"a-{hash(authentication)}", authentication),
            privacy_password=secret(tmp_path, f"p-{hash(privacy)}", privacy),
            context="public",
        )

    assert (await look(as_user(AUTHENTICATION, PRIVACY), tmp_path)).measures["spans_up"] == 2
    for wrong in (
        as_user("not the right one", PRIVACY),
        as_user(AUTHENTICATION, "not the right one"),
        as_user(AUTHENTICATION, PRIVACY, "nobody"),
    ):
        seen = await look(wrong, tmp_path)
        assert seen.fault is None and seen.blind and "does not let us in" in seen.blind
        assert "not the right one" not in seen.blind
    assert (await look(as_user(AUTHENTICATION, PRIVACY), tmp_path)).fault is None


async def test_a_silent_agent_and_a_wrong_community_time_out(
    check: PriSnmp, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        for host, name in (
            (f"127.0.0.1:{mute.getsockname()[1]}", "public"),
            (check.host, "private"),
        ):
            silent = PriSnmp(host=host, community=secret(tmp_path, f"c-{name}", name), within=1.5)
            assert fault(await look(silent, tmp_path)) == ("connect", "timeout")
    assert (await look(check, tmp_path)).fault is None, "and the next one is heard again"


async def test_what_is_not_snmp_is_no_answer(tmp_path: Path) -> None:
    class Babbler(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for said in (
                b"",
                b"SIP/2.0 200 OK\r\n\r\n",
                b"\x30\x84\xff\xff\xff\xff",
                data[:-3],
                b"\x30" * 1400,
            ):
                self.transport.sendto(said, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Babbler, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    seen = await look(
        PriSnmp(host=f"127.0.0.1:{port}", community=secret(tmp_path, "c", "public"), within=2.0),
        tmp_path,
    )
    transport.close()
    assert (
        seen.fault and seen.fault.stage == "connect" and seen.fault.code in ("timeout", "bad-peer")
    )


async def test_setting_up_does_not_hold_up_the_daemons_loop(check: PriSnmp, tmp_path: Path) -> None:
    began = time.thread_time()  # what this thread computes, however busy the machine is
    for number in range(3):  # three engines: every set of keys has its own
        user = PriSnmp(
            host=check.host,
            user=f"new-{number}",
            authentication_password=secret(tmp_path, "a", AUTHENTICATION),
            within=5.0,
        )
        await look(user, tmp_path)
    assert time.thread_time() - began < 0.3


def test_settings_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    community, password = secret(tmp_path, "c", "public"), secret(tmp_path, "p", "long enough")
    for wrong in (
        {},
        {"community": community, "user": "reveille"},
        {"community": community, "privacy_password": password},
        {"user": "reveille", "privacy_password": password},
        {"community": community, "host": "a b"},
        {"community": community, "spans": ({"name": "a", "index": "one"},)},
        {
            "community": community,
            "mib": "audiocodes",
            "spans": ({"name": "a", "index": "1", "d_channel": "9"},),
        },
    ):
        with pytest.raises(ValidationError):
            PriSnmp.model_validate({"host": "192.0.2.1", **wrong})
