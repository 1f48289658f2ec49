"""The metrics, in Prometheus' text form or OpenMetrics': made of the ledger when somebody asks.

Rules: names as Prometheus has them: base units, `_total` for what only grows, `_timestamp_seconds`
for moments. Looks are counted from the start of the page's process on. Each series says which site
it is of, but for those of the daemon itself, which is one for all sites.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from checks.body import Unreadable
from monitor.config import Configuration
from monitor.core.verdict import State
from monitor.incidents import store
from monitor.incidents.ticket_view import clock_lines, state_of, ticket_name
from monitor.ledger import Ledger
from monitor.ledger.encoding import milliseconds
from monitor.service.heartbeat import heartbeat
from monitor.service.standing import standing
from reports.command_views import Status

Families = list[Metric]
"""the metrics of one site, each family with its series"""
_OF_THE_DAEMON = ("reveille_build_info", "reveille_daemon_")


class Metrics:
    """The metrics of one site."""

    def __init__(self, configuration: Configuration, begun: datetime) -> None:
        """Looks after `begun` are counted."""
        self._configuration = configuration
        self._after = dict.fromkeys(configuration.checks, milliseconds(begun))
        self._looks: dict[tuple[str, str, str], int] = {}

    def written(self, ledger: Ledger, now: datetime, accept: str) -> tuple[bytes, str]:
        """All of them in the form that is asked for, and its media type."""
        return written([self.families(ledger, now)], accept)

    def families(self, ledger: Ledger, now: datetime) -> Families:
        """All of them, each series with its site."""
        return self._of_the_site(self._all(ledger, now))

    def unread(self) -> Families:
        """What is known where its ledger cannot be read."""
        return self._of_the_site([_up(live=False)])

    def _of_the_site(self, families: Iterable[Metric]) -> Families:
        made = list(families)
        name = self._configuration.site.name
        for family in made:
            if not family.name.startswith(_OF_THE_DAEMON):
                family.samples = [
                    one._replace(labels={"site": name, **one.labels}) for one in family.samples
                ]
        return made

    def _all(self, ledger: Ledger, now: datetime) -> Iterator[Metric]:
        status = standing(ledger, self._configuration, now, calls=False)
        yield from _daemon(self._configuration, status)
        yield from self._checks(ledger, status)
        yield from _tickets(ledger, self._configuration, now)
        yield _gauge("reveille_letters", "Letters in the outbox", ["state"], (
            ([state], count) for state, count in status.outbox.items()
        ))  # fmt: skip
        if report := next(iter(ledger.newest("audit")), None):
            yield _gauge(
                "reveille_report_timestamp_seconds",
                "When the last morning report was made",
                [],
                [([], report.at.timestamp())],
            )

    def _checks(self, ledger: Ledger, status: Status) -> Iterator[Metric]:
        lines = status.checks
        yield _gauge(
            "reveille_check_state",
            "1 for the state that the check is in, 0 for the others",
            ["check", "kind", "state"],
            (
                ([one.name, one.kind, state.value], float(one.state == state.value))
                for one in lines
                for state in State
            ),
        )
        yield _gauge(
            "reveille_check_overdue",
            "Whether its next look is overdue",
            ["check", "kind"],
            (([one.name, one.kind], float(one.overdue)) for one in lines),
        )
        yield _gauge(
            "reveille_check_muted",
            "Whether a maintenance hides it",
            ["check", "kind"],
            (([one.name, one.kind], float(bool(one.muted))) for one in lines),
        )
        yield _gauge(
            "reveille_check_last_look_timestamp_seconds",
            "When it was looked at last",
            ["check", "kind"],
            (([one.name, one.kind], one.last_at.timestamp()) for one in lines if one.last_at),
        )
        yield from self._measured(ledger)
        yield self._counted(ledger)

    def _measured(self, ledger: Ledger) -> Iterator[Metric]:
        seconds, measures = [], []
        for name, entry in self._configuration.checks.items():
            for row in ledger.attempts(name, limit=1):
                kind, seen = entry.probe.KIND, row.observation
                seconds.append(([name, kind], seen.seconds))
                measures += [([name, kind, key], float(v)) for key, v in seen.measures.items()]
        yield _gauge(
            "reveille_check_duration_seconds",
            "How long its last look took",
            ["check", "kind"],
            seconds,
        )
        yield _gauge(
            "reveille_check_measure",
            "What its last look measured; the name of the measure carries the unit",
            ["check", "kind", "measure"],
            measures,
        )

    def _counted(self, ledger: Ledger) -> Metric:
        for name, kind, state, looks, last in ledger.looks_after(self._after):
            key = (name, kind, state)
            self._looks[key] = self._looks.get(key, 0) + looks
            self._after[name] = max(self._after[name], last)
        family = CounterMetricFamily(
            "reveille_check_looks",
            "Looks since the page started",
            labels=["check", "kind", "state"],
        )
        for key, count in sorted(self._looks.items()):
            family.add_metric(key, count)
        return family


def written(sites: Iterable[Families], accept: str) -> tuple[bytes, str]:
    """The metrics of several sites as one text in the form that is asked for, and its media type:
    each family once, with the series of all.
    """
    merged: dict[str, Metric] = {}
    for family in (one for families in sites for one in families):
        there = merged.setdefault(family.name, family)
        if there is not family and not family.name.startswith(_OF_THE_DAEMON):
            there.samples.extend(family.samples)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Made(merged.values()))
    encoder, media_type = choose_encoder(accept)
    return encoder(registry), media_type


class _Made(Collector):
    """Families that were made before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._families


def _gauge(name: str, meaning: str, labels: list[str], values: object) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=labels)
    for label, value in values:  # type: ignore[attr-defined]
        family.add_metric(label, value)
    return family


def _up(*, live: bool) -> Metric:
    meaning = "Whether the daemon runs, and can keep what it sees"
    return _gauge("reveille_up", meaning, [], [([], float(live))])


def _daemon(configuration: Configuration, status: Status) -> Iterator[Metric]:
    yield _up(live=status.running and not status.stalled and not status.barrier)
    yield _gauge("reveille_build_info", "The release", ["version"], [([_version()], 1.0)])
    beat = heartbeat(configuration.state)
    if beat is None:
        return
    yield _gauge(
        "reveille_heartbeat_timestamp_seconds",
        "The daemon's last sign of life",
        [],
        [([], beat.at.timestamp())],
    )
    if beat.running:
        yield from _process(beat.pid)


def _process(number: int) -> Iterator[Metric]:
    """The daemon itself, as Prometheus' own process metrics are called."""
    try:
        process = psutil.Process(number)
        with process.oneshot():
            memory, times = process.memory_info().rss, process.cpu_times()
            descriptors, threads = process.num_fds(), process.num_threads()
            began = process.create_time()
    except psutil.Error:
        return
    used = CounterMetricFamily("reveille_daemon_cpu_seconds", "Processor time of the daemon")
    used.add_metric([], times.user + times.system)
    yield used
    for name, meaning, value in (
        ("resident_memory_bytes", "Memory of the daemon", memory),
        ("open_fds", "Open descriptors of the daemon", descriptors),
        ("threads", "Threads of the daemon", threads),
        ("start_time_seconds", "When the daemon started", began),
    ):
        yield _gauge(f"reveille_daemon_{name}", meaning, [], [([], float(value))])


def _tickets(ledger: Ledger, configuration: Configuration, now: datetime) -> Iterator[Metric]:
    opened: dict[tuple[str, str], int] = {
        (severity.id, state): 0
        for severity in configuration.policy.severities
        for state in ("open", "acknowledged", "recovered")
    }
    due, late = [], []
    for row in ledger.open_incidents():
        try:
            incident = store.incident_of(row)
        except Unreadable:
            continue  # counted by reveille_unreadable_rows
        key = (incident.severity.id, state_of(incident))
        opened[key] = opened.get(key, 0) + 1
        for clock in clock_lines(configuration, incident, now):
            labels = [ticket_name(configuration, incident.number), incident.severity.id, clock.name]
            if clock.state in ("running", "breached"):
                due.append((labels, clock.due_at.timestamp()))
                late.append((labels, float(clock.state == "breached")))
    yield _gauge(
        "reveille_tickets",
        "Tickets that are not closed",
        ["severity", "state"],
        (([severity, state], float(count)) for (severity, state), count in opened.items()),
    )
    labels = ["ticket", "severity", "promise"]
    yield _gauge("reveille_ticket_due_timestamp_seconds", "When a promise falls due", labels, due)
    yield _gauge("reveille_ticket_breached", "Whether a promise is overdue", labels, late)
    yield _gauge(
        "reveille_unreadable_rows",
        "Tickets and checks whose state this program cannot read",
        [],
        [([], float(len(store.unreadable(ledger))))],
    )


def _version() -> str:
    try:
        return version("reveille-monitor")
    except PackageNotFoundError:
        return "unknown"
