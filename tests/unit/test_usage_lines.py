"""Lines of CSV taken by the block, against Python's own csv module; and lines that were damaged."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.data.usage import csv_blocks, text_reader
from checks.data.usage.columns import Meanings
from checks.data.usage.leg_rows import Codes, Met
from checks.data.usage.text_files import files_of
from checks.data.usage.text_reader import CsvRecords
from checks.data.usage.timestamps import NEVER, Zone

FIELDS = ("", "caller", "trunk", "start", "length", "id")
NASTY = st.text(st.sampled_from('a"\n,;|- é\t'), max_size=12)
STAMPS = st.sampled_from(
    ["2026-11-20 10:00:00", "2026-11-20T10:00:00Z", "", "x", "2026-11-20 10:00:00.25+02"]
)
WHOLE = st.one_of(
    st.integers(-(10**11), 10**11).map(str), st.sampled_from(["", "12.0", "x", "0007", "99999999"])
)
CHANNELS = st.sampled_from(
    ["PJSIP/trunk-a-0000002f", "SIP/b-1", "nodash", "-x", "", "Local/1@q-00;1"]
)


def records(data: bytes, folder: Path) -> tuple[list[dict[str, Any]], Met]:
    """Every record by its terms, and what was met."""
    path, met = folder / "records.csv", Met()
    found: list[dict[str, Any]] = []
    path.write_bytes(data)
    source = CsvRecords(files_of(str(path), 0), FIELDS, met)
    for columns in source.batches():
        codes = Codes()
        numbers = columns.numbers("trunk", codes, channel=True)
        whole, missing = columns.whole("length")
        found += [
            {"caller": who, "trunk": codes.names[code], "start": start,
             "length": None if none else length, "id": one}
            for who, code, start, length, none, one in zip(
                columns.words("caller"), numbers.tolist(),
                columns.instants("start", Zone("UTC"))[0].tolist(), whole.tolist(),
                missing.tolist(), columns.words("id"), strict=True,
            )
        ]  # fmt: skip
    return found, met


def told(row: list[str]) -> dict[str, Any]:
    """The same by Python's own means."""
    try:
        length = int(float(row[4]))
    except ValueError:
        length = None
    start = {
        "2026-11-20 10:00:00": 1795168800, "2026-11-20T10:00:00Z": 1795168800,
        "2026-11-20 10:00:00.25+02": 1795161600,
    }.get(row[3], NEVER)  # fmt: skip
    trunk = row[2].rpartition("-")[0] or row[2]
    return {"caller": row[1], "trunk": trunk, "start": start, "length": length, "id": row[5]}


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(NASTY, NASTY, CHANNELS, STAMPS, WHOLE, NASTY), min_size=1, max_size=30),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    ending=st.sampled_from(["\n", "\r\n"]),
    block=st.sampled_from([7, 64, 1 << 21]),
)
def test_whatever_csv_writes_is_read_as_csv_reads_it(
    rows: list[tuple[str, ...]],
    quoting: int,
    ending: str,
    block: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerows(rows)
    monkeypatch.setattr(text_reader, "_BLOCK_BYTES", block)
    found, met = records(written.getvalue().encode(), tmp_path)
    expected = [told(list(row)) for row in rows]
    assert found == expected
    assert met.odd["unreadable"] == 0


GOOD = b'"","100","PJSIP/a-1","2026-11-20 10:00:00",60,"1.%d"\n'


@pytest.mark.parametrize(
    ("damage", "unreadable"),
    [
        (b"\n\n", 0),
        (b"half a rec\n", 1),
        (b'"","100","half a rec\n', 1),
        (b'"","1"00","PJSIP/a-1\n', 1),
        (b"\0\0\0\0\n", 1),
        (b"a,b\nc\n", 2),
        (b'"","100","PJSIP/a-1","2026-11-20 10:00:00",60,"1."7"\n', 0),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_damage_costs_its_own_line_alone(
    damage: bytes, unreadable: int, again: bool, tmp_path: Path
) -> None:
    good = b"".join(GOOD % number for number in range(4000))
    data = good + damage + good + (damage if again else b"") + good
    found, met = records(data, tmp_path)
    own = [one for one in found if one["id"].startswith('1."')]
    assert len(found) - len(own) == 12_000
    assert met.odd["unreadable"] == unreadable * (2 if again else 1)


def test_a_last_line_that_is_being_written_is_said(tmp_path: Path) -> None:
    found, met = records(GOOD % 1 + b'"","100","PJS', tmp_path)
    assert (len(found), met.odd["unreadable"]) == (1, 1)


def test_a_shorter_line_has_empty_last_fields(tmp_path: Path) -> None:
    found, _ = records(GOOD % 1 + b'"","100","PJSIP/a-1","2026-11-20 10:00:00",60\n', tmp_path)
    assert [one["id"] for one in found] == ["1.1", ""]


def test_of_too_many_names_the_last_share_one() -> None:
    codes = Codes(most=4)
    assert [codes[name] for name in ("a", "b", "c", "a", None, b"a")] == [
        2,
        3,
        Codes.OTHER,
        2,
        0,
        2,
    ]


def test_a_meaning_is_looked_up_once() -> None:
    asked: list[str] = []

    def meaning(word: str) -> int:
        asked.append(word)
        return len(asked)

    meanings = Meanings(meaning)
    assert [meanings[word] for word in ("x", b"x", "x", None)] == [1, 2, 1, 3]
    assert asked == ["x", "x", ""]


def test_an_id_is_the_same_whatever_stands_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its legs may come in different blocks, one of them beside a longer id."""
    ids = ["1763613000.1", "x" * 60, "1763613000.1", "", "1763613000.11", "1763613000.1", "y" * 300]
    path = tmp_path / "records.csv"
    path.write_bytes(b"".join(GOOD.replace(b"1.%d", one.encode()) for one in ids))
    monkeypatch.setattr(text_reader, "_BLOCK_BYTES", 120)
    hashes = [
        one
        for columns in CsvRecords(files_of(str(path), 0), FIELDS, Met()).batches()
        for one in columns.hashes("id").tolist()
    ]
    assert [hashes.index(one) for one in hashes] == [ids.index(one) for one in ids]
    assert hashes[3] == 0


@pytest.mark.parametrize("line", [b"1" * 140_000, b'"never closed\n' * 20_000])
def test_a_field_without_an_end_is_no_record_and_no_error(line: bytes, tmp_path: Path) -> None:
    found, met = records(line, tmp_path)
    assert found == []
    assert met.records == 0


@pytest.mark.parametrize("slots", (1, 14))
def test_a_name_has_one_number_in_every_block_also_where_names_share_a_slot(
    slots: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_blocks, "_SLOT_BITS", slots)
    monkeypatch.setattr(text_reader, "_BLOCK_BYTES", 200)
    names = ["", "a", "b", "trunk", "a", "", "c" * 200, "c" * 201, "d"] * 9
    path = tmp_path / "records.csv"
    path.write_text("".join(f"x,x,{name},2026-11-20 10:00:00,1,1\n" for name in names))
    codes, found = Codes(), []
    for columns in CsvRecords(files_of(str(path), 0), FIELDS, Met()).batches():
        found += [codes.names[code] for code in columns.numbers("trunk", codes).tolist()]
    assert found == names
