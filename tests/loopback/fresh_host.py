"""A host on which there is nothing but Debian's own packages: the servers, empty, as their packages
set them up, and the tools that RESTORE.md names.

A root folder (mmdebstrap) lies below; each host is an overlay of its own on it, with namespaces of
its own, so that nothing of one restore is there for the next. Needs root.

    with fresh_host(base) as host:
        said = host.restore(folder_of_a_backup)    the commands of its RESTORE.md, in their order
        host.postgres, host.mariadb                sockets, as the host of the tests sees them
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.systemd import fresh_root

PACKAGES = "postgresql,mariadb-server,mariadb-client,sqlite3,zstd,age,procps"
_WAIT_SECONDS, _RESTORE_SECONDS = 60.0, 300.0
BACKUP = "/srv/backup"
"""where the backup lies on the fresh host"""
# As Debian starts them: no systemd is booted, so the units' own commands are given.
_BEGIN = """
ip link set lo up
mount --make-rprivate / && mount -t overlay overlay -o lowerdir=$0,upperdir=$1/up,workdir=$1/work $2
mount -t proc proc $2/proc && mount --bind /dev $2/dev && mount -t tmpfs tmpfs $2/dev/shm
for f in /run/postgresql /run/mysqld /tmp; do mkdir -p $2$f && mount --bind $1$f $2$f; done
chroot $2 sh -c 'chmod 1777 /tmp; chown postgres: /run/postgresql; chown mysql: /run/mysqld
    chmod 755 /run/postgresql /run/mysqld' && exec chroot $2 sh -c "$3"
"""
_POSTGRES = "su postgres -c '/usr/lib/postgresql/*/bin/postgres -D /var/lib/postgresql/*/main"
_POSTGRES += " -c config_file=$(ls /etc/postgresql/*/main/postgresql.conf)' > /tmp/postgresql.log"
_SERVERS = {
    "postgresql": f"{_POSTGRES} 2>&1 & ",
    "mariadb": "mariadbd --user=mysql > /tmp/mariadb.log 2>&1 & ",
}
_OPEN = """for f in /etc/postgresql/*/main/pg_hba.conf; do sed -i '1i local all all trust' $f; done
su postgres -c 'psql -qAtc "SELECT pg_reload_conf()"'"""
_WHO = {"postgresql": "postgres"}


def build(base: Path) -> None:
    """The root folder below; minutes."""
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", "bookworm", base],
        check=True,
    )


def what_is_missing() -> str:
    """Why there can be no such host here; "" when there can."""
    return fresh_root.what_is_missing()


def commands(text: str) -> str:
    """The commands of a RESTORE.md in their order: what is set in by four blanks."""
    return "\n".join(re.findall(r"^    (.*)$", text, re.MULTILINE))


@dataclass(frozen=True)
class Host:
    """One fresh host while it runs."""

    process: int
    place: Path

    @property
    def postgres(self) -> Path:
        """The folder of PostgreSQL's socket."""
        return self.place / "run/postgresql"

    @property
    def mariadb(self) -> Path:
        """MariaDB's socket."""
        return self.place / "run/mysqld/mysqld.sock"

    def run(self, command: str, user: str = "root") -> subprocess.CompletedProcess[str]:
        """A command in a shell there."""
        within = [
            "nsenter",
            f"--target={self.process}",
            "--mount",
            "--pid",
            "--net",
            "--root",
            "--wd",
        ]
        clean = ["env", "-i", "HOME=/tmp", "LANG=C.UTF-8", f"USER={user}", f"PATH={_PATH}"]
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return subprocess.run(
            [*within, *clean, *become, "bash", "-c", command],
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=_RESTORE_SECONDS,
            check=False,
        )

    def restore(self, folder: Path, engine: str, more: str = "") -> str:
        """Execute the RESTORE.md that lies in a backup's folder, which is brought here; what went
        wrong, "" for nothing. `more` are commands that a person would give before.
        """
        there = self.place / "tmp/backup"
        shutil.copytree(folder, there, copy_function=shutil.copyfile)
        user = _WHO.get(engine, "root")
        self.run(f"mkdir -p /srv && cp -r /tmp/backup {BACKUP} && chown -R {user} {BACKUP}")
        text = (folder / "RESTORE.md").read_text(encoding="utf-8")
        written = self.place / "tmp/commands"
        written.write_text(f"{more}\n{commands(text)}\n", encoding="utf-8")
        done = self.run(f"cd {BACKUP} && exec bash -e /tmp/commands", user)
        wrong = [line for line in done.stderr.splitlines() if "rror" in line]
        wrong = [line for line in wrong if "already exists" not in line]
        # Read from outside: nothing of the restore hangs on it any more.
        self.run(_OPEN)
        if done.returncode:
            wrong.append(f"status {done.returncode}: {done.stderr[-600:]}")
        return "\n".join(wrong)


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextmanager
def fresh_host(base: Path, *servers: str) -> Iterator[Host]:
    """A host while the block runs, with these servers; nothing of it is left."""
    place = Path(tempfile.mkdtemp(prefix="fh-", dir="/tmp"))
    try:
        for name in ("up", "work", "root", "run/postgresql", "run/mysqld", "tmp"):
            (place / name).mkdir(parents=True)
        (place / "tmp").chmod(0o1777)
        place.chmod(0o755)
        starting = "".join(_SERVERS[server] for server in servers)
        apart = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
        words = ["sh", "-c", _BEGIN, base, place, place / "root", f"{starting} exec sleep infinity"]
        with subprocess.Popen(
            [*apart, *map(str, words)], stdin=subprocess.DEVNULL, start_new_session=True
        ) as running:
            try:
                host = Host(_entered(running, place / "root"), place)
                _await(host, servers)
                yield host
            finally:
                running.send_signal(signal.SIGKILL)
    finally:
        shutil.rmtree(place)


def _entered(running: subprocess.Popen[bytes], root: Path) -> int:
    """The first process of the new namespace, once it is at home in its own root."""
    listed = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    deadline = time.monotonic() + _WAIT_SECONDS
    while not (found := listed.read_text().split()):
        _patient(running, deadline)
    while Path(f"/proc/{found[0]}/root").readlink() != root:
        _patient(running, deadline)
    return int(found[0])


def _await(host: Host, servers: tuple[str, ...]) -> None:
    asked = {
        "postgresql": "su postgres -c 'psql -qAtc \"SELECT 1\"'",
        "mariadb": "mariadb -e 'SELECT 1'",
    }
    deadline = time.monotonic() + _WAIT_SECONDS
    for server in servers:
        while host.run(asked[server]).returncode:
            if time.monotonic() > deadline:
                logs = [path.read_text()[-800:] for path in host.place.glob("tmp/*.log")]
                raise RuntimeError(f"{server} does not answer there: {logs}")
            time.sleep(0.1)  # it is asked again, not waited for


def _patient(running: subprocess.Popen[bytes], deadline: float) -> None:
    if running.poll() is not None or time.monotonic() > deadline:
        raise RuntimeError("the fresh host did not begin")
    time.sleep(0.02)  # asked again
