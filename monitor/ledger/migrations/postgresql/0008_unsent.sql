-- How many letters are in each state, and which did not arrive, is asked by each `status`: without an index all letters
-- ever are gone through, twice (54 ms of a core at 20 000 of them). The same for closed incidents of which an analysis
-- may be owed (30 ms at 2 500): the program asks for them in the very words below.
CREATE INDEX outbox_by_state ON outbox (state, id);
CREATE INDEX incidents_promised ON incidents (number) WHERE closed_at IS NOT NULL
    AND instr(body, '"told":true') > 0
    AND (instr(body, '"name":"rca"') > 0 AND instr(body, '"rca_sent_at":"') = 0
        OR instr(body, '"name":"prevention"') > 0 AND instr(body, '"prevention_sent_at":"') = 0);
