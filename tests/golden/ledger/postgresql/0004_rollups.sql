-- What is kept of looks once they are too old to be kept one by one, and the seals that prove that nothing else was
-- ever taken away. Days are whole days since 1970-01-01 UTC.

-- Runs: looks in a row that said the same, within one day.
CREATE TABLE rolled_runs (
    check_number BIGINT NOT NULL REFERENCES check_names (number),
    first_at     BIGINT NOT NULL,
    last_at      BIGINT NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    muted        INTEGER NOT NULL CHECK (muted IN (0, 1)),
    PRIMARY KEY (check_number, first_at)
);

-- Hours: how often each state was seen, and what the measures came to.
CREATE TABLE rolled_hours (
    check_number BIGINT NOT NULL REFERENCES check_names (number),
    hour_at      BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    body         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (check_number, hour_at, kind)
);

-- Seals: a digest of a day's rows, chained to the one before by an HMAC. "looks": the looks of a day, and what happened
-- and was sent up to then. "rolled": what its looks were rolled up into. "dropped": the roll-ups may go.
INSERT INTO numbers (name, last) VALUES ('seals', 0);
CREATE TABLE seals (
    number    BIGINT NOT NULL PRIMARY KEY DEFAULT next_number('seals'),
    day       BIGINT NOT NULL,
    what      TEXT COLLATE "C" NOT NULL CHECK (what IN ('looks', 'rolled', 'dropped')),
    row_count BIGINT NOT NULL,
    digest    TEXT COLLATE "C" NOT NULL,
    history   BIGINT NOT NULL,
    receipts  BIGINT NOT NULL,
    told      TEXT COLLATE "C" NOT NULL,
    sealed_at BIGINT NOT NULL,
    chain     TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX seals_by_day ON seals (what, day);
CREATE TRIGGER seals_are_not_changed BEFORE UPDATE ON seals
FOR EACH ROW EXECUTE FUNCTION refused('seals are append-only');
CREATE TRIGGER seals_are_not_deleted BEFORE DELETE ON seals
FOR EACH ROW EXECUTE FUNCTION refused('seals are append-only');
CREATE TRIGGER seals_are_not_emptied BEFORE TRUNCATE ON seals
FOR EACH STATEMENT EXECUTE FUNCTION refused('seals are append-only');

-- Which looks are of a ticket's opening is asked for each that is to go.
CREATE INDEX incidents_by_opening ON incidents (opened_at);

-- A look may go once its day is rolled up and sealed; a roll-up once that is over too.
CREATE FUNCTION sealed(TEXT, BIGINT) RETURNS BOOLEAN LANGUAGE sql STABLE AS
$$ SELECT EXISTS (SELECT 1 FROM seals WHERE what = $1 AND day = $2 / 86400000) $$;
CREATE FUNCTION attempt_may_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF sealed('rolled', OLD.started_at) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'attempts are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION run_may_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sealed('rolled', OLD.first_at) OR sealed('dropped', OLD.first_at) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'roll-ups are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION hour_may_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT sealed('rolled', OLD.hour_at) OR sealed('dropped', OLD.hour_at) THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'roll-ups are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
DROP TRIGGER attempts_are_not_deleted ON attempts;
CREATE TRIGGER attempts_are_not_deleted BEFORE DELETE ON attempts
FOR EACH ROW EXECUTE FUNCTION attempt_may_go();
CREATE TRIGGER runs_are_not_changed BEFORE UPDATE ON rolled_runs
FOR EACH ROW EXECUTE FUNCTION refused('roll-ups are append-only');
CREATE TRIGGER runs_are_not_deleted BEFORE DELETE ON rolled_runs
FOR EACH ROW EXECUTE FUNCTION run_may_go();
CREATE TRIGGER runs_are_not_emptied BEFORE TRUNCATE ON rolled_runs
FOR EACH STATEMENT EXECUTE FUNCTION refused('roll-ups are append-only');
CREATE TRIGGER hours_are_not_changed BEFORE UPDATE ON rolled_hours
FOR EACH ROW EXECUTE FUNCTION refused('roll-ups are append-only');
CREATE TRIGGER hours_are_not_deleted BEFORE DELETE ON rolled_hours
FOR EACH ROW EXECUTE FUNCTION hour_may_go();
CREATE TRIGGER hours_are_not_emptied BEFORE TRUNCATE ON rolled_hours
FOR EACH STATEMENT EXECUTE FUNCTION refused('roll-ups are append-only');
