//! Connections: made when a person allows an app, in force once its code is redeemed.

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{
    AuthorizedClient, ClientId, CodeChallenge, ConnectedApp, ConnectionEnd, ConnectionId, ConnectionRecord,
    ConnectionScope, NewConnection, OrganizationId, UserId,
};
use keystead_token::TokenHash;
use serde_json::json;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::keys::changed_one;
use crate::rows::{corrupt, id, instant, optional_instant, readable};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "connections";

/// What is known of a code.
#[derive(Debug, Clone)]
pub struct CodeRecord {
    /// Whose it is.
    pub client: AuthorizedClient,
    /// Where it was sent.
    pub redirect_uri: String,
    /// What its client must show.
    pub challenge: CodeChallenge,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it was redeemed.
    pub redeemed: bool,
}

impl Store {
    /// The apps of a user that may act now, the one used last first; at most 200.
    pub async fn connections(
        &self,
        scope: &ConnectionScope,
        now: Timestamp,
    ) -> Result<Vec<ConnectedApp>, StoreError> {
        // Not of the pool itself, whose rows end with the first that cannot be read.
        let mut connection = self.readers.acquire().await?;
        let rows = sqlx::query(
            "SELECT id, client_name, client_host, created_at, last_used_at, ends_at FROM connections \
             WHERE user_id = $1 AND organization_id = $2 AND redeemed_at IS NOT NULL AND ended_at IS NULL AND ends_at > $3 \
             ORDER BY last_used_at DESC, id DESC LIMIT 200",
        )
        .bind(&scope.user().as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .bind(now.as_millisecond())
        .fetch(&mut *connection);
        let rows = readable(TABLE, rows).await?;
        // What cannot be shown is not in force either, from the next start on.
        Ok(rows.iter().filter_map(|row| connected_app(row).ok()).collect())
    }
}

impl Store {
    /// Whether there is such a code, ended or not.
    pub async fn knows_code(&self, hash: &TokenHash) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM connections WHERE code_hash = $1")
            .bind(&hash.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }
}

impl Transaction {
    /// Keeps that a person allowed an app, until its code is redeemed. `false`: they may not act any more; nothing was kept.
    pub async fn create_connection(
        &mut self,
        new: &NewConnection,
        code: &TokenHash,
        ends_at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.check_issuing().await?;
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let rows = sqlx::query(
            "INSERT INTO connections (id, organization_id, user_id, client_id, client_name, client_host, redirect_uri, code_hash, \
             challenge, created_at, last_used_at, ends_at) SELECT $1, organization_id, id, $4, $5, $6, $7, $8, $9, $10, $10, $11 \
             FROM users WHERE id = $2 AND organization_id = $3 AND active = 1 AND deleted_at IS NULL \
             AND EXISTS (SELECT 1 FROM sessions WHERE id = $12 AND user_id = $2)",
        )
        .bind(&new.id.as_bytes()[..])
        .bind(&new.user().as_bytes()[..])
        .bind(&new.organization().as_bytes()[..])
        .bind(new.client.to_string())
        .bind(&new.client_name)
        .bind(&new.client_host)
        .bind(&new.redirect_uri)
        .bind(&code.as_bytes()[..])
        .bind(&new.challenge.as_bytes()[..])
        .bind(now)
        .bind(ends_at.as_millisecond())
        .bind(&new.session().as_bytes()[..])
        .execute(&mut *connection)
        .await?
        .rows_affected();
        if rows == 0 {
            return Ok(false);
        }
        if let ClientId::Registered(client) = &new.client {
            // One that was forgotten meanwhile stays so: its code will not be redeemed.
            sqlx::query("UPDATE oauth_clients SET allowed_at = $1 WHERE id = $2")
                .bind(now)
                .bind(&client.as_bytes()[..])
                .execute(connection)
                .await?;
        }
        let details = json!({
            "name": new.client_name, "host": new.client_host, "client": new.client.to_string(),
        });
        self.record(new.organization(), Action::AppConnected, *new.id.as_bytes(), details).await?;
        Ok(true)
    }

    /// How many apps a user has allowed that have not ended.
    pub async fn count_connections(&mut self, scope: &ConnectionScope) -> Result<u64, StoreError> {
        let now = self.trace.at.as_millisecond();
        let row = sqlx::query(
            "SELECT COUNT(*) FROM connections WHERE user_id = $1 AND ended_at IS NULL AND ends_at > $2",
        )
        .bind(&scope.user().as_bytes()[..])
        .bind(now)
        .fetch_one(self.connection()?)
        .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    /// What is known of a code, ended or not.
    pub async fn code(&mut self, hash: &TokenHash) -> Result<Option<CodeRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT id, organization_id, user_id, client_id, ends_at, ended_at, redirect_uri, challenge, created_at, redeemed_at \
             FROM connections WHERE code_hash = $1",
        )
        .bind(&hash.as_bytes()[..])
        .fetch_optional(self.connection()?)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let challenge = <[u8; 32]>::try_from(row.try_get::<&[u8], _>(7)?);
        let record = CodeRecord {
            client: authorized_client(&row)?,
            redirect_uri: row.try_get(6)?,
            challenge: CodeChallenge::from_stored(
                challenge.map_err(|_| corrupt(TABLE, "a challenge that is not 32 bytes"))?,
            ),
            created_at: instant(TABLE, row.try_get(8)?)?,
            redeemed: optional_instant(TABLE, row.try_get(9)?)?.is_some(),
        };
        self.trace_to(&record.client);
        Ok(Some(record))
    }

    /// Puts a connection in force whose code was read in this transaction.
    pub async fn redeem(&mut self, client: &AuthorizedClient) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        let rows = sqlx::query(
            "UPDATE connections SET redeemed_at = $1, last_used_at = $1 \
             WHERE id = $2 AND redeemed_at IS NULL AND ended_at IS NULL",
        )
        .bind(now)
        .bind(&client.connection.as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        let record = ConnectionRecord { id: client.connection, user: client.user, ends_at: client.ends_at };
        self.announce_connection(record).await
    }

    /// A connection of a user's, as it is inside this transaction.
    pub async fn connection_of(
        &mut self,
        scope: &ConnectionScope,
        id: ConnectionId,
    ) -> Result<Option<(ConnectedApp, AuthorizedClient)>, StoreError> {
        let row = sqlx::query(
            "SELECT id, client_name, client_host, created_at, last_used_at, ends_at, organization_id, user_id, client_id, ended_at \
             FROM connections WHERE id = $1 AND user_id = $2 AND organization_id = $3 AND redeemed_at IS NOT NULL AND ended_at IS NULL",
        )
        .bind(&id.as_bytes()[..])
        .bind(&scope.user().as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .fetch_optional(self.connection()?)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let app = connected_app(&row)?;
        let client = AuthorizedClient {
            connection: app.id,
            organization: scope.organization(),
            user: scope.user(),
            client_id: row.try_get(8)?,
            ends_at: app.ends_at,
            ended: false,
        };
        Ok(Some((app, client)))
    }

    /// Whether a connection is in force, as it is inside this transaction.
    pub async fn is_connected(&mut self, id: ConnectionId) -> Result<bool, StoreError> {
        let now = self.trace.at.as_millisecond();
        let row = sqlx::query(
            "SELECT id FROM connections WHERE id = $1 AND redeemed_at IS NOT NULL AND ended_at IS NULL AND ends_at > $2",
        )
        .bind(&id.as_bytes()[..])
        .bind(now)
        .fetch_optional(self.connection()?)
        .await?;
        Ok(row.is_some())
    }

    /// Ends a connection that was read in this transaction. Its tokens are forgotten. One that has ended already stays as it is.
    pub async fn end_connection(
        &mut self,
        client: &AuthorizedClient,
        why: ConnectionEnd,
    ) -> Result<(), StoreError> {
        self.end(client.connection, client.organization, why).await
    }

    async fn end(
        &mut self,
        id: ConnectionId,
        organization: OrganizationId,
        why: ConnectionEnd,
    ) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let ended = sqlx::query("UPDATE connections SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL")
            .bind(now)
            .bind(&id.as_bytes()[..])
            .execute(&mut *connection)
            .await?
            .rows_affected();
        if ended == 0 {
            return Ok(());
        }
        sqlx::query("DELETE FROM refresh_tokens WHERE connection_id = $1")
            .bind(&id.as_bytes()[..])
            .execute(&mut *connection)
            .await?;
        // Read apart: one whose name cannot be read is ended all the same.
        let named = sqlx::query("SELECT client_name, client_host FROM connections WHERE id = $1")
            .bind(&id.as_bytes()[..])
            .fetch(connection);
        let (name, host): (String, String) = match readable(TABLE, named).await?.first() {
            Some(row) => (row.try_get(0)?, row.try_get(1)?),
            None => Default::default(),
        };
        self.announce_connection_ended(id).await?;
        let details = json!({ "name": name, "host": host, "why": why.name() });
        self.record(organization, Action::AppDisconnected, *id.as_bytes(), details).await
    }

    /// Ends all connections of a user who may not act any more.
    pub(crate) async fn end_connections_of(&mut self, user: UserId) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT c.id, u.organization_id FROM connections c JOIN users u ON u.id = c.user_id \
             WHERE c.user_id = $1 AND c.ended_at IS NULL",
        )
        .bind(&user.as_bytes()[..])
        .fetch_all(self.connection()?)
        .await?;
        for row in &rows {
            let organization = id(TABLE, row.try_get::<&[u8], _>(1)?, OrganizationId::from_slice)?;
            // One without an id is in force nowhere.
            if let Some(connection) = ConnectionId::from_slice(row.try_get(0)?) {
                self.end(connection, organization, ConnectionEnd::UserLeft).await?;
            }
        }
        Ok(())
    }

    /// Ends up to `limit` connections that have run out, and forgets allowances whose code was not redeemed. Not a change that anybody
    /// made: it leaves no trace.
    pub async fn tidy_connections(
        &mut self,
        unredeemed_by: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let rows = sqlx::query(
            "UPDATE connections SET ended_at = $1 WHERE id IN (SELECT id FROM connections WHERE ended_at IS NULL \
             AND (ends_at <= $1 OR (redeemed_at IS NULL AND created_at <= $2)) LIMIT $3) RETURNING id, redeemed_at",
        )
        .bind(now)
        .bind(unredeemed_by.as_millisecond())
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        for row in &rows {
            // One without an id is in force nowhere.
            let Some(ended) = ConnectionId::from_slice(row.try_get(0)?) else { continue };
            sqlx::query("DELETE FROM refresh_tokens WHERE connection_id = $1")
                .bind(&ended.as_bytes()[..])
                .execute(self.connection()?)
                .await?;
            if row.try_get::<Option<i64>, _>(1)?.is_some() {
                self.announce_connection_ended(ended).await?;
            }
        }
        Ok(rows.len() as u64)
    }

    /// What is done from here on is traced to a connected app.
    pub(crate) fn trace_to(&mut self, client: &AuthorizedClient) {
        self.trace.user = Some(client.user);
        self.trace.via_id = Some(*client.connection.as_bytes());
    }
}

/// Columns: id, `client_name`, `client_host`, `created_at`, `last_used_at`, `ends_at`.
fn connected_app(row: &AnyRow) -> Result<ConnectedApp, StoreError> {
    Ok(ConnectedApp {
        id: id(TABLE, row.try_get::<&[u8], _>(0)?, ConnectionId::from_slice)?,
        client_name: row.try_get(1)?,
        client_host: row.try_get(2)?,
        created_at: instant(TABLE, row.try_get(3)?)?,
        last_used_at: instant(TABLE, row.try_get(4)?)?,
        ends_at: instant(TABLE, row.try_get(5)?)?,
    })
}

/// Columns: id, `organization_id`, `user_id`, `client_id`, `ends_at`, `ended_at`.
pub(super) fn authorized_client(row: &AnyRow) -> Result<AuthorizedClient, StoreError> {
    Ok(AuthorizedClient {
        connection: id(TABLE, row.try_get::<&[u8], _>(0)?, ConnectionId::from_slice)?,
        organization: id(TABLE, row.try_get::<&[u8], _>(1)?, OrganizationId::from_slice)?,
        user: id(TABLE, row.try_get::<&[u8], _>(2)?, UserId::from_slice)?,
        client_id: row.try_get(3)?,
        ends_at: instant(TABLE, row.try_get(4)?)?,
        ended: row.try_get::<Option<i64>, _>(5)?.is_some(),
    })
}
