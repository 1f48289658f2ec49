"""Looks for scans in logs, and for dear calls in call records."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from checks.contract import CannotTell
from checks.data.usage.source_faults import SourceFault
from checks.host.collectors.collector import Look, NotLooked, listed
from checks.host.collectors.dialled_numbers import Call, calls, nation_of
from checks.host.collectors.new_lines import new_lines
from checks.host.collectors.nights import nights

STAGES = ("log", "calls", "night")
_DAY_SECONDS = 86400.0
_MOST_KEPT = 200
# Half of it is an account that a scanner has chosen; the patterns are not linear in it.
_LONGEST_LINE = 1000
_ADDRESS = r"\[?([0-9a-fA-F:.]+?)\]?"
# Of Asterisk: PJSIP's distributor, chan_sip, the security log (res_security_log); of FreeSWITCH:
# sofia_reg; of Kamailio: the module pike, by the script or itself. The account, the name beside it
# and what a script writes are the caller's own text, and may hold all of these words. So nothing
# that is quoted stands before them, of two addresses the last is the true one, and of Kamailio's
# marks the first.
_REFUSED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"[^'\"]*Request '\w+' from '(?:.*<)?sips?:(?P<a>[^@>;']*).*' failed for '{_ADDRESS}:\d+'",
        (
            r"[^'\"]*Registration from '(?:.*<)?sips?:(?P<a>[^@>;']*).*' failed for"
            rf" '{_ADDRESS}(?::\d+)?'"
        ),
        (
            r"[^'\"]*SecurityEvent=\"(?:InvalidPassword|InvalidAccountID|ChallengeResponseFailed"
            r"|FailedACL)\".*?AccountID=\"(?P<a>[^\"]*)\".*"
            rf"RemoteAddress=\"IPV[46]/\w+/{_ADDRESS}/\d+\""
        ),
        (
            r"[^'\"]*SIP auth failure \(\w+\) on sofia profile '[^']*' for \[(?P<a>[^@\]]*).*\]"
            rf" from ip {_ADDRESS}$"
        ),
        (
            r"(?:(?!<script>: |pike \[).)*(?:<script>: |pike \[[^\]]*\]: (?:\w+\(\): )?)(?P<a>)"
            rf"PIKE - (?:BLOCKing|UNBLOCKed) ip {_ADDRESS},"
        ),
    )
)
# Who was let in: Asterisk's security log, PJSIP's registrar, chan_sip. What a stranger wrote stands
# in quotes in these logs: before these words there is none.
_LET_IN = re.compile(
    r"[^'\"]*(?:SecurityEvent=\"SuccessfulAuth\".*?AccountID=\"(?P<a>[^\"]*)\".*?"
    rf"RemoteAddress=\"IPV[46]/\w+/{_ADDRESS}/\d+\""
    rf"|Added contact 'sip:(?P<b>[^@']*)@\[?(?P<c>[0-9a-fA-F.:]+?)\]?:\d+"
    rf"|Registered SIP '(?P<d>[^']*)' at (?P<e>[0-9.]+))"
)


def look(at: Look) -> None:
    """Logs and records, as far as they are named."""
    if at.settings["logs"]:
        with at.stage("log"):
            scans(at)
    if at.settings["records"]:
        made: list[Call] | None = None
        with at.stage("calls"):
            try:
                made = calls(at)
            except SourceFault as fault:
                raise NotLooked(f"the call records: {fault.code}: {fault.text}") from None
            except CannotTell as own:
                raise NotLooked(f"the call records: {own}") from None
            dear(at, made)
        with at.stage("night"):
            if made is None:
                raise NotLooked("the call records were not to be had")
            nights(at, made)


def scans(at: Look) -> None:
    """Count who was refused how often, and who was let in after that."""
    refused: Counter[str] = Counter()
    tried: defaultdict[str, set[str]] = defaultdict(set)
    broken = {tuple(pair) for pair in at.recalled.get("broken", [])}
    read = 0
    for pattern in at.settings["logs"]:
        path = Path(pattern)
        files = sorted(path.parent.glob(path.name)) or [path]
        for file in files:
            for whole in new_lines(at, file):
                line, read = whole[:_LONGEST_LINE], read + 1
                if found := next((m for sign in _REFUSED if (m := sign.match(line))), None):
                    account, address = found["a"], found[found.lastindex or 0]
                    refused[address] += 1
                    tried[address].add(account)
                elif (let := _LET_IN.match(line)) and refused[_where(let)] >= at.settings[
                    "most_refused"
                ]:
                    # A scanner that was refused many times and is let in has found a password.
                    broken.add((let["a"] or let["b"] or let["d"] or "?", _where(let)))
    at.note(f"{read} new lines of log, {refused.total()} refusals from {len(refused)} addresses")
    scanning = {
        address: times for address, times in refused.items() if times >= at.settings["most_refused"]
    }
    at.measure("refused_requests", refused.total())
    at.measure("scanning_addresses", len(scanning))
    accepted = at.accepted.get("broken", [])
    still = sorted(list(pair) for pair in broken if list(pair) not in accepted)
    at.propose("broken", sorted([*accepted, *still]))
    at.remember("broken", still[-_MOST_KEPT:])
    if still:
        who = [f"{account} from {address}" for account, address in still]
        at.fault("account-broken", f"let in after many refusals: {listed(who)}")
    if scanning:
        worst = sorted(scanning.items(), key=lambda pair: -pair[1])
        said = [
            f"{address} ({times} times, {len(tried[address])} accounts)" for address, times in worst
        ]
        at.fault("registration-scan", f"refused: {listed(said, 5)}")


def _where(let: re.Match[str]) -> str:
    return let["c"] or let["e"] or let[2] or ""


def dear(at: Look, made: list[Call]) -> None:
    """Premium ranges and unusual countries; what was found stays until it is accepted."""
    accepted: list[str] = at.accepted.get("countries", [])
    usual = {
        at.settings["country"].lstrip("+"),
        *(code.lstrip("+") for code in at.settings["countries"]),
        *accepted,
    }
    abroad: Counter[str] = Counter(call.nation for call in made if call.nation)
    premium = [call for call in made if call.premium]
    at.measure("outgoing_calls", len(made))
    at.measure(
        "international_calls",
        sum(n for code, n in abroad.items() if code != at.settings["country"].lstrip("+")),
    )
    at.measure("premium_calls", len(premium))
    # What was found stays until a person accepts it: a country that was called once must not fall
    # silent the next morning.
    before = {code: n for code, n in at.recalled.get("unusual", {}).items() if code not in usual}
    unusual = {**before, **{code: n for code, n in abroad.items() if code not in usual}}
    at.measure("unusual_countries", len(unusual))
    at.remember("unusual", unusual)
    at.propose("countries", sorted({*accepted, *unusual}))
    if premium:
        minutes = sum(call.seconds for call in premium) / 60
        numbers = [
            f"{number} from {caller}"
            for number, caller in Counter((c.number, c.caller) for c in premium)
        ]
        at.fault(
            "premium-call", f"{len(premium)} calls, {minutes:.0f} minutes: {listed(numbers, 5)}"
        )
    if unusual:
        named = [
            f"+{code} {nation_of(code)} ({n})"
            for code, n in sorted(unusual.items(), key=lambda pair: -pair[1])
        ]
        at.fault("unusual-country", f"called, and not usual here: {listed(named)}")
    for call in made:
        if call.seconds > at.settings["longest_call"]:
            at.warning(f"{call.caller} talked to {call.number} for {call.seconds / 3600:.1f} hours")
