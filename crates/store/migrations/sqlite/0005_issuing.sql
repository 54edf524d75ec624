-- The operator's switch: since when and why no credentials are issued; NULL while they are.
ALTER TABLE feed ADD COLUMN issuing_stopped_at INTEGER;
ALTER TABLE feed ADD COLUMN issuing_stopped_why TEXT CHECK (length(issuing_stopped_why) <= 500);

-- It is an entity of the feed, of which there is one, with an id of zeros.
CREATE TABLE changes_2 (
    sequence  INTEGER NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL CHECK (kind IN ('key', 'user', 'organization', 'connection', 'issuing')),
    entity_id BLOB    NOT NULL CHECK (length(entity_id) = 16)
) STRICT;
INSERT INTO changes_2 SELECT sequence, kind, entity_id FROM changes;
DROP TABLE changes;
ALTER TABLE changes_2 RENAME TO changes;
