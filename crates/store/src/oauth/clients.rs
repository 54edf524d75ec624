//! Clients that registered themselves (RFC 7591). Anybody may, so what is kept is bounded, and forgotten unless somebody allows them
//! something.

use jiff::Timestamp;
use keystead_domain::{ClientMetadata, RedirectUri, RegisteredClientId};
use serde_json::json;
use sqlx::Row as _;

use crate::keys::changed_one;
use crate::rows::corrupt;
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "oauth_clients";

impl Store {
    /// What a client said of itself when it registered.
    pub async fn registered_client(
        &self,
        id: RegisteredClientId,
    ) -> Result<Option<ClientMetadata>, StoreError> {
        let row = sqlx::query("SELECT name, redirect_uris FROM oauth_clients WHERE id = $1")
            .bind(&id.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let uris: serde_json::Value = serde_json::from_str(row.try_get(1)?)
            .map_err(|_| corrupt(TABLE, "redirect URIs that are no JSON"))?;
        // Read as a registration is, so that what was tampered with is refused as that would be.
        let said = json!({ "client_name": row.try_get::<&str, _>(0)?, "redirect_uris": uris }).to_string();
        let metadata = ClientMetadata::of_registration(said.as_bytes());
        metadata.map(Some).map_err(|_| corrupt(TABLE, "a client that is none"))
    }
}

impl Transaction {
    /// Keeps a client, and forgets those that registered first among `room` that nobody has allowed anything. Nobody's data changes, so
    /// it leaves no trace.
    pub async fn register_client(
        &mut self,
        id: RegisteredClientId,
        client: &ClientMetadata,
        room: i64,
    ) -> Result<(), StoreError> {
        let uris: Vec<_> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let now = self.trace.at.as_millisecond();
        let connection = self.connection()?;
        let rows = sqlx::query(
            "INSERT INTO oauth_clients (id, name, redirect_uris, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(&id.as_bytes()[..])
        .bind(client.name.as_str())
        .bind(json!(uris).to_string())
        .bind(now)
        .execute(&mut *connection)
        .await?
        .rows_affected();
        changed_one(rows)?;
        sqlx::query(
            "DELETE FROM oauth_clients WHERE id IN \
             (SELECT id FROM oauth_clients WHERE allowed_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 10 OFFSET $1)",
        )
        .bind(room)
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Forgets clients that registered by `registered_by` and that nobody allowed anything, and those that were last allowed something by
    /// `allowed_by`.
    pub async fn forget_unused_clients(
        &mut self,
        registered_by: Timestamp,
        allowed_by: Timestamp,
        limit: i64,
    ) -> Result<u64, StoreError> {
        let forgotten = sqlx::query(
            "DELETE FROM oauth_clients WHERE id IN (SELECT id FROM oauth_clients \
             WHERE (allowed_at IS NULL AND created_at <= $1) OR allowed_at <= $2 LIMIT $3)",
        )
        .bind(registered_by.as_millisecond())
        .bind(allowed_by.as_millisecond())
        .bind(limit)
        .execute(self.connection()?)
        .await?;
        Ok(forgotten.rows_affected())
    }
}
