"""The place elsewhere where evidence lies that is too large for a ledger: whatever rclone reaches.

    rclone copyto -- /state/exhibits/DAY/LOOK/both.wav REMOTE:PATH/LEDGER/DAY/LOOK/both.wav
    rclone copyto -- REMOTE:PATH/LEDGER/DAY/LOOK/both.wav /state/exhibits/DAY/LOOK/.both.wav.part
    rclone delete --files-from-raw=- -- REMOTE:PATH/LEDGER        (the paths on standard input)

Rules:
1. Each is a child with a time limit: a place that hangs holds up nothing but its own turn.
2. Credentials stand in rclone's own file, whose password goes by the environment; the words of a
   command name the place alone.
3. Below the place each ledger has a folder of its own, named by its identity: two ledgers at one
   place never remove each other's evidence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from checks.contract import Failed
from checks.data.backup.programs import needed
from checks.data.rclone import options
from checks.process.parent import Program, answered, inherited
from monitor.config.evidence import EvidenceSettings

# rclone's own patience, so that it says itself what is wrong: connecting, and silence on a
# connection. Its defaults are one minute and five, and it tries all of it three times over.
_PATIENCE = ("--contimeout=15s", "--timeout=30s", "--retries=1", "--low-level-retries=3")
_SAYS = ("--log-level=ERROR", "--log-format=", "--ask-password=false")
# Beyond that it hangs. A line of a branch office carries 100 kB a second beside its calls.
_SECONDS, _BYTES_A_SECOND = 90.0, 100_000
_LONGEST_COMPLAINT = 300


class FarStoreFailed(Exception):
    """The place cannot be reached, or refuses; in words without any secret."""


class FarStore:
    """One ledger's evidence at such a place."""

    def __init__(self, settings: EvidenceSettings, identity: str) -> None:
        """`identity` is the ledger's."""
        self._settings, self._root = settings, f"{settings.rclone}/{identity}"

    async def put(self, file: Path, path: str) -> None:
        """Copy a file there, over what is there; rclone holds both against each other. Raises
        FarStoreFailed.
        """
        size = (await asyncio.to_thread(file.stat)).st_size
        await self._do(("copyto", "--", str(file), f"{self._root}/{path}"), size)

    async def fetch(self, path: str, to: Path, size: int) -> None:
        """Copy a file of so many bytes from there. Raises FarStoreFailed."""
        await self._do(("copyto", "--", f"{self._root}/{path}", str(to)), size)

    async def forget(self, paths: Sequence[str]) -> None:
        """Remove these, as far as they are there, and the folders that are empty then. Raises
        FarStoreFailed.
        """
        given = "".join(f"{path}\n" for path in paths).encode()
        await self._do(("delete", "--files-from-raw=-", "--", self._root), 0, given)
        for day in sorted({path.partition("/")[0] for path in paths}):
            await self._do(("rmdirs", "--", f"{self._root}/{day}"), 0)

    async def _do(self, words: tuple[str, ...], size: int, given: bytes = b"") -> None:
        within = _SECONDS + size / _BYTES_A_SECOND
        try:
            command = (str(needed("rclone")), *options(self._settings.config), *_PATIENCE, *_SAYS)
            environment = {**inherited("SSL_CERT_FILE", "SSL_CERT_DIR"), "HOME": "/nonexistent"}
            if self._settings.password is not None:
                environment["RCLONE_CONFIG_PASS"] = self._settings.password.reveal()
            program = Program((*command, *words), environment)
            answer = await answered(program, given, within)
        except TimeoutError:
            why = f"rclone was not done within {within:.0f} s"
        except (Failed, LookupError, OSError, ValueError) as problem:
            why = str(problem)
        else:
            if answer.status == 0:
                return
            why = answer.complaint[-_LONGEST_COMPLAINT:] or f"rclone left with {answer.status}"
        raise FarStoreFailed(f"{self._settings.rclone}: {why}")
