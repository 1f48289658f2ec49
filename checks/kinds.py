"""The one list of kinds: the word written as `kind = ...` in the configuration, and the class that
does it.

A kind's module is imported when the kind is first asked for: a configuration pays in memory for
what it uses. Outsiders add theirs through the entry-point group `reveille.checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from checks.contract import Check

# The group of entry points that a package of somebody else's names in its own metadata
# (packaging.python.org, entry points specification).
GROUP = "reveille.checks"

_OWN = {
    "sip-call": "checks.telephony.sip_call:SipCall",
    "sip-options": "checks.telephony.options:SipOptions",
    "sip-registration": "checks.telephony.registration:SipRegistration",
    "pyvoip-call": "checks.telephony.pyvoip_call:PyvoipCall",
    "burst": "checks.telephony.burst:Burst",
    "outbound-dialer": "checks.telephony.outbound_dialer:OutboundDialer",
    "pri-snmp": "checks.telephony.gateway.pri_snmp:PriSnmp",
    "pri-ami": "checks.telephony.asterisk.pri_ami:PriAmi",
    "queue-state": "checks.telephony.asterisk.queue_state:QueueState",
    "portal": "checks.web.portal:Portal",
    "portal-browser": "checks.web.portal_browser:PortalBrowser",
    "chat": "checks.web.chat:Chat",
    "websocket": "checks.web.websocket:WebSocket",
    "webrtc-call": "checks.webrtc.call:WebrtcCall",
    "webrtc-browser": "checks.webrtc.browser.check:WebrtcBrowser",
    "uplink": "checks.network.uplink:Uplink",
    "dns": "checks.network.dns:Dns",
    "tls-certificate": "checks.network.tls_certificate:TlsCertificate",
    "smtp": "checks.network.smtp:Smtp",
    "api": "checks.web.api:Api",
    "webhook": "checks.web.webhook:Webhook",
    "ui-config": "checks.web.ui_config:UiConfig",
    "report": "checks.web.report:Report",
    "nagios-plugin": "checks.plugin:NagiosPlugin",
    "usage": "checks.data.usage.check:Usage",
    "backup": "checks.data.backup.check:Backup",
    "backup-proof": "checks.data.backup.check:BackupProof",
    "host-services": "checks.host.services:HostServices",
    "host-resources": "checks.host.resources:HostResources",
    "host-disks": "checks.host.disks:HostDisks",
    "host-kernel": "checks.host.kernel:HostKernel",
    "host-clock": "checks.host.clock_offset:HostClock",
    "host-power": "checks.host.power:HostPower",
    "host-ports": "checks.host.ports:HostPorts",
    "host-updates": "checks.host.updates:HostUpdates",
    "database-health": "checks.host.database_health:DatabaseHealth",
    "queue-depth": "checks.host.queue_depth:QueueDepth",
    "virus": "checks.host.virus:Virus",
    "intrusion": "checks.host.intrusion:Intrusion",
    "sip-abuse": "checks.host.sip_abuse:SipAbuse",
    "voice-log-archive": "checks.data.hygiene.voice_log_archive:VoiceLogArchive",
    "hygiene": "checks.data.hygiene.check:Hygiene",
}


class Kinds(Mapping[str, type[Check]]):
    """Every kind there is by its name, the house's own first; each is imported when it is taken."""

    def __init__(self) -> None:
        self._foreign: dict[str, EntryPoint] = {}
        for point in entry_points(group=GROUP):
            # A kind of the house cannot be replaced from outside: a package that was installed by
            # mistake must not change what "sip-call" means.
            if point.name not in _OWN:
                self._foreign.setdefault(point.name, point)

    def __getitem__(self, kind: str) -> type[Check]:
        if kind in self._foreign:
            return _a_check(self._foreign[kind].load())
        module, _, name = _OWN[kind].partition(":")
        return _a_check(getattr(import_module(module), name))

    def __iter__(self) -> Iterator[str]:
        yield from _OWN
        yield from self._foreign

    def __len__(self) -> int:
        return len(_OWN) + len(self._foreign)


def kinds() -> Mapping[str, type[Check]]:
    """Every kind there is, the house's own first."""
    return Kinds()


def _a_check(found: object) -> type[Check]:
    if not (isinstance(found, type) and issubclass(found, Check)):
        # An entry point is a text in somebody's package: that it leads to a check is known only
        # once it is loaded.
        raise TypeError(f"{found!r} of the entry points {GROUP} is no checks.contract.Check")
    return found
