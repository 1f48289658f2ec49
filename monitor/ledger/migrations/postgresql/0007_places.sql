-- Words: what each place said of one moment at which a check was owed, as the number of its attempt. The first holds.
CREATE TABLE words (
    check_name TEXT COLLATE "C" NOT NULL,
    moment     BIGINT NOT NULL,
    place      TEXT COLLATE "C" NOT NULL,
    said_at    BIGINT NOT NULL,
    attempt    BIGINT NOT NULL,
    PRIMARY KEY (check_name, moment, place)
);
-- Where each place stands with a check: in how many moments in a row it saw trouble alone, was not heard, and agreed.
CREATE TABLE places (
    check_name TEXT COLLATE "C" NOT NULL,
    place      TEXT COLLATE "C" NOT NULL,
    alone      BIGINT NOT NULL,
    silent     BIGINT NOT NULL,
    agreed     BIGINT NOT NULL,
    trouble    TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (check_name, place)
);
