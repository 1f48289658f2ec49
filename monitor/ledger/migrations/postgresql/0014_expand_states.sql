-- How a check stood for a week is 40 000 looks at one every 15 s, and their bodies lie far apart: an index of each day
-- holds what is asked of them, and is gone through five times as quickly. Days that have looks already go on without one.
CREATE OR REPLACE FUNCTION make_day(day BIGINT) RETURNS BOOLEAN LANGUAGE plpgsql AS $$
DECLARE own TEXT := day_table(day); begins BIGINT := day * 86400000; ends BIGINT := (day + 1) * 86400000;
BEGIN
    IF to_regclass(quote_ident(own)) IS NOT NULL THEN RETURN TRUE; END IF;
    IF EXISTS (SELECT 1 FROM attempts_rest WHERE started_at >= begins AND started_at < ends) THEN RETURN FALSE; END IF;
    PERFORM waits_briefly();
    EXECUTE format('CREATE TABLE %I (LIKE attempts INCLUDING CONSTRAINTS)', own);
    EXECUTE format('CREATE INDEX ON %I (check_number, started_at) INCLUDE (state, muted)', own);
    -- To attach it takes a lock that nobody waits for but who reads of the rest.
    EXECUTE format('ALTER TABLE attempts ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', own, begins, ends);
    EXECUTE format('CREATE TRIGGER attempts_are_not_emptied BEFORE TRUNCATE ON %I '
        'FOR EACH STATEMENT EXECUTE FUNCTION refused(%L)', own, 'attempts are append-only');
    RETURN TRUE;
EXCEPTION WHEN invalid_object_definition THEN RETURN FALSE;  -- of attempts_before
END $$;
DO $$
DECLARE own REGCLASS; used BOOLEAN;
BEGIN
    FOR own IN SELECT inhrelid FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'attempts'::regclass AND relname ~ '^attempts_[0-9]{8}$' LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s)', own) INTO used;
        IF NOT used THEN
            EXECUTE format('CREATE INDEX ON %s (check_number, started_at) INCLUDE (state, muted)', own);
        END IF;
    END LOOP;
END $$;
