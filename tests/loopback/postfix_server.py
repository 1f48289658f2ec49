"""A Postfix of our own on 127.0.0.1: STARTTLS, a greylist that the test keeps, mailboxes as
folders, and no way out.

It needs root (Postfix changes users). Nothing of the host's own Postfix is touched: another
configuration directory, another queue, `default_transport = error`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from lab.certificate import Certificate, make

_MAIN = """
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
maillog_file = {base}/postfix.log
maillog_file_prefixes = {base}
mail_owner = {owner}
setgid_group = {group}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.test
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
local_recipient_maps =
default_transport = error:nothing leaves this test
relay_transport = error:nothing leaves this test
local_transport = error:nothing stays here either
virtual_mailbox_domains = example.net
virtual_mailbox_base = {base}/boxes
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 1
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_recipient_restrictions = check_recipient_access tcp:127.0.0.1:{greylist},
    permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
tlsmgr    unix - - n 1000? 1 tlsmgr
proxymap  unix - - n - - proxymap
anvil     unix - - n - 1 anvil
error     unix - - n - - error
retry     unix - - n - - error
virtual   unix - n n - - virtual
postlog   unix-dgram n - n - 1 postlogd
"""


_UNPACKED = """
command_directory = {root}/usr/sbin
daemon_directory = {root}/usr/lib/postfix/sbin
meta_directory = {root}/etc/postfix
shlib_directory = {root}/usr/lib/postfix
import_environment = MAIL_CONFIG LD_LIBRARY_PATH
export_environment = MAIL_CONFIG LD_LIBRARY_PATH
"""


@dataclass
class Postfix:
    """A running instance."""

    base: Path
    port: int
    certificate: Certificate

    def messages(self) -> list[EmailMessage]:
        """What was delivered into the mailboxes."""
        files = sorted((self.base / "boxes" / "all" / "new").glob("*"))
        read = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [message for message in read if isinstance(message, EmailMessage)]

    async def delivered(self, count: int, seconds: float = 20.0) -> list[EmailMessage]:
        """The messages, once there are so many."""
        async with asyncio.timeout(seconds):
            while len(found := self.messages()) < count:
                await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def postfix(answer: Callable[[str], str | None]) -> AsyncIterator[Postfix]:
    """Postfix while the block runs; `answer` is what a recipient is told ("450 4.2.0 Greylisted"),
    None to take it.
    """
    base = _folder()
    conversations: set[asyncio.Task[None]] = set()
    greylist = await asyncio.start_server(_table(answer, conversations), "127.0.0.1", 0)
    try:
        instance = _laid_out(base, greylist.sockets[0].getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            "postfix",
            "-c",
            str(base / "etc"),
            "start-fg",
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await _answering(instance)
            yield instance
        finally:
            await _stopped(instance, process)
    finally:
        greylist.close()
        await asyncio.gather(*conversations)
        shutil.rmtree(base)


def _folder() -> Path:
    base = Path(tempfile.mkdtemp(prefix="postfix-"))
    base.chmod(0o755)  # its own users must get through
    return base


def _laid_out(base: Path, greylist: int) -> Postfix:
    for name in ("etc", "queue", "data", "boxes"):
        (base / name).mkdir()
    owner, group, further = _installed()
    shutil.chown(base / "data", owner)
    shutil.chown(base / "boxes", 65534, 65534)
    with socket.create_server(("127.0.0.1", 0)) as free:
        instance = Postfix(base, free.getsockname()[1], make(base / "tls"))
    words = {
        "base": base,
        "owner": owner,
        "group": group,
        "port": instance.port,
        "greylist": greylist,
        "certificate": instance.certificate.certificate,
        "key": instance.certificate.key,
    }
    (base / "etc" / "main.cf").write_text(_MAIN.format(**words) + further)
    (base / "etc" / "master.cf").write_text(_MASTER.format(**words))
    return instance


def _installed() -> tuple[str, str, str]:
    """Its user, its group, and further settings: of one that is unpacked beside another mail
    server, where its programs lie. That one borrows a user and a group that own nothing.
    """
    program = shutil.which("postfix") or "/usr/sbin/postfix"
    root = Path(program).parents[2]
    if root == Path("/"):
        return "postfix", "postdrop", ""
    # Debian's own step, for a system's Postfix in its chroot. Whoever else reads the file meanwhile
    # finds it whole: tests run side by side.
    steps = root / "usr/lib/postfix/sbin/post-install"
    text = steps.read_text(encoding="utf-8")
    without = re.sub(r"^\s*\S*/configure-instance.sh.*$", ":", text, flags=re.M)
    if without != text:
        (own := steps.with_name(f"{steps.name}.{os.getpid()}")).write_text(without)
        own.chmod(0o755)
        own.replace(steps)
    return "irc", "dip", _UNPACKED.format(root=root)


def _environment() -> dict[str, str]:
    libraries = Path(shutil.which("postfix") or "/usr/sbin/postfix").parents[1] / "lib" / "postfix"
    return {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": str(libraries)}


async def _answering(instance: Postfix) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", instance.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def restarted(instance: Postfix) -> None:
    """Stop it and start it again; the mails in its queue stay. The instance is the same."""
    await _told(instance, "stop")
    await _told(instance, "start")
    await _answering(instance)


async def _told(instance: Postfix, what: str) -> None:
    command = await asyncio.create_subprocess_exec(
        "postfix",
        "-c",
        str(instance.base / "etc"),
        what,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    await command.wait()


async def _stopped(instance: Postfix, process: asyncio.subprocess.Process) -> None:
    """Its own way to stop: the master ends its children, and `start-fg` ends after it."""
    await _told(instance, "stop")
    async with asyncio.timeout(30):
        await process.wait()


def _table(
    answer: Callable[[str], str | None], conversations: set[asyncio.Task[None]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """tcp_table(5): `get KEY` -> `200 RESULT` or `500 not found`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        conversations.add(this)
        while line := await reader.readline():
            found = answer(line.decode().split()[1].lower())
            writer.write(
                f"200 {found.replace(' ', '%20')}\n".encode() if found else b"500 not found\n"
            )
            await writer.drain()
        writer.close()

    return serve
