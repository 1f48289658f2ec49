"""The site's policy: a shipped one by its name, or a file of the site's own by its path."""

from __future__ import annotations

from collections.abc import Mapping

from checks.settings import shown
from monitor import policies
from monitor.config.configuration import CheckEntry, tables_in
from monitor.config.errors.explanation import Found, offer
from monitor.config.fault_list import ConfigurationFaults
from monitor.config.model_reader import Reading, Table
from monitor.config.toml_text import read
from monitor.core.policy import Policy, PolicyFaults
from monitor.desks.desk import DeskSettings
from monitor.desks.policy_words import words_in

_PLACE = ("site", "policy")


def policy_of(reading: Reading, written: str) -> Policy | None:
    """The policy that [site] names; None, with its faults told, where it cannot be had."""
    # A shipped policy is a plain word; whatever looks like a file is one.
    if "/" in written or written.endswith(".toml"):
        body = _own(reading, written)
    elif written in policies.shipped():
        body = policies.read(written)
    else:
        reading.fault(
            _PLACE, f"no policy is called {shown(written)}{offer(written, policies.shipped())}"
        )
        return None
    return _parsed(reading, written, body) if body is not None else None


def sorted_by_checks(reading: Reading, policy: Policy, checks: Mapping[str, CheckEntry]) -> Policy:
    """The policy with what the checks say of their own severity; a severity that there is not is a
    fault.
    """
    known = [one.id for one in policy.severities]
    named = {name: entry.severity for name, entry in checks.items() if entry.severity}
    for name, written in named.items():
        if written not in known:
            wrong = f"policy {policy.name!r} has no severity {shown(written)}"
            reading.fault(("checks", name, "severity"), f"{wrong}{offer(written, known)}")
    return policy.with_severities(named)


def words_of_desks(reading: Reading, policy: Policy, desks: Mapping[str, DeskSettings]) -> None:
    """Note each severity and issue that a desk names and the policy does not have."""
    known = {
        "severity": [one.id for one in policy.severities],
        "issue": [one.id for one in policy.issues],
    }
    offered = {**known, "issue": [one.id for one in policy.issues if one.owner != "monitor"]}
    for name, desk in desks.items():
        for place, table in tables_in(desk, ("desks", name)):
            for key, what, word in words_in(table):
                if word not in known[what]:
                    wrong = f"policy {policy.name!r} has no {what} {shown(word)}"
                    reading.fault((*place, *key), f"{wrong}{offer(word, offered[what])}")


def _own(reading: Reading, written: str) -> Table | None:
    try:
        return read(reading.directory / written, if_missing="").tables
    except ConfigurationFaults as refused:
        faults = refused.faults
    for one in faults:
        path = f"{written}: {one.path}" if one.path else written
        reading.found.append(Found(_PLACE, one.wrong, one.right, path))
    return None


def _parsed(reading: Reading, written: str, body: Table) -> Policy | None:
    try:
        # The house's own issues are merged into every policy: the monitor's own troubles are its,
        # whosever the policy is.
        return policies.parse(body)
    except PolicyFaults as refused:
        faults = refused.faults
    reading.found += [
        Found(_PLACE, one.wrong, one.right, f"{written}: {one.path}") for one in faults
    ]
    return None
