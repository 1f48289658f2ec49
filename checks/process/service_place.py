"""Where a service of this host that works for the daemon listens: not everybody's to knock at."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Service:
    """Where it may listen: the first that is a socket counts."""

    places: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """Where it listens, or would."""
        return next(filter(_is_socket, self.places), self.places[0])

    def is_there(self) -> bool:
        """Whether somebody has opened a socket there."""
        return _is_socket(self.path)


def _is_socket(place: Path) -> bool:
    try:
        return stat.S_ISSOCK(place.stat().st_mode)
    # Root's own folder, which others may not enter, is no way of theirs.
    except OSError:
        return False


def installed(name: str) -> Service:
    """One of systemd/reveille-NAME.socket: bound into the view of the daemon; in root's own folder,
    for a verb that root types; where they were before, for units of older releases that still run.
    """
    # Nobody else gets at it: by connecting again and again, any user could have systemd give it up
    # for good (TriggerLimitBurst= of systemd.socket(5)).
    return Service(
        (
            Path(f"/run/reveille/{name}/socket"),
            Path(f"/run/reveille-{name}/daemon/socket"),
            Path(f"/run/reveille-{name}/socket"),
            Path(f"/run/reveille-{name}.sock"),
        )
    )
