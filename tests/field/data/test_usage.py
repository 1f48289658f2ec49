"""Call records as they lie about: rotated by xz, written by other tools, damaged. Where nothing is
read, nothing is OK.

Each file has the records of one day; the figures that are right are reckoned by hand.
"""

from __future__ import annotations

import csv
import gzip
import lzma
import os
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard

from monitor.incidents.correlation import AttemptResult
from tests.field.story import Right, Story, comes_out, failed, once, told

CALLS = 200
HEADING = "accountcode,src,dst,dcontext,clid,channel\n"
ROTATED = "tom-draper/nginx-analytics#14, wvanbergen/request-log-analyzer PR 183"


def records(
    written: str = "%Y-%m-%d %H:%M:%S", day: int = 20, calls: int = CALLS
) -> Iterator[list[str]]:
    """As cdr_csv of Asterisk writes them."""
    for number in range(calls):
        morning = datetime(2026, 11, day, 9)  # noqa: DTZ001 - records have no zone
        start = morning + timedelta(minutes=2 * number)
        times = [
            start.strftime(written),
            start.strftime(written),
            (start + timedelta(seconds=68)).strftime(written),
        ]
        there = ["", f"+4930{number:06}", "8000", "from-trunk", "x", f"PJSIP/trunk-a-{number:08x}"]
        ends = ["68", "60", "ANSWERED", "D", f"17.{number}", "", "", f"17.{number}", str(number)]
        yield [*there, f"PJSIP/agent-1-{number:08x}", "Queue", "s", *times, *ends]


def save(
    file: Path, rows: Iterator[list[str]], letters: str = "utf-8", delimiter: str = ","
) -> Path:
    """The rows, each field in quotes."""
    with file.open("w", newline="", encoding=letters) as out:
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n", delimiter=delimiter).writerows(
            rows
        )
    return file


def good(folder: Path) -> str:
    return str(save(folder / "Master.csv", records()))


def rotated_by_xz(folder: Path) -> str:
    plain = save(folder / "day", records())
    (folder / "Master.csv.1.xz").write_bytes(lzma.compress(plain.read_bytes()))
    save(folder / "Master.csv", records(day=21, calls=5))
    return str(folder / "Master.csv*")


def with_semicolons(folder: Path) -> str:
    return str(save(folder / "Master.csv", records(), delimiter=";"))


def day_first(folder: Path) -> str:
    return str(save(folder / "Master.csv", records("%d/%m/%Y %H:%M:%S")))


def in_utf_16(folder: Path) -> str:
    return str(save(folder / "Master.csv", records(), letters="utf-16"))


def a_folder_beside(folder: Path) -> str:
    (folder / "sub").mkdir()
    save(folder / "Master.csv", records())
    return str(folder / "*")


def damaged(folder: Path) -> str:
    packed = bytearray(
        gzip.compress(b"".join(b"line %d of a file of records\n" % n for n in range(4000)), mtime=0)
    )
    packed[600:1500] = bytes(byte ^ 0x55 for byte in packed[600:1500])
    (folder / "Master.csv.gz").write_bytes(packed)
    return str(folder / "Master.csv*")


def rotated_by_zstd(folder: Path) -> str:
    plain = save(folder / "day", records()).read_bytes()
    (folder / "Master.csv-20261121").write_bytes(zstandard.ZstdCompressor().compress(plain))
    return str(folder / "Master.csv*")


def rotated_by_zip(folder: Path) -> str:
    with zipfile.ZipFile(folder / "Master.csv.1.zip", "w") as archive:
        archive.write(save(folder / "day", records()))
    return str(folder / "Master.csv*")


def packed_twice(folder: Path) -> str:
    plain = save(folder / "day", records()).read_bytes()
    (folder / "Master.csv.gz").write_bytes(gzip.compress(lzma.compress(plain)))
    return str(folder / "Master.csv*")


def in_milliseconds(folder: Path) -> str:
    return str(
        save(folder / "Master.csv", ([*row[:9], "1763612345678", *row[10:]] for row in records()))
    )


def american(folder: Path) -> str:
    return str(save(folder / "Master.csv", records("%m-%d-%y %I:%M:%S %p")))


def nothing_since_weeks(folder: Path) -> str:
    file = save(folder / "Master.csv", records(day=1))
    os.utime(file, (1750000000, 1750000000))
    return str(file)


def begun_anew(folder: Path) -> str:
    return str(save(folder / "Master.csv", records(day=23, calls=5)))


def only_a_heading(folder: Path) -> str:
    file = folder / "Master.csv"
    file.write_text("accountcode,src,dst,dcontext,clid,channel\n")
    return str(file)


def a_pipe(folder: Path) -> str:
    os.mkfifo(folder / "Master.csv")
    return str(folder / "Master.csv")


def compressed(folder: Path, before: bytes = b"", kept: float = 1.0) -> str:
    """As zstd packs it, in many blocks; `kept` is how much of it is there."""
    plain = save(folder / "day", records(calls=CALLS)).read_bytes()
    packed = zstandard.ZstdCompressor(level=-7).compress(plain * 40)
    (folder / "Master.csv-20261121").write_bytes(before + packed[: int(kept * len(packed))])
    return str(folder / "Master.csv*")


def cut_zstd(folder: Path) -> str:
    return compressed(folder, kept=0.6)


def by_pzstd(folder: Path) -> str:
    return compressed(folder, b"\x50\x2a\x4d\x18\x04\0\0\0size")


def by_lzma(folder: Path) -> str:
    plain = save(folder / "day", records()).read_bytes()
    (folder / "Master.csv.lzma").write_bytes(lzma.compress(plain, format=lzma.FORMAT_ALONE))
    return str(folder / "Master.csv*")


def lines_of_cr(folder: Path) -> str:
    file = save(folder / "Master.csv", records())
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r"))
    return str(file)


def lasting(length: str, talk: str) -> Callable[[Path], str]:
    """Every call as long as these words say."""

    def written(folder: Path) -> str:
        rows = ([*row[:12], length, talk, *row[14:]] for row in records())
        return str(save(folder / "Master.csv", rows))

    return written


def without_a_clock(folder: Path) -> str:
    """The PBX came up without time, and got it a hundred calls later."""
    rows = list(records())
    rows[:100] = ([*row[:9], *["1970-01-01 00:01:00"] * 3, *row[12:]] for row in rows[:100])
    return str(save(folder / "Master.csv", iter(rows)))


def forty_days(folder: Path, today: Iterator[list[str]], delimiter: str = ",") -> str:
    """A file that is never rotated, with a heading for each day before: nothing is wrong with
    those.
    """
    older = []
    for back in range(40, 0, -1):
        day = f"{date(2026, 11, 20) - timedelta(days=back)}"
        text = save(folder / "part", records(calls=60)).read_text()
        older += [HEADING, text.replace("2026-11-20", day).replace('"17.', f'"{back}00.')]
    (folder / "part").unlink()
    last = save(folder / "Master.csv", today, delimiter=delimiter)
    last.write_text("".join(older) + last.read_text())
    return str(last)


def long_and_good(folder: Path) -> str:
    return forty_days(folder, records())


def another_delimiter_since_today(folder: Path) -> str:
    return forty_days(folder, records(calls=60), ";")


def another_clock_since_today(folder: Path) -> str:
    return forty_days(folder, records("%d.%m.%Y %H:%M:%S", calls=60))


def other_words_since_today(folder: Path) -> str:
    return forty_days(folder, ([*row[:14], "BEANTWORTET", *row[15:]] for row in records(calls=60)))


WRONG = Right("FAILED")
NO_RECORDS = failed("", "no-records")
NOT_UNDERSTOOD = failed("", "not-understood")
STORIES = (
    Story("good", good, "cdr_csv"),
    Story("rotated-by-xz", rotated_by_xz, ROTATED),
    Story("semicolons", with_semicolons, ROTATED),
    Story("day-first", day_first, ROTATED, WRONG),
    Story("utf-16", in_utf_16, ROTATED, WRONG),
    Story("a-folder-beside", a_folder_beside, "a pattern that meets a folder", WRONG),
    Story("rotated-by-zstd-under-another-name", rotated_by_zstd, ROTATED),
    Story("zstd-cut-in-the-middle", cut_zstd, "RFC 8878, 3.1.1", failed("", "corrupt")),
    Story("rotated-by-pzstd", by_pzstd, "RFC 8878, 3.1.2: a skippable frame first"),
    Story("rotated-by-lzma", by_lzma, ROTATED, failed("connect", "not-records")),
    Story("lines-end-by-cr", lines_of_cr, "RFC 4180, 2", failed("", "not-records")),
    Story("lengths-with-commas", lasting("68,5", "60,25"), "a locale's numbers", NOT_UNDERSTOOD),
    Story("lengths-as-clocks", lasting("00:01:08", "00:01:00"), "an export's", NOT_UNDERSTOOD),
    Story("lengths-with-fractions", lasting("68.500", "60.250"), "cdr.conf: unanswered, ms"),
    Story("clock-of-1970", without_a_clock, "a clock without a battery", NOT_UNDERSTOOD),
    Story("rotated-by-zip", rotated_by_zip, ROTATED, failed("connect", "not-records")),
    Story("packed-twice", packed_twice, ROTATED, failed("connect", "not-records")),
    Story("epochs-in-milliseconds", in_milliseconds, "own sibling", NOT_UNDERSTOOD),
    Story("american-clock", american, "own sibling", NOT_UNDERSTOOD),
    Story("nothing-since-weeks", nothing_since_weeks, "own sibling", NO_RECORDS),
    Story("long-and-good", long_and_good, "a file that nobody rotates"),
    Story("delimiter-since-today", another_delimiter_since_today, "an upgrade", NOT_UNDERSTOOD),
    Story("clock-since-today", another_clock_since_today, "an upgrade", NOT_UNDERSTOOD),
    Story("words-since-today", other_words_since_today, "an upgrade", NOT_UNDERSTOOD),
    Story("begun-anew-after-the-day", begun_anew, "own sibling", NO_RECORDS),
    Story("only-a-heading", only_a_heading, "own sibling", WRONG),
    Story("a-pipe", a_pipe, "own sibling", failed("connect", "not-records")),
    Story("damaged", damaged, "a file that was cut and mended", WRONG),
)


async def used(folder: Path, **records: Any) -> AttemptResult:
    return await once(folder, "usage", date=date(2026, 11, 20), records=records)


@pytest.mark.parametrize("story", told(STORIES))
async def test_records_are_read_or_the_check_says_that_they_are_not(
    tmp_path: Path, story: Story
) -> None:
    there = tmp_path / "records"
    there.mkdir()
    seen = await used(tmp_path, file=story.far(there))
    comes_out(seen, story)
    assert seen.verdict.state != "OK" or seen.observation.measures["offered_calls"] == CALLS


async def test_an_outcome_in_other_letters_is_answered_or_odd(tmp_path: Path) -> None:
    rows = ([f"2026-11-20 10:{minute}:00", "68", "60", "Answered"] for minute in range(10, 60))
    file = save(tmp_path / "words.csv", rows)
    seen = await used(
        tmp_path, format="own", file=str(file), fields=["start", "length", "talk", "outcome"]
    )
    measures = seen.observation.measures
    assert measures["answered_calls"] == 50 or measures["odd_records"] == 50, measures


async def test_two_legs_are_one_call_where_one_names_the_other(tmp_path: Path) -> None:
    """signalwire/freeswitch#1042: bleg_uuid is empty on the B leg."""

    def legs() -> Iterator[list[str]]:
        for number in range(100):
            morning = datetime(2026, 11, 20, 9)  # noqa: DTZ001 - records have no zone
            start = morning + timedelta(minutes=3 * number)
            at = {after: str(start + timedelta(seconds=after)) for after in (0, 1, 9, 69)}
            a, b = (
                str(uuid.uuid5(uuid.NAMESPACE_OID, f"a{number}")),
                str(uuid.uuid5(uuid.NAMESPACE_OID, f"b{number}")),
            )
            codecs = ["PCMA", "PCMA"]
            ends = ["60", "NORMAL_CLEARING"]
            yield [
                "A",
                f"49{number}",
                "1001",
                "default",
                at[1],
                at[9],
                at[69],
                "68",
                *ends,
                b,
                "",
                "",
                *codecs,
            ]
            yield [
                "A",
                f"49{number}",
                "8000",
                "public",
                at[0],
                at[9],
                at[69],
                "69",
                *ends,
                a,
                b,
                "",
                *codecs,
            ]

    seen = await used(tmp_path, format="freeswitch", file=str(save(tmp_path / "fs.csv", legs())))
    assert seen.observation.measures["offered_calls"] == 100, seen.observation.measures


async def test_the_first_record_that_is_not_understood_is_named_without_its_words(
    tmp_path: Path,
) -> None:
    file = save(tmp_path / "Master.csv", records("%d/%m/%Y %H:%M:%S"))
    fault = (await used(tmp_path, file=str(file))).verdict.fault
    assert fault is not None
    assert "200 of 200" in fault.text
    assert "'99/99/9999 99:99:99'" in fault.text


async def test_a_chain_of_legs_is_one_call_in_whatever_order_they_come(tmp_path: Path) -> None:
    """A transfer, and then another: each leg names the next one only."""
    when = "2026-11-20 10:00:{:02}"

    def leg(number: int, linked: str) -> list[str]:
        times = [when.format(at) for at in (number, number + 1, 50)]
        ends = ["50", "49", "NORMAL_CLEARING", f"leg-{number}", linked, "", "PCMA", "PCMA"]
        return ["A", f"49{number}", "1001", "default", *times, *ends]

    chain = [leg(number, f"leg-{number + 1}" if number < 4 else "") for number in range(5)]
    rows = [chain[at] for at in (3, 0, 4, 2, 1)]
    seen = await used(tmp_path, format="freeswitch", file=str(save(tmp_path / "c.csv", iter(rows))))
    assert seen.observation.measures["offered_calls"] == 1, seen.observation.measures
