"""What can be wrong with a source, as a stage, a code and a text. Only for the child process."""

from __future__ import annotations


class SourceFault(Exception):
    """`code`: those of checks/transport/faults.py, and login-refused, no-such-database,
    no-such-table, no-such-column, no-such-file, not-allowed, too-many-connections, corrupt, locked,
    not-records, not-understood, no-records.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, " ".join(text.split())[:400]
