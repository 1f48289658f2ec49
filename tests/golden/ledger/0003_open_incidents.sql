-- What is open is asked for several times a second: without an index each time all incidents ever are gone through
-- (15 ms at 2 500 of them).
CREATE INDEX incidents_not_closed ON incidents (number) WHERE closed_at IS NULL;
