"""How a server's place is written in settings: a name or an address, with a port or without. What
nothing could be reached by is refused when it is read, not at night.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator

from checks.messages import shown

# An unknown word before a colon is a host with something that is no port.
_SCHEME = re.compile(
    r"^((?:sip|http|ws|smtp|imap|stun|turn|ldap|ftp|amqp)s?|tcp|udp|tls|ssh|snmp|ntp|dns|tel):",
    re.I,
)
_PORT = re.compile(r"^(?P<host>\[[0-9a-f:.%]+\]|[^:]*):(?P<port>[^:]*)$", re.I)
# TCP and UDP have 16 bits for it (RFC 9293 section 3.1, RFC 768); 0 is nobody's.
_LAST_PORT = 65535


def without_variable(written: str) -> str:
    """A validator: no shell reads the configuration, so `${NAME}` stays as it is."""
    if "${" in written or re.search(r"\$[A-Z_]{2,}", written):
        raise ValueError(
            f"{shown(written)} has a shell's variable in it, which nobody fills in; write its value"
        )
    return written


def ascii_name(name: str) -> str:
    """A name of other letters as DNS has it, mapped as browsers map it (UTS 46, not transitional:
    straße and strasse are two names, and a joiner of Indian scripts is part of one). Raises
    UnicodeError.
    """
    if name.isascii():
        return name.lower()
    # Few names need the tables: imported when one does. Python's own codec has those of 2003.
    import idna

    mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
    return ".".join(map(_ascii_label, mapped.split(".")))


def _ascii_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def host_or_host_port(written: str) -> str:
    """A validator: `pbx.example.net`, `192.0.2.7:5070`, `[2001:db8::7]:5070`. Raises ValueError."""
    host = _host(written, "host or host:port")
    found = None if _is_address(host) else _PORT.match(host)
    if found and not _is_port(found["port"]):
        raise ValueError(
            f"{shown(found['port'])} is no port; write a number from 1 to {_LAST_PORT}, or none"
        )
    return written


def host_alone(written: str) -> str:
    """A validator: a host whose port is a setting of its own. Raises ValueError."""
    host = _host(written, "host")
    if (found := _PORT.match(host)) and not _is_address(host.strip("[]")):
        raise ValueError(
            f"{shown(written)} has a port in it; write the host alone, and by itself"
            f" port = {found['port'] if _is_port(found['port']) else 'NUMBER'}"
        )
    return written


def _host(written: str, form: str) -> str:
    without_variable(written)
    if _is_address(written.strip("[]")):
        return written
    if scheme := _SCHEME.match(written):
        raise ValueError(
            f"{shown(written)} begins with a scheme; write {form} alone, without '{scheme[1]}:'"
        )
    if not written or re.search(r"[\s/@]", written):
        raise ValueError(f"{shown(written)} is no host; write {form}, as in 'pbx.example.net'")
    return written


def _is_address(written: str) -> bool:
    try:
        ip_address(written)
    except ValueError:
        return False
    return True


def _is_port(written: str) -> bool:
    return written.isascii() and written.isdecimal() and 0 < int(written[:9]) <= _LAST_PORT


HostPort = Annotated[str, AfterValidator(host_or_host_port)]
"""A host, with a port or without."""
Host = Annotated[str, AfterValidator(host_alone)]
"""A host whose port is written by itself."""
