"""From data to words: mails and terminal pages. The only importer of jinja2; every sentence is in
templates/.

Rules:
1. A name that a template uses and that is not there is an error, never an empty place.
2. In HTML everything is escaped. The words of an event are rendered as plain text first, so they
   are escaped too.
3. What a far end said is cleaned of control characters before anybody's mail reader or terminal
   sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.fault_sentence import FaultSeen, template_of
from reports.fault_templates import FaultTemplates
from reports.formats import FILTERS, brief, clean, clean_painted, leave_plain, paint
from reports.ticket import EVENTS, Ticket

if TYPE_CHECKING:
    from jinja2 import Environment

    # A verb that shows one thing need not read what all others are made of: a sixth of what each
    # start of the command line costs.
    from reports.call_page import FailedCall
    from reports.maintenance import Ended
    from reports.morning_report import Audit
    from reports.pages import Overview, Visit
    from reports.rca import Rca

TEMPLATES = Path(__file__).parent / "templates"
# Two lines of a mailbox's list: readers cut off whatever is longer.
_LONGEST_SUBJECT = 160
_LONGEST_SENTENCE = 600


@dataclass(frozen=True, slots=True)
class Mail:
    """One message for one reader: a subject of one line, and the same content twice."""

    subject: str
    text: str
    html: str


def render_mail(event: str, ticket: Ticket, extra: Mapping[str, Any] | None = None) -> Mail:
    """The mail that tells of an event. Raises ValueError for an unknown event or one with something
    missing.
    """
    known = _extra(event, extra or {})
    if event == "rca":
        from reports.rca import Rca

        return render_rca(Rca.from_dict(known["rca"]), known["part"], known["by"])
    words = _words(event, ticket, known)
    data = {"ticket": ticket, "extra": known, "event": event, "words": words}
    return Mail(
        subject=brief(clean(_page("mail/subject.txt.j2", data)), _LONGEST_SUBJECT),
        text=_tidy(clean(_page("mail/mail.txt.j2", data))),
        html=clean(_page("mail/mail.html.j2", data)),
    )


def render_audit(audit: Audit, pictures: Mapping[str, str] | None = None) -> Mail:
    """The mail of a morning report. `pictures` has the sources of those that were drawn (cid: or
    data:), by name.
    """
    from reports.morning_summary import morning

    data = {"audit": audit, "m": morning(audit), "pictures": pictures or {}}
    return Mail(
        subject=brief(clean(_page("audit/subject.txt.j2", data)), _LONGEST_SUBJECT),
        text=_tidy(clean(_page("audit/audit.txt.j2", data))),
        html=clean(_page("audit/audit.html.j2", data)),
    )


def render_rca(rca: Rca, part: str = "rca", by: str = "") -> Mail:
    """An analysis, as it is mailed and shown; `by` is whoever sends it, "" for a draft."""
    data = {"rca": rca, "part": part, "by": by}
    return Mail(
        subject=brief(clean(_page("rca/subject.txt.j2", data)), _LONGEST_SUBJECT),
        text=_tidy(clean(_page("rca/rca.txt.j2", data))),
        html=clean(_page("rca/rca.html.j2", data)),
    )


def render_rca_form(rca: Rca) -> str:
    """What a person fills in (reports.rca.read_form reads it)."""
    from reports.rca import SECTIONS

    data = {"rca": rca, "sections": tuple(SECTIONS.items())}
    return _tidy(clean(_page("rca/edit.txt.j2", data)))


def render_maintenance(ended: Ended) -> Mail:
    """The mail of the end of a maintenance that a person began."""
    data = {"ended": ended}
    return Mail(
        subject=brief(clean(_page("maintenance/subject.txt.j2", data)), _LONGEST_SUBJECT),
        text=_tidy(clean(_page("maintenance/maintenance.txt.j2", data))),
        html=clean(_page("maintenance/maintenance.html.j2", data)),
    )


def render_evidence(call: FailedCall) -> str:
    """The page of one failed call: one HTML file that needs nothing from anywhere."""
    from reports.call_drawing import legs_of
    from reports.call_page import quality_rows

    data = {"call": call, "legs": legs_of(call.picture), "quality": quality_rows(call.measures)}
    return clean(_page("evidence/evidence.html.j2", data))


def render_page(template: str, visit: Visit, **data: Any) -> str:
    """A page of the status page, as HTML: `template` is "now", "ticket", "check" and so on."""
    return clean(_page(f"page/{template}.html.j2", {"visit": visit, **data}))


def glance(page: Overview) -> tuple[str, str]:
    """An overview in its tone and its one line."""
    tone, headline = _tidy(clean(_page("page/glance.txt.j2", {"page": page}))).split("\n")[:2]
    return tone, headline


@cache
def page_file(name: str) -> str:
    """What the pages need beside themselves: "style.css", "page.js" or "icon.svg"."""
    return _page(f"page/{name}.j2", {})


def render_text(template: str, *, colour: bool = False, columns: int = 70, **data: Any) -> str:
    """A page for a terminal of so many columns: `template` is "tickets", "ticket", "status", "once"
    or "explain".
    """
    found = _environment(colour).get_template(f"terminal/{template}.txt.j2")
    page = found.render({**data, "columns": columns})
    return _tidy(clean_painted(page) if colour else clean(page))


def render_spoken(template: str, **data: Any) -> str:
    """What is said on the telephone, on one line: `template` is "page", "taken" or "passed"."""
    page = _page(f"telephone/{template}.txt.j2", data)
    return " ".join(clean(page).split())


def fault_sentence(fault: FaultSeen) -> str:
    """What happened, in one sentence of plain words, and the code behind it in brackets."""
    _, clause = template_of(fault, fault_templates())
    page = _page("faults/parts/sentence.txt.j2", {"fault": fault, "clause": clause})
    return brief(clean(page), _LONGEST_SENTENCE)


@cache
def fault_templates() -> Mapping[str, str]:
    """Every code that has words of its own -> its template."""
    environment = _environment(colour=False)

    def source(file: str) -> str:
        return (TEMPLATES / file).read_text(encoding="utf-8")

    def sentences(file: str) -> Mapping[str, str]:
        said: Mapping[str, str] = vars(environment.get_template(file).module)["sentences"]
        return said

    return FaultTemplates(source, sentences)


# What an event may also have (reports.ticket.EVENTS), where it has not.
_UNSAID: Mapping[str, Any] = {
    "audience": "",
    "because": None,
    "check": "",
    "title": "",
    "worse": False,
    "from": "",
    "to": "",
    "by": "",
    "resolution": "",
    "after": "",
    "worked": True,
    "hold_seconds": 0,
    "takes_over": True,
    "stands_in": False,
    "mended": False,
    "phones": (),
    "missed": (),
    "enclosed": {},
    "take": "",
    "replies": False,
}


def _extra(event: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    if event not in EVENTS:
        raise ValueError(f"there is no event {event!r}; there are {', '.join(EVENTS)}")
    if missing := [name for name in EVENTS[event] if name not in extra]:
        raise ValueError(f"a mail about {event!r} needs {', '.join(missing)}")
    known = {**_UNSAID, **extra}
    if isinstance(due_at := known.get("due_at"), str):
        known["due_at"] = datetime.fromisoformat(due_at)
    known["missed"] = [
        {**one, "due_at": datetime.fromisoformat(one["due_at"])} for one in known["missed"]
    ]
    return known


def _words(event: str, ticket: Ticket, extra: Mapping[str, Any]) -> dict[str, str]:
    """The sentences of one event: tag (in the subject), lead, step (what to do now), tone (of the
    colours), and a title in place of the ticket's.
    """
    template = _environment(colour=False).get_template(f"mail/words/{event}.txt.j2")
    module = template.make_module({"ticket": ticket, "extra": extra})
    return {
        name: brief(str(getattr(module, name, "")), 2000)
        for name in ("tag", "lead", "step", "tone", "title")
    }


def _page(template: str, data: Mapping[str, Any]) -> str:
    return _environment(colour=False).get_template(template).render(data)


def _tidy(page: str) -> str:
    """No blanks at line ends, never two empty lines, one newline at the end."""
    lines = [line.rstrip() for line in page.strip("\n").splitlines()]
    kept = [line for at, line in enumerate(lines) if line or (at and lines[at - 1])]
    return "\n".join(kept).strip("\n") + "\n"


def _is_html(name: str | None) -> bool:
    return name is not None and name.endswith(".html.j2")


@cache
def _environment(colour: bool) -> Environment:
    # Imported for the first page: 3 MB, which a daemon that has nothing to say never needs.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        # By the name of the template: the words of an event are plain text, and become a part of
        # HTML later.
        autoescape=_is_html,  # noqa: S701 - HTML is escaped; plain text is not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    environment.filters["paint"] = paint if colour else leave_plain
    return environment
