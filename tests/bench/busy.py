"""Programs that take every CPU they can get, beside a bench: what a busy host does to a probe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy(programs: int) -> Iterator[None]:
    """So many of them, each always ready to run, while the block lasts."""
    running = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)
    ]
    try:
        yield
    finally:
        for program in running:
            program.kill()
            program.wait()
