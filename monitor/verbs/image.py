"""backup image: one file from which a lost server comes back: configuration, ledger, newest proven
backups, packages of the host, and how.

It is written for an authorised person to fetch by SFTP or HTTPS from a host that they run: readable
for the owner and the group alone, and encrypted to age keys where some are named. The ledger is in
it as a proven backup of its own. Secrets are not, unless `--with-secrets` says so, and then only
encrypted. What is packed of a backup was read and hashed first: an image without data is no image.
"""

from __future__ import annotations

import io
import os
import tarfile
import tempfile
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from checks.contract import CannotTell, Failed, Trace
from checks.data.backup.check import Backup
from checks.data.backup.instructions import image_instructions
from checks.data.backup.listing import Kept, newest_proven
from checks.data.backup.run.parent import converse
from monitor.clock import SystemClock
from monitor.config import Configuration, together
from monitor.ledger.server_address import ServerAddress
from monitor.terminal import SCREEN, show
from monitor.verbs.asking import image_name
from monitor.verbs.backups import backup_checks
from monitor.verbs.image_files import configuration_files, secret_files
from monitor.verbs.image_host import host_files
from monitor.verbs.image_medium import HOW_TO, medium
from monitor.verbs.inside import awaited
from monitor.verbs.opening import Stop, sites_of
from reports.backups import BackupDone


def image(arguments: Namespace) -> int:
    """Write a recovery image. 0; 1 when a check has no proven backup to put into it, the ledger
    cannot be saved, or a file of the configuration cannot be read.
    """
    configuration = together(sites_of(arguments))
    clock = SystemClock()
    began = clock.monotonic()
    screen, target = SCREEN.get(), Path(arguments.to or image_name(arguments))
    if screen.there(target):
        raise Stop(f"{target} is there already")
    if arguments.with_secrets and not arguments.recipient:
        raise Stop(
            "secrets leave this host encrypted alone: name a --recipient (an age public key)"
        )
    found = {
        # Hashed now: an image without its data would be missed on the day that it is needed.
        name: newest_proven(check.folder, check.state, hashed=True)
        for name, check in backup_checks(configuration).items()
    }
    missing = sorted(name for name, backup in found.items() if backup is None)
    proven = {name: backup for name, backup in found.items() if backup is not None}
    fault = f"no proven backup of {', '.join(missing)}" if missing else ""
    # Beside the target: a rename within one file system is atomic, and a half-written image never
    # has the name.
    with tempfile.TemporaryDirectory(prefix=".reveille-image-", dir=screen.folder(target)) as name:
        folder = Path(name)
        fault = _ledger_saved(configuration, folder) or fault
        packing = _Packing(configuration, proven, folder, arguments.with_secrets)
        part = packing.written()
        fault = packing.fault() or fault
        if arguments.recipient:
            part = _encrypted(part, arguments.recipient)
        if arguments.medium:
            part = medium(part, image_instructions(sorted(proven)))
        # The owner and the group that fetches it, and nobody else: call records are in it.
        part.chmod(0o640)
        size = part.stat().st_size
        screen.put(part, target)
    notes = (
        f"{target}, {size} bytes",
        *(f"{name}: {b.id}" for name, b in proven.items()),
        *(f"left out: {name}: {why}" for name, why in packing.left_out.items()),
    )
    show(
        "backup_done",
        arguments.json,
        BackupDone("the site", "image", clock.monotonic() - began, fault, notes),
        "done",
    )
    return 1 if fault else 0


def _ledger_saved(configuration: Configuration, folder: Path) -> str:
    """A backup of the ledger in `folder`, proven; what went wrong, if anything."""
    path = configuration.ledger_place
    if isinstance(path, ServerAddress):
        return f"the ledger lies in {path} and is not in it: a check of kind backup saves it"
    path = Path(path)
    if not path.exists():
        return ""
    check = Backup(engine="sqlite", path=path, folder=folder / "ledger")
    try:
        awaited(converse(check.job(), Trace(time.monotonic, folder)))
    except (Failed, CannotTell) as problem:
        return f"the ledger: {problem}"
    return ""


@dataclass
class _Packing:
    """One image as it is written; what cannot be read is left out and named, and ends nothing."""

    configuration: Configuration
    proven: Mapping[str, Kept]
    folder: Path
    secrets: bool
    left_out: dict[str, str] = field(default_factory=dict)
    """files -> why they are not in it"""
    _lacking: list[str] = field(default_factory=list)

    def fault(self) -> str:
        """What the site's own files lack in it, if anything; what the host's do is no fault."""
        return f"not readable, and left out: {', '.join(self._lacking)}" if self._lacking else ""

    def written(self) -> Path:
        """The image. Raises OSError where it cannot be written."""
        part = self.folder / "image.tar"
        with part.open("xb") as file:
            # PAX has no limit on sizes and names: the older ustar format ends at 8 GB a file.
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
                self._pack(tar)
            file.flush()
            # On the disk before it gets its name: whoever copies it after a power cut has all of
            # it.
            os.fsync(file.fileno())
        return part

    def _pack(self, tar: tarfile.TarFile) -> None:
        _add(tar, HOW_TO, image_instructions(sorted(self.proven)).encode())
        host = host_files()
        self.left_out.update(host.left_out)
        for name, content in host.packed.items():
            _add(tar, name, content)
        named = dict(configuration_files(self.configuration))
        named |= secret_files(self.configuration) if self.secrets else {}
        for name, path in named.items():
            if why := _unreadable(path):
                self.left_out[str(path)] = why
                self._lacking.append(str(path))
            else:
                tar.add(path.resolve(), name)
        for copy in sorted((self.folder / "ledger").glob("2*")):
            tar.add(copy, f"ledger/{copy.name}")
        for name, backup in self.proven.items():
            tar.add(backup.folder, f"backups/{name}/{backup.id}")


def _unreadable(path: Path) -> str:
    try:
        with path.open("rb"):
            return ""
    except OSError as problem:
        return problem.strerror or "not readable"


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _encrypted(plain: Path, recipients: list[str]) -> Path:
    import pyrage  # a command's own, and never the daemon's

    encrypted = plain.with_name("image.tar.age")
    try:
        keys = [pyrage.x25519.Recipient.from_str(written) for written in recipients]
    except pyrage.RecipientError:
        raise Stop("a recipient is an age public key: age1…") from None
    with plain.open("rb") as source, encrypted.open("xb") as file:
        pyrage.encrypt_io(source, file, keys)
        file.flush()
        os.fsync(file.fileno())
    return encrypted
