-- What is kept of looks once they are too old to be kept one by one, and the seals that prove that nothing else was
-- ever taken away. Days are whole days since 1970-01-01 UTC.

-- Runs: looks in a row that said the same, within one day.
CREATE TABLE rolled_runs (
    check_number INTEGER NOT NULL REFERENCES check_names (number),
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    state        TEXT NOT NULL,
    muted        INTEGER NOT NULL CHECK (muted IN (0, 1)),
    PRIMARY KEY (check_number, first_at)
) WITHOUT ROWID;

-- Hours: how often each state was seen, and what the measures came to.
CREATE TABLE rolled_hours (
    check_number INTEGER NOT NULL REFERENCES check_names (number),
    hour_at      INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (check_number, hour_at, kind)
) WITHOUT ROWID;

-- Seals: a digest of a day's rows, chained to the one before by an HMAC. "looks": the looks of a day, and what happened
-- and was sent up to then. "rolled": what its looks were rolled up into. "dropped": the roll-ups may go.
CREATE TABLE seals (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    day       INTEGER NOT NULL,
    what      TEXT NOT NULL CHECK (what IN ('looks', 'rolled', 'dropped')),
    row_count INTEGER NOT NULL,
    digest    TEXT NOT NULL,
    history   INTEGER NOT NULL,
    receipts  INTEGER NOT NULL,
    told      TEXT NOT NULL,
    sealed_at INTEGER NOT NULL,
    chain     TEXT NOT NULL
);
CREATE UNIQUE INDEX seals_by_day ON seals (what, day);
CREATE TRIGGER seals_are_not_changed BEFORE UPDATE ON seals
BEGIN SELECT raise(ABORT, 'seals are append-only'); END;
CREATE TRIGGER seals_are_not_deleted BEFORE DELETE ON seals
BEGIN SELECT raise(ABORT, 'seals are append-only'); END;

-- Which looks are of a ticket's opening is asked for each that is to go.
CREATE INDEX incidents_by_opening ON incidents (opened_at);

-- A look may go once its day is rolled up and sealed; a roll-up once that is over too.
DROP TRIGGER attempts_are_not_deleted;
CREATE TRIGGER attempts_are_not_deleted BEFORE DELETE ON attempts
WHEN NOT EXISTS (SELECT 1 FROM seals WHERE what = 'rolled' AND day = old.started_at / 86400000)
BEGIN SELECT raise(ABORT, 'attempts are append-only'); END;
CREATE TRIGGER runs_are_not_changed BEFORE UPDATE ON rolled_runs
BEGIN SELECT raise(ABORT, 'roll-ups are append-only'); END;
CREATE TRIGGER runs_are_not_deleted BEFORE DELETE ON rolled_runs
WHEN EXISTS (SELECT 1 FROM seals WHERE what = 'rolled' AND day = old.first_at / 86400000)
    AND NOT EXISTS (SELECT 1 FROM seals WHERE what = 'dropped' AND day = old.first_at / 86400000)
BEGIN SELECT raise(ABORT, 'roll-ups are append-only'); END;
CREATE TRIGGER hours_are_not_changed BEFORE UPDATE ON rolled_hours
BEGIN SELECT raise(ABORT, 'roll-ups are append-only'); END;
CREATE TRIGGER hours_are_not_deleted BEFORE DELETE ON rolled_hours
WHEN EXISTS (SELECT 1 FROM seals WHERE what = 'rolled' AND day = old.hour_at / 86400000)
    AND NOT EXISTS (SELECT 1 FROM seals WHERE what = 'dropped' AND day = old.hour_at / 86400000)
BEGIN SELECT raise(ABORT, 'roll-ups are append-only'); END;
