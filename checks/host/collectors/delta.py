"""What is there against what was accepted: new, changed, gone; and which package explains it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from checks.host.collectors.collector import Look, listed
from checks.host.collectors.packages import Packages

Explain = Callable[[str, Any], str | None]
"""a name and what was accepted of it (None if it is new) -> the reason why it is no alarm, if there
is one
"""
# A package that was rolled out by hand brings hundreds of files: a dozen names tell which one.
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Codes:
    """The faults' codes of an area; None where such a difference is none."""

    new: str | None
    changed: str | None = None
    gone: str | None = None


class Delta:
    """Compares area by area, and keeps count."""

    def __init__(self, at: Look, packages: Packages) -> None:
        self._at = at
        self.packages = packages
        self.packages.accepted = at.accepted.get("versions")
        self._findings = self._explained = 0
        self._nothing_accepted: list[str] = []

    def compare(
        self,
        area: str,
        found: Mapping[str, Any],
        codes: Codes,
        explain: Explain | None = None,
        word: str = "",
        usually_none: bool = False,
    ) -> None:
        """Tell what differs. `found` is plain JSON by name; `word` is what a name names
        ("account"). Of what there is `usually_none`, all is new as long as nothing is accepted.
        """
        accepted: Mapping[str, Any] | None = self._at.accepted.get(
            area, {} if usually_none else None
        )
        self._at.propose(area, dict(sorted(found.items())))
        if accepted is None:
            self._nothing_accepted.append(area)
            return
        new = [name for name in found if name not in accepted]
        changed = [name for name in found if name in accepted and found[name] != accepted[name]]
        gone = [name for name in accepted if name not in found]
        for code, names, how in (
            (codes.new, new, "new"),
            (codes.changed, changed, "changed"),
            (codes.gone, gone, "gone"),
        ):
            if code:
                self._tell(
                    code,
                    f"{how} {word or area}".strip(),
                    {name: accepted.get(name) for name in sorted(names)},
                    explain,
                )

    def found(self, code: str, text: str) -> None:
        """Something that is wrong whatever was accepted."""
        self._findings += 1
        self._at.fault(code, text)

    def _tell(
        self, code: str, what: str, names: Mapping[str, Any], explain: Explain | None
    ) -> None:
        reasons = {
            name: explain(name, before) if explain else None for name, before in names.items()
        }
        by_reason: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            if reason:
                by_reason.setdefault(reason, []).append(name)
        for reason, explained in by_reason.items():
            self._at.note(f"{what}, explained ({reason}): {listed(explained, 4)}")
        self._explained += sum(map(len, by_reason.values()))
        if strange := [name for name, reason in reasons.items() if not reason]:
            self._findings += len(strange)
            self._at.fault(code, f"{what}: {listed(strange, _MOST_NAMED)}")

    def conclude(self) -> None:
        """The counts, and what could not be compared."""
        self._at.measure("findings", self._findings)
        self._at.measure("explained_changes", self._explained)
        if self._nothing_accepted:
            areas = ", ".join(self._nothing_accepted)
            self._at.warning(
                f"nothing is accepted yet, so nothing can be new: {areas} (reveille baseline)"
            )
