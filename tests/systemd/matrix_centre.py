"""The rows of the matrix that look at a contact centre: the practice one, in the same machine, and
the far ends that it has not (a PBX's manager interface, a gateway's SNMP, names, time, TLS).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from tests.systemd.machine import Machine, until
from tests.systemd.matrix import SECRETS, Row

BROWSER = "browser.conf"
PACKAGES = (
    "chromium-headless-shell,libatomic1,snmpd,dnsmasq-base,chrony,faketime,openssl,nut-server"
)
LAB = "srv/lab/reveille.toml"


def _lab(name: str, kind: str, fault: str, code: str, **more: Any) -> Row:
    """A check of the lab's own configuration, and a fault of the lab's table."""
    tell = "python3 /srv/tell"
    breaks, mends = f"{tell} break {fault}", f"{tell} mend {fault}"
    settings = more.pop("settings", "")
    return Row(name, kind, settings, breaks, mends, code, **more)


def _unit(name: str, kind: str, settings: str, unit: str, code: str) -> Row:
    """A far end that is a unit of the machine's: down."""
    return Row(name, kind, settings, f"systemctl stop {unit}", f"systemctl start {unit}", code,
               lane="network")  # fmt: skip


# Taken for right: a daemon looks (a second one beside the service ends by itself), a person agrees.
def _power(state: str) -> str:
    """What the UPS says, and until upsd says so: its driver reads the file every other second."""
    asked = "exec 3<>/dev/tcp/127.0.0.1/3493; echo GET VAR main ups.status >&3; read -r said <&3"
    wait = f"until (exec 2>/dev/null; {asked}; [[ $said == *{state!r}* ]]); do sleep 0.2; done"
    return f"echo ups.status: {state} > /srv/nut/main.dev; timeout 20 bash -c {shlex.quote(wait)}"


_ACCEPTED = """
{reveille} run > /srv/said-of-a-run 2>&1 &
for n in $(seq 60); do
    if {reveille} run-now agents-toolbar && {reveille} baseline agents-toolbar --yes; then break; fi
    sleep 1
done
kill $! || true
wait
"""
_LINE = 'line = "trunk-a"\n'
_MANAGER = (
    f'host = "127.0.0.1:5038"\nuser = "reveille"\npassword = {{ file = "{SECRETS}/manager" }}'
)
CENTRE_ROWS: Sequence[Row] = (
    _lab("main-number", "sip-call", "busy", "sip:486", lane="calls"),
    _lab("trunk-options", "sip-options", "trunk-refuses", "sip:503", lane="calls"),
    _lab("account", "sip-registration", "trunk-down", "timeout", settings=_LINE, lane="calls"),
    _lab("second-stack", "pyvoip-call", "trunk-refuses", "sip:503",
         settings=f'{_LINE}to = "8000"', lane="calls"),
    _lab("rush", "burst", "busy", "sip:486", settings=f'{_LINE}to = "8000"\ncalls = 2',
         lane="calls"),
    _lab("outbound-dialer", "outbound-dialer", "dialer-refuses", "http:503", lane="calls"),
    _lab("browser-call", "webrtc-call", "webrtc-socket-down", "http:503", lane="browser",
         needs="webrtc.conf"),
    _lab("agent-softphone", "webrtc-browser", "webrtc-register-refused", "sip:403",
         lane="browser", needs=BROWSER),
    _lab("agent-desk", "portal-browser", "agent-desk-blank", "not-found", lane="browser",
         needs=BROWSER),
    _lab("chat", "chat", "chat-dead-socket", "refused", lane="browser", needs=BROWSER),
    _lab("crm-api", "api", "api-down", "http:503", lane="network"),
    _lab("crm-webhook", "webhook", "webhook-lost", "no-callback", lane="network"),
    _lab("chat-socket", "websocket", "chat-dead-socket", "http:503", lane="browser"),
    _lab("agents-toolbar", "ui-config", "ui-changed", "differs", lane="network",
         prepares=_ACCEPTED),
    _lab("calls-report", "report", "report-missing", "report-missing", lane="network"),
    Row("span", "pri-ami", _MANAGER, "touch /srv/span-down", "rm /srv/span-down",
        "d-channel-down", lane="network"),
    Row("queue", "queue-state", _MANAGER, "touch /srv/agent-gone", "rm /srv/agent-gone",
        "nobody-to-answer", lane="network"),
    Row("gateway", "pri-snmp",
        f'host = "127.0.0.1:1610"\ncommunity = {{ file = "{SECRETS}/community" }}',
        "python3 /srv/gateway 64; systemctl restart snmpd",
        "python3 /srv/gateway 1; systemctl restart snmpd", "alarm:los", lane="network"),
    _unit("names", "dns", 'server = "127.0.0.1"\nport = 5353\nname = "portal.example.net"',
          "names", "refused"),
    Row("certificate", "tls-certificate", 'host = "127.0.0.1"\nport = 8443\n'
        'trusted_certificates = "/srv/tls/trusted.pem"',
        "cp /srv/tls/old.pem /srv/tls/now.pem; systemctl restart padlock",
        "cp /srv/tls/new.pem /srv/tls/now.pem; systemctl restart padlock", "expired",
        lane="network"),
    Row("time", "host-clock", 'servers = ["127.0.0.1:1123"]',
        "systemctl stop clock; systemctl start clock-ahead",
        "systemctl stop clock-ahead; systemctl start clock", "clock-off", lane="network"),
    Row("power", "host-power", 'ups = "main"', _power("OB LB"), _power("OL"), "battery-low",
        lane="network"),
)  # fmt: skip

# Speaks with the lab by its control socket (lab/control.py).
_TELL = """
import socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect("/srv/lab/control")
    line.sendall(" ".join(sys.argv[1:]).encode() + b"\\n")
    answer = line.recv(300).decode()
sys.exit(0 if answer.startswith("ok") else answer)
"""
_PBX = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "/opt/reveille")
from tests.loopback.ami_server import Asterisk, caller, d_channel, member, queue
async def serve(reader, writer):
    pbx = Asterisk()
    pbx.with_spans(d_channel(1, up=not Path("/srv/span-down").exists()))
    away = 5 if Path("/srv/agent-gone").exists() else 1
    told = [queue("support"), member("support", "ann", status=away), caller("support", 95)]
    pbx.lists["QueueStatus"] = told
    await pbx.serve(reader, writer)
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 5038)
    await server.serve_forever()
asyncio.run(main())
"""
# Net-SNMP with the tables of a gateway (RFC 4805, RFC 2127): one span, its D-channel and a channel.
_GATEWAY = """
import sys
lines = ["agentAddress udp:127.0.0.1:1610", "rocommunity public 127.0.0.1"]
for name, kind, value in (
    ("10.18.6.1.10.1", "integer", sys.argv[1]), ("10.18.6.1.3.1", "integer", 300),
    ("10.18.7.1.2.1", "gauge", 0), ("10.18.7.1.3.1", "gauge", 0), ("10.18.7.1.5.1", "gauge", 0),
    ("10.20.1.3.4.1.2.101", "integer", 3), ("10.20.1.3.4.1.3.101", "counter", 7),
    ("10.20.1.2.1.1.2.1002", "integer", 1),
):
    lines.append(f"override 1.3.6.1.2.1.{name} {kind} {value}")
open("/etc/snmp/snmpd.conf", "w").write("\\n".join(lines) + "\\n")
"""
# A UPS that is made up: its driver reads the file anew when its time has changed.
_UPS = """
mkdir -p /srv/nut
cd /srv/nut
echo ups.status: OL > main.dev
printf '[main]\\ndriver = dummy-ups\\nport = /srv/nut/main.dev\\nmode = dummy-once\\n' > ups.conf
printf 'pollinterval = 1\\n' >> ups.conf
echo LISTEN 127.0.0.1 3493 > upsd.conf
touch upsd.users
export NUT_CONFPATH=/srv/nut NUT_STATEPATH=/srv/nut
/lib/nut/dummy-ups -a main -u root -F &
exec /lib/nut/upsd -F -u root
"""
_CHRONY = (
    "/usr/sbin/chronyd -x -d -f /dev/null -u root 'local stratum 3' 'bindaddress 127.0.0.1'"
    " 'port 1123' 'allow 127.0.0.1' 'cmdport 0' 'pidfile /run/clock.pid' 'bindcmdaddress /'"
)
_UNITS = {
    "pbx": "/usr/bin/python3 /srv/pbx.py",
    "names": "/usr/sbin/dnsmasq -k --port=5353 --listen-address=127.0.0.1 --bind-interfaces"
    " --no-resolv --no-hosts --user=root --pid-file --address=/portal.example.net/192.0.2.7",
    "padlock": "/usr/bin/openssl s_server -quiet -accept 127.0.0.1:8443 -www"
    " -cert /srv/tls/now.pem -key /srv/tls/key.pem",
    "clock": _CHRONY,
    "ups": "/bin/sh -e /srv/ups",
    # faketime hands no signal on: systemd ends its child by the control group.
    "clock-ahead": f"/usr/bin/faketime -f +5s {_CHRONY}",
}
_CERTIFICATES = """
mkdir -p /srv/tls
cd /srv/tls
openssl genrsa -out key.pem 2048
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -subj /CN=ours -days 9000 -out trusted.pem
openssl req -new -key key.pem -subj /CN=localhost -out asked
echo subjectAltName=IP:127.0.0.1 > names
sign="openssl x509 -req -in asked -CA trusted.pem -CAkey ca.key -CAcreateserial -extfile names"
$sign -days 300 -out new.pem
faketime -f -100d $sign -days 30 -out old.pem
cp new.pem now.pem
python3 /srv/gateway 1
systemctl daemon-reload
systemctl enable snmpd
systemctl restart snmpd
systemctl start pbx names padlock clock ups
"""
# What the service reads of the lab is for it to read; passwords are not.
_OPENED = f"""
chmod a+rx /srv/lab /srv/lab/tls
find /srv/lab -maxdepth 1 -type f -exec chmod a+r {{}} +
chmod a+r /srv/lab/tls/*
echo 's3cret of the manager' > {SECRETS}/manager
echo public > {SECRETS}/community
chmod 600 {SECRETS}/*
install -d -m 0700 /etc/reveille/credentials
cp {SECRETS}/* /etc/reveille/credentials/
"""


def opened(machine: Machine, command: str) -> str:
    """The centre and its far ends, started; gives the configuration that the lab has written."""
    machine.put("/srv/tell", _TELL)
    machine.put("/srv/pbx.py", _PBX)
    machine.put("/srv/gateway", _GATEWAY)
    machine.put("/srv/ups", _UPS)
    for name, start in _UNITS.items():
        machine.put(
            f"/etc/systemd/system/{name}.service",
            f"[Service]\nExecStart={start}\nEnvironment=FAKETIME_DONT_FAKE_MONOTONIC=1\n",
        )
    machine.run("bash", "-euc", _CERTIFICATES)
    machine.run(
        "systemd-run", "--unit=lab", "--property=TimeoutStopSec=5", command, "lab", "/srv/lab"
    )
    written = machine.root / LAB
    until(written.exists, 60, "the practice centre to open")
    until(lambda: "[desks.mail]" in written.read_text(encoding="utf-8"), 10, "its configuration")
    machine.run("bash", "-euc", _OPENED)
    return written.read_text(encoding="utf-8")
