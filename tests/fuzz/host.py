"""What is read of files that others write: records, logs, recordings, backups; and of plugins."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from checks import plugin_service
from checks.contract import Trace
from checks.data.backup.engines.directory import read_archive
from checks.data.backup.engines.directory_restore_test import look_through
from checks.data.backup.engines.file_road import bring_back
from checks.data.backup.engines.postgresql import content, roles, withheld
from checks.data.backup.instructions import RESTORE_STEP, commands
from checks.data.backup.store.manifest import Manifest, read_manifest, read_proof
from checks.data.backup.store.seal import Key
from checks.data.usage.result import result
from checks.data.usage.source_reader import Job
from checks.data.usage.source_reader import read as read_source
from checks.data.usage.sources import QueueLog, Records
from checks.host.collectors import sip_abuse
from checks.host.collectors.accounts import keys
from checks.host.collectors.collector import Look
from checks.host.collectors.delta import Delta
from checks.host.collectors.log_ins import log_ins
from checks.host.collectors.packages import Packages
from checks.host.look_service import understood
from checks.perfdata import data_in
from checks.plugin import Said
from checks.telephony.audio import sound_file
from monitor.page.sessions import Sessions
from monitor.service import control_protocol

# Noon of the day after the records of the seeds: 2026-11-20, in UTC.
_NOW = 1_795_262_400
_FILES = Manifest("", "directory", "/", "", "tar", "", {}, (), "")


def _in_folder(read: Callable[[Path], object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        read(Path(folder))


def records_of(form: str) -> Callable[[bytes], None]:
    """What reads call records of a format, and makes a day's result of them."""

    def in_folder(data: bytes) -> None:
        _in_folder(lambda folder: _counted(folder, form, data, None))

    return in_folder


def queue_log(data: bytes) -> None:
    """A queue's log, beside records that say nothing."""
    _in_folder(lambda folder: _counted(folder, "asterisk", b"", data))


def _counted(folder: Path, form: str, records: bytes, queue: bytes | None) -> None:
    (folder / "records").write_bytes(records)
    (folder / "queue_log").write_bytes(queue or b"")
    place = Records.model_validate(
        {"file": str(folder / "records"), "format": form, "times": "utc"}
    )
    log = QueueLog.model_validate({"file": str(folder / "queue_log")})
    job = Job.of({
        "date": "2026-11-20", "zone": "Europe/Berlin", "now": _NOW, "weeks": 1,
        "answer_seconds": 20, "short_seconds": 5, "longest_seconds": 14_400, "wrap_seconds": 10,
        "service_level": "A", "records": place.plain(), "own": ["monitor"], "trunks": ["*trunk*"],
        "queue_log": None if queue is None else {**log.plain(), "wrap_reasons": ["wrap"]},
        "delivered": [], "in_memory": 1 << 22,
    })  # fmt: skip
    json.dumps(result(job, read_source(job, lambda _: None)))


def _look(settings: Mapping[str, Any]) -> Look:
    job = {"settings": settings, "recalled": {}, "accepted": {}, "now": _NOW, "monitor": 1,
           "seconds": 3600.0}  # fmt: skip
    return Look(job, lambda **_: None)


def log_in_log(data: bytes) -> None:
    """The log of sshd."""
    _in_folder(lambda folder: _log_ins(folder, "auth.log", data))


def log_in_records(data: bytes) -> None:
    """The records of log-ins (utmp(5))."""
    _in_folder(lambda folder: _log_ins(folder, "wtmp", data))


def _log_ins(root: Path, name: str, data: bytes) -> None:
    logs = root / "var/log"
    logs.mkdir(parents=True)
    (logs / name).write_bytes(data)
    at = _look({"root": str(root), "most_failed": 20})
    log_ins(at, Delta(at, Packages(root)))


def key_files(data: bytes) -> None:
    """A user's own file of keys."""
    _in_folder(lambda folder: _keys(folder, data))


def _keys(root: Path, data: bytes) -> None:
    for name in ("etc", "home/anna/.ssh"):
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_text("anna:x:1000:1000::/home/anna:/bin/bash\n")
    (root / "home/anna/.ssh/authorized_keys").write_bytes(data)
    at = _look({"root": str(root)})
    keys(at, Delta(at, Packages(root)))


def telephone_log(data: bytes) -> None:
    """The log of a telephone system, in which scanners stand."""
    _in_folder(lambda folder: _scans(folder, data))


def _scans(folder: Path, data: bytes) -> None:
    (folder / "messages").write_bytes(data)
    sip_abuse.scans(_look({"logs": [str(folder / "messages")], "most_refused": 2}))


def plugin(data: bytes) -> None:
    """A plugin's output, with its performance data."""
    _in_folder(lambda folder: _said(folder, data))


def _said(folder: Path, data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    Said(text).keep(Trace(lambda: 0.0, folder))
    data_in(text)


def manifest(data: bytes) -> None:
    """The manifest of a backup, and its seal: a line with the seal first."""
    seal, _, written = data.partition(b"\n")
    Key(bytes(32)).says("manifest", written, seal)
    read_manifest(written)


def proof(data: bytes) -> None:
    """The proof of a backup."""
    read_proof(data)


def tar(data: bytes) -> None:
    """A tar, unpacked: nothing is written beside its folder."""
    _in_folder(lambda folder: _unpacked(folder, data))


def _unpacked(folder: Path, data: bytes) -> None:
    (folder / "plain").mkdir()
    (folder / "plain" / "files.tar").write_bytes(data)
    try:
        look_through(folder)
        bring_back(commands(_FILES, RESTORE_STEP), folder, folder / "in")
    finally:
        beside = sorted(str(one.relative_to(folder)) for one in folder.glob("*"))
        beside += [one.name for one in (folder / "plain").iterdir()]
        if beside not in (["plain", "files.tar"], ["in", "plain", "files.tar"]):
            raise AssertionError(f"beside its folder there is {beside}")


def tar_stream(data: bytes) -> None:
    """A tar as a proof reads it: what it holds, without unpacking."""
    read_archive(io.BytesIO(data))


def recording(data: bytes) -> None:
    """A recording that a dialer hands out; what is no WAV that we read is sox's, and not asked."""
    path = os.environ["PATH"]
    os.environ["PATH"] = ""
    try:
        heard = sound_file.read(data, "recording.wav")
    finally:
        os.environ["PATH"] = path
    if not all(np.isfinite(channel).all() for channel in heard.channels):
        raise AssertionError("samples that are no numbers")


def control(data: bytes) -> None:
    """A line of a local user at the daemon's socket."""
    control_protocol.request_of(control_protocol.read(data)[1])


def look_job(data: bytes) -> None:
    """A job at the socket of the looks."""
    understood(data)


def plugin_job(data: bytes) -> None:
    """A job at the socket of the plugins."""
    plugin_service.understood(data)


def page_cookie(data: bytes) -> None:
    """A cookie of the status page, a form's proof behind it, and the header of a password."""
    sessions = Sessions(bytes(32), {"anna": "not so secret"}, lambda: float(_NOW))
    cookie, _, proof = data.decode("utf-8", "surrogateescape").partition("\n")
    if sessions.user(cookie):
        raise AssertionError(f"{cookie!r} lets in")
    sessions.proven(cookie, proof)
    sessions.known(cookie, proof)


def archive(data: bytes) -> None:
    """What pg_restore says of an archive, with all that a database's users wrote into it, and what
    pg_dumpall and pg_dump wrote.
    """
    written = data.decode("utf-8", "surrogateescape")
    withheld.withheld_of(written, ("plperl",))
    content.plain_schema(data)
    roles.statements(written)
