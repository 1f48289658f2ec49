"""What is said of a complaint: no value of a row and no secret, and still what is wrong."""

from __future__ import annotations

import psycopg
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.data.quoted_rows import without_rows
from checks.data.usage.driver_faults import mariadb_faults, postgres_faults
from checks.data.usage.source_faults import SourceFault

SAID = (
    'pg_restore: error: COPY failed for table "t": ERROR:  invalid input syntax for type money:'
    ' "49123" · CONTEXT:  COPY t, line 1, column m: "49123"',
    "ERROR 1062 (23000) at line 9: Duplicate entry '49123' for key 'PRIMARY'",
    "-------------- · INSERT INTO `cdr` VALUES (1,'49123') · -------------- · ERROR 1100",
    "ERROR 1064: syntax error near '49123','x'' at line 1",
    "ERROR 1064: syntax error near 'x\n49123' at line 1",
    'invalid input syntax for type integer: "a"49123"',
    'ERROR:  invalid input syntax for type integer: "a\nb 49123\nc"\nCONTEXT:  COPY t',
    "Incorrect integer value: 'it's 49123' for column `d`.`t`.`c` at row 1",
    'value "49123" is out of range for type integer',
    "GRANT USAGE ON *.* TO `a`@`b` IDENTIFIED BY PASSWORD '49123'",
    "ERROR 1064: ALTER USER a IDENTIFIED BY '49123'",
    "Error 'Duplicate entry '49123' for key 'PRIMARY'' on query. Default database: 'pbx'. Query:"
    " 'INSERT INTO cdr VALUES (49123, 'it')'",
    "Could not execute Write_rows_v1 event on table pbx.cdr; Duplicate entry '49123' for key"
    " 'PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY",
    'malformed array literal: "{49123"\nDETAIL:  Unexpected end of input.\nLINE 1: 49123',
)


@pytest.mark.parametrize("said", SAID)
def test_no_value_stands_in_what_is_said(said: str) -> None:
    assert "49123" not in without_rows(said)


def test_what_is_wrong_is_still_said() -> None:
    assert 'table "t"' in without_rows(SAID[0])
    assert without_rows(SAID[5]) == "invalid input syntax for type integer: (not shown)"
    assert "for column `d`.`t`.`c`" in without_rows(SAID[7])
    assert without_rows('relation "cdr" does not exist') == 'relation "cdr" does not exist'
    assert without_rows("a · b") == "a · b"


@given(st.text(alphabet="ab'\"\n·: ", max_size=30))
def test_a_value_ends_at_no_quote_or_line_of_its_own(value: str) -> None:
    said = without_rows(f'invalid input syntax for type uuid: "{value}Zq"\nCONTEXT:  a function')
    assert "Zq" not in said


def test_no_value_stands_in_a_fault_of_call_records() -> None:
    """A view that reads numbers out of text fails at the first that is none."""
    with pytest.raises(SourceFault) as refused, postgres_faults():
        raise psycopg.DataError(
            'invalid input syntax for type integer: "+4930123"\nCONTEXT:  SQL function "secs" 49'
        )
    assert refused.value.text == "invalid input syntax for type integer: (not shown)"
    with pytest.raises(SourceFault) as refused, mariadb_faults():
        raise pymysql.DataError(1292, "Truncated incorrect DOUBLE value: '+4930123'")
    assert refused.value.text == "Truncated incorrect DOUBLE value: (not shown)"
