//! Faults that only this module can cause: a commit that fails, a full disk, a connection that is gone.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;

use futures_util::future::join;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _, Row as _};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{Committer, Turn};
use crate::StoreError;
use crate::engine::Engine;
use crate::feed::Subscriber;

async fn connect(folder: &Path) -> (AnyConnection, AnyConnectOptions) {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=rwc", folder.join("test.db").display());
    let options = AnyConnectOptions::from_str(&url).unwrap();
    let mut connection = AnyConnection::connect_with(&options).await.unwrap();
    Engine::Sqlite.configure(&mut connection).await.unwrap();
    (connection, options)
}

async fn committer() -> (TempDir, Arc<Committer>, mpsc::UnboundedReceiver<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let (mut connection, options) = connect(folder.path()).await;
    for sql in [
        "CREATE TABLE parents (id INTEGER PRIMARY KEY)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED, text TEXT)",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    let (told, receiver) = mpsc::unbounded_channel();
    let subscriber = Subscriber::Told(Box::new(move |sequence, _| told.send(sequence).unwrap()));
    (folder, Committer::new(Engine::Sqlite, connection, options, subscriber), receiver)
}

async fn run(turn: &mut Turn, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql).execute(turn.connection()?).await?;
    Ok(())
}

async fn notes(folder: &TempDir) -> Vec<i64> {
    let (mut connection, _) = connect(folder.path()).await;
    let rows = sqlx::query("SELECT id FROM notes ORDER BY id").fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

fn gone() -> keystead_domain::Change {
    keystead_domain::Change::UserGone(keystead_domain::UserId::from_u128(1))
}

/// Runs two turns in one commit: they stand in line, one behind the other, before any commit has taken its place there.
async fn together<A, B>(
    committer: &Committer,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let before = committer.begin().await.unwrap().0;
    let (before, outcomes) = join(before.finish(false), join(first, second)).await;
    before.unwrap();
    outcomes
}

#[tokio::test]
async fn a_commit_that_fails_fails_everybody_in_it_and_nothing_of_it_is_kept_or_told() {
    let (folder, committer, mut told) = committer().await;
    let first = async {
        let mut turn = committer.begin().await.unwrap().0;
        run(&mut turn, "INSERT INTO notes (id) VALUES (1)").await.unwrap();
        turn.changes.push((1, gone()));
        turn.finish(false).await
    };
    let second = async {
        let mut turn = committer.begin().await.unwrap().0;
        // Checked at the commit only.
        run(&mut turn, "INSERT INTO notes (id, parent) VALUES (2, 99)").await.unwrap();
        turn.finish(false).await
    };
    let (first, second) = together(&committer, first, second).await;
    assert!(matches!(first, Err(StoreError::Commit(_))), "{first:?}");
    assert!(matches!(second, Err(StoreError::Commit(_))), "{second:?}");
    assert!(notes(&folder).await.is_empty());

    let mut third = committer.begin().await.unwrap().0;
    run(&mut third, "INSERT INTO notes (id) VALUES (3)").await.unwrap();
    third.changes.push((1, gone()));
    third.finish(false).await.unwrap();
    assert_eq!(notes(&folder).await, [3]);
    assert_eq!(told.recv().await, Some(1));
    assert!(told.is_empty(), "the first was not told");
}

#[tokio::test]
async fn on_a_full_disk_what_was_answered_is_what_is_there() {
    let (folder, committer, _told) = committer().await;
    let mut turn = committer.begin().await.unwrap().0;
    run(&mut turn, "PRAGMA max_page_count = 40").await.unwrap();
    turn.finish(false).await.unwrap();
    let mut kept = Vec::new();
    for id in 0..20 {
        let write = async {
            let mut turn = committer.begin().await?.0;
            sqlx::query("INSERT INTO notes (id, text) VALUES ($1, hex(zeroblob(10000)))")
                .bind(id)
                .execute(turn.connection()?)
                .await?;
            turn.finish(false).await
        };
        if write.await.is_ok() {
            kept.push(id);
        }
    }
    assert!((1..20).contains(&kept.len()), "{kept:?}");
    assert_eq!(notes(&folder).await, kept);
    let mut turn = committer.begin().await.unwrap().0;
    run(&mut turn, "PRAGMA max_page_count = 1000000").await.unwrap();
    run(&mut turn, "INSERT INTO notes (id) VALUES (99)").await.unwrap();
    turn.finish(false).await.unwrap();
    assert_eq!(notes(&folder).await.last(), Some(&99), "it goes on once there is room");
}

#[tokio::test]
async fn when_the_connection_is_lost_whoever_was_in_it_is_told_and_the_next_gets_another() {
    let (folder, committer, _told) = committer().await;
    let first = async {
        let mut turn = committer.begin().await.unwrap().0;
        run(&mut turn, "INSERT INTO notes (id) VALUES (1)").await.unwrap();
        turn.finish(false).await
    };
    let second = async {
        let mut turn = committer.begin().await.unwrap().0;
        drop(turn.writer.connection.take());
        run(&mut turn, "INSERT INTO notes (id) VALUES (2)").await
    };
    let (first, second) = together(&committer, first, second).await;
    assert!(first.is_err() && second.is_err());
    let mut third = committer.begin().await.unwrap().0;
    run(&mut third, "INSERT INTO notes (id) VALUES (3)").await.unwrap();
    third.finish(false).await.unwrap();
    assert_eq!(notes(&folder).await, [3]);
}

#[tokio::test]
async fn a_transaction_that_was_ended_under_a_turn_fails_that_turn_and_not_the_next() {
    let (folder, committer, _told) = committer().await;
    let mut first = committer.begin().await.unwrap().0;
    run(&mut first, "INSERT INTO notes (id) VALUES (1)").await.unwrap();
    // As SQLite does by itself after some input and output errors.
    run(&mut first, "ROLLBACK").await.unwrap();
    assert!(first.finish(false).await.is_err());
    let mut second = committer.begin().await.unwrap().0;
    run(&mut second, "INSERT INTO notes (id) VALUES (2)").await.unwrap();
    second.finish(false).await.unwrap();
    assert_eq!(notes(&folder).await, [2]);
}
