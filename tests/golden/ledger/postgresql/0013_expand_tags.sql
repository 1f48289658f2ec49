-- The words by which checks choose their hosts, as a JSON list of texts; "" of a host whose program does not say them.
ALTER TABLE hosts ADD COLUMN tags TEXT COLLATE "C" NOT NULL DEFAULT '';
DO $$
DECLARE probe TEXT;
BEGIN
    FOR probe IN SELECT roles.name FROM roles JOIN pg_roles ON rolname = roles.name LOOP
        EXECUTE format('GRANT INSERT (tags), UPDATE (tags) ON hosts TO %I', probe);
    END LOOP;
END $$;
