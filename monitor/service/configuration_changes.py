"""What a reload has changed, in a line for the journal and for `systemctl status`."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.config import Configuration

# Everything else of a configuration that somebody may have changed, in the words of the file.
_SECTIONS = (
    "site",
    "people",
    "lines",
    "agents",
    "maintenance",
    "desks",
    "audit",
    "keep_evidence",
    "administrators",
)


def changes(old: Configuration, new: Configuration) -> str:
    """ "2 checks added, 1 changed; desks changed"; "nothing changed"."""
    checks = ", ".join(_counted(old, new))
    sections = [name for name in _SECTIONS if getattr(old, name) != getattr(new, name)]
    # A policy is compared by what it says it is: its parts have no equality.
    if (old.policy.name, old.policy.version) != (new.policy.name, new.policy.version):
        sections.append("policy")
    other = f"{', '.join(sections)} changed" if sections else ""
    return "; ".join(filter(None, (checks, other))) or "nothing changed"


def _counted(old: Configuration, new: Configuration) -> Iterator[str]:
    counts = {
        "added": len(new.checks.keys() - old.checks.keys()),
        "removed": len(old.checks.keys() - new.checks.keys()),
        "changed": sum(
            old.checks[name] != new.checks[name] for name in old.checks.keys() & new.checks.keys()
        ),
    }
    first = True
    for what, count in counts.items():
        if count:
            noun = (" check" if count == 1 else " checks") if first else ""
            yield f"{count}{noun} {what}"
            first = False
