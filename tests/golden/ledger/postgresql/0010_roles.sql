-- What a probe host's own role of the database may do, and what a reader sees (docs/ledger-on-postgresql.md). The owner
-- of the tables is bound by none of it. A probe host keeps what it saw itself, under names that end in its own
-- ("portal@delhi-1"), and claims its own looks; of tickets, letters and people it sees nothing at all.

-- Which role is which host, and of which sites; "" is the one site of a ledger whose names say none.
CREATE TABLE roles (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    host  TEXT COLLATE "C" NOT NULL UNIQUE,
    sites TEXT[] COLLATE "C" NOT NULL
);
-- session_user: within these functions current_user is the owner.
CREATE FUNCTION own_host() RETURNS TEXT LANGUAGE sql STABLE SECURITY DEFINER AS
$$ SELECT host FROM roles WHERE name = session_user $$;
CREATE FUNCTION own_sites() RETURNS TEXT[] LANGUAGE sql STABLE SECURITY DEFINER AS
$$ SELECT sites FROM roles WHERE name = session_user $$;
CREATE FUNCTION only_looks(TEXT) RETURNS BOOLEAN LANGUAGE sql STABLE SECURITY DEFINER AS
$$ SELECT EXISTS (SELECT 1 FROM roles WHERE host = $1) $$;

-- A probe host counts changes and numbers its names, and can do nothing else with numbers.
CREATE FUNCTION counted() RETURNS BIGINT LANGUAGE sql VOLATILE SECURITY DEFINER AS
$$ UPDATE numbers SET last = last + 1 WHERE name = 'changes' RETURNING last $$;
CREATE FUNCTION next_check_number() RETURNS BIGINT LANGUAGE sql VOLATILE SECURITY DEFINER AS
$$ UPDATE numbers SET last = last + 1 WHERE name = 'check_names' RETURNING last $$;
ALTER TABLE check_names ALTER COLUMN number SET DEFAULT next_check_number();

-- With the owner's rights a function must find the owner's tables, and not those that a caller puts before them.
DO $$
DECLARE function TEXT;
BEGIN
    FOREACH function IN ARRAY
        ARRAY['own_host()', 'own_sites()', 'only_looks(TEXT)', 'counted()', 'next_check_number()']
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
    END LOOP;
END $$;

CREATE FUNCTION site_of(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN position('/' IN $1) > 0 THEN split_part($1, '/', 1) ELSE '' END $$;
CREATE FUNCTION place_of(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN position('@' IN $1) > 0 THEN substring($1 FROM '[^@]*$') END $$;
-- "@line Pune/trunk-a 0" is a channel of a site's line; other jobs that begin so (the duty) are nobody's.
CREATE FUNCTION job_site(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN $1 LIKE '@line %' THEN site_of(substr($1, 7)) WHEN $1 NOT LIKE '@%' THEN site_of($1) END $$;
CREATE FUNCTION database_now() RETURNS BIGINT LANGUAGE sql VOLATILE AS
$$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;

-- Without a policy of its own a table shows a probe host no row, and takes none.
ALTER TABLE roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE slots ENABLE ROW LEVEL SECURITY;
ALTER TABLE places ENABLE ROW LEVEL SECURITY;
ALTER TABLE incidents ENABLE ROW LEVEL SECURITY;
ALTER TABLE history ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE rolled_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE rolled_hours ENABLE ROW LEVEL SECURITY;

-- Its own looks: once kept they are as append-only as all others.
ALTER TABLE check_names ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON check_names FOR SELECT USING (site_of(name) = ANY ((SELECT own_sites())::text[]));
CREATE POLICY names ON check_names FOR INSERT
    WITH CHECK (place_of(name) = own_host() AND site_of(name) = ANY (own_sites()));
ALTER TABLE attempts ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON attempts FOR SELECT USING (EXISTS (
    SELECT 1 FROM check_names WHERE number = check_number AND place_of(name) = (SELECT own_host())));
-- A host's clock may be wrong; what is still to come was seen by nobody.
CREATE POLICY looks ON attempts FOR INSERT WITH CHECK (started_at < database_now() + 60000 AND EXISTS (
    SELECT 1 FROM check_names WHERE number = check_number AND place_of(name) = own_host()));
-- Its word of a moment: said now, and of a look of its own. The attempt's number begins with that of its name.
ALTER TABLE words ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON words FOR SELECT USING (place = (SELECT own_host()));
CREATE POLICY says ON words FOR INSERT WITH CHECK (
    place = own_host() AND abs(said_at - database_now()) < 60000 AND EXISTS (
        SELECT 1 FROM check_names WHERE number = attempt >> 42 AND name = check_name || '@' || place));
ALTER TABLE exhibits ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON exhibits FOR SELECT USING (host = (SELECT own_host()));
CREATE POLICY shows ON exhibits FOR INSERT WITH CHECK (
    host = own_host() AND position('-' || host || '-' IN split_part(path, '/', 2)) > 0);

-- What its sites' checks stand at, and what was accepted of them; what its own looks left to the next.
ALTER TABLE conditions ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON conditions FOR SELECT USING (site_of(check_name) = ANY ((SELECT own_sites())::text[]));
CREATE POLICY keeps ON conditions FOR INSERT
    WITH CHECK (place_of(check_name) = own_host() AND site_of(check_name) = ANY (own_sites()));
CREATE POLICY goes_on ON conditions FOR UPDATE USING (place_of(check_name) = own_host());
ALTER TABLE acceptances ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON acceptances FOR SELECT USING (site_of(check_name) = ANY ((SELECT own_sites())::text[]));
ALTER TABLE proposals ENABLE ROW LEVEL SECURITY;
CREATE POLICY proposes ON proposals USING (site_of(check_name) = ANY ((SELECT own_sites())::text[]));

-- Its claims: its own looks, and channels of its sites' lines. What another holds is not taken from it.
ALTER TABLE leases ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON leases FOR SELECT USING (job_site(job) = ANY ((SELECT own_sites())::text[]));
CREATE POLICY begins ON leases FOR INSERT WITH CHECK (
    job_site(job) = ANY (own_sites()) AND (place_of(job) = own_host() OR job LIKE '@line %'));
CREATE POLICY claims ON leases FOR UPDATE USING (
    (place_of(job) = own_host() OR job LIKE '@line %' AND job_site(job) = ANY (own_sites()))
    AND (until < database_now() OR split_part(holder, ':', 1) = own_host()))
    WITH CHECK (split_part(holder, ':', 1) = own_host() AND until < database_now() + 60000);
ALTER TABLE hosts ENABLE ROW LEVEL SECURITY;
CREATE POLICY sees ON hosts FOR SELECT USING (name = (SELECT own_host()));
CREATE POLICY comes ON hosts FOR INSERT WITH CHECK (name = own_host() AND heard_at < database_now() + 1000);
CREATE POLICY lives ON hosts FOR UPDATE USING (name = own_host()) WITH CHECK (heard_at < database_now() + 1000);

-- What a reader sees, Grafana for one: times as times, nobody's name or address, and nothing of what far ends said.
CREATE VIEW report_looks AS SELECT to_timestamp(started_at / 1000.0) AS at, name AS "check", kind, purpose, state,
    muted = 1 AS planned, (seen ->> 'seconds')::double precision AS seconds, seen -> 'measures' AS measures,
    seen #>> '{fault,0}' AS stage, seen #>> '{fault,1}' AS code
FROM (SELECT attempts.*, readable(observation) AS seen FROM attempts) AS looks JOIN check_names ON number = check_number;
CREATE VIEW report_hours AS SELECT to_timestamp(hour_at / 1000.0) AS at, name AS "check", kind,
    body::json -> 'states' AS states, body::json -> 'measures' AS measures
FROM rolled_hours JOIN check_names ON number = check_number;
CREATE VIEW report_checks AS SELECT check_name AS "check", readable(body) ->> 'state' AS state,
    (readable(body) ->> 'looked_at')::timestamptz AS looked_at, (readable(body) ->> 'bad_since')::timestamptz AS bad_since,
    (readable(body) ->> 'incident')::bigint AS ticket
FROM conditions;
CREATE VIEW report_tickets AS SELECT number, site, issue, severity, owner, readable(body) ->> 'title' AS title,
    to_timestamp(opened_at / 1000.0) AS opened_at, to_timestamp(acknowledged_at / 1000.0) AS acknowledged_at,
    to_timestamp(recovered_at / 1000.0) AS recovered_at, to_timestamp(closed_at / 1000.0) AS closed_at
FROM incidents;
CREATE VIEW report_letters AS SELECT to_timestamp(not_before / 1000.0) AS at, desk, kind, state, attempts, incident AS ticket
FROM outbox;
CREATE VIEW report_hosts AS SELECT name, location, to_timestamp(heard_at / 1000.0) AS heard_at,
    to_timestamp(left_at / 1000.0) AS left_at
FROM hosts;
