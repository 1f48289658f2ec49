"""A line that comes and goes fits into the terminal that it is shown on, however narrow."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios

import pytest

from monitor.terminal import complain_folded, passing
from reports.formats import number

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


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.455e-05, "0.00002455"), (1e-7, "0.0000001"), (-3e-9, "-0.000000003"), (0.0, "0"),
        (0.001, "0.001"), (3.6, "3.6"), (123456.4, "123456"), (1e12, "1000000000000"),
    ],
)  # fmt: skip
def test_no_measure_is_shown_with_an_exponent(value: float, said: str) -> None:
    assert number(value) == said


def test_a_long_fault_is_folded_on_a_terminal_and_whole_for_a_program(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "warning: /etc/reveille/reveille.toml:12: " + "words that go on " * 20
    complain_folded(text)
    assert capsys.readouterr().err == text + "\n"
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        complain_folded(text)
        terminal.flush()
        shown = os.read(ours, 4096).decode().splitlines()
    os.close(ours)
    assert max(map(len, shown)) <= 70
    assert all(line.startswith("    ") for line in shown[1:])
    assert " ".join(" ".join(shown).split()) == text.strip()
