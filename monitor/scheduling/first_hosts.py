"""Which of several hosts goes first at a check, so that they need not be asked at each slot.

Rules: of the hosts that are there each check has one, the same to all of them, drawn by name
(rendezvous hashing: where a host comes or goes, only its own share moves). It is a matter of
manners, and of nothing else: who looks is decided by the leases.
"""

from __future__ import annotations

from hashlib import sha256

from monitor.config import CheckEntry
from monitor.core.serving import Serving


class FirstHosts:
    """Those of one site's checks, as one host sees it."""

    def __init__(self, here: str, site: str) -> None:
        self._here, self._site = here, site
        self._hosts: tuple[Serving, ...] = ()
        self._known: dict[str, bool] = {}

    def is_here(self, entry: CheckEntry, hosts: tuple[Serving, ...]) -> bool:
        """Whether it is this host, of those that are there."""
        if hosts != self._hosts:
            self._hosts, self._known = hosts, {}
        found = self._known.get(entry.name)
        if found is None:
            found = self._known[entry.name] = self._drawn(entry)
        return found

    def _drawn(self, entry: CheckEntry) -> bool:
        looking = [one.name for one in self._hosts if one.looks_at(self._site, entry.probes)]
        # What this host says of itself is a moment old at most: what it claims is what it may.
        among = {*looking, self._here}
        return self._here == max(among, key=lambda host: _draw(host, entry.name))


def _draw(host: str, check: str) -> bytes:
    # Python's own hash of a text differs from process to process (PYTHONHASHSEED).
    return sha256(f"{host}\0{check}".encode()).digest()
