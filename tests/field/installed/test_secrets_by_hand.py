"""A verb by hand has none of the service's credentials: nothing is known then, no backup has
failed, and the reason says where the secret was looked for and what would be right.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.story import once

SECRET = {"credential": "pg"}
DIRECTORY = {"engine": "directory", "path": "/etc/apt", "folder": "b", "at": ["04:00"]}
CHECKS: dict[str, tuple[str, dict[str, Any]]] = {
    "database": (
        "backup",
        {
            "engine": "postgresql",
            "database": "x",
            "folder": "b",
            "password": SECRET,
            "at": ["04:00"],
        },
    ),
    "encrypted": ("backup", {**DIRECTORY, "recipients": ["age1x"], "identity": SECRET}),
    "copied": ("backup", {**DIRECTORY, "copies": [{"restic": "/r", "password": SECRET}]}),
    "plugin": (
        "nagios-plugin",
        {"command": ["/bin/true"], "secret_environment": {"P": SECRET}, "every": "1m"},
    ),
}


@pytest.mark.parametrize(("kind", "settings"), CHECKS.values(), ids=CHECKS)
async def test_a_credential_that_is_not_here_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, settings: dict[str, Any]
) -> None:
    (tmp_path / "b").mkdir()
    for folder, way in (
        ("", "by hand, as root, set CREDENTIALS_DIRECTORY=/etc/reveille/credentials"),
        (str(tmp_path), f"looked for in {tmp_path}; the unit gives it with LoadCredential=pg:"),
    ):
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", folder)
        seen = await once(tmp_path, kind, **settings)
        assert str(seen.verdict.state) == "UNKNOWN", seen.verdict
        assert way in " ".join((*seen.verdict.reasons, seen.observation.blind or "")), seen.verdict
