"""Which of the files in systemd/ a configuration needs: one table, a line for each of them.

A check says itself which rights it needs beyond the walls of the service (`Check.rights`), and into
which folders it writes (`Check.writes`); here stands which file gives that. Secrets and folders are
named by the configuration alone: their drop-ins are written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from monitor.config import Configuration
from monitor.config.configuration import secrets_in, sections
from monitor.installing.layout import CREDENTIALS, FAILED, LOOKS, PLUGINS, STATE, UNIT, UNITS

Wanted = Callable[[Configuration], list[str]]
"""the names of what needs it, [] for nothing"""


def _always(_: Configuration) -> list[str]:
    return ["the service"]


def _right(right: str) -> Wanted:
    def names(configuration: Configuration) -> list[str]:
        return [n for n, entry in configuration.checks.items() if right in entry.probe.rights()]

    return names


def _proving(configuration: Configuration) -> list[str]:
    return [n for n, entry in configuration.checks.items() if entry.probe.BACKUPS != "none"]


def _measure(prefix: str) -> Wanted:
    def names(configuration: Configuration) -> list[str]:
        return [
            name
            for name, entry in configuration.checks.items()
            if any(one.measure.startswith(prefix) for one in (*entry.expect, *entry.warn))
        ]

    return names


DRILL = "reveille-drill"
"""the units of a restore for proof, and their user"""


@dataclass(frozen=True, slots=True)
class Need:
    """A file in systemd/: a unit; with .conf a drop-in of one, with .sysusers a user."""

    file: str
    wanted: Wanted
    starts: bool = False
    """whether it is a unit that is started by itself (the service, a timer, a socket)"""
    of: str = UNIT
    """the unit that a drop-in changes"""

    @property
    def drop_in(self) -> bool:
        """Whether it changes a unit, and is none of its own."""
        return self.file.endswith(".conf")

    @property
    def path(self) -> Path:
        """Where a unit or drop-in is laid down."""
        return UNITS / f"{self.of}.d" / self.file if self.drop_in else UNITS / self.file

    @property
    def user(self) -> str:
        """The user that it is, if it is one."""
        return self.file.removesuffix(".sysusers") if self.file.endswith(".sysusers") else ""


TABLE = (
    Need(UNIT, _always, starts=True),
    Need(FAILED, _always),
    # A restore for proof runs as a user that owns nothing, in a unit of its own.
    Need(f"{DRILL}.sysusers", _proving),
    Need(f"{DRILL}@.service", _proving),
    Need(f"{DRILL}.socket", _proving, starts=True),
    # The looks at the host are made by a unit that reads what root alone may read: accounts, keys,
    # logs, other users' processes.
    Need("host.conf", _right("host")),
    # A name that D-Bus can look up, where a dynamic user has none.
    Need("reveille-hostlooks.sysusers", _right("host")),
    Need("reveille-hostlooks.socket", _right("host"), starts=True),
    Need(LOOKS, _right("host")),
    # SMART, which wants the disks and rights near to root's: only where that is written, and for
    # the unit that makes the look. The daemon gains nothing.
    Need("disks.conf", _right("disks"), of=LOOKS),
    # Chromium wants namespaces for its own sandbox, and memory that its compiler may write to.
    Need("browser.conf", _right("browser")),
    # DTLS of a softphone of our own has callbacks, which are memory that is written and then run.
    Need("webrtc.conf", _right("webrtc")),
    # Plugins that run as a user of their own, who owns nothing.
    Need("plugins.conf", _right("plugins")),
    Need("reveille-plugins.sysusers", _right("plugins")),
    Need("reveille-plugins.socket", _right("plugins"), starts=True),
    Need(PLUGINS, _right("plugins")),
    # RTCP extended reports are read beside the engine (RFC 3611), by a unit that sees datagrams.
    Need("rtcp-xr.conf", _measure("xr_")),
    Need("reveille-rtcpxr.socket", _measure("xr_"), starts=True),
    Need("reveille-rtcpxr@.service", _measure("xr_")),
)


def needed(configuration: Configuration) -> dict[Need, list[str]]:
    """The files that it needs, and what needs each."""
    found = {need: need.wanted(configuration) for need in TABLE}
    return {need: names for need, names in found.items() if names}


def credentials(configuration: Configuration, only: str = "") -> list[str]:
    """The systemd credentials that it refers to, by name; those of one section `only`."""
    found = {
        secret.credential
        for section, entries in sections(configuration).items()
        if only in ("", section)
        for _, secret in secrets_in(entries, (section,))
        if secret.credential is not None
    }
    return sorted(found)


def credential_file(name: str) -> Path | None:
    """The file of a credential: plain, or encrypted to this host (systemd-creds(1)); None: there is
    neither.
    """
    places = (CREDENTIALS / name, CREDENTIALS / f"{name}.cred")
    return next((place for place in places if place.is_file()), None)


def folders(configuration: Configuration) -> list[Path]:
    """The folders beyond the service's own that it writes into."""
    written = [
        configuration.state,
        *(folder for entry in configuration.checks.values() for folder in entry.probe.writes()),
    ]
    return sorted({one.absolute() for one in written if not one.absolute().is_relative_to(STATE)})


def credentials_text(names: Iterable[str]) -> str:
    """The drop-in that hands the service its secrets: those that are there."""
    lines = []
    for name in names:
        if (file := credential_file(name)) is not None:
            key = "LoadCredentialEncrypted" if file.suffix == ".cred" else "LoadCredential"
            lines.append(f"{key}={name}:{file}")
    return "\n".join(["[Service]", *lines, ""]) if lines else ""


def folders_text(paths: Iterable[Path]) -> str:
    """The drop-in that lets the service write there."""
    # With "-" a folder that is not there yet (a disk that is not mounted) does not keep the whole
    # service from starting (systemd.exec(5)).
    lines = [f"ReadWritePaths=-{_quoted(path)}" for path in paths]
    return "\n".join(["[Service]", *lines, ""]) if lines else ""


def _quoted(path: Path) -> str:
    """As systemd reads it back: % begins a specifier, a space ends a path (systemd.syntax(7))."""
    written = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{written}"' if any(one.isspace() for one in written) else written
