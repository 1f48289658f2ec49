"""What a backup holds beside the one before it: nothing at all is refused or said, and so is what
has vanished.

A dump of a database that somebody emptied succeeds, and in some nights it has pushed out the last
good one: only the comparison shows what happened.
"""

from __future__ import annotations

from checks.contract import Failed
from checks.data.backup.engine import Taken, Work
from checks.data.backup.store.manifest import Manifest

# A purge of old records takes a part of them; where half is gone at once somebody should know
# before the backups that still hold it are removed by retention.
_MUCH_PERCENT = 50.0
_MOST_NAMED = 3


def looked_into(taken: Taken, before: Manifest | None, shrink_percent: float, work: Work) -> None:
    """Say what has vanished since `before`. Raises Failed where nothing is left, or where more than
    `shrink_percent` of the rows are gone.
    """
    if not taken.tables:
        work.events.event(warning="there is nothing in it: not one table or file")
    if before is None or before.rows == 0:
        return
    rows = sum(content.rows for content in taken.tables.values())
    if rows == 0:
        raise Failed("empty-database", f"it holds no row; it held {before.rows} in {before.id}")
    if before.rows - rows > before.rows * shrink_percent / 100:
        raise Failed("shrunk", f"it holds {rows} rows; it held {before.rows} in {before.id}")
    _told(taken, before, work)


def _told(taken: Taken, before: Manifest, work: Work) -> None:
    """Table by table: one that grows does not hide one that was emptied."""
    gone = {
        name: content.rows - (taken.tables[name].rows if name in taken.tables else 0)
        for name, content in before.tables.items()
    }
    vanished = sum(lost := [count for count in gone.values() if count > 0])
    if not vanished:
        return
    share = 100 * vanished / before.rows
    most = sorted(gone, key=lambda name: (-gone[name], name))[: min(len(lost), _MOST_NAMED)]
    named = ", ".join(f"{name} {gone[name]}" for name in most)
    text = (
        f"{vanished} of {before.rows} rows ({share:.1f} %) that {before.id} holds have vanished:"
        f" {named}{', ...' if len(lost) > _MOST_NAMED else ''}"
    )
    if share >= _MUCH_PERCENT:
        work.events.event(warning=text)
    else:
        work.events.note(text)
