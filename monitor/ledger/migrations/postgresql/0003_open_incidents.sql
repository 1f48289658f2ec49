-- What is open is asked for several times a second: without an index each time all incidents ever are gone through.
CREATE INDEX incidents_not_closed ON incidents (number) WHERE closed_at IS NULL;
