"""The pictures of a report as plain data: what is drawn beside the numbers, which stand in the text
as well. Pure.

calls     calls in each hour, and those usual on the weekday       at-once   calls at once, hour by
          hour, and the peak
mos       quality of the test calls by hour, 3.6 marked            latency   how long looks took by
          hour
disk      how full the fullest disk was, and where that leads      backup    size and time of each
          backup, day by day

A picture that has nothing to show is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from reports.morning_report import Audit, Trend
from reports.ticket import plain
from reports.usage import hours

Values = tuple[float | None, ...]
# Four lines can be told apart in grey as well; a fifth makes all of them hard to follow.
_MOST_LINES = 4
# Two weeks: as long as it takes to buy a disk, and as far as a straight line may be trusted.
_FORECAST_DAYS = 14
# A line through fewer points follows a single odd day.
_LEAST_FOR_FORECAST = 5
_DAILY = ("disk", "backup-size", "backup-time")


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values: drawn as "bars", a "line", or a "dashed" line. `marked` are bars that
    stand out.
    """

    name: str
    values: Values
    style: str = "line"
    marked: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture. `level` is a value with a line of its own; `unit` stands at the highest number
    of the axis.
    """

    name: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str = ""
    level: float | None = None
    level_name: str = ""
    lowest: float | None = 0.0
    highest: float | None = None

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data, for the child that draws."""
        body: dict[str, object] = plain(self)
        return body


def charts_of(audit: Audit) -> tuple[Chart, ...]:
    """The pictures of a report, in the order in which they stand."""
    return tuple(chart for chart in _all(audit) if _shows(chart))


def _all(audit: Audit) -> Iterator[Chart]:
    for told in audit.usage[:1]:
        lines = hours(told)
        labels = tuple(line.label[:5] for line in lines)
        marked = tuple(at for at, line in enumerate(lines) if line.stands_out)
        calls = Series(
            audit.day.strftime("%A"), tuple(float(line.offered) for line in lines), "bars", marked
        )
        usual = Series("usual", tuple(line.usual for line in lines), "line")
        yield Chart("calls", labels, (calls, usual) if told["weeks"] else (calls,), "calls an hour")
        peak = told["concurrency"]
        at_once = Series("mean of the hour", tuple(line.erlangs for line in lines), "bars")
        yield Chart("at-once", labels, (at_once,), "calls at once", float(peak["peak"]), "peak")
    yield from _of_trends(audit.trends)


def _of_trends(trends: Sequence[Trend]) -> Iterator[Chart]:
    if quality := [trend for trend in trends if trend.measure == "mos"]:
        # MOS 3.6 is where G.107's user satisfaction passes from "some" to "many users dissatisfied"
        # (R = 70).
        yield Chart("mos", quality[0].labels, _lines(quality), "MOS", 3.6, "good", 1.0, 4.6)
    if latency := [trend for trend in trends if trend.measure == "seconds"]:
        yield Chart("latency", latency[0].labels, _lines(latency), "seconds")
    if disks := [trend for trend in trends if _of_disk(trend.measure)]:
        yield _forecast(disks)
    sizes = [trend for trend in trends if trend.measure == "backup_bytes"]
    times = [trend for trend in trends if trend.measure == "proof_seconds"]
    if sizes:
        yield Chart(
            "backup-size", sizes[0].labels, _lines([_in_megabytes(trend) for trend in sizes]), "MB"
        )
    if times:
        yield Chart("backup-time", times[0].labels, _lines(times), "seconds")


def _lines(trends: Sequence[Trend]) -> tuple[Series, ...]:
    return tuple(Series(trend.name, trend.values) for trend in trends[:_MOST_LINES])


def _in_megabytes(trend: Trend) -> Trend:
    values = tuple(None if value is None else value / 1e6 for value in trend.values)
    return Trend(trend.name, trend.measure, trend.labels, values)


def _forecast(disks: Sequence[Trend]) -> Chart:
    """The fullest disks, and a straight line on for two weeks."""
    labels = (*disks[0].labels, *(f"+{day}" for day in range(1, _FORECAST_DAYS + 1)))
    series = []
    for trend in disks[:2]:
        series.append(Series(trend.name, (*trend.values, *(None,) * _FORECAST_DAYS)))
        if line := _straight(trend.values):
            slope, start = line
            ahead = range(len(trend.values), len(trend.values) + _FORECAST_DAYS)
            # A disk cannot be fuller than full, nor emptier than empty, whatever the line says.
            on = tuple(min(100.0, max(0.0, start + slope * at)) for at in ahead)
            series.append(
                Series(
                    "forecast",
                    (*(None,) * (len(trend.values) - 1), trend.values[-1], *on),
                    "dashed",
                )
            )
    return Chart("disk", labels, tuple(series), "% full", 100.0, "full", 0.0, 110.0)


def _straight(values: Values) -> tuple[float, float] | None:
    """Slope and beginning of the straight line through what was measured; None where that is too
    little.
    """
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    if len(known) < _LEAST_FOR_FORECAST:
        return None
    slope, start = linear_regression([at for at, _ in known], [value for _, value in known])
    return slope, start


def _shows(chart: Chart) -> bool:
    """Whether there is a course to be seen: something at all, and of days more than one."""
    known = max(sum(value is not None for value in series.values) for series in chart.series)
    # One day is a point, and no course.
    return any(value for series in chart.series for value in series.values) and known > (
        chart.name in _DAILY
    )


def _of_disk(measure: str) -> bool:
    return (
        "percent" in measure.partition("disk")[2]
        or "most_used_percent" in measure
        or "most_inodes_percent" in measure
    )
