"""Has ClamAV look at what has changed."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from checks.host.collectors import skipped
from checks.host.collectors.clamav import Scanner, Silent, scanner, signatures_from
from checks.host.collectors.collector import Blind, Look, NotLooked, listed
from checks.host.collectors.tree_walk import walk

STAGES = ("engine", "self-test", "scan")
_DAY_SECONDS = 86400.0
# clamscan loads its signatures for each batch, which takes some ten seconds: many files at a time,
# and still few enough to be interrupted between batches.
_BATCH = 500
# The test string of EICAR, in pieces, lest a scanner takes this file for the test file.
_EICAR = "".join(
    ("X5O!P%@AP[4", "\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*")
)


def look(at: Look) -> None:
    """Ask the engine, test it, and have it scan."""
    ready: list[Scanner] = []
    with at.stage("engine"):
        try:
            ready.append(engine(at))
        except Silent as why:
            at.fault(why.code, str(why))
        except NotLooked as why:
            raise Blind(f"there is no scanner for viruses: {why}") from None
    for one in ready:
        with at.stage("self-test"):
            if at.settings["self_test"] and not self_test(at, one):
                return
            if at.settings["self_test"]:
                tells_what_it_skips(at, one)
        with at.stage("scan"):
            scan(at, one)


def engine(at: Look) -> Scanner:
    """The scanner, and how old what it knows is. Raises Silent, NotLooked."""
    one = scanner(at)
    version = one.version()
    at.note(version)
    made = signatures_from(version)
    if made is None:
        at.note("ClamAV tells no date of its signatures: it has none, or only own ones")
        return one
    age = at.now - made
    at.measure("signatures_days", age / _DAY_SECONDS)
    if age > at.settings["signatures_age"]:
        at.fault("old-signatures", f"the signatures are {age / _DAY_SECONDS:.0f} days old")
    elif age > at.settings["warn_signatures_age"]:
        at.warning(f"the signatures are {age / _DAY_SECONDS:.1f} days old")
    return one


def self_test(at: Look, one: Scanner) -> bool:
    """Whether it finds the test string. Raises NotLooked where there was no time to ask it."""
    with tempfile.NamedTemporaryFile("w", encoding="ascii", suffix=".txt") as test:
        test.write(_EICAR)
        test.flush()
        try:
            found = [said for _, said in one.scan([Path(test.name)], at.left)]
        except Silent as why:
            at.fault(why.code, str(why))
            return False
    if not found:
        raise NotLooked("the time budget is over")
    if not any(found):
        at.fault(
            "finds-nothing",
            "the scanner does not find the EICAR test string, so its silence means nothing",
        )
    return any(found)


def tells_what_it_skips(at: Look, one: Scanner) -> None:
    """Warn where the scanner says OK to what it did not look into: clamd does, unless its
    configuration has it tell (clamd.conf(5)).
    """
    mute = [option for option, file in (
        ("AlertEncrypted yes", skipped.locked()),
        ("AlertExceedsMax yes", skipped.too_deep()),
    ) if _is_ok(at, one, file)]  # fmt: skip
    if mute:
        at.warning(
            "the scanner says OK to files that it does not look into (locked, too large, too deep);"
            f" write into clamd.conf: {', '.join(mute)}"
        )


def _is_ok(at: Look, one: Scanner, content: bytes) -> bool:
    with tempfile.NamedTemporaryFile("wb", suffix=".zip") as test:
        test.write(content)
        test.flush()
        try:
            return [said for _, said in one.scan([Path(test.name)], at.left)] == [""]
        except (Silent, NotLooked) as why:
            at.note(f"not known whether the scanner tells what it skips: {why}")
            return False


def scan(at: Look, one: Scanner) -> None:
    """Scan all that has changed since the last whole look; the next look begins with what is not
    reached.
    """
    root = Path(at.settings["root"])
    since = 0.0 if at.settings["every_file"] else at.recalled.get("since", 0.0)
    after = at.recalled.get("after", "")
    bad: dict[str, str] = dict(at.recalled.get("infected", {}))
    counts, refused = {"files": 0, "bytes": 0, "not": 0}, list[Path]()
    at.remember("since", since)
    at.remember("after", after)
    at.remember("infected", bad)
    last, batch = after, list[tuple[str, int]]()
    try:
        for path, size in _candidates(at, since, after):
            if size > at.settings["most_megabytes"] * 1e6:
                counts["not"] += 1
                continue
            batch.append((path, size))
            if len(batch) == _BATCH:
                last = _scanned(at, one, root, batch, bad, counts, refused)
                batch = []
        if batch:
            last = _scanned(at, one, root, batch, bad, counts, refused)
        # A minute's overlap: a file that was being written as it was passed is looked at once more.
        at.remember("since", at.now - 60.0)
        at.remember("after", "")
    except NotLooked as why:
        at.remember("after", last)
        at.warning(f"not reached: what comes after {last or 'the beginning'} ({why})")
    except Silent as why:
        at.fault(why.code, str(why))
    # Who could not read a file has not seen that it is clean; one that has gone meanwhile is.
    if unread := [str(path) for path in refused if path.exists()]:
        at.warning(f"not scanned, the scanner could not read: {listed(unread)}")
    _tell(at, root, bad, counts)


def _tell(at: Look, root: Path, bad: dict[str, str], counts: dict[str, int]) -> None:
    """What was found now, and before, as far as it is still there."""
    bad = {path: name for path, name in bad.items() if (root / path.lstrip("/")).exists()}
    at.remember("infected", bad)
    at.measure("scanned_files", counts["files"])
    at.measure("scanned_megabytes", counts["bytes"] / 1e6)
    at.measure("not_scanned_files", counts["not"])
    at.measure("infected_files", len(bad))
    if counts["not"]:
        at.note(f"not scanned: {counts['not']} files that are too large, not readable or refused")
    if bad:
        at.fault("infected", listed([f"{path} ({name})" for path, name in sorted(bad.items())]))


def _scanned(
    at: Look,
    one: Scanner,
    root: Path,
    batch: list[tuple[str, int]],
    bad: dict[str, str],
    counts: dict[str, int],
    refused: list[Path],
) -> str:
    """Scan some files; the last path that was scanned. Raises Silent, NotLooked when the time is
    over.
    """
    paths = {root / path.lstrip("/"): (path, size) for path, size in batch}
    done = 0
    for file, said in one.scan(list(paths), at.left):
        done += 1
        path, size = paths[file]
        if said is None:
            counts["not"] += 1
            refused.append(file)
            continue
        counts["files"] += 1
        counts["bytes"] += size
        if said:
            bad[path] = said
        else:
            bad.pop(path, None)
    if done < len(batch):
        raise NotLooked("the time budget is over")
    return batch[-1][0]


def _candidates(at: Look, since: float, after: str) -> Iterator[tuple[str, int]]:
    """Files that have changed since then, by path, from behind the path that was reached before."""
    reached = not after
    for top in at.settings["paths"]:
        for path, known in walk(
            at, top, lambda path: any(fnmatchcase(path, out) for out in at.settings["exclude"])
        ):
            if not reached:
                reached = path == after
                continue
            # ctime as well: an archive unpacks files with old mtimes, and an intruder sets them.
            changed = max(known.st_mtime, known.st_ctime) >= since
            if stat.S_ISREG(known.st_mode) and known.st_size and changed:
                yield path, known.st_size
