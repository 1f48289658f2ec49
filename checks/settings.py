"""The building blocks of settings: frozen models, durations, secrets by reference, names that
become things.

Settings are written as TOML and read once. A message here says what is wrong and what would be
right; the loader puts the dotted path before it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from checks import masking
from checks.descriptions import descriptions
from checks.durations import Duration, is_duration, parse_duration, write_duration
from checks.messages import nearest, shown, without_password

__all__ = [
    "Duration",
    "LocalPath",
    "ReadableFile",
    "Secret",
    "Settings",
    "SiteZone",
    "StateFolder",
    "from_directory",
    "is_duration",
    "named",
    "nearest",
    "parse_duration",
    "shown",
    "without_password",
    "write_duration",
]

# The types that TOML itself has: for these pydantic would otherwise take "2" for 2 and 1 for true.
_EXACT = {"int", "float", "bool", "date", "time", "datetime"}


def _exact(schema: object) -> None:
    """TOML knows its types, so nothing is guessed from text; lists and paths are still taken from
    lists and texts.
    """
    if isinstance(schema, dict):
        if schema.get("type") in _EXACT:
            schema["strict"] = True
        for part in schema.values():
            _exact(part)
    elif isinstance(schema, list | tuple):
        for part in schema:
            _exact(part)


class Settings(BaseModel):
    """Frozen, an unknown key is refused, and "2" is a text and no number."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        # Made when a table is first read: a kind that nobody has configured costs nothing.
        defer_build=True,
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,
    )
    OUTDATED: ClassVar[tuple[str, str, str] | None] = None
    """of a table that is an old way of writing: its key, why not to write it, what to write"""

    def in_the_clear(self) -> str | None:
        """How a password of this very table goes over the network for everybody to read, and what
        would be right, divided by a semicolon; None where none does.
        """
        return None

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler, /
    ) -> CoreSchema:
        schema = handler(source)
        _exact(schema)
        return schema

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """With what stands below each field. What the loader sets by itself is nothing to write, so
        no editor should offer it.
        """
        described = handler.resolve_ref_schema(handler(schema))
        properties: dict[str, JsonSchemaValue] = described.get("properties", {})
        for key, words in descriptions(cls).items():
            if words and key in properties:
                properties[key]["description"] = words
        for name, field in cls.model_fields.items():
            if field.exclude:
                properties.pop(field.alias or name, None)
        return described


_PLACES = 'as in { credential = "NAME" }, { environment = "NAME" } or { file = "/path" }'


class Secret(Settings):
    """A secret by reference, in exactly one way. Only `reveal` reads it; nothing prints it, and no
    message repeats what was written in its stead: that may be the secret itself.
    """

    credential: str | None = None
    """name of a systemd credential (LoadCredential=, read from $CREDENTIALS_DIRECTORY)"""
    environment: str | None = None
    """name of an environment variable"""
    file: Path | None = None
    """path of a file whose first line is the secret"""

    @model_validator(mode="before")
    @classmethod
    def _by_reference(cls, written: object) -> object:
        if isinstance(written, Secret):
            return written
        if not isinstance(written, dict):
            raise ValueError(f"a secret is never written here; name where it is, {_PLACES}")
        places = list(cls.model_fields)
        if strange := [str(key) for key in written if key not in places]:
            raise ValueError(
                f"that is no place for a secret; name it {_PLACES}{nearest(strange[0], places)}"
            )
        if len(written) != 1:
            raise ValueError(f"name one place for a secret, {_PLACES}")
        if not all(isinstance(place, str | Path) and str(place) for place in written.values()):
            raise ValueError(f"the place of a secret is a text, {_PLACES}")
        return written

    @field_validator("credential")
    @classmethod
    def _is_a_file_name(cls, written: str | None) -> str | None:
        # systemd.exec(5), LoadCredential=: the name is that of a file below $CREDENTIALS_DIRECTORY;
        # a slash would lead out of it.
        if written is not None and ("/" in written or written in (".", "..")):
            raise ValueError(
                "a credential is named without a folder; it is a file in $CREDENTIALS_DIRECTORY"
            )
        return written

    @field_validator("file")
    @classmethod
    def _counted(cls, written: Path | None, info: ValidationInfo) -> Path | None:
        return None if written is None else from_directory(written, info)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        place = {"type": "string", "minLength": 1}
        return {
            "type": "object",
            "description": "where a secret is",
            "properties": {
                name: {**place, "description": words} for name, words in descriptions(cls).items()
            },
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }

    def where(self) -> str:
        """The place of the secret, in words."""
        if self.credential is not None:
            return f"systemd credential {self.credential!r}"
        if self.environment is not None:
            return f"environment variable {self.environment!r}"
        return f"file {self.file}"

    def reveal(self) -> str:
        """The secret. Raises LookupError, naming the place and never the content."""
        try:
            masking.hide(secret := self._read())
        except (OSError, KeyError, IndexError, UnicodeDecodeError):
            missing = f"{self.where()} is missing, empty or not readable"
            raise LookupError(f"{missing}{self._way()}") from None
        return secret

    def _read(self) -> str:
        if self.environment is not None:
            return os.environ[self.environment]
        # The first line only: the line end that an editor writes is no part of the secret.
        return self._path().read_text(encoding="utf-8").splitlines()[0]

    def _way(self) -> str:
        """Where it was looked for, and what is right; a file and a variable say it by name."""
        if self.credential is None:
            return ""
        if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
            return (
                f": looked for in {folder}; the unit gives it with"
                f" LoadCredential={self.credential}:/etc/reveille/credentials/{self.credential}"
            )
        return (
            ": credentials are there inside the service alone; by hand, as root, set"
            " CREDENTIALS_DIRECTORY=/etc/reveille/credentials"
            " (the folder that LoadCredential= names)"
        )

    def _path(self) -> Path:
        if self.file is not None:
            return self.file
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder or not self.credential or "/" in self.credential:
            raise KeyError("CREDENTIALS_DIRECTORY")
        return Path(folder) / self.credential


def from_directory(written: str | Path, info: ValidationInfo) -> Path:
    """A path; a relative one counts from the configuration's own folder."""
    return Path((info.context or {}).get("directory", ".")) / written


def _counted(written: object, info: ValidationInfo) -> object:
    return from_directory(written, info) if isinstance(written, str | Path) else written


_PATH_IN_SCHEMA = WithJsonSchema({"type": "string", "format": "path"})
LocalPath = Annotated[Path, BeforeValidator(_counted), _PATH_IN_SCHEMA]
"""A path that need not be there yet; a relative one counts from the configuration's own folder."""


def named(section: str) -> Callable[[object, ValidationInfo], Any]:
    """A validator: the name of an entry of `[section.*]` becomes the entry itself (from the
    validation context).
    """

    def look_up(written: object, info: ValidationInfo) -> Any:
        context = info.context or {}
        if not isinstance(written, str):
            if section in context and not isinstance(written, BaseModel):
                raise ValueError(
                    f"{shown(written)} is no name; write the NAME of a [{section}.NAME]"
                )
            return written
        # The entry that is named has faults of its own, which are told: that it is "not there"
        # would be a second, wrong complaint.
        faulty = context.get("faulty", {}).get(section, ())
        if written in faulty:
            raise PydanticCustomError(
                "faulty_elsewhere", "the entry is there, and its own faults are told"
            )
        known: dict[str, Any] = context.get(section, {})
        if written not in known:
            raise ValueError(
                f"there is no [{section}.{written[:60]}]{nearest(written, [*known, *faulty])}"
            )
        return known[written]

    return look_up


def _readable(written: object, info: ValidationInfo) -> object:
    if not isinstance(written, str | Path):
        return written
    path = from_directory(written, info)
    try:
        found = path.is_file()
    except OSError:
        found = False
    if not found:
        raise ValueError(f"there is no file {shown(str(path), 300)}")
    # At check-config, as the user of the service: root would be able to read it.
    if not os.access(path, os.R_OK):
        raise ValueError(f"the file {shown(str(path), 300)} is not readable for this user")
    return path


ReadableFile = Annotated[Path, BeforeValidator(_readable), _PATH_IN_SCHEMA]
"""A file that exists; a relative path counts from the configuration's own folder."""


def _of_the_loader(key: str, otherwise: str) -> AfterValidator:
    def known(written: str, info: ValidationInfo) -> str:
        return written or str((info.context or {}).get(key, otherwise))

    return AfterValidator(known)


_KNOWN = Field(exclude=True, validate_default=True)
SiteZone = Annotated[str, _of_the_loader("timezone", "UTC"), _KNOWN]
"""The time zone of the site, which the loader knows; nobody writes it, so its default is ""."""
StateFolder = Annotated[str, _of_the_loader("state", ""), _KNOWN]
"""The state folder of the monitor, which the loader knows, likewise."""
