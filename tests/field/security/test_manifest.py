"""A backup's manifest is data of whoever can write the store: a name in it leads nowhere but into
the backup.
"""

from __future__ import annotations

import json

import pytest

from checks.contract import Failed
from checks.data.backup.store.manifest import Manifest, read_manifest

NAMES = ("/tmp/outside.zst", "../outside.zst", "a/../../outside.zst", "a\0b", "..", "")


def manifest(name: str) -> bytes:
    written = Manifest(
        "1", "sqlite", "x", "2026-11-20T00:00:00+00:00", "t", "s", {}, (), "h"
    ).encoded()
    artefact = {"name": name, "bytes": 1, "sha256": "0" * 64, "plain_bytes": 1, "reused_from": None}
    return json.dumps({**json.loads(written), "artefacts": [artefact]}).encode()


def test_a_name_inside_is_read() -> None:
    assert read_manifest(manifest("dump.zst")).artefacts[0].name == "dump.zst"


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    """The drill, as root, made files wherever a manifest said, and called the backup equal."""
    with pytest.raises(Failed):
        read_manifest(manifest(name))
