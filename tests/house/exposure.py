"""How exposed each unit is, alone and with each drop-in: the table in docs/install.md, made by
systemd itself.

    python -m tests.house.exposure            prints it; exit code 1 when the page has another
    python -m tests.house.exposure --write    writes it anew, between its marks in the page

0 is a unit that can do nothing, 10 one that can do everything. What may be reached at the most, and
why it is no less, stands in the two tables here.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from monitor.installing.layout import UNIT
from monitor.installing.needs import TABLE
from tests.house.source import ROOT

UNITS = ROOT / "systemd"
PAGE = ROOT / "docs" / "install.md"
BEGIN, END = "<!-- exposure: begin -->\n", "\n<!-- exposure: end -->"
OF = {need.file: need.of for need in TABLE if need.drop_in}
"""drop-in -> the unit that it changes"""
EXPOSED = {
    UNIT: (2.0, "it places calls and fetches pages: the network; nothing of the host"),
    "reveille-failed.service": (1.2, "it sends a mail: the network, its own user and state"),
    "reveille-hostlooks@.service": (2.7, "it reads all of the host: two rights to read, the host's"
                                    " network, processes, users and homes"),
    "reveille-rtcpxr@.service": (1.8, "it sees datagrams that go to others: CAP_NET_RAW, the host's"
                                 " network"),
    "reveille-plugins@.service": (1.6, "it looks at services as plugins do: the network, and whose"
                                  " process asks"),
    "reveille-drill@.service": (0.5, "it restores what may mean harm: nothing of the host is in"
                                " it"),
}  # fmt: skip
"""unit -> the most that `systemd-analyze security` may say, and what it is for"""
EXPOSED_WITH = {
    "host.conf": (1.4, "a socket beside it, and no right of its own"),
    "plugins.conf": (1.4, "a socket beside it, and no right of its own"),
    "rtcp-xr.conf": (1.4, "a socket beside it, and no right of its own"),
    "browser.conf": (2.2, "Chromium's sandbox is made of namespaces, and its compiler writes what"
                     " it runs"),
    "webrtc.conf": (1.4, "a softphone's DTLS has callbacks: memory that is written and then run"),
    "disks.conf": (3.6, "SMART: all disks are read, by commands that want CAP_SYS_RAWIO or"
                   " CAP_SYS_ADMIN"),
}  # fmt: skip
"""drop-in -> the most that it may say of the unit with it"""


def exposure(unit: Path) -> float:
    """What `systemd-analyze security` says of a unit in a file."""
    seen = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d)", seen.stdout)
    if level is None:
        raise RuntimeError(seen.stdout + seen.stderr)
    return float(level[1])


def with_drop_ins(folder: Path, unit: str, drop_ins: Sequence[str]) -> Path:
    """A unit as systemd reads it with these: one after the other; later lines add to lists, or take
    their place.
    """
    parts = (UNITS / unit, *(UNITS / name for name in drop_ins))
    whole = folder / unit
    whole.write_text("\n".join(part.read_text(encoding="utf-8") for part in parts))
    return whole


def table() -> str:
    """A line for each unit, each drop-in, and the service with all of its own."""
    own = [name for name in EXPOSED_WITH if OF[name] == UNIT]
    with tempfile.TemporaryDirectory() as scratch:
        lines = [
            f"| {what} | {exposure(unit):.1f} | {most:.1f} | {why} |"
            for what, unit, most, why in _measured(Path(scratch), own)
        ]
    head = "| unit | exposure | at most | why no less |\n|---|---:|---:|---|"
    return "\n".join([head, *lines])


def _measured(scratch: Path, own: Sequence[str]) -> Iterator[tuple[str, Path, float, str]]:
    for unit, (most, why) in EXPOSED.items():
        yield f"`{unit}`", UNITS / unit, most, why
    for drop_in, (most, why) in EXPOSED_WITH.items():
        changed = with_drop_ins(scratch, OF[drop_in], [drop_in])
        yield f"`{OF[drop_in]}` with `{drop_in}`", changed, most, why
    most = max(EXPOSED_WITH[name][0] for name in own)
    yield (
        f"`{UNIT}` with all of its own",
        with_drop_ins(scratch, UNIT, own),
        most,
        "all of them together",
    )


def version() -> str:
    """Of the systemd that measures: figures of another are a little different."""
    said = subprocess.run(
        ["systemd-analyze", "--version"], capture_output=True, text=True, check=True
    )
    return said.stdout.split()[1]


def kept(page: str) -> str:
    """The table that a page has."""
    return page.partition(BEGIN)[2].partition(END)[0]


def main(arguments: Sequence[str]) -> int:
    """Print the table, or write it anew. The exit code."""
    page, made = PAGE.read_text(encoding="utf-8"), table()
    if "--write" in arguments:
        PAGE.write_text(page.replace(BEGIN + kept(page) + END, BEGIN + made + END), "utf-8")
    sys.stdout.write(f"{made}\nsystemd {version()}\n")
    return int("--write" not in arguments and kept(page) != made)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
