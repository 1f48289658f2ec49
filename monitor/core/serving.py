"""Which checks a host looks at: those of its sites, and of these the ones that name it, one of its
tags, or nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Serving:
    """One host, as the checks of a ledger choose it."""

    name: str
    tags: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    """() for all sites"""

    def at(self, site: str) -> bool:
        """Whether it looks at checks of a site."""
        return not self.sites or site in self.sites

    def looks_at(self, site: str, chosen: Collection[str]) -> bool:
        """Whether it looks at a check of a site that names these; one that names none takes any."""
        return self.at(site) and (not chosen or bool({self.name, *self.tags} & set(chosen)))
