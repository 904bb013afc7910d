-- What a day counts, whether it is to be counted anew, and how often it has changed.
ALTER TABLE site_days ADD COLUMN counts_bots INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site_days ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;
ALTER TABLE site_days ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX site_days_stale ON site_days (day) WHERE stale;
