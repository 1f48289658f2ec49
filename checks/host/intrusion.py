"""Signs of an intrusion: what is new on this host, and not in the baseline that a person accepted
(`reveille baseline NAME`).

    accounts    passwd, shadow, group, sudoers             new-account, root-account,
                                                           empty-password, changed-account,
                                                           new-privilege
    keys        authorized_keys of every home              new-key
    schedules   cron, at, systemd units                    new-schedule
    boot        ld.so.preload, kernel modules              preload, new-module
    processes   /proc                                      hidden-program
    log-ins     wtmp, btmp, auth.log                       new-log-in, guessed-password,
                                                           log-erased
    privileged  set-user-ID, set-group-ID, capabilities    new-privileged-file
    temporary   programs under /tmp and the like           hidden-program
    files       own baseline (SHA-256)                     changed-file, new-file, missing-file
    packages    files against their package                foreign-file
    aide        AIDE, with its own database                aide-differs
    rootkits    rkhunter, chkrootkit                       rootkit-sign

Rules: what differs from the accepted state is a fault until it is accepted, unless a package
explains it: the package has another version than was accepted, and the file is, bit for bit, the
package's. That is information. Without an accepted state nothing can be new, which is said. Whoever
is root can forge all of it: keep backups of the ledger elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from checks.host.check import HostCheck
from checks.kind import Duty
from checks.settings import Duration

Area = Literal[
    "accounts", "keys", "schedules", "boot", "processes", "log-ins",
    "privileged", "temporary", "files", "packages", "aide", "rootkits",
]  # fmt: skip
AREAS: tuple[Area, ...] = (
    "accounts", "keys", "schedules", "boot", "processes", "log-ins",
    "privileged", "temporary", "files", "packages", "aide", "rootkits",
)  # fmt: skip
Absolute = Annotated[str, Field(pattern=r"^/")]


class Intrusion(HostCheck):
    """Looks for what an intruder leaves behind."""

    KIND: ClassVar[str] = "intrusion"
    LOOK: ClassVar[str] = "intrusion"
    ACCEPTS: ClassVar[bool] = True
    HEAVY: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "security"
    SAMPLE: ClassVar[str] = """
# Once after installing, and after every change of yours: `reveille baseline intrusion`.
[checks.intrusion]
kind = "intrusion"
at = ["04:00"]
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "rootkit-sign", "preload", "root-account", "guessed-password", "hidden-program",
        "foreign-file", "log-erased", "new-key", "new-privileged-file", "empty-password",
        "new-privilege", "new-account", "changed-account", "new-schedule", "new-module",
        "changed-file", "missing-file", "new-file", "aide-differs", "new-log-in",
    )  # fmt: skip

    areas: tuple[Area, ...] = AREAS
    """what is looked at"""
    root: Absolute = "/"
    """where the host's file system is seen, when Reveille runs in a container beside it"""
    watch: tuple[Absolute, ...] = (
        "/etc", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/boot",
        "/usr/lib/systemd", "/usr/lib/security", "/usr/lib/x86_64-linux-gnu/security", "/root/.ssh",
        "/root/.bashrc", "/root/.profile",
    )  # fmt: skip
    """files and folders of the baseline"""
    exclude: tuple[str, ...] = (
        "/etc/mtab", "/etc/adjtime", "/etc/ld.so.cache", "/etc/resolv.conf", "/etc/passwd*",
        "/etc/shadow*", "/etc/group*", "/etc/gshadow*", "/etc/.pwd.lock", "/etc/lvm/archive/*",
        "/etc/lvm/backup/*", "*.pyc",
    )  # fmt: skip
    """patterns of paths that are passed over in the baseline (accounts have their own area)"""
    most_files: int = Field(default=10_000, ge=1, le=50_000)
    """how many files the baseline may have: it is kept in the ledger"""
    # looked at, and not written to
    temporary: tuple[Absolute, ...] = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - see above
    """folders that everybody may write to, where no program belongs"""
    all_packages: bool = False
    """whether the files of all packages are compared (debsums), and not only those of watched
    folders
    """
    most_failed: int = Field(default=50, ge=1)
    """failed log-ins from one source since the last look from which on they are a warning"""
    aide_configuration: Absolute | None = Field(default=None, examples=["/etc/aide/aide.conf"])
    """AIDE's configuration; without it AIDE's own, where its database is there"""
    rootkits_every: Duration = Field(default=7 * 86400.0, ge=0)
    """rkhunter and chkrootkit take minutes, so they are run as seldom as this"""
    within: Duration = Field(default=1800.0, gt=0)
    """time budget; what was not reached by then is said"""

    def measures(self) -> Mapping[str, str]:
        """How much was looked at, and what was found."""
        times = {
            f"{area.replace('-', '_')}_seconds": f"looking at {area}, in seconds" for area in AREAS
        }
        return {
            **times,
            "findings": "what is new or changed, and not accepted",
            "explained_changes": "changes that a package explains",
            "watched_files": "files of the baseline",
            "privileged_files": "files with set-user-ID, set-group-ID or capabilities",
            "log_ins": "log-ins since the last look",
            "failed_log_ins": "failed log-ins since the last look",
        }
