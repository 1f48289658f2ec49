-- The first ledger. Times are integer milliseconds since 1970-01-01 UTC; bodies are compact JSON.
-- A migration that was released is never edited: the next one gets the next number.

-- Which ledger this is: part of every Message-ID, so that a ledger begun anew never repeats an old one's.
CREATE TABLE identity (
    name TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO identity (name) VALUES (lower(hex(randomblob(4))));

-- Slots: a run is claimed before it is made, so that each owed run is made once.
CREATE TABLE slots (
    job          TEXT NOT NULL,
    slot_key     TEXT NOT NULL,
    slot_at      INTEGER NOT NULL,
    claimed_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    late_seconds REAL,
    PRIMARY KEY (job, slot_key)
) WITHOUT ROWID;
CREATE INDEX slots_by_time ON slots (job, slot_at);
CREATE INDEX slots_unfinished ON slots (slot_at) WHERE finished_at IS NULL;

-- Attempts: observation and verdict, written once, clustered by check and time.
CREATE TABLE check_names (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
);
CREATE TABLE attempts (
    check_number INTEGER NOT NULL REFERENCES check_names (number),
    started_at   INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    purpose      TEXT NOT NULL CHECK (purpose IN ('scheduled', 'confirm', 'recheck', 'diagnose', 'once')),
    muted        INTEGER NOT NULL CHECK (muted IN (0, 1)),
    state        TEXT NOT NULL,
    observation  TEXT NOT NULL,
    verdict      TEXT NOT NULL,
    PRIMARY KEY (check_number, started_at)
) WITHOUT ROWID;
CREATE TRIGGER attempts_are_not_changed BEFORE UPDATE ON attempts
BEGIN SELECT raise(ABORT, 'attempts are append-only'); END;
CREATE TRIGGER attempts_are_not_deleted BEFORE DELETE ON attempts
BEGIN SELECT raise(ABORT, 'attempts are append-only'); END;

-- Conditions: where each check stands now.
CREATE TABLE conditions (
    check_name TEXT NOT NULL PRIMARY KEY,
    body       TEXT NOT NULL
) WITHOUT ROWID;

-- Incidents: at most one open per key; a number is never given twice.
CREATE TABLE incidents (
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    key             TEXT NOT NULL,
    site            TEXT NOT NULL,
    issue           TEXT NOT NULL,
    severity        TEXT NOT NULL,
    owner           TEXT NOT NULL,
    opened_at       INTEGER NOT NULL,
    acknowledged_at INTEGER,
    recovered_at    INTEGER,
    closed_at       INTEGER,
    body            TEXT NOT NULL
);
CREATE UNIQUE INDEX incidents_open ON incidents (key) WHERE closed_at IS NULL;
CREATE INDEX incidents_closed ON incidents (key, closed_at) WHERE closed_at IS NOT NULL;
CREATE TRIGGER incidents_are_not_deleted BEFORE DELETE ON incidents
BEGIN SELECT raise(ABORT, 'incidents are never deleted'); END;

-- History: what happened, to an incident or to the monitor itself.
CREATE TABLE history (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    incident INTEGER REFERENCES incidents (number),
    at       INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    body     TEXT NOT NULL
);
CREATE INDEX history_by_incident ON history (incident, id);
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
BEGIN SELECT raise(ABORT, 'history is append-only'); END;
CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history
BEGIN SELECT raise(ABORT, 'history is append-only'); END;

-- Outbox: one row per message and recipient, written with the change that it tells of, sent afterwards.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    incident    INTEGER REFERENCES incidents (number),
    kind        TEXT NOT NULL,
    sequence    INTEGER NOT NULL,
    desk        TEXT NOT NULL,
    recipient   TEXT NOT NULL,
    body        TEXT NOT NULL,
    not_before  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    next_at     INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    reference   TEXT,
    last_error  TEXT
);
CREATE UNIQUE INDEX outbox_once ON outbox (coalesce(incident, 0), kind, sequence, desk, recipient);
CREATE INDEX outbox_queued ON outbox (desk, next_at) WHERE state = 'queued';
CREATE INDEX outbox_order ON outbox (incident, desk, recipient, id) WHERE state = 'queued';
CREATE INDEX outbox_by_incident ON outbox (incident, desk, recipient, id);
CREATE TRIGGER outbox_is_not_deleted BEFORE DELETE ON outbox
BEGIN SELECT raise(ABORT, 'the outbox keeps what was said'); END;

-- Receipts: one before and one after each send. A 'tried' with nothing after it is a send that nobody saw the end of.
CREATE TABLE receipts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    letter  INTEGER NOT NULL REFERENCES outbox (id),
    attempt INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('tried', 'sent', 'later', 'never', 'expired', 'interrupted')),
    text    TEXT NOT NULL
);
CREATE INDEX receipts_by_letter ON receipts (letter, id);
CREATE TRIGGER receipts_are_not_changed BEFORE UPDATE ON receipts
BEGIN SELECT raise(ABORT, 'receipts are append-only'); END;
CREATE TRIGGER receipts_are_not_deleted BEFORE DELETE ON receipts
BEGIN SELECT raise(ABORT, 'receipts are append-only'); END;
