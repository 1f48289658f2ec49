"""The sections of a configuration file, in the order in which one writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from checks.settings import Duration, Settings
from checks.telephony.call.line import Line
from monitor.config.evidence import EvidenceSettings
from monitor.config.ledger import LedgerSettings
from monitor.config.maintenance import Maintenance
from monitor.config.page import DeadMan, Page
from monitor.config.probe import Probe
from monitor.config.rotas import RotaSettings
from monitor.config.section_models import Audit, Person, Rhythm, Site
from monitor.desks.desk import DeskSettings


class Top(Settings):
    """What stands above the first section."""

    state: Annotated[Path, WithJsonSchema({"type": "string", "format": "path"})] | None = Field(
        default=None, examples=["/var/lib/reveille"]
    )
    """the folder for the ledger and the evidence; without it systemd's $STATE_DIRECTORY, else
    /var/lib/reveille
    """
    include: tuple[str, ...] = Field(default=(), examples=[["portals.toml", "sites/*.toml"]])
    """more files of this configuration, by name or pattern; paths in them count from the folder of
    this one
    """
    # Less than a day would sweep away what the morning's report of yesterday still shows.
    keep_evidence: Annotated[Duration, Field(ge=86400)] = 30 * 86400.0
    """how long recordings, SIP ladders and other evidence are kept; what an open ticket shows is
    kept longer
    """
    most_evidence_megabytes: float = Field(default=4000.0, gt=0)
    """how much evidence of one day is kept: beyond that what the day's good looks left goes first,
    the oldest before, and what an open ticket shows never
    """
    administrators: str = Field(default="reveille", pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")
    """the group whose members may take tickets, run checks and restore through the running daemon,
    without being root
    """


@dataclass(frozen=True, slots=True)
class Section:
    """`[name]` once, `[[name]]` as often as there are entries, or `[name.NAME]` for each thing with
    a name.
    """

    name: str
    model: type[Settings]
    form: Literal["once", "list", "named"]
    meaning: str
    like: str = ""
    """the section whose keys it has too"""

    @property
    def heading(self) -> str:
        """How it is written: `[lines.NAME]`."""
        return {
            "once": f"[{self.name}]",
            "list": f"[[{self.name}]]",
            "named": f"[{self.name}.{'KIND' if self.name == 'defaults' else 'NAME'}]",
        }[self.form]


# The order in which the sample and the reference have them: each section names only what stands
# above it.
SECTIONS = (
    Section(
        "site",
        Site,
        "once",
        "The contact centre that is looked at; beside [sites.NAME] what all sites have.",
    ),
    Section(
        "sites",
        Site,
        "named",
        "One of several sites: [sites.Pune] has the keys of [site], and [sites.Pune.checks.NAME]"
        " and the like what is its alone.",
        like="site",
    ),
    Section(
        "people",
        Person,
        "list",
        "Who is told. A policy speaks of roles; these are the people who have them.",
    ),
    Section(
        "rotas",
        RotaSettings,
        "named",
        "Who of a role is on call, by week: [rotas.ROLE]. Without one all people of a role are.",
    ),
    Section("lines", Line, "named", "Accounts over which test calls are placed. Lines are scarce."),
    Section(
        "agents", Line, "named", "Accounts by which Reveille answers as an agent.", like="lines"
    ),
    Section(
        "defaults",
        Rhythm,
        "named",
        "What all checks of one kind have, unless they say otherwise: [defaults.portal] has keys of"
        " the kind portal.",
        like="checks",
    ),
    Section(
        "checks",
        Rhythm,
        "named",
        "What is looked at. Each check has a `kind`, and its kind's own keys.",
    ),
    Section(
        "maintenance",
        Maintenance,
        "list",
        "When failures are expected: looked at, and told to nobody.",
    ),
    Section(
        "desks",
        DeskSettings,
        "named",
        "Where tickets go. Each desk has a `kind`, and its own keys.",
    ),
    Section(
        "audit", Audit, "once", "The morning round over the site's servers, mailed as a report."
    ),
    Section(
        "ledger",
        LedgerSettings,
        "once",
        "Where the ledger lies, and how long it keeps looks and their roll-ups; tickets and reports"
        " stay for good.",
    ),
    Section(
        "evidence",
        EvidenceSettings,
        "once",
        "Where evidence lies that is too large for a ledger which several hosts share.",
    ),
    Section(
        "probe",
        Probe,
        "once",
        "This host, where several work on one ledger (PostgreSQL).",
    ),
    Section(
        "page",
        Page,
        "once",
        "The status page, with metrics and health. It is there once this section is, if empty.",
    ),
    Section(
        "dead_man",
        DeadMan,
        "once",
        "A watcher elsewhere that cries when this monitor falls silent.",
    ),
)
