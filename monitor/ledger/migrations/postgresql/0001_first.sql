-- The first ledger on PostgreSQL: table for table what ../0001_first.sql has. Times are integer milliseconds since
-- 1970-01-01 UTC; bodies are compact JSON, kept as text since JSON of PostgreSQL knows no \u0000. Texts are compared
-- byte by byte, as on SQLite: seals are worked out in that order.
-- A migration that was released is never edited: the next one gets the next number.

-- Numbers are given without a gap, in the order of commits: a sequence would neither take back what was undone nor keep
-- that order, and a seal of "all up to here" would miss what comes later under a smaller number.
CREATE TABLE numbers (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
) WITH (fillfactor = 50);
INSERT INTO numbers (name, last) VALUES
    ('changes', 0), ('check_names', 0), ('incidents', 0), ('history', 0), ('outbox', 0), ('receipts', 0);
CREATE FUNCTION next_number(TEXT) RETURNS BIGINT LANGUAGE sql VOLATILE AS
$$ UPDATE numbers SET last = last + 1 WHERE name = $1 RETURNING last $$;

CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END $$;

-- What SQLite calls so.
CREATE FUNCTION instr(TEXT, TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE AS $$ SELECT position($2 IN $1) $$;

-- A body as JSON, without what PostgreSQL takes for none: zero bytes and halves of surrogates, which far ends send.
CREATE FUNCTION readable(TEXT) RETURNS JSON LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN position('\u' IN $1) = 0 THEN $1 ELSE regexp_replace($1,
    '(\\\\|\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})|\\u0000|\\ud[89a-f][0-9a-f]{2}', '\1', 'g') END::json $$;

-- Which ledger this is: part of every Message-ID, so that a ledger begun anew never repeats an old one's.
CREATE TABLE identity (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY
);
INSERT INTO identity (name) VALUES (left(replace(gen_random_uuid()::text, '-', ''), 8));

-- Slots: a run is claimed before it is made, so that each owed run is made once.
CREATE TABLE slots (
    job          TEXT COLLATE "C" NOT NULL,
    slot_key     TEXT COLLATE "C" NOT NULL,
    slot_at      BIGINT NOT NULL,
    claimed_at   BIGINT NOT NULL,
    finished_at  BIGINT,
    late_seconds DOUBLE PRECISION,
    PRIMARY KEY (job, slot_key)
);
CREATE INDEX slots_by_time ON slots (job, slot_at);
CREATE INDEX slots_unfinished ON slots (slot_at) WHERE finished_at IS NULL;

-- Attempts: observation and verdict, written once.
CREATE TABLE check_names (
    number BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('check_names'),
    name   TEXT COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE attempts (
    check_number BIGINT NOT NULL REFERENCES check_names (number),
    started_at   BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    purpose      TEXT COLLATE "C" NOT NULL CHECK (purpose IN ('scheduled', 'confirm', 'recheck', 'diagnose', 'once')),
    muted        INTEGER NOT NULL CHECK (muted IN (0, 1)),
    state        TEXT COLLATE "C" NOT NULL,
    observation  TEXT COLLATE "C" NOT NULL,
    verdict      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (check_number, started_at)
);
CREATE TRIGGER attempts_are_not_changed BEFORE UPDATE ON attempts
FOR EACH ROW EXECUTE FUNCTION refused('attempts are append-only');
CREATE TRIGGER attempts_are_not_deleted BEFORE DELETE ON attempts
FOR EACH ROW EXECUTE FUNCTION refused('attempts are append-only');
CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON attempts
FOR EACH STATEMENT EXECUTE FUNCTION refused('attempts are append-only');

-- Conditions: where each check stands now.
CREATE TABLE conditions (
    check_name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body       TEXT COLLATE "C" NOT NULL
);

-- Incidents: at most one open per key; a number is never given twice.
CREATE TABLE incidents (
    number          BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('incidents'),
    key             TEXT COLLATE "C" NOT NULL,
    site            TEXT COLLATE "C" NOT NULL,
    issue           TEXT COLLATE "C" NOT NULL,
    severity        TEXT COLLATE "C" NOT NULL,
    owner           TEXT COLLATE "C" NOT NULL,
    opened_at       BIGINT NOT NULL,
    acknowledged_at BIGINT,
    recovered_at    BIGINT,
    closed_at       BIGINT,
    body            TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX incidents_open ON incidents (key) WHERE closed_at IS NULL;
CREATE INDEX incidents_closed ON incidents (key, closed_at) WHERE closed_at IS NOT NULL;
CREATE TRIGGER incidents_are_not_deleted BEFORE DELETE ON incidents
FOR EACH ROW EXECUTE FUNCTION refused('incidents are never deleted');
CREATE TRIGGER incidents_are_not_emptied BEFORE TRUNCATE ON incidents
FOR EACH STATEMENT EXECUTE FUNCTION refused('incidents are never deleted');

-- History: what happened, to an incident or to the monitor itself.
CREATE TABLE history (
    id       BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('history'),
    incident BIGINT REFERENCES incidents (number),
    at       BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    body     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX history_by_incident ON history (incident, id);
CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
FOR EACH ROW EXECUTE FUNCTION refused('history is append-only');
CREATE TRIGGER history_is_not_deleted BEFORE DELETE ON history
FOR EACH ROW EXECUTE FUNCTION refused('history is append-only');
CREATE TRIGGER history_is_not_emptied BEFORE TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION refused('history is append-only');

-- Outbox: one row per message and recipient, written with the change that it tells of, sent afterwards.
CREATE TABLE outbox (
    id          BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('outbox'),
    incident    BIGINT REFERENCES incidents (number),
    kind        TEXT COLLATE "C" NOT NULL,
    sequence    BIGINT NOT NULL,
    desk        TEXT COLLATE "C" NOT NULL,
    recipient   TEXT COLLATE "C" NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    not_before  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    state       TEXT COLLATE "C" NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'failed')),
    attempts    BIGINT NOT NULL DEFAULT 0,
    next_at     BIGINT NOT NULL,
    lease_owner TEXT COLLATE "C",
    lease_until BIGINT,
    reference   TEXT COLLATE "C",
    last_error  TEXT COLLATE "C"
);
CREATE UNIQUE INDEX outbox_once ON outbox (coalesce(incident, 0), kind, sequence, desk, recipient);
CREATE INDEX outbox_queued ON outbox (desk, next_at) WHERE state = 'queued';
CREATE INDEX outbox_order ON outbox (incident, desk, recipient, id) WHERE state = 'queued';
CREATE INDEX outbox_by_incident ON outbox (incident, desk, recipient, id);
CREATE TRIGGER outbox_is_not_deleted BEFORE DELETE ON outbox
FOR EACH ROW EXECUTE FUNCTION refused('the outbox keeps what was said');
CREATE TRIGGER outbox_is_not_emptied BEFORE TRUNCATE ON outbox
FOR EACH STATEMENT EXECUTE FUNCTION refused('the outbox keeps what was said');

-- Receipts: one before and one after each send. A 'tried' with nothing after it is a send that nobody saw the end of.
CREATE TABLE receipts (
    id      BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('receipts'),
    letter  BIGINT NOT NULL REFERENCES outbox (id),
    attempt BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    kind    TEXT COLLATE "C" NOT NULL
            CHECK (kind IN ('tried', 'sent', 'later', 'never', 'expired', 'interrupted')),
    text    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX receipts_by_letter ON receipts (letter, id);
CREATE TRIGGER receipts_are_not_changed BEFORE UPDATE ON receipts
FOR EACH ROW EXECUTE FUNCTION refused('receipts are append-only');
CREATE TRIGGER receipts_are_not_deleted BEFORE DELETE ON receipts
FOR EACH ROW EXECUTE FUNCTION refused('receipts are append-only');
CREATE TRIGGER receipts_are_not_emptied BEFORE TRUNCATE ON receipts
FOR EACH STATEMENT EXECUTE FUNCTION refused('receipts are append-only');
