"""A fault as plain data for its sentence, and which template a code has. Pure.

Rules: every code has one template in templates/faults, the same code another one only for a kind or
a stage in which it means something else. A code that is in none of them (an outsider's kind, a
plugin) has the generic one, so a fault is never without words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reports.formats import brief

# One sentence is read at a glance; what a far end says at length stands whole among the reasons.
_LONGEST_TEXT = 160
_TOOK_TOO_LONG = "took too long to read"
_BROKEN = re.compile(r"(?<![a-z0-9_])([a-z][a-z0-9_]*+) \((\S+)\) (<=|>=|==|!=|<|>) (-?[^\s;]+)")


@dataclass(frozen=True, slots=True)
class BrokenExpectation:
    """`answer_seconds (6.2) <= 4` taken apart; both numbers in the unit that the name carries."""

    measure: str
    value: float
    comparison: str
    bound: float


@dataclass(frozen=True, slots=True)
class FaultSeen:
    """One fault with what it is about. `target` is what the check looks at, without any secret;
    `said` is the far end's own words, or what was measured; `local` whether our own side says so.
    """

    kind: str
    stage: str
    code: str
    said: str
    target: str = ""
    check: str = ""
    """its name, for where the target is not known"""
    local: bool = False

    @property
    def family(self) -> str:
        """`sip:` of `sip:503/34`; "" of a code that is a word."""
        head, colon, _ = self.code.partition(":")
        return head + colon if colon else ""

    @property
    def detail(self) -> str:
        """`503/34` of `sip:503/34`."""
        return self.code.removeprefix(self.family)

    @property
    def text(self) -> str:
        """What was said, on one line and without an end of its own."""
        return brief(self.said, _LONGEST_TEXT).rstrip(".;: ")

    @property
    def broken(self) -> tuple[BrokenExpectation, ...]:
        """The expectations that were not met; () for any other fault."""
        if self.family != "expected:":
            return ()
        return tuple(_broken(self.said))

    def template_names(self) -> Iterator[str]:
        """The names of the templates that fit, the narrowest first."""
        # Its word is that of any peer that breaks the rules; what a person reads is another thing.
        if self.code == "bad-peer" and self.said.startswith(_TOOK_TOO_LONG):
            yield "took-too-long/bad-peer"
        for code in filter(None, (self.code, self.family)):
            yield from (f"{self.kind}/{code}", f"{self.stage}/{code}", code)
        yield GENERIC


GENERIC = "*"
"""the name of the template for a code that has none"""


def template_of(fault: FaultSeen, templates: Mapping[str, str]) -> tuple[str, str]:
    """The name of the template for a fault, and the template."""
    name = next(key for key in fault.template_names() if key in templates)
    return name, templates[name]


def _broken(said: str) -> Iterator[BrokenExpectation]:
    for measure, value, comparison, bound in _BROKEN.findall(said):
        try:
            yield BrokenExpectation(measure, float(value), comparison, float(bound))
        except ValueError:
            continue
