"""Which looks are meant, as questions of several tables say it."""

from __future__ import annotations

OF_CHECK = "check_number = (SELECT number FROM check_names WHERE name = ?)"
_ROLLED_DAYS = "(SELECT day FROM seals WHERE what = 'rolled')"
IN_ROLLED_DAYS = f"/ 86400000 IN {_ROLLED_DAYS}"
"""behind a moment in milliseconds: whether its day has been rolled up"""
LOOKS_WITHIN = (
    f"FROM attempts WHERE {OF_CHECK} AND started_at >= ? AND started_at < ?"
    f" AND started_at / 86400000 NOT IN {_ROLLED_DAYS}"
)
"""asked with a check's name, from, to (milliseconds): its looks of days that count look by look"""
