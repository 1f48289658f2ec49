"""Secrets out of everything that is told or kept: each is replaced wherever it stands, as it is or
as a URL has it.

What stands behind the question mark of a URL is left out altogether: tickets and tokens travel
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "••••"
# The text is the far end's, and the time stays linear in its length: what was gone over for an
# address is part of one, with a query or without.
_QUERY = re.compile(r"(?i)\b((?:https?|wss?)://[^\s?#\"'<>]*+)([?#][^\s\"'<>]*+)?")
_USER = re.compile(r"(?i)\b((?:https?|wss?)://)[^\s/@\"'<>]+@")


class Mask:
    """Knows the secrets of one job."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form
            for one in secrets
            if one
            for form in (one, quote(one), quote(one, safe=""), quote_plus(one))
        }
        # The longest first: a secret that contains another must not be left half readable.
        self._forms = sorted(forms, key=len, reverse=True)
        self.secrets = [one for one in secrets if one]

    def hidden(self, text: str) -> str:
        """The text without the secrets."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return _USER.sub(rf"\g<1>{HIDDEN}@", _QUERY.sub(_without_query, text))


def _without_query(found: re.Match[str]) -> str:
    return f"{found[1]}?…" if found[2] else found[1]
