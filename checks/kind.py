"""What a kind of check says of itself, once and in its own class: nobody in the house asks for a
kind by its name.

Rule: what somebody outside a kind's own file has to know of it is asked here. To add a question is
to add an attribute with a default that suits the kinds which have never heard of it.
"""

from __future__ import annotations

from typing import ClassVar, Literal

# The lines of the checklist that the operators of a contact centre go through each morning; the
# report of the night shows each of them.
Duty = Literal[
    "calls",
    "trunks",
    "agents",
    "dialer",
    "portals",
    "chat",
    "integration",
    "reports",
    "network",
    "servers",
    "power",
    "security",
    "backup",
    "cleanup",
    "voice-logs",
    "others",
]
"""a line of the daily checklist; "others" is whatever a centre has not promised to see to"""
Backups = Literal["none", "takes", "proves"]
"""what a check does with the backups that lie in its `folder`"""


class Kind:
    """The base of every check's class."""

    KIND: ClassVar[str]
    """The word written as `kind = ...` in [checks.NAME]."""
    COMPONENT: ClassVar[str] = ""
    """What it stands for in the words of policies, where the configuration does not say it."""
    DUTY: ClassVar[Duty] = "others"
    """The line of the daily checklist that it sees to."""
    SAMPLE: ClassVar[str] = ""
    """[checks.NAME] as a newcomer begins with it, in TOML: `reveille init` writes it, with every
    key explained. It may name what stands in monitor/config/sample.toml: the line trunk-a, the
    agents agent-01, supervisor-01."""
    LOOKS_ONLY: ClassVar[bool] = False
    """Whether an attempt is cheap and places nothing: then one is the trial of a configuration
    (`reveille check-config --try`)."""
    ACCEPTS: ClassVar[bool] = False
    """Whether it compares with what a person has accepted (`Trace.accepted`, `Trace.propose`,
    `reveille baseline`)."""
    PLACES_CALLS: ClassVar[bool] = False
    """Whether an attempt is a call attempt of RFC 6076: it has the stage `answer` and faults
    `sip:NNN`."""
    COSTS: ClassVar[bool] = False
    """Whether an attempt costs its owner money: while its ticket is open it is looked at again
    every half hour, where `recheck` does not say otherwise."""
    BURDENS: ClassVar[bool] = False
    """Whether a look burdens what it looks at, or whoever is called: it waits for its time, and is
    never made only because it is new."""
    COUNTS_USAGE: ClassVar[bool] = False
    """Whether it leaves the exhibit usage.json, and its setting `date` asks of a day long past."""
    BACKUPS: ClassVar[Backups] = "none"
    """What it does with the backups in its `folder`; the morning report tells of each such
    folder."""
