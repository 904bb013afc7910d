-- How a site counts, and what the last proof of its figures found.
ALTER TABLE sites ADD COLUMN visit_timeout_secs INTEGER NOT NULL DEFAULT 1800;
ALTER TABLE sites ADD COLUMN counts_bots INTEGER NOT NULL DEFAULT 0;

CREATE TABLE proofs (
    site      INTEGER PRIMARY KEY REFERENCES sites (id) ON DELETE CASCADE,
    day       INTEGER NOT NULL, -- the local day that was verified
    at        INTEGER NOT NULL,
    took_ms   INTEGER NOT NULL,
    rows      INTEGER NOT NULL,
    different INTEGER NOT NULL,
    frozen    INTEGER NOT NULL,
    moving    INTEGER NOT NULL  -- it changed faster than it could be read
) STRICT;
