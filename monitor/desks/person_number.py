"""What is dialled for a person's number, as [[people]] write it."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

# What is written between the digits of a number, for people (RFC 3966 calls them visual
# separators).
_SEPARATORS = re.compile(r"[\s().-]+")
_NUMBER = re.compile(r"\+?[0-9*#]{2,32}")


def dialled(written: str, lines: Collection[str] = ()) -> str:
    """What is dialled for a person's number: "+91 (22) 1234-5678" -> "+912212345678", and so for
    "sip:+912212345678@trunk-a" where that is one of the lines; another SIP URI as it is. Raises
    ValueError.
    """
    if written.startswith(("sip:", "sips:")):
        user, _, host = written.partition(":")[2].partition("@")
        if host in lines:
            return dialled(user)
        # A host has a dot, an address or a port; a bare word is the name of a line.
        if re.fullmatch(r"[A-Za-z0-9_-]+", host):
            raise ValueError(f"{written!r} goes over {host!r}, which is no line of this desk")
        return written
    number = _SEPARATORS.sub("", written.removeprefix("tel:"))
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"{written!r} cannot be dialled; write '+912212345678' or a SIP URI")
    return number


def _of_the_loader(written: tuple[Any, ...], info: ValidationInfo) -> tuple[Any, ...]:
    return written or tuple((info.context or {}).get("people", ()))


People = Annotated[
    tuple[Any, ...],
    AfterValidator(_of_the_loader),
    Field(exclude=True, validate_default=True),
]
