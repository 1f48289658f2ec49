"""Kinds of checks by who looks: what a row is, how its looks are made, several rows at once in one
machine, and the table of what each said. The rows: matrix_host.py, matrix_centre.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from tests.systemd.machine import Machine

STATE = "{state}"
"""in a row: the folder of whoever looks"""
SECRETS = "/srv/lab/passwords"
"""where secrets of the world lie, a file each: handed to the service as credentials"""
Lane = Literal["host", "data", "network", "calls", "browser"]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind (or one engine of it): `breaks` and `mends` are for a shell."""

    name: str
    kind: str
    settings: str
    """its section; "": it is the one of this name in the configuration that the lab writes"""
    breaks: str
    mends: str
    code: str
    """of the fault; "": it is a warning"""
    lane: Lane = "host"
    """rows of one lane are looked at one after the other, lanes at once: no fault of a lane may
    reach what another looks at"""
    needs: str = ""
    """the file in systemd/ without which it cannot see; named by check-config where it is not
    there"""
    unaccepted: bool = False
    """whether it says when it is well that nothing was accepted yet"""
    prepares: str = ""
    """for a shell, once before its first look by whoever looks, with {reveille} for his command"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look said: a state, and the fault or the reason."""

    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Way:
    """Who looks: by which configuration, and where that one's state is."""

    name: str
    file: str
    state: str

    def shell(self, text: str) -> str:
        """A command of a row as it is for this one."""
        return text.replace(STATE, self.state).replace(
            "{reveille}", f"reveille --config {self.file}"
        )


@dataclass(slots=True)
class Matrix:
    """What was seen, by row, way and half (well, or broken)."""

    machine: Machine
    rows: Sequence[Row]
    seen: dict[tuple[str, str, bool], Seen] = field(default_factory=dict)

    def fill(self, way: Way) -> None:
        """Every row once well and once broken. What did not come out as it should is looked at once
        more, alone: on a busy host a call that is placed beside others is late.
        """
        lanes: dict[Lane, list[Row]] = {}
        for row in self.rows:
            lanes.setdefault(row.lane, []).append(row)
        with ThreadPoolExecutor(len(lanes)) as pool:
            for done in [pool.submit(self._lane, lane, way) for lane in lanes.values()]:
                done.result()
        self._lane([row for row in self.rows if self.wrong(row, way)], way)

    def _lane(self, rows: Sequence[Row], way: Way) -> None:
        for row in rows:
            if row.prepares:
                self._shell(row.prepares, way)
            self.seen[row.name, way.name, False] = looked(self.machine, row, way)
            self._shell(row.breaks, way)
            try:
                self.seen[row.name, way.name, True] = looked(self.machine, row, way)
            finally:
                self._shell(row.mends, way)

    def _shell(self, text: str, way: Way) -> None:
        self.machine.run("bash", "-euc", way.shell(text))

    def wrong(self, row: Row, way: Way) -> str:
        """What is not as it should be; "" where all is. Who has the right sees; who has not says
        that he does not."""
        well, broken = (self.seen[row.name, way.name, half] for half in (False, True))
        blind = {"UNKNOWN", "DEGRADED"}
        may_be_blind = way.name == "unit" and row.needs
        good = {"OK", "DEGRADED", "UNKNOWN"} if row.unaccepted else {"OK"}
        bad = {"FAILED" if row.code else "DEGRADED"}
        if may_be_blind:
            good, bad = good | blind, bad | blind
        fits = well.state in good and broken.state in bad
        named = row.code in broken.text or (may_be_blind and broken.state != "FAILED")
        return "" if fits and named else f"well: {well}; broken: {broken}"

    def table(self, ways: Sequence[str]) -> str:
        """A line for each row, a column for each way, well and broken."""
        head = ["kind", *(f"{way}: {half}" for way in ways for half in ("well", "broken"))]
        lines = [head]
        for row in self.rows:
            halves = [(way, broken) for way in ways for broken in (False, True)]
            cells = [_cell(self.seen.get((row.name, *half))) for half in halves]
            lines.append([f"{row.kind} ({row.name})", *cells])
        widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )


def looked(machine: Machine, row: Row, way: Way) -> Seen:
    """One look, by whoever does it for root."""
    complaint = f"/srv/said-{row.name}"
    command = f"reveille --config {way.file} --json once {row.name} 2>{complaint}; true"
    said = machine.run("sh", "-c", command)
    if not said.startswith("{"):
        return Seen("no answer", (said + (machine.root / complaint[1:]).read_text())[-300:])
    view = json.loads(said)
    return Seen(view["state"], view["fault"] or ", ".join(view["reasons"]))


def _cell(seen: Seen | None) -> str:
    if seen is None:
        return "-"
    code = seen.text.split(",")[0][:32] if seen.state in ("FAILED", "UNKNOWN") else ""
    return f"{seen.state} {code}".strip()


_TOP = """[site]
name = "Pune"
timezone = "Asia/Kolkata"
region = "india"
[[people]]
role = "operators"
mail = "ops@localhost"
[desks.mail]
kind = "mail"
host = "127.0.0.1"
port = 25
tls = "none"
sender = "reveille@localhost"
"""
# What has a rhythm is not looked at by itself here, nor by what stands on it.
_RHYTHM = re.compile(r"(?m)^(every|at|confirm\w*|recheck|diagnose) = .*\n")
_KIND = re.compile(r"(?m)^(kind = .*)$")


def configuration(rows: Sequence[Row], way: Way, lab: str, service: bool) -> str:
    """A site that has these checks, and looks at none by itself. `lab` is the configuration that
    the lab has written; a `service` gets its secrets as credentials.
    """
    own = "/var/lib/reveille"
    text = _TOP if way.state == own else f'state = "{way.state}"\n{_TOP}'
    wanted = {row.name for row in rows if not row.settings}
    for part in re.split(r"(?m)^(?=\[)", lab):
        head = re.match(r"\[+(\w+)\.([\w-]+)", part)
        if head and (head[1] in ("lines", "agents") or (head[1] == "checks" and head[2] in wanted)):
            text += _KIND.sub(r'\1\nat = ["03:00"]', _RHYTHM.sub("", part))
    for row in rows:
        if row.settings:
            text += f'[checks.{row.name}]\nkind = "{row.kind}"\nat = ["03:00"]\n'
            text += row.settings.replace(STATE, way.state) + "\n"
    return re.sub(rf'file = "{SECRETS}/([\w-]+)"', r'credential = "\1"', text) if service else text


def without_sight(rows: Sequence[Row]) -> Mapping[str, list[str]]:
    """What is needed -> the rows that are without it."""
    needed: dict[str, list[str]] = {}
    for row in rows:
        if row.needs:
            needed.setdefault(row.needs, []).append(row.name)
    return needed
