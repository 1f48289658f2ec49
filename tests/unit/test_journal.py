"""The log as the journal gets it: a real datagram socket reads what is sent."""

from __future__ import annotations

import io
import logging
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.service.journal import NativeJournal


def fields_of(datagram: bytes) -> dict[str, str]:
    """As systemd-journald reads them (JOURNAL_NATIVE_PROTOCOL)."""
    found, left = {}, datagram
    while left:
        line, _, left = left.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", left[:8])
            value, left = left[8 : 8 + length], left[9 + length :]
        found[name.decode()] = value.decode()
    return found


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "socket"))
        bound.settimeout(5)
        yield bound


@pytest.fixture
def log(ear: socket.socket, tmp_path: Path) -> Iterator[tuple[logging.Logger, io.StringIO]]:
    otherwise = io.StringIO()
    journal = NativeJournal(logging.StreamHandler(otherwise), tmp_path / "socket")
    made = logging.Logger("monitor.service.page_process")
    made.addHandler(journal)
    yield made, otherwise
    journal.close()


def test_an_event_is_a_datagram_with_its_facts_as_fields(
    ear: socket.socket, log: tuple[logging.Logger, io.StringIO]
) -> None:
    log[0].warning("action=held_back check=%s seconds=%g after a crash x=1", "main-number", 60)
    seen = fields_of(ear.recv(1 << 20))
    assert seen["MESSAGE"] == "action=held_back check=main-number seconds=60 after a crash x=1"
    assert (seen["PRIORITY"], seen["SYSLOG_IDENTIFIER"]) == ("4", "reveille")
    facts = {name: value for name, value in seen.items() if name.startswith("REVEILLE_")}
    assert facts == {
        "REVEILLE_ACTION": "held_back", "REVEILLE_CHECK": "main-number", "REVEILLE_SECONDS": "60"
    }  # fmt: skip


def test_a_traceback_and_a_far_ends_line_break_are_one_event(
    ear: socket.socket, log: tuple[logging.Logger, io.StringIO]
) -> None:
    try:
        raise ValueError("said\nPRIORITY=0\nREVEILLE_ACTION=forged")
    except ValueError:
        log[0].exception("action=page_broke check=x")
    seen = fields_of(ear.recv(1 << 20))
    assert seen["REVEILLE_ACTION"] == "page_broke"
    assert seen["PRIORITY"] == "3"
    assert "Traceback" in seen["MESSAGE"]
    assert seen["MESSAGE"].endswith("REVEILLE_ACTION=forged")


def test_what_the_journal_does_not_take_goes_to_standard_error(
    ear: socket.socket, log: tuple[logging.Logger, io.StringIO]
) -> None:
    ear.close()
    log[0].error("action=blind in=ledger")
    assert log[1].getvalue() == "action=blind in=ledger\n"


def test_an_event_of_any_length_is_sent(
    ear: socket.socket, log: tuple[logging.Logger, io.StringIO]
) -> None:
    log[0].info("action=long %s", "x" * 1_000_000)
    assert len(fields_of(ear.recv(1 << 20))["MESSAGE"]) == 48_000
    assert log[1].getvalue() == ""
