"""What a configuration must know of a running lab: addresses, and where its files lie.

Rule: a field here is a `$name` of the templates, and its value is plain text or a number, so that
the configuration is written without the lab itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Watched:
    """One running lab, as a configuration sees it. Addresses are `host:port` or URLs."""

    folder: Path
    # One file for each account, named after it: see lab/accounts.py.
    passwords: Path
    prompts: Path
    certificate: Path
    records: Path
    # The JSON Schema of a customer, as the CRM answers it.
    schema: Path
    sip: str
    # A desk's `port` is a number in TOML, so this one is not joined to the host.
    mail_port: int
    uplink_page: str
    second_uplink_page: str
    name_server: str
    agent_portal: str
    admin_portal: str
    dashboard_portal: str
    report_portal: str
    crm: str
    dialer: str
    chat: str
    chat_socket: str
    agent_desk: str
    webrtc_edge: str
