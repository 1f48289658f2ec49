"""Viruses: ClamAV on the files that have changed since the last look.

    engine       clamd: PING, VERSION, or clamscan --version   engine-down, no-signatures,
                                                               old-signatures
    self-test    the EICAR test string (a harmless text)       finds-nothing
    scan         clamd INSTREAM, or clamscan                   infected

    > zINSTREAM\\0  00 00 10 00 <4096 bytes>  …  00 00 00 00
    < stream: Win.Test.EICAR_HDB-1 FOUND\\0

Rules: a scanner that does not find the test string finds nothing, and its silence is worth nothing.
Signatures have an age. What is too large, not readable or not reached is said; the next look begins
with what was not reached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from checks.host.check import HostCheck
from checks.kind import Duty
from checks.settings import Duration

Absolute = Annotated[str, Field(pattern=r"^/")]


class Virus(HostCheck):
    """Has ClamAV look at what is new on this host."""

    KIND: ClassVar[str] = "virus"
    BURDENS: ClassVar[bool] = True
    LOOK: ClassVar[str] = "virus"
    HEAVY: ClassVar[bool] = True
    DUTY: ClassVar[Duty] = "security"
    SAMPLE: ClassVar[str] = """
[checks.viruses]
kind = "virus"
at = ["04:00"]
paths = ["/home", "/srv", "/var/spool/asterisk"]
"""
    WORST: ClassVar[tuple[str, ...]] = (
        "infected",
        "engine-down",
        "no-signatures",
        "finds-nothing",
        "old-signatures",
    )

    paths: tuple[Absolute, ...] = (
        "/home",
        "/root",
        "/tmp",  # noqa: S108 - only read
        "/var/spool",
        "/var/www",
        "/srv",
    )
    """folders and files that are looked at, as far as they are there"""
    exclude: tuple[str, ...] = Field(default=(), examples=[["/var/spool/asterisk/monitor/*"]])
    """patterns of paths to pass over"""
    clamd: str | None = Field(default=None, examples=["/run/clamav/clamd.ctl", "127.0.0.1:3310"])
    """the scanner's socket, or HOST:PORT; without it its usual socket, or else clamscan"""
    signatures: Absolute | None = None
    """folder of the signatures, for clamscan alone; without it ClamAV's own"""
    root: Absolute = "/"
    """where the host's file system is seen, when Reveille runs in a container beside it"""
    most_megabytes: float = Field(default=25.0, gt=0, le=4000)
    """larger files are passed over, and counted; keep it below clamd's StreamMaxLength"""
    warn_signatures_age: Duration = Field(default=2 * 86400.0, gt=0)
    """signatures that are older are a warning"""
    signatures_age: Duration = Field(default=7 * 86400.0, gt=0)
    """signatures that are older are a fault"""
    self_test: bool = True
    """whether the scanner has to find the EICAR test string first"""
    every_file: bool = False
    """whether all files are looked at each time, and not only those that have changed"""
    within: Duration = Field(default=3600.0, gt=0)
    """time budget; what was not reached by then is said"""

    def measures(self) -> Mapping[str, str]:
        """How much was looked at, by how old a knowledge."""
        return {
            "engine_seconds": "asking for the scanner, in seconds",
            "self_test_seconds": "the self-test, in seconds",
            "scan_seconds": "scanning, in seconds",
            "signatures_days": "age of the signatures, in days; only where ClamAV tells it",
            "scanned_files": "files that were scanned",
            "scanned_megabytes": "what they hold, in megabytes",
            "infected_files": "files with something in them",
            "not_scanned_files": "files that were too large, not readable or refused",
        }
