"""Counts what waits in a queue."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from checks.host.collectors.collector import Look, NotLooked
from checks.host.collectors.program import run

STAGES = ("count",)
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0}
# exim -bp: age, size, message id, sender. Ids are 6-6-2 characters long, from Exim 4.97 on 6-11-4.
_EXIM_LINE = re.compile(
    r"^ *(\d+)([mhd]) +\S+ +[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4} ", re.M
)


def look(at: Look) -> None:
    """Count what waits in the queue, and judge its length and age."""
    with at.stage("count"):
        if at.settings["folder"]:
            ages = _of_folder(at, Path(at.settings["folder"]))
        else:
            ages = _of_postfix(at) if at.settings["mail"] == "postfix" else _of_exim(at)
        judge(at, ages)


def judge(at: Look, ages: list[float]) -> None:
    """Judge how many wait, and how long (ages in seconds)."""
    longest = max(ages, default=0.0)
    at.measure("waiting", len(ages))
    at.measure("longest_wait_seconds", longest)
    if len(ages) > at.settings["most"]:
        at.fault("queue-too-long", f"{len(ages)} wait, {at.settings['most']} may")
    if longest > at.settings["longest_wait"]:
        at.fault("queue-too-old", f"the oldest has waited for {longest / 3600:.1f} hours")


def _of_folder(at: Look, folder: Path) -> list[float]:
    if not folder.is_dir():
        raise NotLooked(f"there is no folder {folder}")
    return [max(0.0, at.now - path.stat().st_mtime) for path in folder.rglob("*") if path.is_file()]


def _of_postfix(at: Look) -> list[float]:
    where = ["-c", at.settings["configuration"]] if at.settings["configuration"] else []
    done = run(["postqueue", *where, "-j"], at.left())
    # postqueue(1), -j: a JSON object for each message on a line of its own, from Postfix 3.1 on.
    mails = [json.loads(line) for line in done.output.splitlines()]
    reasons = Counter(
        to.get("delay_reason", "") for mail in mails for to in mail.get("recipients", ())
    )
    for reason, times in reasons.most_common(3):
        if reason:
            at.note(f"{times} recipients wait: {reason}")
    return [max(0.0, at.now - mail["arrival_time"]) for mail in mails]


def _of_exim(at: Look) -> list[float]:
    done = run(["exim4", "-bp"], at.left())
    return [float(number) * _UNITS[unit] for number, unit in _EXIM_LINE.findall(done.output)]
