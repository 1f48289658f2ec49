"""What a body has to say: texts, values at JSON paths, the form of a JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from checks.contract import CannotTell, Failed
from checks.settings import ReadableFile, Settings
from checks.web.json_path import JsonPath, values

# A value is the customer's data: a fault shows enough of it to recognise, and no document.
_LONGEST = 200
# Python 3.11 gives up at about a thousand (its own stack), 3.13 at ten thousand; answers of real
# APIs are less than twenty deep.
_DEEPEST = 500
# json.loads holds the whole daemon while it reads: 2 MB of empty lists take 110 ms, this 13. What
# is larger goes to a process of its own.
_LARGE = 262_144


class Expected(Settings):
    """What must be in it."""

    must_contain: tuple[str, ...] = ()
    """texts that must be in it, letter for letter"""
    must_not_contain: tuple[str, ...] = ()
    """texts that must not be in it"""
    json_values: Mapping[JsonPath, Any] = Field(default_factory=dict, examples=[{"$.tier": "gold"}])
    """what must stand at a JSON path; of several values there, one must be right"""
    json_schema: ReadableFile | None = None
    """file with the JSON Schema (draft 2020-12, or the one that it names) that it must be held
    to
    """

    async def hold(self, text: str) -> None:
        """Compare. Raises Failed with what differs, CannotTell for a schema that is wrong."""
        if missing := [wanted for wanted in self.must_contain if wanted not in text]:
            raise Failed("missing-text", ", ".join(map(repr, missing)))
        if unwanted := [one for one in self.must_not_contain if one in text]:
            raise Failed("unwanted-text", ", ".join(map(repr, unwanted)))
        if not self.json_values and self.json_schema is None:
            return
        await self._at_paths(text)
        if self.json_schema is not None:
            from checks.web.sandbox.reader import hold_to_schema

            await hold_to_schema(text, self._schema())

    async def _at_paths(self, text: str) -> None:
        there = await at_paths(text, list(self.json_values)) if self.json_values else []
        for (path, wanted), found in zip(self.json_values.items(), there, strict=True):
            if not found:
                raise Failed("json-missing", f"nothing at {path}")
            if not any(same(one, wanted) for one in found):
                told = ", ".join(
                    json.dumps(one, ensure_ascii=False)[:_LONGEST] for one in found[:3]
                )
                raise Failed(
                    "json-differs",
                    f"{path} is {told}, not {json.dumps(wanted, ensure_ascii=False)}",
                )

    def _schema(self) -> Any:
        assert self.json_schema is not None  # noqa: S101 - asked before
        try:
            return json.loads(self.json_schema.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise CannotTell(
                f"the schema {self.json_schema.name} cannot be read: {problem}"
            ) from None


async def at_paths(text: str, paths: Sequence[str]) -> list[list[Any]]:
    """What stands at each path of a document. Raises Failed for what is no JSON, CannotTell."""
    if len(text) > _LARGE:
        from checks.web.sandbox.reader import large_at_paths

        return await large_at_paths(text, paths)
    document = parsed(text)
    return [values(document, path) for path in paths]


def parsed(text: str) -> Any:
    """The document. Raises Failed for what is no JSON, and for what is nested deeper than any
    reader can be asked to follow (RFC 8259 section 9)."""
    from checks.web.strict_json import read

    try:
        document = read(text)
    # Ten thousand nested brackets end the reader by RecursionError: that is the far end's fault,
    # not a bug here.
    except (ValueError, RecursionError) as error:
        raise Failed("bad-json", f"what came is no JSON: {str(error)[:_LONGEST]}") from None
    if _deeper(document, _DEEPEST):
        raise Failed("bad-json", f"it is nested more than {_DEEPEST} deep")
    return document


def _deeper(document: Any, limit: int) -> bool:
    """Level by level, so that it needs no stack."""
    level = [document]
    for _ in range(limit + 1):
        nested = [one for one in level if isinstance(one, dict | list)]
        level = [inner for one in nested
                 for inner in (one.values() if isinstance(one, dict) else one)]  # fmt: skip
        if not level:
            return False
    return True


def same(one: Any, other: Any) -> bool:
    """Equal, and not only alike: true is not 1."""
    # To Python true equals 1, to JSON it does not (RFC 8259 section 3).
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
