//! What is copied: each table with its columns, and the statements made of them. Compared by a test with what the migrations make.

use crate::engine::Engine;

/// Rows that are read, and written in one transaction, at once: they are held in memory, some kilobytes each at most.
pub(super) const AT_ONCE: usize = 500;

/// A table, whose rows are in the order of its primary key by the bytes: the same in both databases.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Its columns; the first ones are the primary key.
    pub(super) columns: &'static [Column],
    /// How many of them are.
    pub(super) key: usize,
    pub(super) count: &'static str,
    /// The first rows, and those behind a key.
    pub(super) first: &'static str,
    pub(super) after: &'static str,
    /// The last key.
    pub(super) last: &'static str,
    into_sqlite: &'static str,
    into_postgres: &'static str,
}

pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Bytes,
    Text,
    Number,
}

impl Table {
    /// Writes rows from one text, a JSON array of objects: one statement takes any number of them, and they are written in their order.
    pub(super) fn insert(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.into_sqlite,
            Engine::Postgres => self.into_postgres,
        }
    }
}

/// A column of a JSON object, as a value of a table. Bytes are hexadecimal digits there.
macro_rules! from_json {
    (Sqlite Bytes $column:ident) => {
        concat!("unhex(value ->> '", stringify!($column), "')")
    };
    (Postgres Bytes $column:ident) => {
        concat!("decode(value ->> '", stringify!($column), "', 'hex')")
    };
    ($engine:ident Text $column:ident) => {
        concat!("value ->> '", stringify!($column), "'")
    };
    ($engine:ident Number $column:ident) => {
        concat!("CAST(value ->> '", stringify!($column), "' AS BIGINT)")
    };
}

/// `name: (key, …) > (placeholders), kind column, …`, the columns of the key first.
macro_rules! tables {
    ($($name:ident: ($key:ident $(, $more:ident)*) > $marks:literal,
        $kind:ident $column:ident $(, $kinds:ident $columns:ident)*;)+) => {
        &[$(Table {
            name: stringify!($name),
            columns: &[
                Column { name: stringify!($column), kind: Kind::$kind },
                $(Column { name: stringify!($columns), kind: Kind::$kinds }),*
            ],
            key: [stringify!($key) $(, stringify!($more))*].len(),
            count: concat!("SELECT COUNT(*) FROM ", stringify!($name)),
            first: concat!(
                "SELECT ", stringify!($column) $(, ", ", stringify!($columns))*, " FROM ", stringify!($name),
                " ORDER BY ", stringify!($key) $(, ", ", stringify!($more))*, " LIMIT 500"
            ),
            after: concat!(
                "SELECT ", stringify!($column) $(, ", ", stringify!($columns))*, " FROM ", stringify!($name),
                " WHERE (", stringify!($key) $(, ", ", stringify!($more))*, ") > (", $marks, ")",
                " ORDER BY ", stringify!($key) $(, ", ", stringify!($more))*, " LIMIT 500"
            ),
            last: concat!(
                "SELECT ", stringify!($key) $(, ", ", stringify!($more))*, " FROM ", stringify!($name),
                " ORDER BY ", stringify!($key), " DESC" $(, ", ", stringify!($more), " DESC")*, " LIMIT 1"
            ),
            into_sqlite: concat!(
                "INSERT INTO ", stringify!($name),
                " (", stringify!($column) $(, ", ", stringify!($columns))*, ") SELECT ",
                from_json!(Sqlite $kind $column) $(, ", ", from_json!(Sqlite $kinds $columns))*,
                " FROM json_each($1)"
            ),
            into_postgres: concat!(
                "INSERT INTO ", stringify!($name),
                " (", stringify!($column) $(, ", ", stringify!($columns))*, ") SELECT ",
                from_json!(Postgres $kind $column) $(, ", ", from_json!(Postgres $kinds $columns))*,
                " FROM jsonb_array_elements(CAST($1 AS JSONB))"
            ),
        }),+]
    };
}

/// In an order in which each table refers only to those before it.
pub(super) const TABLES: &[Table] = tables! {
    organizations: (id) > "$1",
        Bytes id, Text name, Number created_at, Number archived_at, Text longest_expiration, Number keys_may_create_keys,
        Text creation_closed;
    users: (id) > "$1",
        Bytes id, Bytes organization_id, Text email, Text email_folded, Text name, Text password_hash, Number active,
        Number created_at, Number deleted_at, Number last_seen_at, Text attributes, Text search_text;
    user_roles: (user_id, role) > "$1, $2",
        Bytes user_id, Text role, Text scopes;
    roles: (id) > "$1",
        Bytes id, Bytes organization_id, Text name, Text name_folded, Text description, Text permissions, Number created_at;
    user_groups: (id) > "$1",
        Bytes id, Bytes organization_id, Text name, Text name_folded, Number created_at;
    user_group_roles: (group_id, role) > "$1, $2",
        Bytes group_id, Text role, Text scopes;
    user_group_members: (group_id, user_id) > "$1, $2",
        Bytes group_id, Bytes user_id, Bytes organization_id;
    email_rules: (organization_id, list, kind, pattern) > "$1, $2, $3, $4",
        Bytes organization_id, Text list, Text kind, Text pattern;
    api_keys: (id) > "$1",
        Bytes id, Bytes organization_id, Bytes creator_id, Bytes token_hash, Text masked_token, Text name, Text description,
        Text search_text, Number allow_impersonation, Bytes request_id, Number created_at, Number expires_at, Number last_used_at,
        Number revoked_at, Number session_epoch, Number last_minted_at;
    impersonated_sessions: (id) > "$1",
        Bytes id, Bytes key_id, Bytes user_id, Number created_at, Number expires_at;
    sessions: (id) > "$1",
        Bytes id, Bytes user_id, Bytes token_hash, Number created_at, Number last_seen_at, Text address, Text user_agent;
    session_users: (session_id, user_id) > "$1, $2",
        Bytes session_id, Bytes user_id;
    one_time_links: (token_hash) > "$1",
        Bytes token_hash, Text purpose, Bytes user_id, Number expires_at;
    oauth_clients: (id) > "$1",
        Bytes id, Text name, Text redirect_uris, Number created_at, Number allowed_at;
    connections: (id) > "$1",
        Bytes id, Bytes organization_id, Bytes user_id, Text client_id, Text client_name, Text client_host, Text redirect_uri,
        Bytes code_hash, Bytes challenge, Number created_at, Number redeemed_at, Number last_used_at, Number ends_at,
        Number generation, Number ended_at;
    refresh_tokens: (token_hash) > "$1",
        Bytes token_hash, Bytes connection_id, Number generation, Number expires_at, Number used_at;
    audit_events: (organization_id, sequence) > "$1, $2",
        Bytes organization_id, Number sequence, Number at, Bytes user_id, Text via, Bytes via_id, Text address, Text action,
        Bytes target, Text details, Bytes link;
    audit_checkpoints: (organization_id, sequence) > "$1, $2",
        Bytes organization_id, Number sequence, Bytes link, Number at, Bytes signature;
    audit_shipped: (organization_id) > "$1",
        Bytes organization_id, Number sequence;
};

#[cfg(test)]
mod tests;
