"""Everything that a daemon writes, says and shows while it runs: each road by which a secret could
leave it, as bytes to be searched; and a leak planted in each.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import psutil

from lab.mail_server import Mailbox
from monitor.config.in_force import FILE as IN_FORCE
from monitor.ledger import keepsake
from tests.scenes.daemon_process import Process

# Tools that take their secret in no other way (SECURITY.md): its owner alone reads it there.
BY_DESIGN = ("PGPASSWORD", "MYSQL_PWD", "RESTIC_PASSWORD", "mark")
"""variables of a child's environment; `mark` is what the plugin of the test is configured with"""
_DATABASES = ("ledger.sqlite", keepsake.NAME)


@dataclass
class Roads:
    """A daemon's roads. `shown` is what /proc has shown of its children, by file."""

    daemon: Process
    mailbox: Mailbox
    shown: dict[str, set[bytes]] = field(
        default_factory=lambda: {"cmdline": set(), "environ": set()}
    )

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at every process below this one, for as long as the block runs."""
        over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(over,))
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.01):
            for child in psutil.Process().children(recursive=True):
                for name, seen in self.shown.items():
                    with suppress(OSError):  # it has ended since
                        seen.add(Path(f"/proc/{child.pid}/{name}").read_bytes())

    def all(self) -> Mapping[str, bytes]:
        """Road -> what went by it. The daemon has stopped, so that its files are whole."""
        told = {f"/proc/*/{name}": b"\n".join(seen) for name, seen in self.shown.items()}
        told["/proc/*/environ"] = _without(told["/proc/*/environ"])
        told["stderr"] = self.daemon.log.read_bytes()
        state = self.daemon.state
        for file in (one for one in sorted(state.rglob("*")) if one.is_file()):
            told[str(file.relative_to(state))] = file.read_bytes()
        for name in _DATABASES:
            # A long value lies in pieces on several pages of the file.
            with closing(sqlite3.connect(f"file:{state / name}?mode=ro", uri=True)) as database:
                told[f"rows of {name}"] = "\n".join(database.iterdump()).encode()
        told["mails"] = b"\n".join(_read(file) for file in self.mailbox.folder.glob("*.eml"))
        return told

    def plant(self, said: str) -> Iterator[str]:
        """Have it leave by each road, and name the roads. The daemon runs no more."""
        state = self.daemon.state
        for name in _DATABASES:
            with closing(sqlite3.connect(state / name)) as database, database:
                database.execute("CREATE TABLE planted (text TEXT)")
                # On the border of two pages of 4 096 bytes, wherever that is in the file.
                row = "".join(f"{'-' * (4080 + at)}{said}" for at in range(4))
                database.execute("INSERT INTO planted VALUES (?)", (row,))
            yield f"rows of {name}"
        (state / "evidence-planted.html").write_text(f"<pre>{said}</pre>", encoding="utf-8")
        yield "evidence-planted.html"
        body = json.loads((state / IN_FORCE).read_text(encoding="utf-8"))
        (state / IN_FORCE).write_text(json.dumps({**body, "planted": said}), encoding="utf-8")
        yield IN_FORCE
        with self.daemon.log.open("a", encoding="utf-8") as log:
            log.write(f"ERROR: {said}\n")
        yield "stderr"
        self._shown_by_a_child(said)
        yield from ("/proc/*/cmdline", "/proc/*/environ")

    def _shown_by_a_child(self, said: str) -> None:
        command = ["/bin/sh", "-c", "read line", said]
        with (
            self.watched(),
            subprocess.Popen(command, env={"PLANTED": said}, stdin=subprocess.PIPE) as child,
        ):
            # A copy each time: the watching thread adds to it meanwhile.
            while not any(b"read line" in one for one in self.shown["cmdline"].copy()):
                assert child.poll() is None
            while not any(b"PLANTED=" in one for one in self.shown["environ"].copy()):
                assert child.poll() is None
            child.communicate(b"\n")

    def mail(self, said: str) -> str:
        """As a mail to the test's mailbox, in base64; it is no leak of the daemon's own road."""
        letter = EmailMessage()
        letter["Subject"], letter["From"], letter["To"] = "planted", "a@b.example", "c@d.example"
        letter.set_content(said, cte="base64")
        (self.mailbox.folder / "planted.eml").write_bytes(letter.as_bytes())
        return "mails"


def _without(environments: bytes) -> bytes:
    kept = [
        variable
        for variable in environments.replace(b"\n", b"\0\n").split(b"\0")
        if variable.strip().partition(b"=")[0].decode() not in BY_DESIGN
    ]
    return b"\0".join(kept)


def _read(file: Path) -> bytes:
    """A mail as it is, and each of its parts as a person reads it."""
    content = file.read_bytes()
    parts = message_from_bytes(content, policy=policy.default).walk()
    read = [part.get_payload(decode=True) for part in parts if not part.is_multipart()]
    return b"\n".join([content, *(part for part in read if isinstance(part, bytes))])
