"""Whether enough of a source was understood to say anything of a day. Only for the child process.

Rule: figures out of a source that was not read are the worst there can be, since a zero looks like
a quiet night. So nothing read is a fault, and a share that was not understood is one too.
"""

from __future__ import annotations

from checks.data.usage.leg_rows import Met
from checks.data.usage.source_faults import SourceFault
from checks.data.usage.source_reader import Job, Read, where
from checks.data.usage.timestamps import utc

# A heading, a torn line after a crash and a caller's name with a quote are a few in a thousand; a
# wrong delimiter, date or word is all of them, or one trunk's share.
_MOST_PERCENT = 5
_MANY = 10
# These say that a record could not be used; the other odd ones are counted as far as they go.
_NOT_UNDERSTOOD = ("unreadable", "without_start", "future", "unknown_words")


def understood(job: Job, found: Read) -> None:
    """Raises SourceFault where nothing was read, or too much of it was not understood."""
    # On a day that is not over yet a clock that is ahead writes records of the hours to come: they
    # are counted as odd, and understood.
    but = ("future",) if job.now < job.day.end else ()
    _mostly(found.met, where(job.records), job.records["kind"] == "file", but)
    _of_the_day(job, found.met)
    if job.queue_log is not None:
        _mostly(found.queue_met, where(job.queue_log), job.queue_log["kind"] == "file", but)
    _reaches_the_day(job, found.met)


def _mostly(met: Met, name: str, text: bool, but: tuple[str, ...]) -> None:
    met_odd = {what: met.odd[what] for what in _NOT_UNDERSTOOD if what not in but}
    counts = {what: count for what, count in met_odd.items() if count}
    odd = sum(counts.values())
    total = met.records + met.odd["unreadable"]
    # A database has said that there is nothing; of files nobody has.
    if not total and text:
        raise SourceFault("no-records", f"{name}: nothing was read: there is no record in it")
    # One line is a heading, as long as there is anything else.
    if odd * 100 > total * _MOST_PERCENT and (odd > 1 or odd == total):
        kinds = ", ".join(f"{count} {what.replace('_', ' ')}" for what, count in counts.items())
        raise SourceFault(
            "not-understood",
            f"{name}: {odd} of {total} records are not understood ({kinds}); the first, with its"
            f" letters and digits masked: {met.first_odd}",
        )


def _of_the_day(job: Job, met: Met) -> None:
    """Of a file of many days the day itself may be the share that is not understood."""
    # Torn lines of other days in the same block are counted too: a few say nothing.
    lost = met.undated.near if met.undated and job.records["kind"] == "file" else 0
    gone = lost >= _MANY or (not met.today and met.undated and met.undated.last > 1)
    words = met.odd["unknown_words"]
    if words > 1 and words * 100 > met.today * _MOST_PERCENT:
        lost, gone = words, True
    if lost and gone and lost * 100 > (met.today + lost) * _MOST_PERCENT:
        raise SourceFault(
            "not-understood",
            f"{where(job.records)}: {lost} records that may be of {job.day.date} are not"
            f" understood, {met.today} of that day are read; the first, with its letters and digits"
            f" masked: {met.first_odd}",
        )


def _reaches_the_day(job: Job, met: Met) -> None:
    """A file that was begun anew after the day has none of its records: the day was not quiet."""
    if met.first is not None and met.first >= job.day.end:
        raise SourceFault(
            "no-records",
            f"{where(job.records)}: its earliest record begins at {utc(met.first)}, after"
            f" {job.day.date}; name the rotated files too, as in Master.csv*",
        )
