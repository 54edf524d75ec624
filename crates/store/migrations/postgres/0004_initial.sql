-- The schema on PostgreSQL, from its first release on the same tables as on SQLite, where the comments on each are; and what many
-- nodes need besides. Numbers are BIGINT and flags 0 or 1, as there, so that one statement serves both. Text is compared by its
-- bytes (COLLATE "C"): databases do not agree on any other order.

CREATE TABLE organizations (
    id                   BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name                 TEXT   COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at           BIGINT NOT NULL,
    archived_at          BIGINT,
    longest_expiration   TEXT   NOT NULL DEFAULT 'never',
    keys_may_create_keys BIGINT NOT NULL DEFAULT 1 CHECK (keys_may_create_keys IN (0, 1)),
    creation_closed      TEXT   CHECK (length(creation_closed) <= 500)
);

CREATE TABLE users (
    id              BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BYTEA  NOT NULL REFERENCES organizations (id),
    email           TEXT   COLLATE "C" NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    email_folded    TEXT   COLLATE "C" NOT NULL,
    name            TEXT   COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    password_hash   TEXT   CHECK (password_hash LIKE '$argon2id$%'),
    active          BIGINT NOT NULL CHECK (active IN (0, 1)),
    created_at      BIGINT NOT NULL,
    deleted_at      BIGINT,
    last_seen_at    BIGINT,
    attributes      TEXT   NOT NULL DEFAULT '{}',
    search_text     TEXT   COLLATE "C" NOT NULL DEFAULT '',
    UNIQUE (organization_id, email_folded),
    UNIQUE (id, organization_id)
);
CREATE INDEX users_by_email ON users (email_folded);
CREATE INDEX users_of_organization ON users (organization_id, id) WHERE deleted_at IS NULL;

CREATE TABLE user_roles (
    user_id BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT  COLLATE "C" NOT NULL CHECK (length(role) BETWEEN 1 AND 100),
    scopes  TEXT  COLLATE "C" NOT NULL DEFAULT '[]',
    PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);

CREATE TABLE roles (
    id              BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BYTEA  NOT NULL REFERENCES organizations (id),
    name            TEXT   COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_folded     TEXT   COLLATE "C" NOT NULL,
    description     TEXT   NOT NULL CHECK (length(description) <= 500),
    permissions     TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    UNIQUE (organization_id, name_folded)
);

CREATE TABLE user_groups (
    id              BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BYTEA  NOT NULL REFERENCES organizations (id),
    name            TEXT   COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_folded     TEXT   COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    UNIQUE (organization_id, name_folded),
    UNIQUE (id, organization_id)
);
CREATE TABLE user_group_roles (
    group_id BYTEA NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    role     TEXT  COLLATE "C" NOT NULL CHECK (length(role) BETWEEN 1 AND 100),
    scopes   TEXT  COLLATE "C" NOT NULL DEFAULT '[]',
    PRIMARY KEY (group_id, role)
);
CREATE INDEX user_group_roles_by_role ON user_group_roles (role, group_id);
CREATE TABLE user_group_members (
    group_id        BYTEA NOT NULL,
    user_id         BYTEA NOT NULL,
    organization_id BYTEA NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (group_id, organization_id) REFERENCES user_groups (id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
);
CREATE INDEX user_group_members_by_user ON user_group_members (user_id);

CREATE TABLE email_rules (
    organization_id BYTEA NOT NULL REFERENCES organizations (id),
    list            TEXT  COLLATE "C" NOT NULL CHECK (list IN ('allow', 'block')),
    kind            TEXT  COLLATE "C" NOT NULL CHECK (kind IN ('domain', 'address')),
    pattern         TEXT  COLLATE "C" NOT NULL CHECK (length(pattern) BETWEEN 1 AND 254),
    PRIMARY KEY (organization_id, list, kind, pattern)
);

CREATE TABLE api_keys (
    id                  BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id     BYTEA  NOT NULL,
    creator_id          BYTEA  NOT NULL,
    token_hash          BYTEA  NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    masked_token        TEXT   NOT NULL CHECK (length(masked_token) <= 32),
    name                TEXT   COLLATE "C" NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    description         TEXT   NOT NULL CHECK (length(description) <= 500),
    search_text         TEXT   COLLATE "C" NOT NULL,
    allow_impersonation BIGINT NOT NULL CHECK (allow_impersonation IN (0, 1)),
    request_id          BYTEA  CHECK (length(request_id) = 16),
    created_at          BIGINT NOT NULL,
    expires_at          BIGINT CHECK (expires_at % 1000 = 0),
    last_used_at        BIGINT,
    revoked_at          BIGINT,
    session_epoch       BIGINT NOT NULL DEFAULT 0 CHECK (session_epoch BETWEEN 0 AND 4294967295),
    last_minted_at      BIGINT,
    FOREIGN KEY (creator_id, organization_id) REFERENCES users (id, organization_id),
    UNIQUE (creator_id, request_id)
);
CREATE INDEX api_keys_of_creator ON api_keys (organization_id, creator_id, id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_of_organization ON api_keys (organization_id, id, expires_at) WHERE revoked_at IS NULL;

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;

CREATE TRIGGER api_keys_are_frozen
BEFORE UPDATE OF id, organization_id, creator_id, token_hash, masked_token, allow_impersonation, request_id, created_at, expires_at ON api_keys
FOR EACH ROW EXECUTE FUNCTION refuse('token, expiration, creator and impersonation of a key never change');
CREATE TRIGGER api_keys_stay_revoked BEFORE UPDATE OF revoked_at ON api_keys
FOR EACH ROW WHEN (old.revoked_at IS NOT NULL) EXECUTE FUNCTION refuse('a revocation cannot be undone');
CREATE TRIGGER api_keys_stay BEFORE DELETE ON api_keys
FOR EACH ROW EXECUTE FUNCTION refuse('keys are revoked, never deleted');
CREATE TRIGGER api_keys_are_not_emptied BEFORE TRUNCATE ON api_keys
FOR EACH STATEMENT EXECUTE FUNCTION refuse('keys are revoked, never deleted');
CREATE TRIGGER ended_sessions_stay_ended BEFORE UPDATE OF session_epoch ON api_keys
FOR EACH ROW WHEN (new.session_epoch < old.session_epoch) EXECUTE FUNCTION refuse('sessions that were ended stay ended');

CREATE TABLE impersonated_sessions (
    id         BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    key_id     BYTEA  NOT NULL REFERENCES api_keys (id),
    user_id    BYTEA  NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX impersonated_sessions_of_key ON impersonated_sessions (key_id, expires_at);
CREATE INDEX impersonated_sessions_by_end ON impersonated_sessions (expires_at);

CREATE TABLE sessions (
    id           BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BYTEA  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash   BYTEA  NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    address      TEXT,
    user_agent   TEXT   CHECK (length(user_agent) <= 300)
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE TABLE session_users (
    session_id BYTEA NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id    BYTEA NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (session_id, user_id)
);
CREATE INDEX session_users_by_user ON session_users (user_id);

CREATE TABLE one_time_links (
    token_hash BYTEA  NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    purpose    TEXT   NOT NULL CHECK (purpose IN ('set_up', 'sign_in', 'invitation', 'password_reset')),
    user_id    BYTEA  REFERENCES users (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    CHECK ((purpose = 'set_up') = (user_id IS NULL))
);
CREATE INDEX one_time_links_of_user ON one_time_links (user_id);

CREATE TABLE oauth_clients (
    id            BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name          TEXT   NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    redirect_uris TEXT   NOT NULL CHECK (length(redirect_uris) <= 32768),
    created_at    BIGINT NOT NULL,
    allowed_at    BIGINT
);
CREATE INDEX oauth_clients_by_use ON oauth_clients (allowed_at, created_at);

CREATE TABLE connections (
    id              BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BYTEA  NOT NULL,
    user_id         BYTEA  NOT NULL REFERENCES users (id),
    client_id       TEXT   NOT NULL CHECK (length(client_id) BETWEEN 1 AND 512),
    client_name     TEXT   NOT NULL CHECK (length(client_name) BETWEEN 1 AND 100),
    client_host     TEXT   NOT NULL CHECK (length(client_host) BETWEEN 1 AND 2048),
    redirect_uri    TEXT   NOT NULL CHECK (length(redirect_uri) <= 2048),
    code_hash       BYTEA  NOT NULL UNIQUE CHECK (length(code_hash) = 32),
    challenge       BYTEA  NOT NULL CHECK (length(challenge) = 32),
    created_at      BIGINT NOT NULL,
    redeemed_at     BIGINT,
    last_used_at    BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    generation      BIGINT NOT NULL DEFAULT 0,
    ended_at        BIGINT
);
CREATE INDEX connections_of_user ON connections (user_id, ended_at);
CREATE INDEX connections_of_client ON connections (client_id);
CREATE TRIGGER connections_that_ended_stay_ended BEFORE UPDATE ON connections
FOR EACH ROW WHEN (old.ended_at IS NOT NULL AND new.ended_at IS DISTINCT FROM old.ended_at)
EXECUTE FUNCTION refuse('a connection that was ended stays ended');
CREATE TRIGGER codes_are_redeemed_once BEFORE UPDATE ON connections
FOR EACH ROW WHEN (old.redeemed_at IS NOT NULL AND new.redeemed_at IS DISTINCT FROM old.redeemed_at)
EXECUTE FUNCTION refuse('a code is redeemed once');

CREATE TABLE refresh_tokens (
    token_hash    BYTEA  NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    connection_id BYTEA  NOT NULL REFERENCES connections (id),
    generation    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    used_at       BIGINT
);
CREATE INDEX refresh_tokens_of_connection ON refresh_tokens (connection_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

CREATE TABLE audit_events (
    organization_id BYTEA  NOT NULL REFERENCES organizations (id),
    sequence        BIGINT NOT NULL CHECK (sequence > 0),
    at              BIGINT NOT NULL,
    user_id         BYTEA,
    via             TEXT   COLLATE "C" NOT NULL,
    via_id          BYTEA,
    address         TEXT,
    action          TEXT   COLLATE "C" NOT NULL,
    target          BYTEA,
    details         TEXT   NOT NULL,
    link            BYTEA  NOT NULL CHECK (length(link) = 32),
    PRIMARY KEY (organization_id, sequence)
);
CREATE INDEX audit_events_by_time ON audit_events (organization_id, at);
CREATE INDEX audit_events_by_user ON audit_events (organization_id, user_id, sequence);
CREATE INDEX audit_events_by_action ON audit_events (organization_id, action, sequence);
CREATE INDEX audit_events_by_target ON audit_events (organization_id, target, sequence);
CREATE FUNCTION check_audit_event_is_appended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF new.sequence <> 1 + (SELECT COALESCE(MAX(sequence), 0) FROM audit_events WHERE organization_id = new.organization_id) THEN
        RAISE EXCEPTION 'the audit log is only appended to';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER audit_events_are_appended BEFORE INSERT ON audit_events
FOR EACH ROW EXECUTE FUNCTION check_audit_event_is_appended();
CREATE TRIGGER audit_events_never_change BEFORE UPDATE OR DELETE ON audit_events
FOR EACH ROW EXECUTE FUNCTION refuse('the audit log is only appended to');
CREATE TRIGGER audit_events_are_not_emptied BEFORE TRUNCATE ON audit_events
FOR EACH STATEMENT EXECUTE FUNCTION refuse('the audit log is only appended to');

CREATE TABLE audit_checkpoints (
    organization_id BYTEA  NOT NULL REFERENCES organizations (id),
    sequence        BIGINT NOT NULL CHECK (sequence > 0),
    link            BYTEA  NOT NULL CHECK (length(link) = 32),
    at              BIGINT NOT NULL,
    signature       BYTEA  NOT NULL CHECK (length(signature) = 72),
    PRIMARY KEY (organization_id, sequence)
);
CREATE TRIGGER audit_checkpoints_never_change BEFORE UPDATE OR DELETE ON audit_checkpoints
FOR EACH ROW EXECUTE FUNCTION refuse('checkpoints are only appended');
CREATE TRIGGER audit_checkpoints_are_not_emptied BEFORE TRUNCATE ON audit_checkpoints
FOR EACH STATEMENT EXECUTE FUNCTION refuse('checkpoints are only appended');

CREATE TABLE audit_shipped (
    organization_id BYTEA  NOT NULL PRIMARY KEY REFERENCES organizations (id),
    sequence        BIGINT NOT NULL
);

-- The one row is locked by every writing transaction from its begin to its commit: nodes write one after another, as they do on
-- SQLite, and feed numbers are without gaps and in commit order.
CREATE TABLE feed (
    id       BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    -- Which history this is: another after a restore. Nodes that know an earlier one serve nothing until they have loaded this.
    epoch    UUID   NOT NULL DEFAULT gen_random_uuid(),
    -- How long the leases of all nodes are, in milliseconds.
    lease_ms BIGINT NOT NULL DEFAULT 2000 CHECK (lease_ms BETWEEN 500 AND 10000),
    -- Why nobody may serve from this history: it is known to have lost changes.
    halted   TEXT,
    -- The server's timeline, once no node can hold a lease of another's. A server that takes over begins another.
    timeline TEXT   CHECK (length(timeline) <= 32),
    -- Since when and why the operator has stopped the issuing of credentials; NULL while they are issued.
    issuing_stopped_at  BIGINT,
    issuing_stopped_why TEXT CHECK (length(issuing_stopped_why) <= 500),
    -- Nodes that do not know this schema may not serve.
    oldest_schema BIGINT NOT NULL DEFAULT 0,
    -- While a copy of another store into this one is not complete: a digest of that one. Nobody serves until then.
    copying  TEXT
);
INSERT INTO feed (id, sequence) VALUES (1, 0);
CREATE TABLE changes (
    sequence  BIGINT NOT NULL PRIMARY KEY,
    kind      TEXT   NOT NULL CHECK (kind IN ('key', 'user', 'organization', 'connection', 'signing_keys', 'issuing')),
    entity_id BYTEA  NOT NULL CHECK (length(entity_id) = 16),
    -- Tells this change from another that took its number after a fail-over lost it.
    mark      UUID   NOT NULL DEFAULT gen_random_uuid()
);

-- The nodes that serve, or may still. What each has applied, and how often it renewed its lease: whoever revokes waits for them.
CREATE TABLE nodes (
    id         BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT   NOT NULL CHECK (length(name) <= 255),
    version    TEXT   NOT NULL CHECK (length(version) <= 100),
    -- The newest that it knows.
    schema     BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    -- By the node's own clock, for people.
    seen_at    BIGINT NOT NULL,
    renewals   BIGINT NOT NULL,
    applied    BIGINT NOT NULL,
    keys       BIGINT NOT NULL
);

-- The keys that sign, the same for all nodes, sealed with the deployment's secret as this version of this name.
CREATE TABLE sealed (
    name    TEXT   NOT NULL PRIMARY KEY CHECK (name IN ('session-signing.keys', 'audit-signing.key')),
    version BIGINT NOT NULL CHECK (version > 0),
    content BYTEA  NOT NULL CHECK (length(content) <= 65536)
);
CREATE TRIGGER sealed_keys_are_replaced_by_later_ones BEFORE UPDATE ON sealed
FOR EACH ROW WHEN (new.version <= old.version) EXECUTE FUNCTION refuse('keys that were replaced stay so');
