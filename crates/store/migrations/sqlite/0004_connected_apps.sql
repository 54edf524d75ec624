-- Apps that people connect: OAuth clients, what they were allowed, and the tokens by which that is renewed.

-- Clients that registered themselves (RFC 7591). A client whose id is the address of its description is not kept.
CREATE TABLE oauth_clients (
    id            BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- A JSON array of texts.
    redirect_uris TEXT    NOT NULL CHECK (length(redirect_uris) <= 32768),
    created_at    INTEGER NOT NULL,
    -- When somebody last allowed it something; never is NULL. One that nobody has allowed anything for a while is forgotten.
    allowed_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_clients_by_use ON oauth_clients (allowed_at, created_at);

CREATE TABLE connections (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BLOB    NOT NULL,
    user_id         BLOB    NOT NULL REFERENCES users (id),
    client_id       TEXT    NOT NULL CHECK (length(client_id) BETWEEN 1 AND 512),
    client_name     TEXT    NOT NULL CHECK (length(client_name) BETWEEN 1 AND 100),
    client_host     TEXT    NOT NULL CHECK (length(client_host) BETWEEN 1 AND 2048),
    redirect_uri    TEXT    NOT NULL CHECK (length(redirect_uri) <= 2048),
    -- SHA-256 of the code that the client was given, and of what it must show to redeem it (RFC 7636).
    code_hash       BLOB    NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    challenge       BLOB    NOT NULL CHECK (length(challenge) = 32),
    created_at      INTEGER NOT NULL,
    -- When the code was redeemed; NULL as long as it was not. It is redeemed once.
    redeemed_at     INTEGER,
    last_used_at    INTEGER NOT NULL,
    ends_at         INTEGER NOT NULL,
    -- How often its refresh token was replaced.
    generation      INTEGER NOT NULL DEFAULT 0,
    -- When somebody ended it; NULL as long as nobody has. The row stays, because the audit log names it.
    ended_at        INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX connections_of_user ON connections (user_id, ended_at);
CREATE INDEX connections_of_client ON connections (client_id);
CREATE TRIGGER connections_that_ended_stay_ended
BEFORE UPDATE ON connections WHEN old.ended_at IS NOT NULL AND new.ended_at IS NOT old.ended_at
BEGIN SELECT RAISE (ABORT, 'a connection that was ended stays ended'); END;
CREATE TRIGGER codes_are_redeemed_once
BEFORE UPDATE ON connections WHEN old.redeemed_at IS NOT NULL AND new.redeemed_at IS NOT old.redeemed_at
BEGIN SELECT RAISE (ABORT, 'a code is redeemed once'); END;

-- Refresh tokens, used ones included: one that comes back tells that two parties have it.
CREATE TABLE refresh_tokens (
    token_hash    BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    connection_id BLOB    NOT NULL REFERENCES connections (id),
    -- The connection's as of when it was made: tokens of one generation replaced the same one.
    generation    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    used_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_tokens_of_connection ON refresh_tokens (connection_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- A connection is an entity of the feed.
CREATE TABLE changes_2 (
    sequence  INTEGER NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL CHECK (kind IN ('key', 'user', 'organization', 'connection')),
    entity_id BLOB    NOT NULL CHECK (length(entity_id) = 16)
) STRICT;
INSERT INTO changes_2 SELECT sequence, kind, entity_id FROM changes;
DROP TABLE changes;
ALTER TABLE changes_2 RENAME TO changes;
