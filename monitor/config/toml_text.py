"""From a file to its TOML tables, or to one fault with line and column: missing, not UTF-8, not
TOML, a key twice.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.config.fault_list import ConfigurationFaults, Fault, dotted
from monitor.config.source_positions import Places, Twice

# tomllib tells place and cause in one English sentence; other releases of Python may change its
# beginning.
_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_TEXT_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')
_QUOTES = "“”„‟‘’‚«»"
# Spaces that TOML does not know (Zs but U+0020), and signs that nobody sees (Cf).
_BLANK = ("Zs", "Cf")
_PLAIN = {
    "Cannot overwrite a value": (
        "this name has a value already, so it cannot be written again or hold more keys"
    ),
    "Cannot declare": "a table is written a second time",
    "Cannot mutate immutable namespace": (
        "a table that was written in { } or [ ] cannot be added to"
    ),
    "Duplicate inline table key": "a key is written a second time in its table",
    "Expected '=' after a key": "after a key comes '=' and a value",
    "Expected ']' at the end": "a [section] name must end with ']'",
    "Expected ']]' at the end": "a [[section]] name must end with ']]'",
    "Expected newline or end of document": "something is left over after the value",
    "Invalid initial character for a key": (
        "a key begins with a letter, a digit, '_', '-' or a quote"
    ),
    "Invalid statement": "this is neither 'key = value' nor a [section]",
    "Invalid value": "this is no value; a text stands in quotes",
    "Unclosed array": "a list is not closed; it ends with ']'",
    "Unclosed inline table": "a table in braces must stand on one line and end with '}'",
    "Unterminated string": "a text is not closed; it ends with the quote that it began with",
    "Unescaped '\\' in a string": (
        "a backslash in a text is written twice, or the text in single quotes"
    ),
    "Expected": "a text is not closed; it ends with the quotes that it began with",
    "Found invalid character": (
        "a line of text or a comment holds a control character, or a text is not closed"
    ),
    "Illegal character '\\n'": "a text is not closed; it ends with the quote that it began with",
    "Illegal character": "a text may not hold a control character",
    "Invalid hex value": "after \\u come 4 hexadecimal digits, after \\U 8",
    "Escaped character is not a Unicode scalar value": "there is no such Unicode character",
    "Invalid date or datetime": "there is no such date or time",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A configuration as it was written, before anything is understood of it."""

    file: Path
    tables: dict[str, Any]
    places: Places


def read(file: Path, if_missing: str = "'reveille init' writes one to begin with") -> Written:
    """The tables of a file. Raises ConfigurationFaults."""
    try:
        # utf-8-sig: editors of Windows write a byte order mark, which TOML does not know.
        return parse(file.read_bytes().decode("utf-8-sig"), file)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        wrong = f"line {line} has a byte that is not UTF-8 (0x{error.object[error.start]:02x})"
        fault = Fault("", wrong, "save the file as UTF-8", line)
    except FileNotFoundError:
        fault = Fault("", "there is no such file", if_missing)
    except IsADirectoryError:
        fault = Fault("", "that is a folder", "name the file, as in reveille.toml")
    except PermissionError as error:
        right = (
            f"run it as root (sudo), or let this user in: chmod a+r {file}, which holds no secret"
        )
        fault = Fault("", f"it cannot be read ({error.strerror})", right)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "no such path"
        fault = Fault("", f"it cannot be read ({why})", "name the file with --config FILE")
    raise ConfigurationFaults(str(file), [fault]) from None


def parse(text: str, file: Path) -> Written:
    """The tables of a text. Raises ConfigurationFaults with one fault: after a slip in the grammar
    nothing is sure.
    """
    # One kind of line end, as tomllib counts: else the columns of a file from Windows would be one
    # off.
    text = text.replace("\r\n", "\n")
    try:
        return Written(file, tomllib.loads(text), Places(text))
    except RecursionError:
        fault = Fault("", "lists or tables are nested too deeply")
    except tomllib.TOMLDecodeError as error:
        fault = _slip(text, str(error))
    # Python refuses to convert a number of more than 4300 digits (CVE-2020-10735); tomllib passes
    # that on.
    except ValueError:
        fault = Fault("", "a number has too many digits")
    raise ConfigurationFaults(str(file), [fault]) from None


def _slip(text: str, message: str) -> Fault:
    if again := _twice(text):
        return again
    where = _WHERE.search(message)
    line, column = (int(where[1]), int(where[2])) if where and where[1] else _end(text)
    if strange := _strange_sign(text.split("\n")[line - 1 : line]):
        return Fault("", f"line {line}, column {strange[0]}: {strange[1]}", strange[2], line)
    told = message[: where.start()] if where else message
    plain = next(
        (plain for start, plain in _PLAIN.items() if told.startswith(start)), "this is not TOML"
    )
    wrong, _, right = plain.partition("; ")
    return Fault("", f"line {line}, column {column}: {wrong}", right, line)


def _strange_sign(lines: list[str]) -> tuple[int, str, str] | None:
    """A sign outside of texts and comments that looks like one of TOML's, as word processors and
    web pages have them: its column, what it is, what would be right."""
    for line in lines:
        bare = _TEXT_OR_COMMENT.sub(lambda found: " " * len(found[0]), line)
        for column, sign in enumerate(bare, 1):
            plain = "a plain quote" if sign in _QUOTES else "a plain space, or nothing"
            if sign in _QUOTES or (sign not in " \t" and unicodedata.category(sign) in _BLANK):
                name = unicodedata.name(sign, "a control character").lower()
                return column, f"a {name} (U+{ord(sign):04X}) stands here", f"write {plain}"
    return None


def _twice(text: str) -> Fault | None:
    try:
        Places(text)
    except Twice as again:
        first, second = (text.count("\n", 0, offset) + 1 for offset in (again.first, again.second))
        return Fault(
            dotted(again.place), "is written a second time", f"the first is on line {first}", second
        )
    except ValueError:
        return None
    return None


def _end(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text) - text.rfind("\n")
