"""Nagios plugins as they are: warnings before the line, figures of every spelling, signals,
letters.

Each is a script of `sh`; what it prints is data, and what it prints on standard error is no status.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.verbs.nagios_output import plugin_line
from tests.field.story import OK, Right, Story, comes_out, once, told

UNKNOWN, DEGRADED, FAILED = Right("UNKNOWN"), Right("DEGRADED"), Right("FAILED")
GUIDELINES = "monitoring-plugins guidelines"
ENDS = (
    Story("good", 'echo "OK - fine|time=0.012s;1;5;0;10"', GUIDELINES),
    Story("ends-with-4", 'echo "DEPENDENT - host down"; exit 4', "monitoring-plugins#430", UNKNOWN),
    Story(
        "not-found", 'echo "sh: check_x: not found" >&2; exit 127', "the shell's own code", UNKNOWN
    ),
    Story("ends-with-255", 'echo "CRITICAL - x"; exit 255', "monitoring-plugins#430", UNKNOWN),
    Story(
        "killed",
        'echo "WARNING - half"; kill -9 $$',
        "a plugin that was ended says nothing",
        UNKNOWN,
    ),
    Story(
        "crashed", 'echo "OK - looked"; kill -11 $$', "a plugin that crashed says nothing", UNKNOWN
    ),
    Story("stderr-only", 'echo "CRITICAL - said to stderr" >&2; exit 2', GUIDELINES, FAILED),
    Story("silent-critical", "exit 2", GUIDELINES, FAILED),
    Story("good-says-critical", 'echo "CRITICAL - 3 of 4 members down"; exit 0', "the code counts"),
    Story("latin1", "printf 'CRITICAL - Gr\\374\\337e|a=1\\n'; exit 2", "in the field", FAILED),
    Story("nul", "printf 'OK\\0 - x|a=1\\n'", "in the field"),
    Story("windows", "printf 'OK - windows|a=1\\r\\n'", "NSClient++"),
    Story("no-new-line", "printf 'WARNING - no end|a=1'; exit 1", "in the field", DEGRADED),
    Story(
        "line-of-9000",
        "printf 'CRITICAL - '; head -c 9000 /dev/zero | tr '\\0' x; exit 2",
        GUIDELINES,
        FAILED,
    ),
    Story(
        "leaves-a-child",
        '(sleep 30; echo late) & echo "OK - left a child|a=1"',
        "a daemon that is started by it",
    ),
    Story("reads-its-input", 'read x; echo "OK - got <$x>"', "there is nothing to read"),
    Story("deaf", "trap '' TERM; sleep 60", "it must be killed", UNKNOWN),
)


def plugin(folder: Path, text: str) -> list[str]:
    script = folder / "check_odd"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return [str(script)]


@pytest.mark.parametrize("story", told(ENDS))
async def test_a_plugin_is_judged_by_its_code(tmp_path: Path, story: Story) -> None:
    within = "1s" if story.name == "deaf" else "10s"
    seen = await once(tmp_path, "nagios-plugin", command=plugin(tmp_path, story.far), within=within)
    comes_out(seen, story)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            'echo "Use of uninitialized value | at line 3" >&2; echo "CRITICAL - disk full |'
            ' free=1%"; exit 2',
            id="stderr-first",
        ),
        pytest.param(
            "printf '\\n\\n  \\nCRITICAL - disk full|a=1\\n'; exit 2",
            id="blank-lines-first",
        ),
        pytest.param(
            "printf '\\033[31mCRITICAL\\033[0m - disk full|a=1\\n'; exit 2", id="coloured"
        ),
        pytest.param('echo "CRITICAL - disk full|a=1"; echo "more" >&2; exit 2', id="stderr-last"),
        pytest.param(
            "printf '\\t \\r\\n\\n   CRITICAL - disk full|a=1\\n'; exit 2",
            id="blanks-of-all-sorts-first",
        ),
        pytest.param(
            "head -c 70000 /dev/zero | tr '\\0' w >&2; echo 'CRITICAL - disk full'; exit 2",
            id="stderr-of-70000",
        ),
        pytest.param(
            "printf '   \\n'; echo 'CRITICAL - disk full' >&2; exit 2", id="blanks-and-stderr-only"
        ),
    ],
)
async def test_the_status_is_the_plugins_own_line(tmp_path: Path, text: str) -> None:
    """monitoring-plugins#1505, nagios-plugins#550: what perl and python warn of is no status."""
    seen = await once(tmp_path, "nagios-plugin", command=plugin(tmp_path, text), within="10s")
    fault = seen.verdict.fault
    assert fault is not None and "disk full" in fault.text, fault
    assert "uninitialized" not in fault.text, fault


@pytest.mark.parametrize(
    "signs", ["\\033[31m", "\\302\\233", "\\342\\200\\256"], ids=["escape", "c1", "right-to-left"]
)
async def test_the_line_for_nagios_has_no_signs_of_control(tmp_path: Path, signs: str) -> None:
    """GingerGraham/bash-logger#36: a far end's words on the operator's terminal."""
    command = plugin(tmp_path, f"printf 'CRITICAL {signs} disk full\\n'; exit 2")
    line = plugin_line(await once(tmp_path, "nagios-plugin", command=command, within="10s"))
    assert all(sign.isprintable() for sign in line), line


FIGURES = {
    "decimal-comma": ("a=1,5s;2,0;3,0", {"a_seconds": 1.5}),
    "negative": ("offset=-0.003s;-0.06:0.06;@-1:1;;", {"offset_seconds": -0.003}),
    "powers": ("rate=1.5e-3s;;; neg=-1E+2", {"rate_seconds": 0.0015, "neg": -100.0}),
    "unknown": ("a=U;1;2 b=5", {"b": 5.0}),
    "microseconds": ("k=5us", {"k_seconds": 5e-6}),
    "microseconds-by-the-letter-mu": ("m=5μs;10μs", {"m_seconds": 5e-6}),
    "milliseconds-in-quotes": ("'round trip'=12ms;;;0", {"round_trip_seconds": 0.012}),
    "no-unit-beside-a-range": ("q=7;@2:4;~:9", {"q": 7.0}),
    "microseconds-by-their-sign": ("l=5µs", {"l_seconds": 5e-6}),
}


@pytest.mark.parametrize("name", FIGURES)
async def test_a_figure_has_its_unit(tmp_path: Path, name: str) -> None:
    text, measures = FIGURES[name]
    seen = await once(
        tmp_path, "nagios-plugin", command=plugin(tmp_path, f'echo "OK|{text}"'), within="10s"
    )
    comes_out(seen, Story(name, None, GUIDELINES, OK))
    assert {key: seen.observation.measures.get(key) for key in measures} == pytest.approx(measures)
