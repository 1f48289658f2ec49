"""A daemon whole as a probe host: under a role of the database that may do nothing but keep what it
saw. Headquarters judges it, and tells.
"""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from monitor.cli import main
from tests.scenes.several_hosts import Hosts, hosts

pytestmark = pytest.mark.slow  # daemons and a server of their own, and a host that is missed
_CHECK = """[checks.portal]
kind = "portal"
url = "http://127.0.0.1:{port}/"
every = "10s"
confirm = 2
confirm_after = "1s"
from = ["delhi"]
"""


def let_in(world: Hosts, capsys: pytest.CaptureFixture[str]) -> str:
    """What headquarters and the server's administrator do for a probe host; gives its role."""
    typed = ["ledger", "init", "--roles", "--probe", "delhi", "--json"]
    typed += ["--config", str(world.all["pune"].file)]
    assert main(typed) == 1
    said = json.loads(capsys.readouterr().out)
    for statement in said["statements"]:
        world.server.run(statement)
    for role in said["made"]:
        world.server.run(f"ALTER ROLE {role} PASSWORD 'sesame'")
    assert main(typed) == 0
    return str(said["roles"][0]["name"])


async def test_headquarters_judges_what_a_probe_host_sees(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status = b"500 Broken" if broken.is_set() else b"200 OK"
        head = b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        writer.write(b"HTTP/1.1 " + status + head)
        await writer.drain()
        writer.close()

    broken = asyncio.Event()
    portal = await asyncio.start_server(served, "127.0.0.1", 0)
    checks = _CHECK.format(port=portal.sockets[0].getsockname()[1])
    async with hosts(tmp_path, checks, "pune") as two:
        role = let_in(two, capsys)
        delhi = await two.start("delhi", role=role)
        pune = two.all["pune"]
        with two.ledger() as ledger:
            (first, *_) = await pune.until(lambda: ledger.attempts("portal", limit=9))
            assert first.verdict.state == "OK"
            broken.set()
            (one,) = await pune.until(ledger.open_incidents)
            assert one.body["causes"] == ["portal"] and one.issue
            assert one.body["evidence"]["reasons"][-1].startswith("delhi: failed")
            looks = ledger.attempts("portal@delhi", limit=9)
            assert {"scheduled", "confirm"} <= {look.purpose for look in looks}
            await pune.until(lambda: two.told("opened"))
            await pune.until(lambda: ledger.exhibits(one.opened_at.replace(hour=0)))
            broken.clear()
            await pune.until(lambda: not ledger.open_incidents())
            delhi.process.send_signal(signal.SIGHUP)
            await pune.until(lambda: "action=reloaded" in two.log("delhi"))
            log = two.log("delhi")
            assert not [line for line in log.splitlines() if "ERROR" in line or "Trace" in line]
            await delhi.stop(signal.SIGKILL)
            silent = "Testville/host-is-silent @delhi"
            await pune.until(lambda: silent in [row.key for row in ledger.open_incidents()])
            delhi = await two.start("delhi", role=role)
            await pune.until(lambda: not ledger.open_incidents())
            kinds = {row.kind for row in ledger.history(None)}
            assert "settlement-refused" not in kinds
        assert await delhi.stop() < 10
        assert len(set(two.told("opened"))) == len(two.told("opened")) >= 2
        capsys.readouterr()
        assert main(["tickets", "--json", "--config", str(delhi.file)]) == 0
        assert json.loads(capsys.readouterr().out) == [], "tickets are headquarters'"
    portal.close()
