"""An uplink tried by every means, against far ends that are there, gone, lossy or flapping."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import dns.message
import pytest
from pydantic import ValidationError

from checks.contract import CannotTell, Failed, Layer, Observation, Trace
from checks.network.uplink import Uplink
from lab import Lab
from monitor.core.verdict import Expectation, State, judge
from tests.loopback.dnsmasq_server import dnsmasq
from tests.loopback.serving import drop_by_drop, endlessly, listening, says, silent
from tests.loopback.test_dns import answering, made

ROOT = Path(__file__).parents[2]
IPV6 = Path("/proc/net/if_inet6").exists()
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root")


async def look(folder: Path, *targets: dict[str, Any], **settings: Any) -> Observation:
    check = Uplink(
        **{"targets": list(targets), "samples": 3, "pause": 0.0, "answer_within": 5.0, **settings}
    )
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def closed_port() -> int:
    """One that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="dnsmasq-base is not installed")
async def test_an_open_uplink_is_measured_by_each_means_and_as_a_whole(tmp_path: Path) -> None:
    async with Lab(tmp_path / "lab") as lab, dnsmasq() as name_server:
        page = lab.portals["agent-portal"].url
        targets = (
            {"tcp": page.split("/")[2]},
            {"http": page, "status": 200},
            {"dns": f"127.0.0.1:{name_server}", "name": "portal.example.net"},
            {"dns": f"127.0.0.1:{name_server}", "name": "none.example.net"},
        )
        seen = await look(tmp_path, *targets, need=4)
    assert seen.fault is None, seen
    assert (
        seen.measures["reached_targets"],
        seen.measures["loss_percent"],
        seen.measures["flaps"],
    ) == (4, 0, 0)
    assert seen.measures["down_percent"] == 0 and 0 < seen.measures["latency_seconds"] < 5
    for number in range(1, 5):
        assert seen.measures[f"target_{number}_loss_percent"] == 0
        assert seen.measures[f"target_{number}_latency_seconds"] > 0
        assert seen.measures[f"target_{number}_jitter_seconds"] >= 0
    check = Uplink(targets=targets)
    assert set(seen.measures) == set(check.measures()) and check.LAYER is Layer.UPLINK


async def test_one_far_end_that_is_down_is_not_our_uplink(tmp_path: Path) -> None:
    async with listening(silent) as port:
        gone = {"tcp": f"127.0.0.1:{closed_port()}"}
        seen = await look(tmp_path, gone, {"tcp": f"127.0.0.1:{port}"})
        assert seen.fault is None and seen.measures["reached_targets"] == 1
        assert seen.measures["loss_percent"] == 0, "what never answers says nothing of the line"
        assert seen.measures["target_1_loss_percent"] == 100
        both = await look(tmp_path, gone, {"tcp": f"127.0.0.1:{port}"}, need=2)
    assert both.fault and both.fault.text.startswith(
        "1 of 2 targets answered, 2 needed: tcp 127.0.0.1:"
    )


async def test_it_is_down_when_every_means_fails_and_says_how(tmp_path: Path) -> None:
    refused = {"tcp": f"127.0.0.1:{closed_port()}"}
    async with answering(lambda query: []) as (mute, _):
        nothing = {"dns": f"127.0.0.1:{mute}"}
        cases: list[tuple[list[dict[str, Any]], str]] = [
            ([refused, refused], "refused"),
            ([nothing], "timeout"),
            ([refused, nothing], "unreachable"),
            ([{"http": "http://a..b/"}, {"icmp": "a..b"}], "dns"),
        ]
        for targets, code in cases:
            seen = await look(tmp_path, *targets, answer_within=0.3)
            assert seen.fault and (seen.fault.stage, seen.fault.code) == ("reach", code), seen
            assert (seen.measures["loss_percent"], seen.measures["down_percent"]) == (100, 100)
            assert judge(seen).state is State.FAILED


async def test_loss_and_flapping_are_seen_from_round_to_round(tmp_path: Path) -> None:
    async def through(pattern: str, **settings: Any) -> Observation:
        rounds = iter(pattern)

        def answer(query: dns.message.Message) -> list[bytes]:
            return [made(query, "192.0.2.1")] if next(rounds) == "u" else []

        async with answering(answer) as (port, _):
            target = {"dns": f"127.0.0.1:{port}", "name": "example.net"}
            return await look(tmp_path, target, samples=len(pattern), answer_within=0.4, **settings)

    await through("u")  # imports the library, which may take longer than a sample has
    steady = await through("uuuud")
    assert steady.fault is None
    assert (steady.measures["loss_percent"], steady.measures["flaps"]) == (20, 1)
    assert judge(steady, (), [Expectation.parse("loss_percent <= 2")]).state is State.DEGRADED
    flapping = await through("ududu")
    assert flapping.fault and (flapping.fault.stage, flapping.fault.code) == ("reach", "flapping")
    assert flapping.fault.text == "up in 3 of 5 rounds, with 4 changes"
    assert (await through("ududu", flaps_allowed=4)).fault is None


async def test_a_page_counts_by_its_status_and_only_if_it_is_one(tmp_path: Path) -> None:
    cases: list[tuple[Any, dict[str, Any], str | None]] = [
        (says("HTTP/1.1 204 No Content\n"), {"status": 204}, None),
        (says("HTTP/1.1 302 Found\n"), {"status": 204}, "http:302"),
        (says("HTTP/1.0 404 Not Found\n"), {}, None),
        (says("HTTP/1.1 502 Bad Gateway\n"), {}, "http:502"),
        (says("220 mail.example.net ESMTP"), {}, "bad-peer"),
        (endlessly(b"x" * 65536), {}, "bad-peer"),
        (drop_by_drop(b"\r\n"), {}, "timeout"),
        (says(then=None), {}, "closed"),
    ]
    for talk, settings, code in cases:
        async with listening(talk) as port:
            target = {"http": f"http://127.0.0.1:{port}/generate_204?a=b", **settings}
            seen = await look(
                tmp_path, target, samples=1, answer_within=0.5 if code == "timeout" else 20.0
            )
        assert (seen.fault and seen.fault.code) == code, seen


async def test_a_name_server_that_fails_has_not_answered(tmp_path: Path) -> None:
    async with answering(lambda query: [made(query, rcode=2)]) as (port, _):
        seen = await look(tmp_path, {"dns": f"127.0.0.1:{port}"})
    assert seen.fault and seen.fault.code == "dns:2"


async def in_a_namespace(manner: str, *targets: dict[str, str]) -> dict[str, Any]:
    script = ROOT / "tests" / "loopback" / "icmp_process.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), manner, json.dumps(targets),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    out, problems = await process.communicate()
    if b"Operation not permitted" in problems or b"Read-only file system" in problems:
        pytest.skip("no network namespace to be had here")
    assert process.returncode == 0, problems.decode()
    seen: dict[str, Any] = json.loads(out)
    return seen


@as_root
async def test_icmp_where_the_kernel_allows_it() -> None:
    seen = await in_a_namespace("allowed", {"icmp": "127.0.0.1"}, {"icmp": "192.0.2.1"})
    assert seen["code"] is None and seen["measures"]["target_1_loss_percent"] == 0
    assert seen["measures"]["target_2_loss_percent"] == 100, "there is no way out of that namespace"
    assert "icmp 192.0.2.1: unreachable" in seen["notes"]
    assert (await in_a_namespace("ignored", {"icmp": "127.0.0.1"}))["code"] == "timeout"
    if IPV6:
        assert (await in_a_namespace("allowed", {"icmp": "::1"}))["code"] is None


@as_root
async def test_icmp_that_this_host_forbids_is_said_and_leaves_the_judgement_to_others() -> None:
    ping = {"icmp": "127.0.0.1"}
    alone = await in_a_namespace("forbidden", ping)
    assert alone["code"] is None
    assert "does not let this user send ICMP (net.ipv4.ping_group_range)" in alone["blind"]
    up = await in_a_namespace("forbidden", ping, {"tcp": "127.0.0.1:OPEN"})
    assert (up["code"], up["blind"]) == (None, None)
    assert (
        any("not counted" in note for note in up["notes"])
        and "target_1_loss_percent" not in up["measures"]
    )
    down = await in_a_namespace("forbidden", ping, {"tcp": "127.0.0.1:CLOSED"})
    assert (down["code"], down["blind"]) == ("refused", None)


@pytest.mark.parametrize(
    ("targets", "settings", "wrong"),
    [
        ([], {}, "at least 1"),
        ([{"tcp": "192.0.2.1"}], {}, "no host and port"),
        ([{"tcp": "192.0.2.1:99999"}], {}, "no host and port"),
        ([{"http": "example.net"}], {}, "no URL to fetch"),
        ([{"http": "http://a:hunter2@example.net/"}], {}, "leave them out"),
        ([{"http": "http://example.net/\r\nX: y"}], {}, "no URL to fetch"),
        ([{"icmp": "192.0.2.1", "tcp": "192.0.2.1:443"}], {}, "has 2 means"),
        ([{"imcp": "192.0.2.1"}], {}, "did you mean 'icmp'"),
        (["192.0.2.1"], {}, "a target is a table"),
        ([{"tcp": "192.0.2.1:443"}], {"need": 2}, "2 targets are needed, and only 1"),
    ],
)
def test_settings_say_what_would_be_right(
    targets: list[Any], settings: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(ValidationError, match=wrong) as raised:
        Uplink(targets=targets, **settings)
    assert "hunter2" not in str(raised.value)
