"""Steps written as tables with exactly one verb: which one it is, and what is said where there is
none, or two.

{ hear = "welcome.wav", within = "6s" }        the verb is hear
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checks.settings import Settings, nearest


class Verbs:
    """The verbs that a step may have, each with its model, and an example of a step for the
    messages. `old` are words of before: they are taken, and no message offers them.
    """

    def __init__(
        self,
        models: Mapping[str, type[Settings]],
        example: str,
        old: Mapping[str, type[Settings]] | None = None,
    ) -> None:
        self._models, self._example = {**models, **(old or {})}, example
        self._offered = list(models)

    def of(self, written: Any) -> str | None:
        """The verb of a step, or of a table that is to become one: for a Discriminator."""
        if isinstance(written, dict):
            return next((verb for verb in self._models if verb in written), None)
        return next(
            (verb for verb, model in self._models.items() if isinstance(written, model)), None
        )

    def exactly_one(self, written: Any) -> Any:
        """Refuses a step of no verb, or of two: for a BeforeValidator. Raises ValueError."""
        if isinstance(written, Settings):
            return written
        if not isinstance(written, dict):
            raise ValueError(
                f"a step is a table with one verb, as in {self._example}; this is {written!r}"
            )
        found = [verb for verb in self._models if verb in written]
        if not found:
            # A verb with a typing error is the usual reason for a step without one.
            hints = [hint for key in written if (hint := nearest(str(key), self._offered))]
            hint = hints[0] if hints else ""
            raise ValueError(
                f"a step needs one of {', '.join(self._offered)}, as in {self._example}{hint}"
            )
        if len(found) > 1:
            both, count = " and ".join(found), len(found)
            raise ValueError(f"this step has {count} verbs ({both}); write them as {count} steps")
        return written
