-- Made by tests/guarantees/schemas.rs. Never changed once released.
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES (1, 'initial', '2026-11-23 17:21:37', 1, X'D2860BE6610BE654CCDFCC55DDA48838908CAB3C0C5827F37686BEC575CDBD81C2C86A70F9F7C3F941B522DBFA1558CA', 2192788);
INSERT INTO _sqlx_migrations VALUES (2, 'people', '2026-11-23 17:21:37', 1, X'5B4D628F6590998ABB6682C1ACB1DDCBDB10F8B7713EF3F64980AA45C19FBCD13E69733B825704765D98E42A7FC1DDF6', 6228221);
CREATE TABLE organizations (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name       TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    created_at INTEGER NOT NULL
, archived_at INTEGER, longest_expiration TEXT NOT NULL DEFAULT 'never', keys_may_create_keys INTEGER NOT NULL DEFAULT 1 CHECK (keys_may_create_keys IN (0, 1)), creation_closed TEXT CHECK (length(creation_closed) <= 500)) STRICT;
INSERT INTO organizations VALUES (X'01A0C4506C7B70008000000000000000', 'Example', 1790000000123, NULL, 'never', 1, NULL);
INSERT INTO organizations VALUES (X'01A0C4506C7B7008800000000000000C', 'People', 1790000000123, NULL, '90d', 0, 'Closed for a test.');
INSERT INTO organizations VALUES (X'01A0C4506C7B70108000000000000015', 'Archived', 1790000000123, 1790000000123, 'never', 1, NULL);
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
    created_at      INTEGER NOT NULL, deleted_at INTEGER, last_seen_at INTEGER, attributes TEXT NOT NULL DEFAULT '{}', search_text TEXT NOT NULL DEFAULT '',
    UNIQUE (organization_id, email_folded),
    -- What keys refer to, so that a key and its creator are always of one organization (promise 6).
    UNIQUE (id, organization_id)
) STRICT;
INSERT INTO users VALUES (X'01A0C4506C7B70018000000000000001', X'01A0C4506C7B70008000000000000000', 'ada@example.com', 'ada@example.com', 'ada@example.com', NULL, 1, 1790000000123, NULL, NULL, '{}', 'ada@example.com
ada@example.com');
INSERT INTO users VALUES (X'01A0C4506C7B70028000000000000002', X'01A0C4506C7B70008000000000000000', 'Bob@Example.com', 'bob@example.com', 'Bob@Example.com', NULL, 0, 1790000000123, NULL, NULL, '{}', 'bob@example.com
bob@example.com');
INSERT INTO users VALUES (X'01A0C4506C7B700B800000000000000F', X'01A0C4506C7B7008800000000000000C', 'cleo@example.com', 'cleo@example.com', 'cleo@example.com', NULL, 1, 1790000000123, NULL, NULL, '{}', 'cleo@example.com
cleo@example.com');
INSERT INTO users VALUES (X'01A0C4506C7B700C8000000000000010', X'01A0C4506C7B7008800000000000000C', 'dan@example.com', 'dan@example.com', 'dan@example.com', NULL, 1, 1790000000123, NULL, NULL, '{"department":"R&D"}', 'dan@example.com
dan@example.com');
INSERT INTO users VALUES (X'01A0C4506C7B700D8000000000000011', X'01A0C4506C7B7008800000000000000C', 'eve@blocked.example', 'eve@blocked.example', 'eve@blocked.example', NULL, 1, 1790000000123, NULL, NULL, '{}', 'eve@blocked.example
eve@blocked.example');
INSERT INTO users VALUES (X'01A0C4506C7B700E8000000000000012', X'01A0C4506C7B7008800000000000000C', 'gone@example.com', 'deleted 01a0c450-6c7b-700e-8000-000000000012', 'gone@example.com', NULL, 0, 1790000000123, 1790000000123, NULL, '{}', 'gone@example.com
gone@example.com');
INSERT INTO users VALUES (X'01A0C4506C7B70118000000000000016', X'01A0C4506C7B70108000000000000015', 'fay@example.com', 'fay@example.com', 'fay@example.com', NULL, 1, 1790000000123, NULL, NULL, '{}', 'fay@example.com
fay@example.com');
CREATE TABLE user_roles (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 100), scopes TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;
INSERT INTO user_roles VALUES (X'01A0C4506C7B70018000000000000001', 'administrator', '[]');
INSERT INTO user_roles VALUES (X'01A0C4506C7B70028000000000000002', 'member', '[]');
INSERT INTO user_roles VALUES (X'01A0C4506C7B700B800000000000000F', 'administrator', '[]');
INSERT INTO user_roles VALUES (X'01A0C4506C7B700C8000000000000010', 'member', '[]');
INSERT INTO user_roles VALUES (X'01A0C4506C7B700D8000000000000011', '01a0c450-6c7b-7009-8000-00000000000d', '["a","b"]');
INSERT INTO user_roles VALUES (X'01A0C4506C7B70118000000000000016', 'administrator', '[]');
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
INSERT INTO api_keys VALUES (X'01A0C4506C7B70038000000000000004', X'01A0C4506C7B70008000000000000000', X'01A0C4506C7B70018000000000000001', X'8D076D0F17A115B5DD9D377CD21B3965664F529C19FB0F7F3EB5DD25C4486B91', 'ks_0000…VarX', 'never ends', '', 'never ends

ks_0000…varx', 0, NULL, 1790000000123, NULL, NULL, NULL);
INSERT INTO api_keys VALUES (X'01A0C4506C7B70048000000000000006', X'01A0C4506C7B70008000000000000000', X'01A0C4506C7B70018000000000000001', X'AB99C9855634FC3DFE4F3021E2AB2D4508E36958149C246AEA12C963DF8062F0', 'ks_0000…TgJr', 'ends soon', '', 'ends soon

ks_0000…tgjr', 0, NULL, 1790000000123, 1790003600000, NULL, NULL);
INSERT INTO api_keys VALUES (X'01A0C4506C7B70058000000000000008', X'01A0C4506C7B70008000000000000000', X'01A0C4506C7B70018000000000000001', X'62982BCC63EEB0D6E280EDBA6303921773C1FC46B6A81E26E1DE02F07456128E', 'ks_0000…YDmU', 'has ended', '', 'has ended

ks_0000…ydmu', 0, NULL, 1790000000123, 1789996400000, NULL, NULL);
INSERT INTO api_keys VALUES (X'01A0C4506C7B7006800000000000000A', X'01A0C4506C7B70008000000000000000', X'01A0C4506C7B70028000000000000002', X'018A58B18481F1A1EECF99DFF38DD5B0C6D2D5DD2649E1F9109FD5BD35ED3203', 'ks_0000…n1Cx', 'revoked', '', 'revoked

ks_0000…n1cx', 0, NULL, 1790000000123, NULL, NULL, 1790000000123);
INSERT INTO api_keys VALUES (X'01A0C4506C7B700F8000000000000014', X'01A0C4506C7B7008800000000000000C', X'01A0C4506C7B700E8000000000000012', X'B1C494445DC9E48B715C5861D3FBD6B0F2FE55C54024A9E177EC5AFD894D9407', 'ks_0000…qmI5', 'of somebody who is gone', '', 'of somebody who is gone

ks_0000…qmi5', 0, NULL, 1790000000123, NULL, NULL, 1790000000123);
CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    user_id      BLOB    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the cookie: whoever reads the database cannot sign in with it.
    token_hash   BLOB    NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
, address TEXT, user_agent TEXT CHECK (length(user_agent) <= 300)) STRICT;
INSERT INTO sessions VALUES (X'01A0C4506C7B7007800000000000000B', X'01A0C4506C7B70018000000000000001', X'0101010101010101010101010101010101010101010101010101010101010101', 1790000000123, 1790000000123, NULL, NULL);
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
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 1, 1790000000123, NULL, 'operator', NULL, NULL, 'organization.created', X'01A0C4506C7B70008000000000000000', '{"name":"Example"}', X'0A7770F5FCFC2572180277E3D08653D728FAC13287051D8001A46F97E6780D75');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 2, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B70018000000000000001', '{"email":"ada@example.com","name":"ada@example.com","roles":["administrator"]}', X'3E57CEE3BF0E788F400CFD6E4FD8BA5ADFDA76CB8351226564F3B5827FE14B47');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 3, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B70028000000000000002', '{"email":"Bob@Example.com","name":"Bob@Example.com","roles":["member"]}', X'56D517F4B972172A1A9CA1BC895F5FBE9D5ACA4DC931BC31F1A02A7E864EBF75');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 4, 1790000000123, NULL, 'operator', NULL, NULL, 'key.created', X'01A0C4506C7B70038000000000000004', '{"allowImpersonation":false,"creator":"01a0c450-6c7b-7001-8000-000000000001","description":"","expiresAt":null,"maskedToken":"ks_0000…VarX","name":"never ends"}', X'533A7C8A25BE31B2C7D52CABF55C16E201F68A78CA8F35043DB26C048F09C3AC');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 5, 1790000000123, NULL, 'operator', NULL, NULL, 'key.created', X'01A0C4506C7B70048000000000000006', '{"allowImpersonation":false,"creator":"01a0c450-6c7b-7001-8000-000000000001","description":"","expiresAt":"2026-09-21T15:13:20Z","maskedToken":"ks_0000…TgJr","name":"ends soon"}', X'A16E39513A0920EBE0DB184BD91BC60950C2740F574E82B67639DAB92895F939');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 6, 1790000000123, NULL, 'operator', NULL, NULL, 'key.created', X'01A0C4506C7B70058000000000000008', '{"allowImpersonation":false,"creator":"01a0c450-6c7b-7001-8000-000000000001","description":"","expiresAt":"2026-09-21T13:13:20Z","maskedToken":"ks_0000…YDmU","name":"has ended"}', X'6690F169F8815E29AADE98BF726D77FD74CA4EFC16606983D739308A57647836');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 7, 1790000000123, NULL, 'operator', NULL, NULL, 'key.created', X'01A0C4506C7B7006800000000000000A', '{"allowImpersonation":false,"creator":"01a0c450-6c7b-7002-8000-000000000002","description":"","expiresAt":null,"maskedToken":"ks_0000…n1Cx","name":"revoked"}', X'5BA2EDFF9436C3DAE510E5DAE3B09DE8F372137949AD343F36A8C7650969C3EB');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 8, 1790000000123, NULL, 'operator', NULL, NULL, 'key.revoked', X'01A0C4506C7B7006800000000000000A', '{"creator":"01a0c450-6c7b-7002-8000-000000000002","maskedToken":"ks_0000…n1Cx","name":"revoked"}', X'8B335CB85B53C21BE0A1C698D3EFEA4E651F1648E494F9CD8C4D2893AD358218');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 9, 1790000000123, X'01A0C4506C7B70018000000000000001', 'operator', NULL, NULL, 'session.started', X'01A0C4506C7B7007800000000000000B', '{}', X'380E7E5B1B3FE8F06B6F747961A798319F5E6EB76FC430AF0B9D0F6CB3BD4669');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 10, 1790000000123, X'01A0C4506C7B70018000000000000001', 'operator', NULL, NULL, 'sign_in_link.created', X'01A0C4506C7B70018000000000000001', '{}', X'85D6AD16BC95AE2BF964757A2F3BD33A9D2CF3A052851DABABAF81DA195DA765');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70008000000000000000', 11, 1790000000123, X'01A0C4506C7B70018000000000000001', 'operator', NULL, NULL, 'user.deactivated', X'01A0C4506C7B70028000000000000002', '{}', X'6C4D40ACA6C328213ACFBA9710752ECC79A53FD88C3F730CE11F16F141C86D89');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 1, 1790000000123, NULL, 'operator', NULL, NULL, 'organization.created', X'01A0C4506C7B7008800000000000000C', '{"name":"People"}', X'103C33ABFBE5A004C1880FC1B8376C05A7401EB33ECEB18EBDE9EB49680E8044');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 2, 1790000000123, NULL, 'operator', NULL, NULL, 'role.created', X'01A0C4506C7B7009800000000000000D', '{"name":"Analyst","permissions":["reports:read"]}', X'D7D7AC6247F770CF9411166B271B26AE7C7D700700D17C074CF3D585EB0184D3');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 3, 1790000000123, NULL, 'operator', NULL, NULL, 'group.created', X'01A0C4506C7B700A800000000000000E', '{"name":"Readers","roles":["01a0c450-6c7b-7009-8000-00000000000d"]}', X'308A849ADAD60DF24F3DB8B5C51042E00E07D96F8751717D3D6563260BFA0B1B');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 4, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B700B800000000000000F', '{"email":"cleo@example.com","name":"cleo@example.com","roles":["administrator"]}', X'311BF557F0E09AB9B54E9754CE9F19958B2050F474ADDFA67FAFB92CD37FB065');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 5, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B700C8000000000000010', '{"email":"dan@example.com","name":"dan@example.com","roles":["member"]}', X'FC29F13857120413D6BCB1BCA3B0DEED88897C6C53BDC33ED66CCAC3F9C96FCF');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 6, 1790000000123, NULL, 'operator', NULL, NULL, 'group.members_set', X'01A0C4506C7B700A800000000000000E', '{"group":"Readers","member":true,"user":"01a0c450-6c7b-700c-8000-000000000010"}', X'EDBACD992EAB8CACFD7BA8A031D39975B782BFA0DF744F69704F25FADB354810');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 7, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B700D8000000000000011', '{"email":"eve@blocked.example","name":"eve@blocked.example","roles":["01a0c450-6c7b-7009-8000-00000000000d"]}', X'6A44BE4D43937FDD76E08EF5CC4C6042398EA700152C4F1C0B40104551DE6522');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 8, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B700E8000000000000012', '{"email":"gone@example.com","name":"gone@example.com","roles":["member"]}', X'A21A20B8051CC14A26882A8C8DD569E2588D9B027B9EAD6EE8B8CF96CFA3DBE7');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 9, 1790000000123, NULL, 'operator', NULL, NULL, 'key.created', X'01A0C4506C7B700F8000000000000014', '{"allowImpersonation":false,"creator":"01a0c450-6c7b-700e-8000-000000000012","description":"","expiresAt":null,"maskedToken":"ks_0000…qmI5","name":"of somebody who is gone"}', X'1321A253F5E5F3F918A066DD1F2362125FF96A23B58A6E8C3CE3FE079F667FAE');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 10, 1790000000123, NULL, 'operator', NULL, NULL, 'user.attributes_set', X'01A0C4506C7B700C8000000000000010', '{"keys":["department"]}', X'BE5BA9FA075FF234E0244B87177C86B177554C1E80B68C088872F1DE2DF0FC7F');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 11, 1790000000123, NULL, 'operator', NULL, NULL, 'user.roles_set', X'01A0C4506C7B700D8000000000000011', '{"after":[{"role":"01a0c450-6c7b-7009-8000-00000000000d","scopes":["a","b"]}],"before":["01a0c450-6c7b-7009-8000-00000000000d"]}', X'8BC231055738BD743A730EEACC4759DC1525167D803E2F1C99A46CD3B362CFCA');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 12, 1790000000123, NULL, 'operator', NULL, NULL, 'key.revoked', X'01A0C4506C7B700F8000000000000014', '{"creator":"01a0c450-6c7b-700e-8000-000000000012","maskedToken":"ks_0000…qmI5","name":"of somebody who is gone"}', X'18C318631CCECC9B556A015D540BE93DA78524D78DBBC45EC235BF5F0EB1C240');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 13, 1790000000123, NULL, 'operator', NULL, NULL, 'user.deleted', X'01A0C4506C7B700E8000000000000012', '{"email":"gone@example.com","keysRevoked":1,"name":"gone@example.com"}', X'58B6325B3A7CAB8A7EC3D57D82719ED80B56636CB5E5F03B5E7D9E0F780017E1');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 14, 1790000000123, NULL, 'operator', NULL, NULL, 'key_policy.set', X'01A0C4506C7B7008800000000000000C', '{"after":{"closed":"Closed for a test.","keysMayCreateKeys":false,"longest":"90d"},"before":{"closed":null,"keysMayCreateKeys":true,"longest":"never"}}', X'96730E088DC102D6650F3EC229B8377F22B6122961E775617C24FB83236FCDD3');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 15, 1790000000123, NULL, 'operator', NULL, NULL, 'email_access.set', X'01A0C4506C7B7008800000000000000C', '{"allow_address":{"added":[],"removed":[]},"allow_domain":{"added":[],"removed":[]},"block_address":{"added":[],"removed":[]},"block_domain":{"added":["blocked.example"],"removed":[]}}', X'3771C24CE0831BC6FC69840268A0FE1ADB5D85222786FD7D538D7B5BB9548F38');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 16, 1790000000123, NULL, 'operator', NULL, NULL, 'invitation.created', X'01A0C4506C7B700B800000000000000F', '{}', X'2DEBDE395AF92DD12B4CF3DF5AFEADE3EF4618B117816DB1532EE2A0BFD251C3');
INSERT INTO audit_events VALUES (X'01A0C4506C7B7008800000000000000C', 17, 1790000000123, NULL, 'operator', NULL, NULL, 'password_reset.created', X'01A0C4506C7B700B800000000000000F', '{}', X'A28EE94A7DD44ABE985FC388EDF2898B44D1CF7DBC4D14815EC2A9BBD536B85E');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70108000000000000015', 1, 1790000000123, NULL, 'operator', NULL, NULL, 'organization.created', X'01A0C4506C7B70108000000000000015', '{"name":"Archived"}', X'9EA4C0FA5FA8C71B00D9162DB975987B0BFB23CD950845325466A6858B4D5FA5');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70108000000000000015', 2, 1790000000123, NULL, 'operator', NULL, NULL, 'user.created', X'01A0C4506C7B70118000000000000016', '{"email":"fay@example.com","name":"fay@example.com","roles":["administrator"]}', X'E9FF1BEF45D23E5A1B4B5F19E24A88F6DB2215E5691C4DFC981386B1685E57B1');
INSERT INTO audit_events VALUES (X'01A0C4506C7B70108000000000000015', 3, 1790000000123, NULL, 'operator', NULL, NULL, 'organization.archived', X'01A0C4506C7B70108000000000000015', '{}', X'29556E76ED2D0646CB6954EC228F44FD67D66FE0AF63AEECECDFB1E92D38748A');
CREATE TABLE feed (
    id       INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    sequence INTEGER NOT NULL
) STRICT;
INSERT INTO feed VALUES (1, 26);
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
INSERT INTO roles VALUES (X'01A0C4506C7B7009800000000000000D', X'01A0C4506C7B7008800000000000000C', 'Analyst', 'analyst', '', '["reports:read"]', 1790000000123);
CREATE TABLE user_groups (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    name            TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_folded     TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    UNIQUE (organization_id, name_folded),
    UNIQUE (id, organization_id)
) STRICT;
INSERT INTO user_groups VALUES (X'01A0C4506C7B700A800000000000000E', X'01A0C4506C7B7008800000000000000C', 'Readers', 'readers', 1790000000123);
CREATE TABLE user_group_roles (
    group_id BLOB NOT NULL REFERENCES user_groups (id) ON DELETE CASCADE,
    role     TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 100),
    scopes   TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (group_id, role)
) STRICT, WITHOUT ROWID;
INSERT INTO user_group_roles VALUES (X'01A0C4506C7B700A800000000000000E', '01a0c450-6c7b-7009-8000-00000000000d', '[]');
CREATE TABLE user_group_members (
    group_id        BLOB NOT NULL,
    user_id         BLOB NOT NULL,
    organization_id BLOB NOT NULL,
    PRIMARY KEY (group_id, user_id),
    FOREIGN KEY (group_id, organization_id) REFERENCES user_groups (id, organization_id) ON DELETE CASCADE,
    FOREIGN KEY (user_id, organization_id) REFERENCES users (id, organization_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO user_group_members VALUES (X'01A0C4506C7B700A800000000000000E', X'01A0C4506C7B700C8000000000000010', X'01A0C4506C7B7008800000000000000C');
CREATE TABLE email_rules (
    organization_id BLOB NOT NULL REFERENCES organizations (id),
    list            TEXT NOT NULL CHECK (list IN ('allow', 'block')),
    kind            TEXT NOT NULL CHECK (kind IN ('domain', 'address')),
    pattern         TEXT NOT NULL CHECK (length(pattern) BETWEEN 1 AND 254),
    PRIMARY KEY (organization_id, list, kind, pattern)
) STRICT, WITHOUT ROWID;
INSERT INTO email_rules VALUES (X'01A0C4506C7B7008800000000000000C', 'block', 'domain', 'blocked.example');
CREATE TABLE session_users (
    session_id BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (session_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE "one_time_links" (
    token_hash BLOB    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    purpose    TEXT    NOT NULL CHECK (purpose IN ('set_up', 'sign_in', 'invitation', 'password_reset')),
    user_id    BLOB    REFERENCES users (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    CHECK ((purpose = 'set_up') = (user_id IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO one_time_links VALUES (X'0202020202020202020202020202020202020202020202020202020202020202', 'sign_in', X'01A0C4506C7B70018000000000000001', 1790000060000);
INSERT INTO one_time_links VALUES (X'0303030303030303030303030303030303030303030303030303030303030303', 'invitation', X'01A0C4506C7B700B800000000000000F', 1790000060000);
INSERT INTO one_time_links VALUES (X'0404040404040404040404040404040404040404040404040404040404040404', 'password_reset', X'01A0C4506C7B700B800000000000000F', 1790000060000);
CREATE TABLE "changes" (
    sequence  INTEGER NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL CHECK (kind IN ('key', 'user', 'organization')),
    entity_id BLOB    NOT NULL CHECK (length(entity_id) = 16)
) STRICT;
INSERT INTO changes VALUES (1, 'organization', X'01A0C4506C7B70008000000000000000');
INSERT INTO changes VALUES (2, 'user', X'01A0C4506C7B70018000000000000001');
INSERT INTO changes VALUES (3, 'user', X'01A0C4506C7B70028000000000000002');
INSERT INTO changes VALUES (4, 'key', X'01A0C4506C7B70038000000000000004');
INSERT INTO changes VALUES (5, 'key', X'01A0C4506C7B70048000000000000006');
INSERT INTO changes VALUES (6, 'key', X'01A0C4506C7B70058000000000000008');
INSERT INTO changes VALUES (7, 'key', X'01A0C4506C7B7006800000000000000A');
INSERT INTO changes VALUES (8, 'key', X'01A0C4506C7B7006800000000000000A');
INSERT INTO changes VALUES (9, 'user', X'01A0C4506C7B70028000000000000002');
INSERT INTO changes VALUES (10, 'organization', X'01A0C4506C7B7008800000000000000C');
INSERT INTO changes VALUES (11, 'organization', X'01A0C4506C7B7008800000000000000C');
INSERT INTO changes VALUES (12, 'organization', X'01A0C4506C7B7008800000000000000C');
INSERT INTO changes VALUES (13, 'user', X'01A0C4506C7B700B800000000000000F');
INSERT INTO changes VALUES (14, 'user', X'01A0C4506C7B700C8000000000000010');
INSERT INTO changes VALUES (15, 'user', X'01A0C4506C7B700C8000000000000010');
INSERT INTO changes VALUES (16, 'user', X'01A0C4506C7B700D8000000000000011');
INSERT INTO changes VALUES (17, 'user', X'01A0C4506C7B700E8000000000000012');
INSERT INTO changes VALUES (18, 'key', X'01A0C4506C7B700F8000000000000014');
INSERT INTO changes VALUES (19, 'user', X'01A0C4506C7B700D8000000000000011');
INSERT INTO changes VALUES (20, 'key', X'01A0C4506C7B700F8000000000000014');
INSERT INTO changes VALUES (21, 'user', X'01A0C4506C7B700E8000000000000012');
INSERT INTO changes VALUES (22, 'organization', X'01A0C4506C7B7008800000000000000C');
INSERT INTO changes VALUES (23, 'organization', X'01A0C4506C7B7008800000000000000C');
INSERT INTO changes VALUES (24, 'organization', X'01A0C4506C7B70108000000000000015');
INSERT INTO changes VALUES (25, 'user', X'01A0C4506C7B70118000000000000016');
INSERT INTO changes VALUES (26, 'organization', X'01A0C4506C7B70108000000000000015');
CREATE TABLE audit_checkpoints (
    organization_id BLOB    NOT NULL REFERENCES organizations (id),
    sequence        INTEGER NOT NULL CHECK (sequence > 0),
    link            BLOB    NOT NULL CHECK (length(link) = 32),
    at              INTEGER NOT NULL,
    -- The first 8 bytes of the SHA-256 of the public key, then the Ed25519 signature.
    signature       BLOB    NOT NULL CHECK (length(signature) = 72),
    PRIMARY KEY (organization_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_shipped (
    organization_id BLOB    NOT NULL PRIMARY KEY REFERENCES organizations (id),
    sequence        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_email ON users (email_folded);
CREATE INDEX api_keys_of_creator ON api_keys (organization_id, creator_id, id, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_of_organization ON api_keys (organization_id, id, expires_at) WHERE revoked_at IS NULL;
CREATE TRIGGER api_keys_are_frozen
BEFORE UPDATE OF id, organization_id, creator_id, token_hash, masked_token, allow_impersonation, request_id, created_at, expires_at ON api_keys
BEGIN SELECT RAISE (ABORT, 'token, expiration, creator and impersonation of a key never change'); END;
CREATE TRIGGER api_keys_stay_revoked
BEFORE UPDATE OF revoked_at ON api_keys WHEN old.revoked_at IS NOT NULL
BEGIN SELECT RAISE (ABORT, 'a revocation cannot be undone'); END;
CREATE TRIGGER api_keys_stay BEFORE DELETE ON api_keys
BEGIN SELECT RAISE (ABORT, 'keys are revoked, never deleted'); END;
CREATE TRIGGER api_keys_are_not_replaced BEFORE INSERT ON api_keys
WHEN EXISTS (SELECT 1 FROM api_keys WHERE id = new.id OR token_hash = new.token_hash)
BEGIN SELECT RAISE (ABORT, 'there is such a key'); END;
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events
BEGIN SELECT RAISE (ABORT, 'the audit log is only appended to'); END;
CREATE TRIGGER audit_events_are_appended BEFORE INSERT ON audit_events
WHEN new.sequence <> 1 + (SELECT COALESCE(MAX(sequence), 0) FROM audit_events WHERE organization_id = new.organization_id)
BEGIN SELECT RAISE (ABORT, 'the audit log is only appended to'); END;
CREATE TRIGGER audit_events_never_go BEFORE DELETE ON audit_events
BEGIN SELECT RAISE (ABORT, 'the audit log is only appended to'); END;
CREATE INDEX users_of_organization ON users (organization_id, id) WHERE deleted_at IS NULL;
CREATE INDEX user_roles_by_role ON user_roles (role, user_id);
CREATE INDEX user_group_roles_by_role ON user_group_roles (role, group_id);
CREATE INDEX user_group_members_by_user ON user_group_members (user_id);
CREATE INDEX session_users_by_user ON session_users (user_id);
CREATE INDEX one_time_links_of_user ON one_time_links (user_id);
CREATE INDEX audit_events_by_time ON audit_events (organization_id, at);
CREATE INDEX audit_events_by_user ON audit_events (organization_id, user_id, sequence);
CREATE INDEX audit_events_by_action ON audit_events (organization_id, action, sequence);
CREATE INDEX audit_events_by_target ON audit_events (organization_id, target, sequence);
CREATE TRIGGER audit_checkpoints_never_change BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE (ABORT, 'checkpoints are only appended'); END;
CREATE TRIGGER audit_checkpoints_never_go BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE (ABORT, 'checkpoints are only appended'); END;
