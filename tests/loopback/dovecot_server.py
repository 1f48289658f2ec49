"""A Dovecot of our own on 127.0.0.1: IMAP over a folder that Postfix delivers to. It needs root (it
changes users).
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lab.certificate import Certificate
from tests.ports import free_port

PASSWORD = 'open sesame \\"§'
_COMMON = """
protocols = imap
listen = 127.0.0.1
base_dir = {base}/run
state_dir = {base}/run
log_path = {base}/dovecot.log
first_valid_uid = 1
ssl = yes
auth_mechanisms = plain
auth_failure_delay = 0
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""
# Debian 12 has 2.3, whose words 2.4 (Debian 13) does not take (doc.dovecot.org, "Upgrading").
_OF_2_3 = """
mail_location = maildir:{boxes}
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {base}/passwords
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={boxes}
}}
"""
_OF_2_4 = """
mail_driver = maildir
mail_path = {boxes}
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
auth_allow_cleartext = yes
passdb passwd-file {{
  passwd_file_path = {base}/passwords
  default_password_scheme = PLAIN
}}
userdb static {{
  fields {{
    uid = 65534
    gid = 65534
    home = {boxes}
  }}
}}
"""
# These must be the first words of a file of 2.4.
_FIRST = "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n"


def _configuration() -> str:
    told = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True)
    old = told.stdout.startswith("2.3")
    if old:
        return _COMMON + _OF_2_3
    return _FIRST + _COMMON.replace("address =", "listen =") + _OF_2_4


@asynccontextmanager
async def dovecot(
    base: Path, boxes: Path, certificate: Certificate
) -> AsyncIterator[tuple[int, int]]:
    """Dovecot while the block runs, for the user "probe"; yields its port and the one under TLS
    from the beginning.

    `base` is a folder of its own with a short path (its sockets are there).
    """
    port, tls_port = free_port(), free_port()
    (base / "run").mkdir(parents=True)
    (base / "passwords").write_text(
        f"probe:{{PLAIN}}{PASSWORD}:65534:65534::/:\n", encoding="utf-8"
    )
    configuration = base / "dovecot.conf"
    configuration.write_text(
        _configuration().format(
            base=base,
            boxes=boxes,
            certificate=certificate.certificate,
            key=certificate.key,
            port=port,
            tls_port=tls_port,
        )
    )
    process = await asyncio.create_subprocess_exec(
        "dovecot",
        "-c",
        str(configuration),
        "-F",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await _greeting(port)
        yield port, tls_port
    finally:
        process.terminate()
        async with asyncio.timeout(30):
            await process.wait()


async def _greeting(port: int) -> None:
    async with asyncio.timeout(30):
        while not await _greets(port):
            await asyncio.sleep(0.05)


async def _greets(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    greeting = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return greeting.startswith(b"* OK")
