"""The one list of kinds: the word written as `kind = ...` in the configuration, and the class that does it.

Outsiders add theirs through the entry-point group `reveille.checks`.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from checks.contract import Check
from checks.data.backup.check import Backup, BackupProof
from checks.data.usage.check import Usage
from checks.network.dns import Dns
from checks.network.smtp import Smtp
from checks.network.tls_certificate import TlsCertificate
from checks.network.uplink import Uplink
from checks.plugin import NagiosPlugin
from checks.telephony.options import SipOptions
from checks.telephony.pri.by_ami import PriAmi
from checks.telephony.pri.by_snmp import PriSnmp
from checks.telephony.registration import SipRegistration
from checks.telephony.sip_call import SipCall
from checks.web.portal import Portal
from checks.webrtc.call import WebrtcCall

GROUP = "reveille.checks"


def kinds() -> dict[str, type[Check]]:
    """Every kind there is, the house's own first."""
    own: list[type[Check]] = [
        SipCall,
        SipOptions,
        SipRegistration,
        PriSnmp,
        PriAmi,
        Portal,
        WebrtcCall,
        Uplink,
        Dns,
        TlsCertificate,
        Smtp,
        NagiosPlugin,
        Usage,
        Backup,
        BackupProof,
    ]
    found: dict[str, type[Check]] = {kind.KIND: kind for kind in own}
    for point in entry_points(group=GROUP):
        found.setdefault(point.name, point.load())
    return found
