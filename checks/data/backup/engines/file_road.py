"""The road back of files: the commands of step 2 of RESTORE.md, run as they stand there, by the
drill and by `backup restore` alike.

They run in the drill's sandbox. Nothing of what is restored is run by them, so where a host has no
sandbox they run in the worker itself, and that is said.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from checks.contract import Failed
from checks.data.backup.engine import Told, Work
from checks.data.backup.engines.unpacking import unpack_all
from checks.data.backup.instructions import PLAIN, RESTORE_STEP, commands
from checks.data.backup.programs import ToolFailed, run
from checks.data.backup.sandbox.outside import NoSandbox, drilled
from checks.data.backup.store.archive_file import OWN_ROOM_BYTES
from checks.data.backup.store.manifest import Manifest
from checks.data.quoted_rows import without_rows

Restored = Callable[[Mapping[str, Any], Callable[[], Path], Path, Work], dict[str, Any]]


def bring_back(commands: str, folder: Path, target: Path, before: str = "") -> None:
    """Run these commands for `target`; the artefacts lie in `folder`/plain. `before` is what the
    shell is told first. Raises Failed.
    """
    way = f"cd -- {shlex.quote(str(folder))}\nexport TARGET={shlex.quote(str(target))}"
    try:
        run(["bash", "-e", "-c", f"{way}\n{before}\n{commands}"])
    except ToolFailed as failed:
        said = without_rows(failed.said)[-600:]
        raise Failed("restore-failed", f"{failed.tool}: {said}", origin="local") from failed


@contextmanager
def restored_apart(
    restored: Restored, more: Mapping[str, Any], folder: Path, manifest: Manifest, scratch: Path,
    work: Work,
) -> Iterator[Told]:  # fmt: skip
    """What `restored` found in the sandbox; the block is the stage "compare". Raises Failed,
    CannotTell.
    """
    task = {
        "engine": manifest.engine,
        "artefacts": [artefact.plain_name for artefact in manifest.artefacts],
        "jobs": 1,
        # The plain file lies with the worker; the restored one lies in there.
        "scratch_bytes": manifest.plain_bytes + OWN_ROOM_BYTES,
        "commands": commands(manifest, RESTORE_STEP),
        **more,
    }
    with ExitStack() as stack:
        try:
            told, _ = stack.enter_context(drilled(task, folder, manifest, scratch, None, work))
        except NoSandbox as why:
            work.events.note(
                f"restored outside of a sandbox: {str(why).removeprefix('cannot prove here: ')}"
            )
            plain = scratch / PLAIN
            plain.mkdir(mode=0o700)
            unpack_all(folder, manifest, plain, work)
            told = restored(task, lambda: plain, scratch, work)
            stack.enter_context(work.events.stage("compare"))
        yield told
