"""What became of several hosts' work under faults, counted out of the rows of the ledger, the mails
and the bench's own diary; nothing of the product is imported here.

A slot was possible from its time on, or from when a host could do its work again (it ran, its way
to the ledger was open, the ledger answered); what a fault's victim had at that moment, others may
have fifteen seconds later.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from tests.bench.host_fault_kinds import LEASE_SECONDS, Trouble

WITHIN_SECONDS, SILENT_SECONDS = 15.0, 30.0
Look = tuple[str, float]
"""check and begin, in seconds since 1970"""


@dataclass
class Count:
    """What was found."""

    looks: int = 0
    handed_in: int = 0
    slots: int = 0
    passed_over: int = 0
    """slots after which the next was owed before they were possible"""
    lateness: list[float] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    lost: list[Look] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)
    """what is wrong with the number of tickets"""
    mails: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    repeated: int = 0

    @property
    def faults(self) -> int:
        """All that must not be."""
        said = len(self.late) + len(self.tickets) + len(self.mails) + len(self.missed)
        return said + len(self.lost)


@dataclass(frozen=True)
class Seen:
    """What there is at the end."""

    looks: Sequence[Look]
    once_seen: frozenset[Look]
    """looks that somebody has read before"""
    in_journals: frozenset[Look]
    """looks that a host that was cut off had on its disk"""
    incidents: Sequence[tuple[int, str, float]]
    """number, key and time of opening"""
    opened_letters: Sequence[tuple[int, str]]
    """incident and recipient of each letter that tells of an opening"""
    opened_mails: Sequence[tuple[str, str]]
    """ticket and Message-ID of each mail that did"""


def impossible(troubles: Sequence[Trouble], hosts: int, end: float) -> list[tuple[float, float]]:
    """When nobody could look at anything."""
    edges = sorted({at for one in troubles for at in (one.begin, min(one.end, end))})
    found = list[tuple[float, float]]()
    for a, b in pairwise(edges):
        there = [t for t in troubles if t.disables and t.begin <= a and t.end >= b]
        if any(not t.host for t in there) or len({t.host for t in there}) == hosts:
            found.append((a, b))
    return found


def possible(
    check: str, slot: float, troubles: Sequence[Trouble], gaps: Iterable[tuple[float, float]]
) -> float:
    """From when on a slot could have been looked at."""
    at = slot
    pieces = sorted([(b, e, None) for b, e in gaps] + [(t.begin, 0.0, t) for t in troubles],
                    key=lambda piece: piece[0])  # fmt: skip
    for begin, end, trouble in pieces:
        if trouble is None:
            at = end if begin <= at + WITHIN_SECONDS and end > at else at
        elif slot - 1 <= begin <= at + WITHIN_SECONDS and trouble.disables:
            near = abs(begin - slot) < 1.0  # taken as the fault came
            had = trouble.held is None or check in trouble.held or near
            at = max(at, begin + LEASE_SECONDS) if had else at
    return at


def counted(
    seen: Seen,
    troubles: Sequence[Trouble],
    outages: Sequence[tuple[str, float, float]],
    keys: Mapping[str, str],
    spans: tuple[float, float],
    every: float,
    hosts: Sequence[str],
) -> Count:
    """`keys`: component -> the key of its ticket; `spans`: from when to when is counted."""
    there = {(check, round(at * 1000)) for check, at in seen.looks}
    late = [one for one in sorted(seen.in_journals) if not _is_there(one, there)]
    lost = [*sorted(seen.once_seen - set(seen.looks)), *late]
    count = Count(len(seen.looks), handed_in=len(seen.in_journals), lost=lost)
    gaps = impossible(troubles, len(hosts), spans[1])
    by_check = defaultdict[str, list[float]](list)
    for check, at in seen.looks:
        by_check[check].append(at)
    for check, looks in by_check.items():
        _slots(count, check, sorted(looks), troubles, gaps, spans, every)
    _tickets(count, seen, outages, keys, gaps)
    _mails(count, seen)
    _silence(count, seen, troubles, hosts, spans[1])
    return count


def _is_there(look: Look, there: Collection[tuple[str, int]]) -> bool:
    # Two of one millisecond: the second has the next.
    check, at = look
    return any((check, round(at * 1000) + more) in there for more in range(4))


def _slots(
    count: Count,
    check: str,
    looks: Sequence[float],
    troubles: Sequence[Trouble],
    gaps: Sequence[tuple[float, float]],
    spans: tuple[float, float],
    every: float,
) -> None:
    # Most looks begin a few hundredths of a second after their slot.
    rounded = Counter(round(at % every, 1) for at in looks)
    phase = rounded.most_common(1)[0][0] - 0.1
    number = int((spans[0] - phase) // every) + 1
    while (slot := number * every + phase) < spans[1] - every - LEASE_SECONDS:
        number += 1
        count.slots += 1
        could = possible(check, slot, troubles, gaps)
        if could >= slot + every - WITHIN_SECONDS:
            count.passed_over += 1
            continue
        first = next((at for at in looks if at >= slot - 0.5), float("inf"))
        count.lateness.append(first - could)
        if first > could + WITHIN_SECONDS:
            count.late.append(
                f"{check} {slot:.1f}: {first - slot:.1f} s, possible {could - slot:.1f}"
            )


def _tickets(
    count: Count,
    seen: Seen,
    outages: Sequence[tuple[str, float, float]],
    keys: Mapping[str, str],
    gaps: Sequence[tuple[float, float]],
) -> None:
    opened = Counter(key for _, key, _ in seen.incidents)
    for component, key in keys.items():
        times = sum(one == component for one, _, _ in outages)
        if "monitor-is-blind" in key:
            # It was, where a host without room was the only one that could look at all.
            at = [when for _, one, when in seen.incidents if one == key]
            blind = [one for one in at if not _is_near(one, gaps)]
            count.tickets += [f"{key} at {one:.0f}: others could look" for one in blind]
        elif opened[key] > times or (times and not opened[key]):
            count.tickets.append(f"{key}: {opened[key]} tickets of {times} outages")


def _is_near(at: float, gaps: Sequence[tuple[float, float]]) -> bool:
    return any(begin - 3 * WITHIN_SECONDS <= at <= end + 3 * WITHIN_SECONDS for begin, end in gaps)


def _mails(count: Count, seen: Seen) -> None:
    letters = Counter(seen.opened_letters)
    count.mails += [f"ticket {n}: {times} first letters to {who}"
                    for (n, who), times in letters.items() if times > 1]  # fmt: skip
    sent = defaultdict[str, list[str]](list)
    for ticket, message_id in seen.opened_mails:
        sent[ticket].append(message_id)
    for ticket, ids in sent.items():
        count.repeated += len(ids) - len(set(ids))
        owed = sum(str(n) in ticket.split("-") for n, _ in letters)
        if len(set(ids)) > owed:
            count.mails.append(f"{ticket}: {len(set(ids))} first mails, {owed} letters")
    if len(sent) != len({n for n, _ in letters}):
        count.mails.append(f"{len({n for n, _ in letters})} tickets, told of {len(sent)}")


def _silence(
    count: Count, seen: Seen, troubles: Sequence[Trouble], hosts: Sequence[str], end: float
) -> None:
    for host in hosts:
        key = f"host-is-silent @{host}"
        told = [at for _, one, at in seen.incidents if one.endswith(key)]
        for begin, over in silences([t for t in troubles if t.host == host and t.disables], end):
            of = [at for at in told if begin - WITHIN_SECONDS <= at <= over]
            told = [at for at in told if at not in of]
            if len(of) > 1:
                count.missed.append(f"{host}: {len(of)} tickets of {over - begin:.0f} s of silence")
            elif of and over - begin < SILENT_SECONDS - 5:
                count.missed.append(f"{host}: a ticket of {over - begin:.0f} s of silence")
        count.missed += [f"{host} at {at:.0f}: it was there" for at in told]


def silences(troubles: Sequence[Trouble], end: float) -> list[tuple[float, float]]:
    """When a host could not be heard; what follows within seconds is one silence."""
    found = list[tuple[float, float]]()
    for one in sorted(troubles, key=lambda t: t.begin):
        over = min(one.end, end) + WITHIN_SECONDS
        if found and one.begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(over, found[-1][1]))
        else:
            found.append((one.begin, over))
    return found


def figures(values: Sequence[float]) -> dict[str, Any]:
    """Of lateness, in seconds."""
    ordered = sorted(values) or [0.0]
    return {
        "median": median(ordered),
        "p99": ordered[int(len(ordered) * 0.99)],
        "longest": ordered[-1],
    }
