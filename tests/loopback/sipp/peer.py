"""Peers that nobody here wrote: SIPp and baresip as child processes on free ports of 127.0.0.1, and
prompts to say.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest

from checks.contract import CannotTell, Check, Failed, Observation, Trace
from tests.ports import free_port

HERE = Path(__file__).parent
PATIENCE_SECONDS = 40.0
UNHURRIED = {
    "probe_stall": "30s",
    "probe_late": "30s",
    "probe_stalled_percent": 100.0,
    "probe_wait_percent": 100.0,
    "probe_unsent_percent": 100.0,
    "signalling_within": "15s",
    "media_within": "8s",
}
"""settings of a call on a machine that is busy with other tests: it is not to be called sick"""


BEFORE: ContextVar[tuple[str, ...]] = ContextVar("before", default=())
"""a command by which each peer is started: chrt(1) of a bench that makes this host busy"""


def is_bound(port: int, transport: str) -> bool:
    """Whether somebody on this machine listens on the port."""
    lines = Path(f"/proc/net/{transport}").read_text().splitlines()[1:]
    state = {"udp": "07", "tcp": "0A"}[transport]
    return any(
        local.endswith(f":{port:04X}") and now == state
        for _, local, _, now, *_ in map(str.split, lines)
    )


async def eventually(condition: Callable[[], bool], within: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition. Raises TimeoutError."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"still not so after {within:g} s")
        await asyncio.sleep(0.01)


async def begun(
    process: asyncio.subprocess.Process, ready: Callable[[], bool], within: float = PATIENCE_SECONDS
) -> None:
    """Wait until a child is ready. Raises TimeoutError; also, at once, when it has ended."""
    await eventually(lambda: ready() or process.returncode is not None, within)
    if not ready():
        raise TimeoutError(f"it ended by itself with {process.returncode}")


def need_sound_sipp() -> None:
    """Skip where SIPp overflows a buffer of its own when it repeats a stream to several callers
    (3.7.3 of Debian 13: "buffer overflow detected"; 3.7.2 of Ubuntu 24.04).
    """
    if "SIPp v3.7." in _said_by_sipp("-v"):
        pytest.skip("SIPp 3.7 overflows a buffer of its own here")


def media_port(port: int) -> tuple[str, ...]:
    """The words that name it to this SIPp: 3.7.2 knows `-mp` no more, and 3.7.3 again."""
    if "-mp " in _said_by_sipp("-h"):
        return "-mp", str(port)
    return "-min_rtp_port", str(port), "-max_rtp_port", str(port + 2)


@cache
def _said_by_sipp(option: str) -> str:
    return subprocess.run(["sipp", option], capture_output=True, text=True, check=False).stdout


@asynccontextmanager
async def running(*command: str, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A child process that ends with the block, and those that it has started."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *BEFORE.get(),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        yield process
    except TimeoutError as problem:
        problem.add_note(_tail(log))
        raise
    finally:
        with suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


class Sipp:
    """A running SIPp: its port and its process, its messages so far."""

    def __init__(self, port: int, folder: Path, process: int) -> None:
        self.port, self.process, self._folder = port, process, folder

    def messages(self) -> str:
        """Every message it sent and received."""
        return "".join(
            path.read_text(errors="replace") for path in sorted(self._folder.glob("messages*.log"))
        )


@asynccontextmanager
async def sipp(
    scenario: str,
    folder: Path,
    sound: Path | None = None,
    repeat: int = -1,
    transport: str = "u1",
    more: tuple[str, ...] = (),
    filled: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Sipp]:
    """SIPp with a scenario of this folder, streaming the raw A-law file `sound`; `filled` are
    further words of it.
    """
    protocol = "udp" if transport.startswith("u") else "tcp"
    _write_scenario(scenario, folder, {"SOUND": str(sound), "REPEAT": str(repeat), **filled})
    port, media = free_port(), free_port(even=True)
    command = [
        "sipp",
        "-sf",
        str(folder / "scenario.xml"),
        "-i",
        "127.0.0.1",
        "-mi",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    command += [
        "-t",
        transport,
        "-nostdin",
        "-trace_msg",
        "-message_file",
        str(folder / "messages.log"),
    ]
    command += [*media_port(media), *more]
    async with running(*command, log=folder / "sipp.log") as process:
        await begun(process, lambda: is_bound(port, protocol))
        yield Sipp(port, folder, process.pid)


def _write_scenario(scenario: str, folder: Path, filled: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = (HERE / f"{scenario}.xml").read_text()
    for word, said in filled.items():
        text = text.replace(word, said)
    (folder / "scenario.xml").write_text(text)


def need_steady_baresip() -> None:
    """Skip where baresip dies of SIGSEGV when a call that it holds is transferred (1.1.0 of Debian
    13, in its player of files).
    """
    if (
        "v1.1.0 "
        in subprocess.run(["baresip", "-v"], capture_output=True, text=True, check=False).stdout
    ):
        pytest.skip("baresip 1.1.0 dies when a call that it holds is transferred")


@asynccontextmanager
async def baresip(folder: Path, source: Path) -> AsyncIterator[int]:
    """baresip that answers by itself and says the WAV `source`, then hangs up; gives its port."""
    port = free_port()
    _write_baresip(folder, port, source)
    async with running("baresip", "-f", str(folder), log=folder / "baresip.log") as process:
        await begun(process, lambda: is_bound(port, "udp"))
        yield port


def _write_baresip(folder: Path, port: int, source: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile", "sndfile"))
    # What it hears and says is kept as dump-*-dec.wav and -enc.wav.
    (folder / "config").write_text(
        f"snd_path {folder}\n"
        f"sip_listen 127.0.0.1:{port}\nmodule_path /usr/lib/baresip/modules\nnet_interface"
        f" 127.0.0.1\naudio_source aufile,{source}\naudio_player"
        f" aufile,{folder}/heard.wav\naudio_alert aufile,{folder}/alert.wav\n{modules}module_app"
        " account.so\nmodule_app menu.so\n"
    )
    (folder / "accounts").write_text(
        "<sip:agent@127.0.0.1>;regint=0;answermode=auto;audio_codecs=pcma\n"
    )


async def attempt(check: Check, folder: Path) -> Observation:
    """One attempt, as the runner makes it."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    trace = Trace(time.monotonic, folder)
    try:
        await check.probe(trace)
    except (Failed, CannotTell) as ended:
        return trace.observation(ended)
    return trace.observation()


def speak(text: str, folder: Path, name: str, before: float = 0.0, after: float = 0.0) -> Path:
    """A prompt by espeak-ng as the 8 kHz WAV `name`.wav, with its A-law twin beside it; silence
    before and after.
    """
    wav, said = folder / f"{name}.wav", folder / f"{name}-22k.wav"
    subprocess.run(["espeak-ng", "-w", str(said), text], check=True)
    form = ["-r", "8000", "-c", "1", "-b", "16"]
    subprocess.run(
        [
            "sox",
            "-D",
            str(said),
            *form,
            str(wav),
            "gain",
            "-n",
            "-6",
            "pad",
            str(before),
            str(after),
        ],
        check=True,
    )
    return wav


def alaw(folder: Path, name: str, *parts: Path) -> Path:
    """The parts one after the other as raw A-law, for SIPp to stream."""
    path = folder / f"{name}.al"
    raw = ["-t", "raw", "-r", "8000", "-c", "1", "-e", "a-law"]
    subprocess.run(["sox", "-D", *map(str, parts), *raw, str(path)], check=True)
    return path


def joined(folder: Path, name: str, *parts: Path) -> Path:
    """The parts one after the other as the WAV `name`.wav."""
    path = folder / f"{name}.wav"
    subprocess.run(["sox", "-D", *map(str, parts), str(path)], check=True)
    return path


def silence(folder: Path, seconds: float) -> Path:
    """A silent WAV."""
    path = folder / f"silence-{seconds:g}.wav"
    form = ["-r", "8000", "-c", "1", "-b", "16"]
    subprocess.run(["sox", "-D", "-n", *form, str(path), "trim", "0", str(seconds)], check=True)
    return path
