-- What a token is for: one that sends events reads nothing, and all others read and send nothing.
ALTER TABLE tokens ADD COLUMN sends INTEGER NOT NULL DEFAULT 0;
