"""Plumbing that is there once: nobody beside checks/transport makes a TLS context or judges a
socket's error number.
"""

from __future__ import annotations

from tests.house.source import modules, none

MAKERS = (
    "create_default_context",
    "SSLContext",
    "_create_unverified_context",
    "_create_stdlib_context",
)
PLACES = ("checks/transport/tls.py", "checks/transport/tls_context.py")
ERRNO_ALLOWED = (
    "checks/transport",
    "checks/transport/connect.py",
    "checks/network/uplink_targets.py",
    "checks/data/backup",
    "checks/counted_lines.py",
    "checks/host/collectors/tree_walk.py",
)
"""reach: whether a connection is under way; targets: a host without ICMP; backup: a full disk, a
missing socket file; counted_lines: a full disk; tree_walk: a name that has become a
link or a socket
"""


def test_one_place_makes_tls_contexts() -> None:
    makers = [(m, name, line) for m in modules("checks", "monitor") for name, line in m.calls()]
    none(
        f"{module.path}:{line} {name}"
        for module, name, line in makers
        if name.rpartition(".")[2] in MAKERS and module.path not in PLACES
    )


def test_one_place_knows_error_numbers() -> None:
    strays = [m for m in modules("checks") if not m.within(*ERRNO_ALLOWED)]
    none(found for module in strays for found in module.imports() if found.of("errno"))
