-- Looks of each day lie in a table of their own, a partition of `attempts`: a day that was rolled up goes by dropping
-- it, which is a matter of milliseconds at ten thousand looks a minute, and leaves nothing to be vacuumed. What is of no
-- such day, or is kept of one that went, lies in `attempts_rest`; what was there before, in `attempts_before`. Programs
-- that know nothing of this go on as they did.
DROP VIEW report_looks;
DROP TRIGGER attempts_are_not_changed ON attempts;
DROP TRIGGER attempts_are_not_deleted ON attempts;
DROP TRIGGER attempts_are_not_emptied ON attempts;
DROP POLICY sees ON attempts;
DROP POLICY looks ON attempts;
ALTER TABLE attempts DISABLE ROW LEVEL SECURITY;
ALTER TABLE attempts RENAME TO attempts_before;
ALTER TABLE attempts_before RENAME CONSTRAINT attempts_pkey TO attempts_before_pkey;
CREATE TABLE attempts (
    check_number BIGINT NOT NULL REFERENCES check_names (number),
    started_at   BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    purpose      TEXT COLLATE "C" NOT NULL,
    muted        INTEGER NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    observation  TEXT COLLATE "C" NOT NULL,
    verdict      TEXT COLLATE "C" NOT NULL,
    CONSTRAINT attempts_purpose_check CHECK (purpose IN ('scheduled', 'confirm', 'recheck', 'diagnose', 'once')),
    CONSTRAINT attempts_muted_check CHECK (muted IN (0, 1)),
    PRIMARY KEY (check_number, started_at)
) PARTITION BY RANGE (started_at);
CREATE TRIGGER attempts_are_not_changed BEFORE UPDATE ON attempts
FOR EACH ROW EXECUTE FUNCTION refused('attempts are append-only');
CREATE TRIGGER attempts_are_not_deleted BEFORE DELETE ON attempts
FOR EACH ROW EXECUTE FUNCTION attempt_may_go();
CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON attempts
FOR EACH STATEMENT EXECUTE FUNCTION refused('attempts are append-only');
CREATE TABLE attempts_rest PARTITION OF attempts DEFAULT;
CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON attempts_rest
FOR EACH STATEMENT EXECUTE FUNCTION refused('attempts are append-only');

ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON attempts FOR SELECT USING (EXISTS (
    SELECT 1 FROM check_names WHERE number = check_number AND place_of(name) = (SELECT own_host())));
CREATE POLICY looks ON attempts FOR INSERT WITH CHECK (started_at < database_now() + 60000 AND EXISTS (
    SELECT 1 FROM check_names WHERE number = check_number AND place_of(name) = own_host()));
CREATE VIEW report_looks AS SELECT to_timestamp(started_at / 1000.0) AS at, name AS "check", kind, purpose, state,
    muted = 1 AS planned, (seen ->> 'seconds')::double precision AS seconds, seen -> 'measures' AS measures,
    seen #>> '{fault,0}' AS stage, seen #>> '{fault,1}' AS code
FROM (SELECT attempts.*, readable(observation) AS seen FROM attempts) AS looks JOIN check_names ON number = check_number;

-- The table of a day, counted from 1970-01-01 UTC.
CREATE FUNCTION day_table(BIGINT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS
$$ SELECT 'attempts_' || to_char(date '1970-01-01' + $1::integer, 'YYYYMMDD') $$;
-- Whoever asks waits meanwhile: no longer than a moment, and it is tried again later.
CREATE FUNCTION waits_briefly() RETURNS TEXT LANGUAGE sql AS $$ SELECT set_config('lock_timeout', '500ms', true) $$;

-- Whether the day has a table of its own now. One of which there are looks elsewhere already has none.
CREATE FUNCTION make_day(day BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE own TEXT := day_table(day); begins BIGINT := day * 86400000; ends BIGINT := (day + 1) * 86400000;
BEGIN
    IF to_regclass(quote_ident(own)) IS NOT NULL THEN RETURN TRUE; END IF;
    IF EXISTS (SELECT 1 FROM attempts_rest WHERE started_at >= begins AND started_at < ends) THEN RETURN FALSE; END IF;
    PERFORM waits_briefly();
    EXECUTE format('CREATE TABLE %I (LIKE attempts INCLUDING CONSTRAINTS)', own);
    -- To attach it takes a lock that nobody waits for but who reads of the rest.
    EXECUTE format('ALTER TABLE attempts ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', own, begins, ends);
    EXECUTE format('CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION refused(%L)', own, 'attempts are append-only');
    RETURN TRUE;
EXCEPTION WHEN invalid_object_definition THEN RETURN FALSE;  -- of attempts_before
END $$;

-- What stays of a day that goes: the newest look of a check, and failures around the opening of a ticket. Worked out
-- beforehand, while nobody waits.
CREATE FUNCTION keep_of_day(day BIGINT, around BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE own TEXT := day_table(day); begins BIGINT := day * 86400000; ends BIGINT := (day + 1) * 86400000;
BEGIN
    EXECUTE format('DROP TABLE IF EXISTS %I', own || '_kept');
    EXECUTE format('CREATE TABLE %I AS SELECT newest.* FROM check_names JOIN LATERAL (SELECT * FROM %I'
        ' WHERE check_number = number ORDER BY started_at DESC LIMIT 1) AS newest ON NOT EXISTS'
        ' (SELECT 1 FROM attempts WHERE check_number = number AND started_at >= %s)', own || '_kept', own, ends);
    EXECUTE format('INSERT INTO %I SELECT looks.* FROM %I AS looks WHERE state <> %L AND EXISTS (SELECT 1 FROM incidents'
        ' WHERE opened_at BETWEEN started_at - %s AND started_at + %s) AND NOT EXISTS (SELECT 1 FROM %I AS kept'
        ' WHERE kept.check_number = looks.check_number AND kept.started_at = looks.started_at)',
        own || '_kept', own, 'OK', around, around, own || '_kept');
END $$;
CREATE FUNCTION drop_day(day BIGINT) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE own TEXT := day_table(day);
BEGIN
    IF NOT sealed('rolled', day * 86400000) THEN
        RAISE EXCEPTION 'attempts are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    PERFORM waits_briefly();
    EXECUTE format('ALTER TABLE attempts DETACH PARTITION %I', own);
    EXECUTE format('INSERT INTO attempts SELECT * FROM %I', own || '_kept');
    EXECUTE format('DROP TABLE %I, %I', own, own || '_kept');
END $$;

-- What is there already stays where it is, up to the day after tomorrow; a wrong clock's looks of later go to the rest.
DO $$
DECLARE today BIGINT := database_now() / 86400000; bound BIGINT := today * 86400000;
BEGIN
    IF EXISTS (SELECT 1 FROM attempts_before) THEN
        bound := (today + 2) * 86400000;
        INSERT INTO attempts SELECT * FROM attempts_before WHERE started_at >= bound;
        DELETE FROM attempts_before WHERE started_at >= bound;
        EXECUTE format('ALTER TABLE attempts ATTACH PARTITION attempts_before FOR VALUES FROM (MINVALUE) TO (%s)', bound);
        CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON attempts_before
        FOR EACH STATEMENT EXECUTE FUNCTION refused('attempts are append-only');
    ELSE
        DROP TABLE attempts_before;
    END IF;
    FOR day IN bound / 86400000 .. today + 3 LOOP PERFORM make_day(day); END LOOP;
END $$;
