"""What `pg_dumpall --roles-only` wrote, read as data: statements of a few known forms, and nothing
else is ever sent to a server.

    CREATE ROLE app;
    ALTER ROLE app WITH NOSUPERUSER INHERIT LOGIN … PASSWORD 'SCRAM-SHA-256$…' VALID UNTIL '…';
    ALTER ROLE app SET work_mem TO '64MB';
    GRANT readers TO app WITH ADMIN OPTION GRANTED BY postgres;

psql would take `\\! command` in it for an order to itself, and newlines in a name for the end of a
remark (CVE-2025-8714): no psql reads it. What only a superuser can give is a right of its own here
(`powers`): a drill leaves it out, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# One word of SQL as pg_dumpall writes it: a name in double quotes, a text, a plain word, a sign.
_WORD = re.compile(
    r"\s+|--[^\n]*(?:\n|\Z)|\\(?:un)?restrict [A-Za-z0-9]+(?:\n|\Z)"
    r"|(?P<ours>\\(?:gset|if :new\d{1,6}|endif)(?:\n|\Z))"
    r"""|(?P<word>"(?:[^"]|"")+"|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|[^\s"';,\\]+|[;,])""",
    re.DOTALL,
)
POWERS = ("SUPERUSER", "REPLICATION", "BYPASSRLS", "CREATEROLE")
"""attributes with which a role gets past what the drill holds it to; before PostgreSQL 16 a role
that may make roles may give itself a shell"""
_OF_POWERS = frozenset(POWERS) | {f"NO{power}" for power in POWERS}
# Predefined roles that read, and none that reaches files, programs or other sessions
# (PostgreSQL manual, "Predefined Roles").
_HARMLESS = frozenset(
    {"pg_read_all_data", "pg_write_all_data", "pg_read_all_settings", "pg_read_all_stats",
     "pg_stat_scan_tables", "pg_monitor", "pg_database_owner", "pg_maintain"}
)  # fmt: skip


class NotRoles(ValueError):
    """It is not what pg_dumpall writes; the text says from where on."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement about a role: `role` is whom it is about, as it is quoted in SQL."""

    words: tuple[str, ...]
    role: str

    @property
    def text(self) -> str:
        """As it is sent."""
        return " ".join(self.words)

    @property
    def makes(self) -> bool:
        """Whether it makes a role."""
        return self.words[0] == "CREATE"

    @property
    def powers(self) -> tuple[str, ...]:
        """What it gives that only a superuser can give."""
        if self.words[0] == "GRANT":
            group = self.words[1]
            given = "ON" in self.words[:4]  # a server's parameter, and no membership
            return (group,) if given or (group.startswith("pg_") and group not in _HARMLESS) else ()
        return tuple(word for word in self.words[3:] if word in POWERS)

    @property
    def within_database(self) -> bool:
        """Whether it is of one database: those are set with that."""
        return self.words[3:4] == ("IN",)

    def harmless(self) -> Statement | None:
        """What of it is for everybody; None for nothing. By whom a membership was granted goes as
        well: that role may have had the right to by its powers alone.
        """
        if self.words[0] == "GRANT":
            return None if self.powers else Statement(_ungranted(self.words), self.role)
        words = tuple(
            word for at, word in enumerate(self.words) if at < 3 or word not in _OF_POWERS
        )
        if words[3:] == ("WITH",):
            return None
        return Statement(words, self.role)

    def of_powers(self) -> str:
        """What of it only a superuser can give, and nothing else of the role."""
        if self.words[0] == "GRANT":
            return " ".join(_ungranted(self.words))
        return f"ALTER ROLE {self.role} WITH {' '.join(self.powers)}"


def statements(written: str) -> tuple[Statement, ...]:
    """What is written, in its order. Raises NotRoles."""
    found, words = [], list[str]()
    for word in _words(written):
        if word != ";":
            words.append(word)
            continue
        if words and words[0] not in ("SET", "SELECT"):  # settings of the session that loads it
            found.append(_statement(words))
        words = []
    if words:
        raise NotRoles(f"it ends within a statement: {_shown(words)}")
    return tuple(found)


def _words(written: str) -> Iterator[str]:
    at = 0
    while at < len(written):
        if not (found := _WORD.match(written, at)):
            raise NotRoles(f"{written[at : at + 20]!r} stands there, which no list of roles holds")
        if word := found["word"]:
            yield word
        elif (found["ours"] or "").startswith("\\gset"):
            yield ";"
        at = found.end()


def _statement(words: list[str]) -> Statement:
    match words:
        case ["CREATE", "ROLE", name]:
            return Statement(tuple(words), name)
        case ["ALTER", "ROLE", name, "WITH" | "SET" | "IN", *_]:
            return Statement(tuple(words), name)
        case ["COMMENT", "ON", "ROLE", name, "IS", _]:
            return Statement(tuple(words), name)
        case ["GRANT", _, "TO", member, *_]:
            return Statement(tuple(words), member)
        case ["GRANT", *_, "ON", "PARAMETER", _, "TO", member] | [
            "GRANT", *_, "ON", "PARAMETER", _, "TO", member, "WITH", "GRANT", "OPTION"
        ]:  # fmt: skip
            return Statement(tuple(words), member)
    raise NotRoles(f"a statement of another form: {_shown(words)}")


def _ungranted(words: tuple[str, ...]) -> tuple[str, ...]:
    return words[: words.index("GRANTED")] if "GRANTED" in words else words


def _shown(words: list[str]) -> str:
    # The first words alone: further on stand passwords.
    return " ".join(words[:3])[:60]
