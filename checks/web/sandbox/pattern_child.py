"""The process that holds an administrator's patterns against what far ends sent, one after the
other, until its standard input ends.

{"pattern": "order no. (\\\\d+)"}\\n          then the text in pieces, each behind its length,
12\\norder no. 4711 0\\n                     and 0 at its end
    -> {"found": true, "text": "4711"}      the first group, or the whole match
    -> {"found": true, "letters": 2000000}  longer than anybody may have it
    -> {"found": false}
    -> {"wrong": "nothing to repeat at position 0"}

A pattern that takes more than MOST_CPU_SECONDS ends it, by SIGPROF.
"""

from __future__ import annotations

import json
import re
import resource
import signal
import sys
from typing import Any, BinaryIO

# Honest patterns read a page of 2 MB within 5 ms, and those of 50 MB within a second.
MOST_CPU_SECONDS = 2.0
MOST_LETTERS = 100_000
"""of what is found: a token or a figure; the whole page is none"""
# A page of 50 MB is 200 MB where one sign of it stands beyond U+FFFF, and there twice for a moment.
_MOST_BYTES = 1 << 30


def main() -> int:
    """Do job after job. The exit code."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold a page
    answers = sys.stdout
    while line := sys.stdin.buffer.readline():
        pattern = json.loads(line)["pattern"]
        if (text := _text(sys.stdin.buffer)) is None:
            break
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_SECONDS)
        answer = _search(pattern, text)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return 0


def _text(source: BinaryIO) -> str | None:
    """What comes in pieces; None where it breaks off."""
    pieces: list[str] = []
    while length := source.readline():
        if length == b"0\n":
            return "".join(pieces)
        # "surrogatepass": half a character, as JSON can write one, is looked for as it came.
        pieces.append(source.read(int(length)).decode("utf-8", "surrogatepass"))
    return None


def _search(pattern: str, text: str) -> dict[str, Any]:
    try:
        match = re.search(pattern, text)
    except (re.error, RecursionError, OverflowError) as error:
        return {"wrong": str(error)}
    if match is None:
        return {"found": False}
    found = match[1] if match.re.groups else match[0]
    if found is not None and len(found) > MOST_LETTERS:
        return {"found": True, "letters": len(found)}
    return {"found": True, "text": found}


if __name__ == "__main__":
    sys.exit(main())
