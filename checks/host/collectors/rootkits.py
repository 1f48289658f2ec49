"""What rkhunter and chkrootkit say. They take minutes and are run seldom; what they said last
stands until then.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.program import run

_RKHUNTER = (
    "rkhunter",
    "--check",
    "--skip-keypress",
    "--nocolors",
    "--report-warnings-only",
    # /etc/rkhunter.conf may have it warn in another language.
    "--lang",
    "en",
)
# The tests of files and accounts are done by the other areas, which know what a package has
# changed: rkhunter warns after every upgrade.
_RKHUNTER_TESTS = "rootkits,trojans,malware,hidden_procs"
# rkhunter(8): 1 for a warning, and for a fault of its own too.
_RKHUNTER_ANSWERS = (0, 1)
_INFECTED = re.compile(
    r"INFECTED|Possible .{0,200}(?:rootkit|worm|trojan)|rootkit.{0,200}(?:found|installed)", re.I
)


def rootkits(at: Look, delta: Delta) -> None:
    """Run both programs, if it is time and as far as they are installed."""
    last = at.recalled.get("rootkits_at", 0)
    if at.settings["root"] != "/":
        raise NotLooked("rootkits are looked for on the host itself alone", missing=True)
    if at.now - last < at.settings["rootkits_every"]:
        at.note(f"rootkits were looked for {(at.now - last) / 86400:.1f} days ago")
        at.remember("rootkits_at", last)
        signs = at.recalled.get("rootkit_signs", [])
    else:
        signs = _looked_for(at)
        at.remember("rootkits_at", at.now)
    at.remember("rootkit_signs", signs)
    delta.compare(
        "rootkits", dict.fromkeys(signs, ""), Codes("rootkit-sign"), None, "sign", usually_none=True
    )


def _looked_for(at: Look) -> list[str]:
    signs, ran = [], 0
    for name, ask in (("rkhunter", _by_rkhunter), ("chkrootkit", _by_chkrootkit)):
        try:
            signs += [f"{name}: {line}" for line in ask(at)]
            ran += 1
        except NotLooked as why:
            (
                at.note(f"not looked at: {name}: {why}")
                if why.missing
                else at.warning(f"not looked at: {name}: {why}")
            )
    if not ran:
        raise NotLooked("neither rkhunter nor chkrootkit did it")
    return signs


def _by_rkhunter(at: Look) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        # It takes its warnings out of its own log: without one (--nolog) it reports none, and ends.
        log = ["--noappend-log", "--logfile", str(Path(folder) / "rkhunter.log")]
        command = [*_RKHUNTER, *log, "--enable", _RKHUNTER_TESTS]
        # Half of what is left: chkrootkit comes after it.
        done = run(command, at.left() / 2, answers=_RKHUNTER_ANSWERS)
    lines = done.output.splitlines()
    warnings = [" ".join(line.split()) for line in lines if line.startswith("Warning:")]
    if done.status and not warnings:
        words = " ".join(f"{done.output} {done.complaints}".split())
        raise NotLooked(f"rkhunter gave no answer (status {done.status}): {words[-300:]}")
    return warnings


def _by_chkrootkit(at: Look) -> list[str]:
    """The alarms of chkrootkit. It leaves with 0 whatever it found, and also lists each file whose
    name begins with a dot.
    """
    done = run(["chkrootkit", "-q"], at.left())
    return [" ".join(line.split()) for line in done.output.splitlines() if _INFECTED.search(line)]
