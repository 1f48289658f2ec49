"""Numbers of customers that agents called stand in no report, and in no evidence, unless the site
says that such numbers are its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.field.data.test_usage_stamps import looked

CUSTOMERS = ("+919812345678", "+919812345699", "+919898989878")


def dialled(folder: Path, **more: Any) -> tuple[str, dict[str, int]]:
    """What the whole result says, and how often each number in it was called."""
    times = '"2026-11-20 09:00:00","2026-11-20 09:00:05","2026-11-20 09:01:05"'
    lines = [
        f'"","1001","{number}","out","x","PJSIP/1001-{at}","PJSIP/trunk-{at}","Dial","x",{times},'
        f'"65","60","ANSWERED","D","17.{at}","","17.{at}","{at}"'
        for at, number in enumerate((*CUSTOMERS, "8000"))
    ]
    (folder / "Master.csv").write_text("\n".join(lines) + "\n", encoding="ascii")
    found = looked(folder, {"file": str(folder / "Master.csv")}, weeks=1, **more)
    assert found.fault is None and found.measures["offered_calls"] == 4
    (written,) = folder.rglob("usage.json")
    text = json.dumps(json.loads(written.read_text(encoding="utf-8")), ensure_ascii=False)
    return text, {row["name"]: row["offered"] for row in json.loads(text)["dids"]}


def test_a_customer_s_number_is_told_by_its_last_digits_alone(tmp_path: Path) -> None:
    text, told = dialled(tmp_path)
    assert told == {"•••••••••••78": 2, "•••••••••••99": 1, "8000": 1}
    assert not any(number[1:] in text for number in CUSTOMERS)


@pytest.mark.parametrize("own", [["*"], ["+9198*"]])
def test_a_site_has_its_own_whole(tmp_path: Path, own: list[str]) -> None:
    _, told = dialled(tmp_path, own_numbers=own)
    assert told == {**dict.fromkeys(CUSTOMERS, 1), "8000": 1}
