-- How many ids are remembered by hour of receipt, and how far the last look for old ones came: no
-- look has to read them all. Ids of dead rows are in no hour.
CREATE TABLE seen_hours (
    hour INTEGER PRIMARY KEY,       -- UTC seconds / 3600
    n INTEGER NOT NULL
);
INSERT INTO seen_hours SELECT received / 3600, count(*) FROM seen_ids
    WHERE received < 9223372036854775807 GROUP BY 1;
CREATE TABLE seen_place (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    site INTEGER NOT NULL,
    id BLOB NOT NULL
);
