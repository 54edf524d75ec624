//! Bringing a store that nodes share up to a release, while nodes of the release before serve from it.
//!
//! A migration whose name begins with `expand` only adds what older releases need not know, and runs at once. Any other takes something
//! away from them (it *contracts*), so it waits until none of them is left; a release works with the store before and after its own.
//! Before it runs, the feed's row says from which schema on nodes may serve. A node that knows less finds that out when it next asks
//! for a lease, or when it starts; and those that asked before are waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::migrate::{Migration, Migrator};
use sqlx::{AnyConnection, Row as _};

use crate::engine::Engine;
use crate::shared::kept_lease;
use crate::{OpenError, StoreError, open};

/// The newest schema that a program knows.
pub(crate) fn newest(migrations: &Migrator) -> i64 {
    migrations.iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// Whether nodes of the release before can serve beside it.
fn expands(description: &str) -> bool {
    description.split(' ').next() == Some("expand")
}

/// Runs what is to be run. Nodes that start at once take turns, by the driver's advisory lock.
pub(crate) async fn upgrade(
    migrations: &'static Migrator,
    connection: &mut AnyConnection,
) -> Result<(), OpenError> {
    let applied = applied(connection, newest(migrations)).await?;
    let pending: Vec<_> = migrations.iter().filter(|one| !applied.contains(&one.version)).collect();
    if !pending.is_empty() {
        // What is done to a large table takes its time.
        sqlx::query("SELECT set_config('statement_timeout', '0', false)").fetch_one(&mut *connection).await?;
    }
    // Those of later releases that only add are none of its business.
    let mut runner = Migrator::with_migrations(migrations.iter().cloned().collect());
    runner.set_ignore_missing(true);
    let first = migrations.iter().map(|migration| migration.version).min().unwrap_or(0);
    // Also if nothing is pending: it compares what was run with what this program knows.
    runner.run_to(first, &mut *connection).await?;
    for (number, migration) in pending.iter().enumerate() {
        if migration.version != first
            && !expands(&migration.description)
            && let Some(older) = keep_out(connection, migration).await?
        {
            if number + 1 < pending.len() {
                return Err(OpenError::OlderNodes(older));
            }
            tracing::warn!(
                older,
                "nodes of an older release serve: what only they need stays until they are gone"
            );
            break;
        }
        runner.run_to(migration.version, &mut *connection).await?;
    }
    if !pending.is_empty() {
        Engine::Postgres.configure(connection).await?;
    }
    refuse_outdated(connection, newest(migrations)).await
}

/// What was run on the store, none of which may be too new.
async fn applied(connection: &mut AnyConnection, known: i64) -> Result<BTreeSet<i64>, OpenError> {
    if open::schema(Engine::Postgres, connection).await?.is_none() {
        return Ok(BTreeSet::new());
    }
    let found = sqlx::query("SELECT version, description FROM _sqlx_migrations ORDER BY version");
    let mut applied = BTreeSet::new();
    for row in found.fetch_all(connection).await? {
        let found = row.try_get(0)?;
        if found > known && !expands(row.try_get(1)?) {
            return Err(OpenError::Newer { found, known });
        }
        applied.insert(found);
    }
    Ok(applied)
}

/// Nodes may serve only from a schema on that they know.
async fn refuse_outdated(connection: &mut AnyConnection, known: i64) -> Result<(), OpenError> {
    let row = sqlx::query("SELECT oldest_schema FROM feed WHERE id = 1").fetch_one(connection).await?;
    let found: i64 = row.try_get(0)?;
    if found > known { Err(OpenError::Newer { found, known }) } else { Ok(()) }
}

/// Lets no node serve any more that does not know a migration. Nothing is done if there are such: their names.
async fn keep_out(
    connection: &mut AnyConnection,
    migration: &Migration,
) -> Result<Option<String>, StoreError> {
    let lease = kept_lease(connection).await?;
    sqlx::query("BEGIN").execute(&mut *connection).await?;
    let row = sqlx::query("SELECT oldest_schema FROM feed WHERE id = 1 FOR UPDATE");
    let oldest: i64 = row.fetch_one(&mut *connection).await?.try_get(0)?;
    if oldest < migration.version {
        let older = older_nodes(connection, migration.version).await?;
        if older.is_some() {
            sqlx::query("ROLLBACK").execute(connection).await?;
            return Ok(older);
        }
        sqlx::query("UPDATE feed SET oldest_schema = $1 WHERE id = 1")
            .bind(migration.version)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("COMMIT").execute(&mut *connection).await?;
    // One that wrote that it is there and asked before this holds a lease; whoever asks now gets none.
    if older_nodes(connection, migration.version).await?.is_some() {
        tokio::time::sleep(lease.surely_ended(Duration::ZERO)).await;
    }
    Ok(None)
}

/// The nodes that know less than a schema, by name.
async fn older_nodes(connection: &mut AnyConnection, schema: i64) -> Result<Option<String>, StoreError> {
    let found = sqlx::query("SELECT name, version FROM nodes WHERE schema < $1 ORDER BY name");
    let found = found.bind(schema).fetch_all(connection).await?;
    let mut names = Vec::new();
    for row in &found {
        names.push(format!("{} ({})", row.try_get::<&str, _>(0)?, row.try_get::<&str, _>(1)?));
    }
    Ok((!names.is_empty()).then(|| names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::expands;
    use crate::open;

    #[test]
    fn every_migration_of_a_shared_store_says_whether_older_nodes_can_serve_beside_it() {
        for migration in open::POSTGRES.iter().skip(1) {
            let says = migration.description.split(' ').next();
            assert!(expands(&migration.description) || says == Some("contract"), "{migration:?}");
        }
    }
}
