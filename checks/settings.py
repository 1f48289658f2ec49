"""The building blocks of settings: frozen models, durations, secrets by reference, names that become things.

Settings are written as TOML and read once. A message here says what is wrong and what would be right; the loader puts
the dotted path before it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


class Settings(BaseModel):
    """Frozen, and an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, arbitrary_types_allowed=True)


def parse_duration(written: object) -> float:
    """Seconds from "250ms", "20s", "5m", "1h30m", "7d". Raises ValueError."""
    text = written if isinstance(written, str) else ""
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError(f"{written!r} is not a duration; write a number with its unit, as in '20s', '5m' or '1h30m'")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _duration(written: object) -> object:
    return written if isinstance(written, float) else parse_duration(written)


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Field(json_schema_extra={"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|[smhdw]))+$", "examples": ["20s"]}),
]
"""Seconds; written as "20s", "5m", "1h30m"."""


class Secret(Settings):
    """A secret by reference, in exactly one way. Only `reveal` reads it; nothing prints it."""

    credential: str | None = None
    """name of a systemd credential (LoadCredential=, read from $CREDENTIALS_DIRECTORY)"""
    environment: str | None = None
    """name of an environment variable"""
    file: Path | None = None
    """path of a file whose first line is the secret"""

    @model_validator(mode="before")
    @classmethod
    def _by_reference(cls, written: object) -> object:
        if isinstance(written, str):
            raise ValueError(
                'a secret is never written here; name where it is, as in { credential = "NAME" }, '
                '{ environment = "NAME" } or { file = "/path" }'
            )
        if isinstance(written, dict) and len(written) != 1:
            raise ValueError("name one place for a secret: credential, environment or file")
        return written

    def where(self) -> str:
        """Where the secret is to be found, in words."""
        if self.credential is not None:
            return f"systemd credential {self.credential!r}"
        if self.environment is not None:
            return f"environment variable {self.environment!r}"
        return f"file {self.file}"

    def reveal(self) -> str:
        """The secret. Raises LookupError, naming the place and never the content."""
        try:
            if self.environment is not None:
                return os.environ[self.environment]
            return self._path().read_text(encoding="utf-8").splitlines()[0]
        except (OSError, KeyError, IndexError, UnicodeDecodeError):
            raise LookupError(f"{self.where()} is missing, empty or not readable") from None

    def _path(self) -> Path:
        if self.file is not None:
            return self.file
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder or not self.credential or "/" in self.credential:
            raise KeyError("CREDENTIALS_DIRECTORY")
        return Path(folder) / self.credential


def nearest(written: str, known: list[str]) -> str:
    """The known name most like the written one, as a hint; "" when none is near."""
    close = get_close_matches(written, known, n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def named(section: str) -> Callable[[object, ValidationInfo], Any]:
    """A validator: the name of an entry of `[section.*]` becomes the entry itself (from the validation context)."""

    def look_up(written: object, info: ValidationInfo) -> Any:
        if not isinstance(written, str):
            return written
        known: dict[str, Any] = (info.context or {}).get(section, {})
        if written not in known:
            raise ValueError(f"there is no [{section}.{written}]{nearest(written, list(known))}")
        return known[written]

    return look_up


def _readable(written: object, info: ValidationInfo) -> object:
    if not isinstance(written, str | Path):
        return written
    path = Path((info.context or {}).get("directory", ".")) / written
    if not path.is_file():
        raise ValueError(f"there is no file {str(path)!r}")
    if not os.access(path, os.R_OK):
        raise ValueError(f"the file {str(path)!r} is not readable for this user")
    return path


ReadableFile = Annotated[Path, BeforeValidator(_readable), Field(json_schema_extra={"type": "string"})]
"""A file that exists; a relative path counts from the configuration's own folder."""
