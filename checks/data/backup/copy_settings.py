"""Where else every backup is put, as it is written in the configuration."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from checks.contract import CannotTell
from checks.data.rclone import named_place
from checks.settings import LocalPath, Secret, Settings


class Copy(Settings):
    """Another place for every backup, in exactly one way."""

    folder: LocalPath | None = None
    """a folder on a second disk; it must be there, so that an unmounted disk is noticed"""
    rclone: Annotated[str, AfterValidator(named_place)] | None = None
    """a place that rclone reaches, as REMOTE:PATH (SFTP, S3-compatible …)"""
    config: LocalPath | None = None
    """the configuration file of rclone"""
    restic: str | None = None
    """a restic repository"""
    password: Secret | None = None
    """the password of the restic repository"""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        # Two ways in one entry would be two copies under one name: which of them failed could not
        # be told.
        if sum(way is not None for way in (self.folder, self.rclone, self.restic)) != 1:
            raise ValueError("name one place: folder, rclone or restic")
        return self

    def plain(self) -> dict[str, str]:
        """For the worker, the password revealed. Raises CannotTell."""
        named = {
            "folder": self.folder,
            "rclone": self.rclone,
            "config": self.config,
            "restic": self.restic,
        }
        secret = {"password": revealed(self.password)} if self.password else {}
        return {**{key: str(value) for key, value in named.items() if value is not None}, **secret}


def revealed(secret: Secret) -> str:
    """A secret. Raises CannotTell: a verb by hand has no credentials of the service, and a backup
    that was proven this night is no failed one for that.
    """
    try:
        return secret.reveal()
    except LookupError as problem:
        raise CannotTell(str(problem)) from None
