"""A line that comes and goes fits into the terminal that it is shown on, however narrow."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios

import pytest

from monitor.terminal import passing

TEXT = "        main-number: prompt, " + "another-check: stage, " * 20


@pytest.mark.parametrize("columns", [20, 70, 80, 120])
def test_a_passing_line_is_one_line(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    far, near = pty.openpty()
    fcntl.ioctl(near, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(near, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        passing(TEXT)
        passing("short")
        passing("")
        said = ""
        while said.count("\x1b[2K") < 3 or not said.endswith("K"):
            said += os.read(far, 10_000).decode()
    os.close(far)
    shown = [part.partition("\x1b[0m")[0] for part in said.split("\r\x1b[2K\x1b[2m")[1:]]
    assert [len(line) for line in shown] == [columns - 1, 5]
    assert shown[0].endswith("…")
    assert said.endswith("\r\x1b[2K")
    assert "\n" not in said
