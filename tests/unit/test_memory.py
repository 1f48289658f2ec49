"""Memory that is free goes back to the host, and what a daemon does not need it does not load."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import psutil
import pytest

from monitor.service import memory

_BLOCK_BYTES, _BLOCKS = 40_000, 500


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="glibc alone keeps holes")
def test_what_is_free_goes_back_to_the_host() -> None:
    """Below M_MMAP_THRESHOLD a block lies in the heap, and one that is kept at its end holds it."""
    resident = psutil.Process().memory_info
    blocks = [bytes(_BLOCK_BYTES) + b"\x01" for _ in range(_BLOCKS)]
    kept, full = blocks.pop(), resident().rss
    del blocks
    memory.give_back()
    assert full - resident().rss > _BLOCK_BYTES * _BLOCKS / 2
    assert len(kept) > _BLOCK_BYTES


def test_a_daemon_with_nothing_to_say_has_no_templates_loaded() -> None:
    wanted = "import sys, monitor.service.daemon; print('jinja2' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", wanted], capture_output=True, check=True)
    assert said.stdout == b"False\n"
