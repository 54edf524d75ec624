-- The first schema: organizations, users, API keys, sessions, the audit log and the change feed.
--
-- Ids are UUIDv7 as 16 bytes: their order is the order of creation. Instants are milliseconds since 1970, UTC. The checks
-- repeat what the domain promises, so that no tool that writes here can break a promise by accident.

CREATE TABLE organizations (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    email           TEXT    NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    -- E-mail addresses compare without regard to case.
    email_folded    TEXT    NOT NULL,
    name            TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    -- Argon2id, as a PHC string. NULL: this user cannot sign in by password.
    password_hash   TEXT    CHECK (password_hash LIKE '$argon2id$%'),
    active          INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at      INTEGER NOT NULL,
    UNIQUE (organization_id, email_folded),
    -- What keys refer to, so that a key and its creator are always of one organization (promise 6).
    UNIQUE (id, organization_id)
) STRICT;
CREATE INDEX users_by_email ON users (email_folded);

-- Permissions are found through these at the moment of each request, never copied to keys (promise 1).
CREATE TABLE user_roles (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 100),
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_keys (
    id                  BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id     BLOB    NOT NULL,
    creator_id          BLOB    NOT NULL,
    -- Plain SHA-256 of the whole token. A token is 256 random bits, so there is nothing to guess and a slow hash would only
    -- slow every request down (OWASP ASVS 5.0, 6.5.2).
    token_hash          BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    masked_token        TEXT    NOT NULL CHECK (length(masked_token) <= 32),
    name                TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description         TEXT    NOT NULL CHECK (length(description) <= 500),
    -- Name, description and masked token, folded by the domain: databases do not agree on what lower case is.
    search_text         TEXT    NOT NULL,
    allow_impersonation INTEGER NOT NULL CHECK (allow_impersonation IN (0, 1)),
    -- The one-time id of the form that made it: a form sent twice makes one key.
    request_id          BLOB    CHECK (length(request_id) = 16),
    created_at          INTEGER NOT NULL,
    -- Whole seconds, so that what is shown is what is checked.
    expires_at          INTEGER CHECK (expires_at % 1000 = 0),
    last_used_at        INTEGER,
    -- Revoked keys are gone from every list; the row stays, so that a token can never come back.
    revoked_at          INTEGER,
    FOREIGN KEY (creator_id, organization_id) REFERENCES users (id, organization_id),
    UNIQUE (creator_id, request_id)
) STRICT;
-- With the expiry, so that pages and counts pass over keys of another status without reading their rows.
CREATE INDEX api_keys_of_creator ON api_keys (organization_id, creator_id, id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_of_organization ON api_keys (organization_id, id, expires_at) WHERE revoked_at IS NULL;

-- Promise 4: what is frozen cannot be changed by anything that uses this database, and a revocation cannot be undone.
CREATE TRIGGER api_keys_are_frozen
BEFORE UPDATE OF id, organization_id, creator_id, token_hash, masked_token, allow_impersonation, request_id, created_at, expires_at ON api_keys
BEGIN SELECT RAISE (ABORT, 'token, expiration, creator and impersonation of a key never change'); END;
CREATE TRIGGER api_keys_stay_revoked
BEFORE UPDATE OF revoked_at ON api_keys WHEN old.revoked_at IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'a revocation cannot be undone'); END;
CREATE TRIGGER api_keys_stay BEFORE DELETE ON api_keys
BEGIN SELECT RAISE (ABORT, 'keys are revoked, never deleted'); END;
-- INSERT OR REPLACE deletes without asking the trigger above.
CREATE TRIGGER api_keys_are_not_replaced BEFORE INSERT ON api_keys
WHEN EXISTS (SELECT 1 FROM api_keys WHERE id = new.id OR token_hash = new.token_hash)
BEGIN SELECT RAISE (ABORT, 'there is such a key'); END;

CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the cookie: whoever reads the database cannot sign in with it.
    token_hash   BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user_id);

-- Links that work once. The row is deleted when the link is used, in the transaction that does what it is for.
CREATE TABLE one_time_links (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    purpose    TEXT    NOT NULL CHECK (purpose IN ('set_up', 'sign_in')),
    user_id    BLOB    REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    CHECK ((purpose = 'sign_in') = (user_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Promise 10. Each event carries a hash over itself and the one before it.
CREATE TABLE audit_events (
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    sequence        INTEGER NOT NULL CHECK (sequence > 0),
    at              INTEGER NOT NULL,
    user_id         BLOB,
    via             TEXT    NOT NULL,
    via_id          BLOB,
    address         TEXT,
    action          TEXT    NOT NULL,
    target          BLOB,
    details         TEXT    NOT NULL,
    link            BLOB    NOT NULL CHECK (length(link) = 32),
    PRIMARY KEY (organization_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE (ABORT, 'the audit log is only appended to'); END;
CREATE TRIGGER audit_events_are_appended BEFORE INSERT ON audit_events
WHEN new.sequence <> 1 + (SELECT COALESCE(MAX(sequence), 0) FROM audit_events WHERE organization_id = new.organization_id)
BEGIN SELECT RAISE (ABORT, 'the audit log is only appended to'); END;
CREATE TRIGGER audit_events_never_go BEFORE DELETE ON audit_events
BEGIN SELECT RAISE (ABORT, 'the audit log is only appended to'); END;

-- The change feed. Its number is taken by updating one row, whose lock is held to the commit: numbers are without gaps and in
-- commit order, which a sequence of the database's is not.
CREATE TABLE feed (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
) STRICT;
INSERT INTO feed (id, sequence) VALUES (1, 0);
CREATE TABLE changes (
    sequence  INTEGER NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL CHECK (kind IN ('key', 'user')),
    entity_id BLOB    NOT NULL CHECK (length(entity_id) = 16)
) STRICT;
