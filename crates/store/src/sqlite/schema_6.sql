-- A number drawn anew with every change of a day's or a month's statistics: who remembers sums of
-- them compares it. Drawn, not counted, so that another file, or an older copy of this one, never
-- has the same.
CREATE TABLE stat_stamps (
    site INTEGER NOT NULL,
    grain INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    stamp INTEGER NOT NULL,
    PRIMARY KEY (site, grain, bucket)
) WITHOUT ROWID;
INSERT INTO stat_stamps SELECT site, 1, day, random() FROM site_days;
INSERT INTO stat_stamps SELECT site, 2, bucket, random() FROM site_stats WHERE grain = 2 AND role = 0;
