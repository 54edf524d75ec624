-- People: roles of an organization's own, groups, e-mail access, the policy for keys, invitations and password resets, and what
-- the audit log needs to be read, signed and shipped.

ALTER TABLE organizations ADD COLUMN archived_at INTEGER;
-- The longest expiration that new keys may have: a code of the domain's, 'never' for no bound.
ALTER TABLE organizations ADD COLUMN longest_expiration TEXT NOT NULL DEFAULT 'never';
ALTER TABLE organizations ADD COLUMN keys_may_create_keys INTEGER NOT NULL DEFAULT 1 CHECK (keys_may_create_keys IN (0, 1));
-- NULL: keys can be created. Else nobody can, and this is what people are told.
ALTER TABLE organizations ADD COLUMN creation_closed TEXT CHECK (length(creation_closed) <= 500);

-- A deleted user's row stays, because keys and audit events name it; its folded address is freed, so that the person can come
-- back as somebody new, with an id of their own.
ALTER TABLE users ADD COLUMN deleted_at INTEGER;
-- When they last used the console, at most a minute late.
ALTER TABLE users ADD COLUMN last_seen_at INTEGER;
-- Facts that a product keeps about them: a JSON object of texts.
ALTER TABLE users ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
-- Name and address, folded by the domain.
ALTER TABLE users ADD COLUMN search_text TEXT NOT NULL DEFAULT '';
UPDATE users SET search_text = lower(name) || char(10) || email_folded;
CREATE INDEX users_of_organization ON users (organization_id, id) WHERE deleted_at IS NULL;

-- Ids of the product's resources, as a JSON list; empty is everywhere.
ALTER TABLE user_roles ADD COLUMN scopes TEXT NOT NULL DEFAULT '[]';
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);

-- The roles that an organization made. An assignment names one by its id, as text; built-in roles and those of the configuration
-- have ids that are no UUIDs.
CREATE TABLE roles (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    name            TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_folded     TEXT    NOT NULL,
    description     TEXT    NOT NULL CHECK (length(description) <= 500),
    -- A JSON list.
    permissions     TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (organization_id, name_folded)
) STRICT;

CREATE TABLE user_groups (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    name            TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_folded     TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (organization_id, name_folded),
    UNIQUE (id, organization_id)
) STRICT;
CREATE TABLE user_group_roles (
    group_id BLOB NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    role     TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 100),
    scopes   TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (group_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_group_roles_by_role ON user_group_roles (role, group_id);
-- With the organization, so that a group and its members are always of one (promise 6).
CREATE TABLE user_group_members (
    group_id        BLOB NOT NULL,
    user_id         BLOB NOT NULL,
    organization_id BLOB NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (group_id, organization_id) REFERENCES user_groups (id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX user_group_members_by_user ON user_group_members (user_id);

-- Who may be a user, by address. Normalised by the domain.
CREATE TABLE email_rules (
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    list            TEXT NOT NULL CHECK (list IN ('allow', 'block')),
    kind            TEXT NOT NULL CHECK (kind IN ('domain', 'address')),
    pattern         TEXT NOT NULL CHECK (length(pattern) BETWEEN 1 AND 254),
    PRIMARY KEY (organization_id, list, kind, pattern)
) STRICT, WITHOUT ROWID;

-- Where a session was started, for the list that its user sees.
ALTER TABLE sessions ADD COLUMN address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT CHECK (length(user_agent) <= 300);
-- The same person's users in other organizations whose password was proven when this session was started: those it may switch to.
CREATE TABLE session_users (
    session_id BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (session_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_users_by_user ON session_users (user_id);

-- Two more purposes. SQLite cannot change a check, so the table is made anew.
CREATE TABLE one_time_links_2 (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    purpose    TEXT    NOT NULL CHECK (purpose IN ('set_up', 'sign_in', 'invitation', 'password_reset')),
    user_id    BLOB    REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    CHECK ((purpose = 'set_up') = (user_id IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO one_time_links_2 SELECT token_hash, purpose, user_id, expires_at FROM one_time_links;
DROP TABLE one_time_links;
ALTER TABLE one_time_links_2 RENAME TO one_time_links;
CREATE INDEX one_time_links_of_user ON one_time_links (user_id);

-- An organization's state (roles, groups, e-mail access, archived or not) is one entity of the feed.
CREATE TABLE changes_2 (
    sequence  INTEGER NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL CHECK (kind IN ('key', 'user', 'organization')),
    entity_id BLOB    NOT NULL CHECK (length(entity_id) = 16)
) STRICT;
INSERT INTO changes_2 SELECT sequence, kind, entity_id FROM changes;
DROP TABLE changes;
ALTER TABLE changes_2 RENAME TO changes;

-- Filters of the audit log's page.
CREATE INDEX audit_events_by_time ON audit_events (organization_id, at);
CREATE INDEX audit_events_by_user ON audit_events (organization_id, user_id, sequence);
CREATE INDEX audit_events_by_action ON audit_events (organization_id, action, sequence);
CREATE INDEX audit_events_by_target ON audit_events (organization_id, target, sequence);

-- What a log's end was at some moment, signed: a log that was cut off behind it does not have that end any more.
CREATE TABLE audit_checkpoints (
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    sequence        INTEGER NOT NULL CHECK (sequence > 0),
    link            BLOB    NOT NULL CHECK (length(link) = 32),
    at              INTEGER NOT NULL,
    -- The first 8 bytes of the SHA-256 of the public key, then the Ed25519 signature.
    signature       BLOB    NOT NULL CHECK (length(signature) = 72),
    PRIMARY KEY (organization_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_checkpoints_never_change BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE (ABORT, 'checkpoints are only appended'); END;
CREATE TRIGGER audit_checkpoints_never_go BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE (ABORT, 'checkpoints are only appended'); END;

-- Up to which event each log was shipped: after a crash some may be shipped twice, none is left out.
CREATE TABLE audit_shipped (
    organization_id BLOB    NOT NULL PRIMARY KEY REFERENCES organizations (id),
    sequence        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
