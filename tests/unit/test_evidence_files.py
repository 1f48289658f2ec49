"""Evidence goes to where people are: into the mail as far as it fits, else by its address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from monitor.desks.desk import Letter, letter_body
from monitor.desks.evidence_files import evidence_files, evidence_of
from monitor.desks.internet_message import Enclosures, compose
from reports.render import render_evidence
from reports.ticket import Ticket
from tests.scenes.page_world import tone
from tests.unit.sample_ticket import OPENED, ticket
from tests.unit.test_evidence_page import CALL


@pytest.fixture
def call(tmp_path: Path) -> Ticket:
    """A ticket with a call's page, its recording, its ladder and a screenshot, as they lie."""
    (tmp_path / "index.html").write_text(render_evidence(CALL), encoding="utf-8")
    (tmp_path / "ladder.txt").write_text("INVITE", encoding="utf-8")
    (tmp_path / "page.png").write_bytes(b"\x89PNG" + bytes(5000))
    tone(tmp_path / "call.wav")
    names = (
        ("page", "index.html"), ("call", "call.wav"), ("ladder", "ladder.txt"), ("shot", "page.png")
    )  # fmt: skip
    return ticket(exhibits=tuple((name, str(tmp_path / file)) for name, file in names))


def mailed(made: Ticket, most: int, **more: Any) -> tuple[str, list[str]]:
    """The mail's text, and the names of what is attached."""
    letter = Letter(
        "k-1", "t-1", None, 1, "opened", "ops@example.net", OPENED,
        letter_body(replace(made, **more).to_dict(), {"audience": "level 1, shift"}),
    )  # fmt: skip
    enclosures = Enclosures(evidence=evidence_files(made, most))
    message = compose(letter, "reveille@example.net", "", enclosures)
    text = message.get_body(("plain",))
    assert text is not None
    names = [part.get_filename() or "" for part in message.iter_attachments()]
    return text.get_content(), names


def test_a_calls_page_is_one_file_that_plays_its_recording(call: Ticket) -> None:
    page, shot = evidence_files(call, 5_000_000)
    assert page.name == "RV-12-main-number.html"
    assert b'src="data:audio/wav;base64,UklGR' in page.content
    assert b'href="' not in page.content.replace(b'href="data:', b"")
    assert page.stands_for == ("page", "call")
    assert (shot.name, shot.media_type) == ("RV-12-page.png", "image/png")
    text, names = mailed(call, 5_000_000)
    assert names == ["RV-12-main-number.html", "RV-12-page.png"]
    assert "page: attached, in RV-12-main-number.html" in text
    assert "call: attached, in RV-12-main-number.html" in text


def test_what_does_not_fit_is_found_by_its_address(call: Ticket) -> None:
    address = "https://reveille.example.net/tickets/RV-12"
    text, names = mailed(call, 6000, page=address)
    assert names == ["RV-12-page.png"]
    assert f"{address}/evidence/index.html" in text
    assert f"{address}/evidence/call.wav" in text
    assert str(Path(call.exhibits[0][1]).parent) not in text


@pytest.mark.parametrize("most", [0, 1000, 6000, 20_000, 30_000, 60_000, 5_000_000])
def test_a_mail_is_never_larger_than_was_agreed(call: Ticket, most: int) -> None:
    assert sum(len(one.content) for one in evidence_files(call, most)) <= most


def test_only_plain_files_are_read(call: Ticket, tmp_path: Path) -> None:
    for name in ("call.wav", "page.png"):
        (tmp_path / name).unlink()
    (tmp_path / "call.wav").symlink_to("/etc/passwd")
    (tmp_path / "page.png").mkdir()
    (page,) = evidence_files(call, 5_000_000)
    assert page.stands_for == ("page",)
    assert b"data:audio" not in page.content


def left_over(folder: Path) -> list[Path]:
    """What a process that writes has not given its name."""
    return list(folder.glob("*.part"))


async def test_a_long_recording_goes_as_an_mp3_that_is_made_once(
    call: Ticket, tmp_path: Path
) -> None:
    tone(tmp_path / "call.wav", seconds=60.0)
    page, _ = await evidence_of(call, 5_000_000)
    assert b'src="data:audio/mpeg;base64,' in page.content
    assert len(page.content) < 600_000 < (tmp_path / "call.wav").stat().st_size
    small = tmp_path / "call.mp3"
    with av.open(str(small)) as heard:
        assert heard.duration == pytest.approx(60e6, rel=0.01)
    made = small.stat().st_mtime_ns
    alone = replace(call, exhibits=(("call", str(tmp_path / "call.wav")),))
    (file,) = await evidence_of(alone, 5_000_000)
    assert (file.name, file.media_type) == ("RV-12-call.mp3", "audio/mpeg")
    assert small.stat().st_mtime_ns == made
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("broken", ["noise", "link"])
async def test_what_cannot_be_made_small_goes_as_it_is(
    call: Ticket, tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    recording = tmp_path / "call.wav"
    if broken == "noise":
        recording.write_bytes(b"RIFF" + bytes(300_000))
    else:
        tone(tmp_path / "other.wav", seconds=30.0)
        recording.unlink()
        recording.symlink_to("other.wav")
    page, *_ = await evidence_of(call, 5_000_000)
    assert (b"data:audio/wav" in page.content) == (broken == "noise")
    assert not (tmp_path / "call.mp3").exists()
    assert "action=not_made_small file=call.wav" in caplog.text
