"""Values that are allowed, and probably not what was meant: a word that no rule of the policy
knows, a look that outlasts its rhythm, a time zone that only seems to be the place's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from pathlib import Path

from checks.fault_codes import CODES, is_known
from checks.kinds import kinds
from checks.settings import nearest, shown, write_duration
from monitor import policies
from monitor.config.configuration import Configuration
from monitor.config.errors.explanation import Found
from monitor.core.failure import Case
from monitor.core.policy_rules import named, names
from monitor.core.policy_terms import UNSORTED

# The tz database keeps these names for old programs: one offset all the year round.
_WITHOUT_SUMMER = {
    "EST": "America/New_York",
    "MST": "America/Denver",
    "HST": "Pacific/Honolulu",
}
_MOST_WORDS = 8
_ETC = re.compile(r"(?:Etc/)?GMT([+-])([1-9][0-9]?)")


def odd_values(configuration: Configuration) -> Iterator[Found]:
    """Each of them, with what would be right."""
    yield from _components(configuration)
    yield from _unsorted(configuration)
    yield from _rules_that_wait(configuration)
    yield from _slower_than_their_rhythm(configuration)
    yield from _backups_of_backups(configuration)
    yield from _alarms_of_forecasts(configuration)
    yield from _zone(configuration.site.timezone)


def _components(configuration: Configuration) -> Iterator[Found]:
    rules = configuration.policy.rules
    known = _known_components(configuration)
    for name, entry in configuration.checks.items():
        word = entry.component
        if word and word not in known and not names(rules, "component", word):
            policy = configuration.policy.name
            yield Found.said(
                ("checks", name, "component"),
                f"no rule of policy {policy!r} knows the component {shown(word)}"
                + (nearest(word, known) or f"; it makes no difference{_such_as(known)}"),
            )


def _known_components(configuration: Configuration) -> list[str]:
    known = [w for w in named(configuration.policy.rules, "component") if not set(w) & set("*?[")]
    known += [entry.probe.COMPONENT for entry in configuration.checks.values()]
    return list(dict.fromkeys(filter(None, known)))


def _unsorted(configuration: Configuration) -> Iterator[Found]:
    """Checks without a component of a kind that the policy tells apart by it, or does not know."""
    policy, known = configuration.policy, _known_components(configuration)
    for name, entry in configuration.checks.items():
        case = Case(entry.probe.KIND, check=name, layer=entry.probe.highest_layer())
        found = None if entry.component else policy.classify(case)
        if found is not None and found.issue.id == UNSORTED:
            yield Found(
                ("checks", name),
                f"policy {policy.name!r} cannot sort {shown(entry.probe.KIND)} by itself: a failure"
                f" is told to the operators as {found.issue.id!r}, {found.severity.id}",
                "say what it stands for: component = " + _meant(name, known),
            )


def _meant(name: str, known: list[str]) -> str:
    """The component that a check is named after, else those to choose from."""
    likely = [word for word in known if word in name] or get_close_matches(name, known, n=1)
    return shown(likely[0]) if likely else " | ".join(map(shown, known[:_MOST_WORDS])) or '"..."'


def _rules_that_wait(configuration: Configuration) -> Iterator[Found]:
    """Rules of the site's own policy for a kind or a code that there is not: they wait for ever."""
    policy = configuration.policy
    if configuration.site.policy in policies.shipped():
        return
    # What the shipped ones name for kinds of others is no slip in a copy of one.
    shipped = [rule for name in policies.shipped() for rule in policies.load(name).rules]
    known: dict[str, Collection[str]] = {"kind": kinds(), "code": CODES}
    for field, there in known.items():
        for word in named(policy.rules, field):
            usual = names(shipped, field, word) or word in there or is_known(word)
            if not usual and not set(word) & set("*?["):
                wrong = f"a rule of policy {policy.name!r} waits for the {field} {shown(word)}"
                hint = nearest(word, there) or f"; {_no_such(field)}"
                yield Found.said(("site", "policy"), f"{wrong}, which there is not{hint}")


def _no_such(field: str) -> str:
    """Where the words that there are stand."""
    return "'reveille reference' lists them" if field == "kind" else "leave the rule out"


def _such_as(known: list[str]) -> str:
    """Some of the words that do."""
    return f"; the policy knows {', '.join(known[:_MOST_WORDS])} …" if known else ""


def _slower_than_their_rhythm(configuration: Configuration) -> Iterator[Found]:
    for name, entry in configuration.checks.items():
        within = getattr(entry.probe, "within", None)
        if entry.every and isinstance(within, int | float) and within > entry.every:
            yield Found(
                ("checks", name, "within"),
                f"one look may take {write_duration(within)} (within), and the next is due after"
                f" {write_duration(entry.every)} (every)",
                "write a longer 'every', or a shorter 'within'",
            )


def _backups_of_backups(configuration: Configuration) -> Iterator[Found]:
    """A directory that its own backups are put into: each of them holds all that were before."""
    for name, entry in configuration.checks.items():
        path, folder = (getattr(entry.probe, key, None) for key in ("path", "folder"))
        if entry.probe.BACKUPS != "takes" or not isinstance(path, Path):
            continue
        left_out = getattr(entry.probe, "exclude", ())
        if isinstance(folder, Path) and folder.is_relative_to(path) and not left_out:
            yield Found(
                ("checks", name, "folder"),
                "the backups lie in what is backed up: each holds all that were before",
                f"name a folder outside of {path}, or leave it out with 'exclude'",
            )


def _alarms_of_forecasts(configuration: Configuration) -> Iterator[Found]:
    """What ends in some days is no outage, and is told as the worst one where its component says
    so.
    """
    policy = configuration.policy
    for name, entry in configuration.checks.items():
        for number, expected in enumerate(entry.expect):
            if not expected.measure.endswith("_days"):
                continue
            case = Case(
                entry.probe.KIND,
                code=f"expected:{expected.measure}",
                check=name,
                component=entry.component,
                layer=entry.probe.highest_layer(),
            )
            found = policy.classify(case)
            if found.severity.rank == 0:
                title = f"{found.severity.id}, {found.issue.title!r}"
                own = entry.component != entry.probe.COMPONENT
                yield Found(
                    ("checks", name, "expect", number),
                    f"broken it is told as {title}, days before anything is",
                    "write it under 'warn'" + (", or leave 'component' out" if own else ""),
                )


def _zone(zone: str) -> Iterator[Found]:
    if zone in _WITHOUT_SUMMER:
        yield Found(
            ("site", "timezone"),
            f"{zone!r} has no summer time: one offset all the year round",
            f"write a place, as in {_WITHOUT_SUMMER[zone]!r}",
        )
    elif found := _ETC.fullmatch(zone):
        side = "behind" if found[1] == "+" else "ahead of"
        yield Found(
            ("site", "timezone"),
            f"its sign is the other way round (POSIX): {zone!r} is {found[2]} h {side} UTC, without"
            " summer time",
            "write a place, as in 'Asia/Kolkata'",
        )
