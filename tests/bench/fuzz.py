"""Nothing that a far end sends breaks a parser: `./reveille bench fuzz NAME|all [--seconds N]`.

Each target of tests/fuzz/targets.py is fed mutations of its seeds for N seconds of processor time
(60 if nothing is said), in a process of its own, at low priority. A find is an exception that is
not the parser's declared answer, more than a second for 64 kB, more than linear time, more than
256 MB, a crash or a hang. Its bytes are written to tests/fuzz/finds/NAME, where the quick test
tests/unit/test_fuzz_seeds.py reads them from then on. Exit status 1 where something was found.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.fuzz.target import FINDS
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
_NICENESS = 10
# Of its own work: a busy host has it wait for the processor, minutes at a time. A target that waits
# for somebody, which none may, is found by the clock of the wall.
_HANGS_AFTER_SECONDS, _WAITS_AFTER_SECONDS = 60.0, 1200.0


@dataclass(slots=True)
class Told:
    """What came of one target."""

    name: str
    tried: int = 0
    lines: int = 0
    slowest: float = 0.0
    finds: list[str] = field(default_factory=list)


def fuzzed(name: str, seconds: float, seed: int) -> Told:
    """One target, for so many seconds of processor time."""
    told = Told(name)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-m", "tests.fuzz.child", name, str(seconds), str(seed)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": folder}
        with subprocess.Popen(
            ["nice", "-n", str(_NICENESS), *command, folder],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, bufsize=0,
        ) as child:  # fmt: skip
            ending = _followed(child, told, Path(folder))
        if ending:
            _keep(told, ending, _under_way(Path(folder)))
    return told


def _followed(child: subprocess.Popen[bytes], told: Told, folder: Path) -> str:
    """Take in what it tells until it ends; how it ended, where that was no good end."""
    assert child.stdout and child.stderr
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        last, heard, worked = b"", time.monotonic(), 0.0
        while True:
            if waiting.select(1.0):
                if not (came := os.read(child.stdout.fileno(), 65_536)):
                    break
                *lines, last = (last + came).split(b"\n")
                for line in lines:
                    _take(told, json.loads(line))
                heard, worked = time.monotonic(), _work_of(child.pid)
            elif (
                _work_of(child.pid) - worked > _HANGS_AFTER_SECONDS
                or time.monotonic() - heard > _WAITS_AFTER_SECONDS
            ):
                child.send_signal(signal.SIGKILL)
                return "it hangs"
    said = child.stderr.read().decode(errors="replace").strip().splitlines()
    status = child.wait()
    if status:
        return f"it ends with status {status}: {said[-1][:200] if said else 'without a word'}"
    return ""


def _work_of(pid: int) -> float:
    """The processor seconds of a process; 0 of one that has ended."""
    try:
        return sum(psutil.Process(pid).cpu_times()[:2])
    except psutil.Error:
        return 0.0


def _take(told: Told, facts: dict[str, Any]) -> None:
    if "find" in facts:
        _keep(told, f"{facts['find']}: {facts['said']}", Path(facts["file"]).read_bytes())
    else:
        told.tried, told.lines, told.slowest = facts["tried"], facts["lines"], facts["slowest"]


def _under_way(folder: Path) -> bytes:
    """What was tried when it ended."""
    kept = folder / "input"
    if not kept.is_file():
        return b""
    content = kept.read_bytes()
    return content[8 : 8 + int.from_bytes(content[:8], "big")]


def _keep(told: Told, said: str, data: bytes) -> None:
    folder = FINDS / told.name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:12]
    path.write_bytes(data)
    told.finds.append(said)
    print(f"  FIND  {said}\n        {len(data)} bytes in {path.relative_to(ROOT)}", flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="reveille bench fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help='targets, or "all"')
    parser.add_argument("--list", action="store_true", help="name the targets, with what they read")
    parser.add_argument("--seconds", type=float, default=60.0, help="processor time for each")
    parser.add_argument("--seed", type=int, default=None, help="of the chance, to do it once more")
    asked = parser.parse_args()
    if asked.list:
        print("\n".join(f"{one.name:<16}{', '.join(one.reads)}" for one in TARGETS.values()))
        return 0
    if not asked.names or (unknown := set(asked.names) - {*TARGETS, "all"}):
        parser.error(f"{', '.join(sorted(unknown)) if asked.names else 'no name'}:"
                     f" one of all, {', '.join(TARGETS)}")  # fmt: skip
    names = list(TARGETS) if "all" in asked.names else asked.names
    return _all(names, asked.seconds, time.time_ns() % 2**32 if asked.seed is None else asked.seed)


def _all(names: list[str], seconds: float, seed: int) -> int:
    print(
        f"seed {seed}\n{'target':<16}{'inputs':>10}{'lines':>7}{'slowest':>10}  finds", flush=True
    )
    done = []
    for name in names:
        done.append(one := fuzzed(name, seconds, seed))
        print(f"{name:<16}{one.tried:>10}{one.lines:>7}{one.slowest:>8.3f} s  {len(one.finds)}",
              flush=True)  # fmt: skip
    finds = sum(len(one.finds) for one in done)
    print(f"fuzz: {len(done)} targets, {sum(one.tried for one in done)} inputs, {finds} finds")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
