"""The words of every fault code, in the files of templates/faults: a file is compiled when one of
its codes is asked for. All of them take a quarter of what it costs to list the open tickets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

FILES = (
    "faults/connection.txt.j2",
    "faults/tls.txt.j2",
    "faults/telephony.txt.j2",
    "faults/media.txt.j2",
    "faults/webrtc.txt.j2",
    "faults/line.txt.j2",
    "faults/web.txt.j2",
    "faults/dns.txt.j2",
    "faults/mail.txt.j2",
    "faults/database.txt.j2",
    "faults/backup.txt.j2",
    "faults/host.txt.j2",
    "faults/security.txt.j2",
    "faults/families.txt.j2",
    "faults/generic.txt.j2",
)
"""each with the codes of one field"""


class FaultTemplates(Mapping[str, str]):
    """Every code that has words of its own -> its template. `source` gives the text of a file,
    `sentences` what it says once it is compiled.
    """

    def __init__(
        self, source: Callable[[str], str], sentences: Callable[[str], Mapping[str, str]]
    ) -> None:
        self._sources = {file: source(file) for file in FILES}
        self._sentences = cache(sentences)

    def __getitem__(self, name: str) -> str:
        # As a file writes a key; whether it is one is said by the file itself.
        written = f'"{name}":'
        for file, source in self._sources.items():
            if written in source and name in (said := self._sentences(file)):
                return said[name]
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Raises ValueError where a code has two templates."""
        known = set[str]()
        for file in FILES:
            said = self._sentences(file).keys()
            if twice := known & said:
                raise ValueError(f"two templates for {', '.join(sorted(twice))}")
            known |= said
        return iter(sorted(known))

    def __len__(self) -> int:
        return sum(len(self._sentences(file)) for file in FILES)
