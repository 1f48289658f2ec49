"""What it means that a database server could not be reached, by a client program's or a driver's
words.

connection to server at "192.0.2.5", port 5432 failed: Connection refused          libpq: the
system's words
Got error: 2003: "Can't connect to server on '192.0.2.5' (111)" when trying …      mariadb-dump: its
number
"""

from __future__ import annotations

import errno
import re

from checks.contract import CannotTell
from checks.transport.faults import fault_of_number, fault_within

# mariadb-dump and PyMySQL put the system's error number behind the host: `' (111)`, `' (2 "No such
# file…")`.
_NUMBER = re.compile(r"' \((\d{1,3})(?: \"|\))")


def unreached(said: str) -> str:
    """The fault code. Raises CannotTell for what is this host's own."""
    number = _NUMBER.search(said)
    if number and int(number[1]) == errno.ENOENT:  # no socket's file: nobody listens there
        return "unreachable"
    fault = fault_of_number(int(number[1])) if number else fault_within(said)
    if isinstance(fault, CannotTell):
        raise fault
    return fault.code if fault else "unreachable"
