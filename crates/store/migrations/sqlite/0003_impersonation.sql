-- The sessions that impersonation keys mint.

-- How often its sessions were ended: the token of each says the number as of its minting, and counts only as long as it is this.
ALTER TABLE api_keys ADD COLUMN session_epoch INTEGER NOT NULL DEFAULT 0 CHECK (session_epoch BETWEEN 0 AND 4294967295);
ALTER TABLE api_keys ADD COLUMN last_minted_at INTEGER;
CREATE TRIGGER ended_sessions_stay_ended
BEFORE UPDATE OF session_epoch ON api_keys WHEN new.session_epoch < old.session_epoch
BEGIN SELECT RAISE (ABORT, 'sessions that were ended stay ended'); END;

-- What is known of those that have not ended by themselves: for people to see, and never asked when a session is checked. The token
-- is nowhere.
CREATE TABLE impersonated_sessions (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    key_id     BLOB    NOT NULL REFERENCES api_keys (id),
    user_id    BLOB    NOT NULL REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX impersonated_sessions_of_key ON impersonated_sessions (key_id, expires_at);
CREATE INDEX impersonated_sessions_by_end ON impersonated_sessions (expires_at);
