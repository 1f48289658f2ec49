"""Some of a check's looks, for a picture of what it measured: ten thousand looks drawn on 500
points are a second's work of the server, and every tenth of them gives the same picture.

Rules: of looks that were not good as many are read as of those that were, so that an outage shows
as what it was; each look that is read counts for those that are left out of its sort.
"""

from __future__ import annotations

from typing import NamedTuple

from monitor.ledger.look_terms import LOOKS_WITHIN


class Sampled(NamedTuple):
    """Of how many looks one is read."""

    good: int
    others: int


EVERY_LOOK = Sampled(1, 1)

COUNT_LOOKS = (
    f"SELECT count(*) AS looks, sum(CASE state WHEN 'OK' THEN 1 ELSE 0 END) AS good {LOOKS_WITHIN}"
)
# Asked with: a Sampled, the check's name, from, to (milliseconds), the Sampled once more. Each sort
# is counted by itself, or a check that flaps would show one of them alone; by sums, since to sort a
# month of looks takes longer than to read some. The first of each is read.
SOME_LOOKS = f"""
SELECT check_number, started_at, CASE good WHEN 1 THEN ? ELSE ? END AS weight
FROM (SELECT check_number, started_at, good,
             CASE good WHEN 1 THEN sum(good) OVER so_far
                  ELSE sum(1 - good) OVER so_far END - 1 AS place
      FROM (SELECT check_number, started_at, CASE state WHEN 'OK' THEN 1 ELSE 0 END AS good
            {LOOKS_WITHIN}) AS looks
      WINDOW so_far AS (ORDER BY started_at ROWS UNBOUNDED PRECEDING)) AS counted
WHERE place % CASE good WHEN 1 THEN ? ELSE ? END = 0"""  # noqa: S608 - constants
