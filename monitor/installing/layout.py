"""Where everything of an installed Reveille lies, and from which program it is laid down.

Two ways lead to a host. A source folder with its environment (./reveille makes that), wherever an
administrator put it: /opt/reveille, say. Or the Debian package, whose program, unit, command and
manual page are dpkg's: then this room makes what a package cannot know, and leaves its files alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

USER = "reveille"
"""the service's user, and the group of those who may speak with it"""
UNIT = "reveille.service"
CONFIGURATION = Path("/etc/reveille")
CREDENTIALS = CONFIGURATION / "credentials"
STATE = Path("/var/lib/reveille")
UNITS = Path("/etc/systemd/system")
DROP_INS = UNITS / f"{UNIT}.d"
FAILED = "reveille-failed.service"
"""what systemd starts when the service fails: it mails the operators"""
FAILED_DROP_INS = UNITS / f"{FAILED}.d"
LOOKS = "reveille-hostlooks@.service"
"""what makes a look at the host, with the rights for it"""
PLUGINS = "reveille-plugins@.service"
"""what runs plugins as a user of their own"""
ALL_DROP_INS = (DROP_INS, FAILED_DROP_INS, UNITS / f"{LOOKS}.d")
"""every folder into which a drop-in of ours is laid"""
COMMAND = Path("/usr/local/bin/reveille")
KEPT = Path("/var/backups/reveille")
"""what `upgrade` can go back to"""
PACKAGED = Path("/usr/lib/reveille")
"""the folder of the Debian package"""
_HOUSE = Path(__file__).resolve().parents[2]
# In the order in which they are looked for: a source folder, else what a wheel brings along
# (pyproject.toml, shared-data).
_SHIPPED = {"systemd": ("systemd", "share/reveille/systemd"), "share": ("share", "share")}


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be laid down: its folder, its environment, and what it brings along."""

    folder: Path
    environment: Path
    units: Path
    share: Path

    @property
    def command(self) -> Path:
        """What a unit starts."""
        return self.environment / "bin" / "reveille"

    @property
    def packaged(self) -> bool:
        """Whether it is dpkg's."""
        return self.environment.is_relative_to(PACKAGED)

    def links(self) -> dict[Path, Path]:
        """Where a host looks for the command, its manual page and its completions, and where they
        are.
        """
        places = (
            "man/man1/reveille.1",
            "bash-completion/completions/reveille",
            "zsh/site-functions/_reveille",
        )
        shared = {Path("/usr/local/share") / place: self.share / place for place in places}
        return {COMMAND: self.command, **shared}


def this_program() -> Program:
    """The one that runs."""
    environment = Path(sys.prefix)
    folders = (_HOUSE, environment)
    found = {
        name: next(
            (base / place for base, place in zip(folders, places, strict=True)
             if (base / place).is_dir()),
            environment / places[1],
        )
        for name, places in _SHIPPED.items()
    }  # fmt: skip
    folder = _HOUSE if environment.is_relative_to(_HOUSE) else environment
    return Program(folder, environment, found["systemd"], found["share"])
