"""All 49 torture cases of RFC 4475, in its order."""

from __future__ import annotations

from tests.torture.case import Case
from tests.torture.rfc4475_beyond import BEYOND
from tests.torture.rfc4475_invalid import INVALID
from tests.torture.rfc4475_valid import VALID

CASES: tuple[Case, ...] = (*VALID, *INVALID, *BEYOND)
