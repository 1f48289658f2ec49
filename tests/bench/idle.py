"""The memory of the idle daemon: one that only telephones, and one that looks at the whole lab.
Target: ≤ 60 MB.

./reveille bench idle
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import psutil

from lab import Lab
from monitor.ledger import Ledger
from tests.scenes.daemon_process import Process

TARGET_MB = 60.0


async def measured(folder: Path, telephony_only: bool) -> float:
    """RSS in MB once every check has been looked at and the daemon waits."""
    async with Lab(folder / "lab") as lab:
        written = lab.configuration(folder / "state")
        if telephony_only:
            head, _, rest = written.partition("[checks.agent-portal]")
            written = head + "[desks.mail]" + rest.partition("[desks.mail]")[2]
        file = folder / "reveille.toml"
        file.write_text(written, encoding="utf-8")
        daemon = Process(file)
        # What has a time of day, or burdens what it looks at, waits for its time.
        entries = daemon.configuration.checks.values()
        checks = sum(not (entry.at or entry.probe.BURDENS) for entry in entries)
        try:
            await daemon.start()

            def all_seen(ledger: Ledger) -> bool:
                return len({row.check for row in ledger.attempts(limit=100)}) >= checks

            await daemon.until(lambda: daemon.read(all_seen) and not daemon.doing())
            return psutil.Process(daemon.process.pid).memory_info().rss / 1e6
        finally:
            await daemon.stop()


async def main() -> int:
    """Both, and the figures."""
    found = {}
    for name, telephony_only in (("telephony only", True), ("the whole lab", False)):
        with tempfile.TemporaryDirectory(prefix="reveille-idle-") as folder:
            found[name] = await measured(Path(folder), telephony_only)
        print(f"{name:16} {found[name]:6.1f} MB", flush=True)
    worst = max(found.values())
    print(
        f"idle: {', '.join(f'{name} {value:.1f} MB' for name, value in found.items())}; target"
        f" {TARGET_MB:g} MB"
    )
    return 0 if worst <= TARGET_MB else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
