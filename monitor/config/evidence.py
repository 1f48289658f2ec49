"""Where evidence goes that is too large for a ledger which several hosts share: [evidence]."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from checks.data.rclone import named_place
from checks.settings import LocalPath, Secret, Settings


class EvidenceSettings(Settings):
    """Where evidence that is too large for the ledger lies for all of its hosts: a place that
    rclone reaches.
    """

    rclone: Annotated[str, AfterValidator(named_place)] = Field(
        examples=["office:reveille/evidence"]
    )
    """a place that rclone reaches, as REMOTE:PATH (SFTP, S3-compatible, WebDAV …), or a folder that
    all hosts have mounted; every host names the same
    """
    config: LocalPath | None = Field(default=None, examples=["/etc/reveille/rclone.conf"])
    """the configuration file of rclone, where the remote and its credentials stand"""
    password: Secret | None = None
    """the password of that file, where it is encrypted"""
