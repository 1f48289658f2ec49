"""The lab against phones that nobody here wrote: SIPp registers, baresip answers as the agent."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lab import Lab, prompts
from tests.loopback.raw_phone import RawPhone, media_port

SPEECH = prompts.FOLDER / "agent-greeting.wav"

REGISTER = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="register with digest">
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[service]@[remote_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:[service]@[local_ip]:[local_port]>
Max-Forwards: 70
Expires: 60
Content-Length: 0

]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[service]@[remote_ip]>;tag=[call_number]
To: <sip:[service]@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:[service]@[local_ip]:[local_port]>
[authentication]
Max-Forwards: 70
Expires: 60
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""


async def sipp_registers(lab: Lab, folder: Path, user: str, password: str, transport: str) -> int:
    """SIPp's exit code: 0 when the scenario went through."""
    scenario = folder / "register.xml"
    scenario.write_text(REGISTER)
    process = await asyncio.create_subprocess_exec(
        "sipp",
        f"127.0.0.1:{lab.pbx.port}",
        "-sf",
        str(scenario),
        "-m",
        "1",
        "-t",
        transport,
        "-i",
        "127.0.0.1",
        "-s",
        user,
        "-au",
        user,
        "-ap",
        password,
        "-timeout",
        "10s",
        "-timeout_error",
        "-nostdin",
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_sipp_registers_with_the_right_password_only(tmp_path: Path, transport: str) -> None:
    async with Lab(tmp_path / "lab") as lab:
        password = lab.passwords["monitor"].read_text().strip()
        assert await sipp_registers(lab, tmp_path, "monitor", "wrong", transport) != 0
        assert lab.pbx.registrar.registered("monitor") == []
        assert await sipp_registers(lab, tmp_path, "nobody", password, transport) != 0
        assert await sipp_registers(lab, tmp_path, "monitor", password, transport) == 0
        if transport == "u1":
            assert len(lab.pbx.registrar.registered("monitor")) == 1
        else:
            async with asyncio.timeout(5):
                while lab.pbx.registrar.registered(
                    "monitor"
                ):  # its connection is gone, so it cannot be reached
                    await lab.pbx.registrar.changed.wait()
        assert lab.pbx.mishaps == []


@asynccontextmanager
async def baresip(lab: Lab, folder: Path, user: str) -> AsyncIterator[None]:
    """baresip, registered as an agent, answering by itself, saying the agent's greeting, then
    hanging up.
    """
    password = lab.passwords[user].read_text().strip()
    (folder / "accounts").write_text(
        f"<sip:{user}@127.0.0.1:{lab.pbx.port}>;auth_pass={password};answermode=auto;regint=60\n"
    )
    (folder / "contacts").write_text("")
    modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile"))
    (folder / "config").write_text(
        "sip_listen 127.0.0.1:0\nmodule_path /usr/lib/baresip/modules\nnet_interface"
        f" 127.0.0.1\n{modules}audio_source aufile,{SPEECH}\naudio_player"
        f" aufile,{folder}/heard.wav\naudio_alert aufile,{folder}/alert.wav\nmodule_app"
        " account.so\nmodule_app menu.so\n"
    )
    process = await asyncio.create_subprocess_exec(
        "baresip",
        "-f",
        str(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(15):
            while not lab.pbx.registrar.registered(user):
                await lab.pbx.registrar.changed.wait()
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_queue_reaches_baresip_and_the_caller_hears_it(tmp_path: Path) -> None:
    folder = tmp_path / "baresip"
    folder.mkdir()
    async with (
        Lab(tmp_path / "lab") as lab,
        baresip(lab, folder, "agent-02"),
        RawPhone(lab.pbx.port) as phone,
    ):
        answered = await phone.call()
        phone.key_packets(media_port(answered), 1, timestamp=4000)
        async with asyncio.timeout(15):
            while len(lab.pbx.legs) < 2 or not all(
                leg.state == "up" for leg in lab.pbx.legs.values()
            ):
                await phone.rtp.came.get()  # prompts and ringback meanwhile: a clock of 20 ms
        agent = next(leg for leg in lab.pbx.legs.values() if leg.dialog.call_id != phone.call_id)
        async with asyncio.timeout(5):
            while agent.stream.received < 25:
                await phone.rtp.came.get()
        sources = {frame[8:12] for frame in phone.rtp.all}
        numbers = [int.from_bytes(frame[2:4], "big") for frame in phone.rtp.all]
        assert len(sources) == 1, "one SSRC, whatever the sound's origin"
        assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers)), (
            "no gap at the bridge"
        )
        phone.say(phone.text("BYE", sequence=2))
        await phone.response()
        async with asyncio.timeout(5):
            await agent.ended.wait()
        assert agent.why == "caller hung up"
        assert lab.pbx.mishaps == []
