"""What servers and their tools complain of, without what they quote of rows, statements and
passwords. Pure.
"""

from __future__ import annotations

import re

# What servers quote of rows: PostgreSQL's lines beside the message, and what both say of a value.
_OF_A_ROW = re.compile(r"\s*(?:psql:\S+ )?(?:DETAIL|CONTEXT|STATEMENT|QUERY|HINT|LINE \d+):?\s")
# A value is quoted as it is, with its own quotes and line ends: it goes on to the last quote before
# the next part of the message.
_ON = r"(?:(?!(?: · |\n)\s*(?:DETAIL|CONTEXT|STATEMENT|QUERY|HINT|LINE \d+|ERROR|\w+: )).)*"
_VALUE = re.compile(
    r"(?<=[Nn]ear )'.*|(?<=[Ee]ntry )'.*(?=for key)"
    r"|(?:(?<=[Vv]alue )|(?<=USING )|(?<=PASSWORD )|(?<=BY )|(?<=: ))"
    rf"(?:'(?:{_ON}'|{_ON})|\"(?:{_ON}\"|{_ON}))",
    re.DOTALL,
)
# MariaDB's client tells the whole statement between two rulers; a statement has rows in it.
_RULER = re.compile(r"-{10,}")
_STATEMENT = re.compile(
    r"\s*(?:INSERT|REPLACE|UPDATE|COPY|VALUES|CREATE USER|GRANT|ALTER USER)\b", re.I
)


def without_rows(said: str) -> str:
    """A complaint without what it quotes of rows, statements and passwords: faults go to tickets
    and mails.
    """
    lines = _outside_rulers(re.split(r" · |\n", said))
    kept = _VALUE.sub("(not shown)", "\n".join(lines)).split("\n")
    return " · ".join(
        line for line in kept if not _OF_A_ROW.match(line + " ") and not _STATEMENT.match(line)
    )


def _outside_rulers(lines: list[str]) -> list[str]:
    rulers = [at for at, line in enumerate(lines) if _RULER.fullmatch(line.strip())]
    # Only the end of what was said is here: the ruler above a long statement may be cut off.
    if len(rulers) % 2:
        rulers = [-1, *rulers]
    within = {
        at
        for above, below in zip(rulers[::2], rulers[1::2], strict=True)
        for at in range(max(above, 0), below + 1)
    }
    return [line for at, line in enumerate(lines) if at not in within]
