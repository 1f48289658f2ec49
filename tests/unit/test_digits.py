"""A number as a far end writes it is a number, or none: never an error of Python's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.digits import whole


@given(st.integers(0, 10**18 - 1))
def test_every_number_that_means_something_is_read(number: int) -> None:
    assert whole(str(number)) == number


@given(st.text())
def test_whatever_comes_is_a_number_or_none(written: str) -> None:
    read = whole(written)
    assert read is None or (read >= 0 and set(written) <= set("0123456789"))


@pytest.mark.parametrize("written", ["", "-1", "+1", "²", "٣", "1_0", " 1", "0x1", "9" * 5000])
def test_what_python_reads_otherwise_is_none(written: str) -> None:
    assert whole(written) is None
