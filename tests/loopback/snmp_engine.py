"""An SNMP v3 agent of one engine, as a gateway is one: its identity and how often it has started
are given, and it tells its uptime alone. A program:

    python -m tests.loopback.snmp_engine PORT ENGINE-ID BOOTS
"""

from __future__ import annotations

import sys

from pyasn1.type.univ import OctetString  # type: ignore[import-untyped]
from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context

from tests.loopback.snmp_agent import AUTHENTICATION, PRIVACY, USER


def main(port: int, identity: str, boots: int) -> None:
    """Answer until it is killed; says when it is there."""
    own = engine.SnmpEngine(snmpEngineID=OctetString(hexValue=identity))
    (counted,) = own.get_mib_builder().import_symbols("__SNMP-FRAMEWORK-MIB", "snmpEngineBoots")
    counted.syntax = counted.syntax.clone(boots)
    place = udp.UdpTransport().open_server_mode(("127.0.0.1", port))
    config.add_transport(own, udp.DOMAIN_NAME, place)
    keys = (config.USM_AUTH_HMAC96_SHA, AUTHENTICATION, config.USM_PRIV_CFB128_AES, PRIVACY)
    config.add_v3_user(own, USER, *keys)
    config.add_vacm_user(own, 3, USER, "authPriv", (1, 3, 6), (1, 3, 6))
    cmdrsp.GetCommandResponder(own, context.SnmpContext(own))
    print("there", flush=True)
    own.transport_dispatcher.job_started(1)
    own.open_dispatcher()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
