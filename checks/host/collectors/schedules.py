"""What runs by itself: cron, at, systemd's own units of this host, start scripts."""

from __future__ import annotations

from pathlib import Path

from checks.host.collectors.collector import Look
from checks.host.collectors.delta import Codes, Delta
from checks.host.collectors.tree_walk import owner_in, state, walk

# Where something starts without a person: the tables of cron(8) and atd(8), units and generators of
# systemd.unit(5), and the start files of shells and of root.
_PLACES = (
    "/etc/crontab", "/etc/anacrontab", "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily",
    "/etc/cron.weekly", "/etc/cron.monthly", "/var/spool/cron", "/var/spool/at", "/etc/rc.local",
    "/etc/init.d", "/etc/profile.d", "/etc/systemd/system", "/etc/systemd/user",
    "/usr/local/lib/systemd", "/etc/xdg/autostart", "/etc/update-motd.d", "/root/.config/systemd",
    "/root/.profile", "/root/.bashrc", "/etc/profile", "/etc/bash.bashrc", "/etc/environment",
)  # fmt: skip
_OF_A_HOME = (
    ".config/systemd",
    ".profile",
    ".bashrc",
    ".bash_profile",
    ".zshrc",
    ".config/autostart",
)


def schedules(at: Look, delta: Delta) -> None:
    """Each file of them, by its content."""
    root = Path(at.settings["root"])
    homes = sorted(path for path in (root / "home").glob("*") if path.is_dir())
    places = [*_PLACES, *(f"/home/{home.name}/{part}" for home in homes for part in _OF_A_HOME)]
    found = {
        path: state(root, path, known, delta.packages)
        for place in places
        for path, known in walk(at, place)
        # Empty files of the packages cron and at; .SEQ is a counter that changes with every job.
        if not path.endswith("/.placeholder") and "/cron/atjobs/.SEQ" not in path
    }
    delta.compare(
        "schedules",
        found,
        Codes("new-schedule", "new-schedule"),
        lambda path, before: (
            delta.packages.explains(path, owner_in(before)) or _link(root, path, delta)
        ),
        "job",
    )


def _link(root: Path, path: str, delta: Delta) -> str | None:
    """A link that a package's service has made: to a unit that the package explains."""
    link = root / path.lstrip("/")
    if not link.is_symlink():
        return None
    target = str(link.readlink())
    return delta.packages.explains(f"/usr{target}" if target.startswith("/lib/") else target)
