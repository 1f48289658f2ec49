-- The words by which checks choose their hosts, as a JSON list of texts; "" of a host whose program does not say them.
ALTER TABLE hosts ADD COLUMN tags TEXT NOT NULL DEFAULT '';
