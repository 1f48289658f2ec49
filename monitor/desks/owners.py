"""What the people of Reveille are called at a desk: `owners = { asha = "asha.k" }`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator


def _checked(written: dict[str, str]) -> dict[str, str]:
    for person, user in written.items():
        if not person.strip() or not user.strip():
            raise ValueError(
                f"{person!r} = {user!r}: both are needed, who he is here and who he is there"
            )
    several = Counter(person.casefold() for person in written)
    for person in written:
        if several[person.casefold()] > 1:
            raise ValueError(f"{person!r} stands there twice, apart from capital letters")
    return written


Owners = Annotated[dict[str, str], AfterValidator(_checked)]
"""person here -> user at the desk"""


def called_there(owners: Mapping[str, str], person: str) -> str:
    """The user at the desk of somebody here, as it is written; "" where he has none."""
    there = {ours.casefold(): theirs for ours, theirs in owners.items()}
    return there.get(person.casefold(), "") if person else ""
