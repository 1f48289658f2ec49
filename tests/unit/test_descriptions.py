"""What is written below a field: read when somebody asks, by the class that declares it last."""

from __future__ import annotations

from pydantic import Field

from checks.descriptions import descriptions
from checks.settings import Settings


class _Phone(Settings):
    number: str
    """whom it
    calls"""
    seconds: float = 4.0
    """how long it rings"""
    bare: int = 0

    """Not of a field: a line is between."""


class _Deskphone(_Phone):
    seconds: float = 8.0
    room: str = Field("", description="said by the field itself", alias="in")
    """not this"""

    class Handset(Settings):
        cord: bool = True
        """whether it hangs on one"""


def test_a_field_has_the_words_below_it_as_one_paragraph() -> None:
    found = descriptions(_Phone)
    assert found["number"] == "whom it calls"
    assert found["seconds"] == "how long it rings"


def test_a_field_that_is_declared_anew_has_its_own_words_or_none() -> None:
    found = descriptions(_Deskphone)
    assert found == {
        "number": "whom it calls",
        "seconds": "",
        "bare": descriptions(_Phone)["bare"],
        "in": "said by the field itself",
    }


def test_a_class_within_a_class_or_a_function_is_found() -> None:
    class Local(Settings):
        to: str
        """where it goes"""

    assert descriptions(_Deskphone.Handset) == {"cord": "whether it hangs on one"}
    assert descriptions(Local) == {"to": "where it goes"}
    schema = Local.model_json_schema()
    assert schema["properties"]["to"]["description"] == "where it goes"


def test_a_model_whose_source_is_gone_has_no_words() -> None:
    made = type("Made", (Settings,), {"__annotations__": {"to": str}, "__module__": "nowhere"})
    assert descriptions(made) == {"to": ""}
