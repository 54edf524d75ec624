//! Checking the database of a backup: that it is a store, whole, of a known schema, and that its audit logs are as they were.

use std::path::Path;

use futures_util::TryStreamExt as _;
use keystead_domain::audit::{ChainCheck, End, Fault, FaultKind, PublicKey, SigningKey, check_checkpoint};
use keystead_domain::{OrganizationId, hex};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Row as _};
use std::str::FromStr as _;

use super::{BackupError, BackupHead};
use crate::Store;
use crate::audit::{checkpoint, link, linked_event};
use crate::engine::Engine;
use crate::open::{self, url};
use crate::rows::id;

/// What is in a backup.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its schema.
    pub schema: i64,
    /// The number of the last change in its feed.
    pub feed: u64,
    /// Keys that were not revoked, expired ones included.
    pub keys: u64,
    /// Users who were not deleted.
    pub users: u64,
    /// Where each audit log ends.
    pub logs: Vec<LoggedEnd>,
}

/// Where an organization's audit log ends.
#[derive(Debug, Clone)]
pub struct LoggedEnd {
    /// Whose.
    pub organization: OrganizationId,
    /// What they are called.
    pub name: String,
    /// The last event; all before it are as they were.
    pub end: End,
}

/// Checks the database in a file: alone, or at the beginning of a backup.
///
/// # Errors
/// What is wrong with it.
pub async fn check_database(
    file: &Path,
    head: &BackupHead,
    progress: impl Fn(&str),
) -> Result<Checked, BackupError> {
    let file = file.canonicalize().map_err(|cause| BackupError::io(file, cause))?;
    sqlx::any::install_default_drivers();
    // Never written, by nobody: no lock is taken and no file made beside it.
    let options = AnyConnectOptions::from_str(&url(&file).replace("mode=rwc", "immutable=true&mode=ro"))?;
    let options = options.disable_statement_logging();
    let mut connection = AnyConnection::connect_with(&options).await?;
    let checked = check(&mut connection, head, progress).await;
    _ = connection.close().await;
    checked.map_err(|error| match error {
        // SQLite's own words for pages that are none.
        BackupError::Database(sqlx::Error::Database(error)) => {
            BackupError::Damaged(error.message().to_owned())
        }
        other => other,
    })
}

async fn check(
    connection: &mut AnyConnection,
    head: &BackupHead,
    progress: impl Fn(&str),
) -> Result<Checked, BackupError> {
    let schema = schema(connection).await?;
    progress("Checking the database.");
    let wrong: String =
        sqlx::query("PRAGMA integrity_check(1)").fetch_one(&mut *connection).await?.try_get(0)?;
    if wrong != "ok" {
        return Err(BackupError::Damaged(wrong));
    }
    if sqlx::query("SELECT 1 FROM pragma_foreign_key_check() LIMIT 1")
        .fetch_optional(&mut *connection)
        .await?
        .is_some()
    {
        return Err(BackupError::Damaged("a row refers to one that is not there".to_owned()));
    }
    progress("Checking the audit logs.");
    let seed = hex::decode(&head.audit_signing_key);
    let seed =
        seed.ok_or_else(|| BackupError::Damaged("it holds no key that signs audit logs".to_owned()))?;
    let logs = logged_ends(connection, SigningKey::from_seed(&seed).public()).await?;
    Ok(Checked {
        schema,
        feed: number(connection, "SELECT sequence FROM feed WHERE id = 1").await?,
        keys: number(connection, "SELECT COUNT(*) FROM api_keys WHERE revoked_at IS NULL").await?,
        users: number(connection, "SELECT COUNT(*) FROM users WHERE deleted_at IS NULL").await?,
        logs,
    })
}

impl Store {
    /// Where each audit log ends, if each fits together from its first event on. `key` signs their checkpoints.
    ///
    /// # Errors
    /// [`BackupError::AuditLog`] besides what the database says.
    pub async fn logged_ends(&self, key: PublicKey) -> Result<Vec<LoggedEnd>, BackupError> {
        logged_ends(&mut *self.readers.acquire().await?, key).await
    }
}

async fn logged_ends(connection: &mut AnyConnection, key: PublicKey) -> Result<Vec<LoggedEnd>, BackupError> {
    let mut logs = Vec::new();
    let rows =
        sqlx::query("SELECT id, name FROM organizations ORDER BY id").fetch_all(&mut *connection).await?;
    for row in &rows {
        let organization = id("organizations", row.try_get::<&[u8], _>(0)?, OrganizationId::from_slice)?;
        let end = log_end(connection, organization, key).await?;
        let end = end.map_err(|fault| BackupError::AuditLog { organization, fault })?;
        logs.push(LoggedEnd { organization, name: row.try_get(1)?, end });
    }
    Ok(logs)
}

async fn schema(connection: &mut AnyConnection) -> Result<i64, BackupError> {
    let found = open::schema(Engine::Sqlite, connection).await?.ok_or(BackupError::NotABackup)?;
    let known = open::known_schema(Engine::Sqlite);
    if found > known { Err(BackupError::Newer { found, known }) } else { Ok(found) }
}

async fn number(connection: &mut AnyConnection, sql: &'static str) -> Result<u64, BackupError> {
    Ok(sqlx::query(sql).fetch_one(connection).await?.try_get::<i64, _>(0)?.unsigned_abs())
}

/// The end of a log that fits together from its first event on, and with its checkpoints. Those of a key that was replaced since are
/// held against the events as well, and their signatures not checked: whoever trusts that key can, by `keystead audit verify`.
async fn log_end(
    connection: &mut AnyConnection,
    organization: OrganizationId,
    key: PublicKey,
) -> Result<Result<End, Fault>, BackupError> {
    let mut check = ChainCheck::new(organization);
    let mut rows = sqlx::query(
        "SELECT sequence, at, user_id, via, via_id, address, action, target, details, link FROM audit_events \
         WHERE organization_id = $1 ORDER BY sequence",
    )
    .bind(&organization.as_bytes()[..])
    .fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        match linked_event(&row, organization) {
            Ok((event, link)) => _ = check.event(&event, &link),
            Err(_) => check.unreadable(),
        }
        if check.is_settled() {
            break;
        }
    }
    drop(rows);
    let end = match check.finish() {
        Ok(End { sequence: 0, .. }) => return Ok(Err(Fault { sequence: 1, kind: FaultKind::LeftOut })),
        Ok(end) => end,
        Err(fault) => return Ok(Err(fault)),
    };
    let mut rows = sqlx::query(
        "SELECT c.sequence, c.link, c.at, c.signature, e.link FROM audit_checkpoints c LEFT JOIN audit_events e \
         ON e.organization_id = c.organization_id AND e.sequence = c.sequence WHERE c.organization_id = $1 ORDER BY c.sequence",
    )
    .bind(&organization.as_bytes()[..])
    .fetch(connection);
    let mut signed = 0;
    while let Some(row) = rows.try_next().await? {
        let checkpoint = checkpoint(&row, organization)?;
        let there = row.try_get::<Option<Vec<u8>>, _>(4)?.is_some();
        let there = if there { Some(link(&row, 4)?) } else { None };
        match check_checkpoint(&checkpoint, &[key], there.as_ref(), end.sequence, signed) {
            Err(Fault { kind: FaultKind::UnknownKey, .. }) if there == Some(checkpoint.link) => {}
            Err(fault) => return Ok(Err(fault)),
            Ok(()) => signed = checkpoint.sequence,
        }
    }
    Ok(Ok(end))
}
