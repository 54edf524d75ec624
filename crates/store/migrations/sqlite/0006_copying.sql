-- While a copy of another store into this one is not complete: a digest of that one. Nobody serves until then.
ALTER TABLE feed ADD COLUMN copying TEXT;
