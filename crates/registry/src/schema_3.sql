-- What trackers say that they gave up, beside the refusals.
CREATE TABLE given_up (
    day  INTEGER NOT NULL,
    site INTEGER NOT NULL, -- 0: no site was found
    n    INTEGER NOT NULL,
    PRIMARY KEY (day, site)
) STRICT, WITHOUT ROWID;
