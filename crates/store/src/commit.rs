//! One writing connection, and commits that are shared.
//!
//! SQLite has one writer at a time, and a durable commit costs a disk flush. So whoever changes something takes its turn on the
//! one connection inside the transaction that is already open, in a savepoint of its own, and then waits; a commit task, queued
//! behind everybody who was waiting when the transaction began, flushes once for all of them. The lock is fair (first come,
//! first served), so nobody starves and a batch ends.
//!
//! A change that is dropped half-way is rolled back to its savepoint by the next one to take the lock: what others did in the
//! same transaction stays. If anything about the connection is in doubt, the whole transaction is rolled back, everybody in it
//! is told that it failed, and a new connection is opened.

use std::sync::Arc;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::StoreError;
use crate::feed::{self, Subscriber};
use crate::open::configure;

/// The outcome of a shared commit: not known yet, done, or failed and why.
pub(crate) type Outcome = Option<Result<(), String>>;

/// The one way to write.
pub(crate) struct Committer {
    writer: Arc<Mutex<Writer>>,
}

pub(crate) struct Writer {
    /// `None` while broken: the next to come opens another.
    connection: Option<AnyConnection>,
    options: AnyConnectOptions,
    subscriber: Subscriber,
    /// The number of the last change that the subscriber was told.
    told: i64,
    /// The open transaction's outcome, for those who wait for it.
    batch: Option<watch::Sender<Outcome>>,
    /// A savepoint is open: if its owner is gone, it must be rolled back.
    in_savepoint: bool,
    closed: bool,
}

impl Committer {
    pub(crate) async fn new(
        mut connection: AnyConnection,
        options: AnyConnectOptions,
        subscriber: Subscriber,
    ) -> Result<Arc<Self>, sqlx::Error> {
        let told = feed::sequence(&mut connection).await?;
        let writer = Writer {
            connection: Some(connection),
            options,
            subscriber,
            told,
            batch: None,
            in_savepoint: false,
            closed: false,
        };
        Ok(Arc::new(Self { writer: Arc::new(Mutex::new(writer)) }))
    }

    /// Takes the lock and opens a savepoint in the shared transaction.
    pub(crate) async fn begin(&self) -> Result<Turn, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        writer.roll_back_abandoned().await;
        if writer.closed {
            return Err(StoreError::Commit("the store is closed".into()));
        }
        if writer.batch.is_none() {
            writer.begin_batch().await?;
            let shared = Arc::clone(&self.writer);
            tokio::spawn(async move { shared.lock_owned().await.commit_batch().await });
        }
        writer.in_savepoint = true;
        writer.execute("SAVEPOINT turn").await?;
        Ok(Turn { writer })
    }

    pub(crate) async fn close(&self) {
        let mut writer = self.writer.lock().await;
        writer.commit_batch().await;
        writer.closed = true;
        if let Some(connection) = writer.connection.take() {
            _ = connection.close().await;
        }
    }
}

/// One change's turn on the writing connection. Dropped without [`Turn::finish`], it never happened.
pub(crate) struct Turn {
    writer: OwnedMutexGuard<Writer>,
}

impl Turn {
    pub(crate) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.writer.connection.as_mut().ok_or_else(broken)
    }

    /// Adds the change to the shared transaction, lets the next one have its turn, and waits until the commit is on disk and
    /// the subscriber was told.
    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        self.writer.execute("RELEASE turn").await?;
        self.writer.in_savepoint = false;
        let Some(mut outcome) = self.writer.batch.as_ref().map(watch::Sender::subscribe) else {
            return Err(broken());
        };
        drop(self);
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(cause))) => Err(StoreError::Commit(cause)),
            Ok(None) | Err(_) => Err(broken()),
        }
    }
}

impl Writer {
    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let connection = self.connection.as_mut().ok_or_else(broken)?;
        sqlx::query(sql).execute(connection).await?;
        Ok(())
    }

    async fn begin_batch(&mut self) -> Result<(), StoreError> {
        if self.connection.is_none() {
            let mut connection = AnyConnection::connect_with(&self.options).await?;
            configure(&mut connection).await?;
            self.connection = Some(connection);
        }
        // From here on the transaction may be open, whether or not the answer reaches us.
        self.batch = Some(watch::Sender::new(None));
        if let Err(cause) = self.execute("BEGIN IMMEDIATE").await {
            self.abort(&cause.to_string()).await;
            return Err(cause);
        }
        Ok(())
    }

    async fn roll_back_abandoned(&mut self) {
        if !std::mem::take(&mut self.in_savepoint) {
            return;
        }
        for sql in ["ROLLBACK TO turn", "RELEASE turn"] {
            if let Err(cause) = self.execute(sql).await {
                self.abort(&cause.to_string()).await;
                return;
            }
        }
    }

    async fn commit_batch(&mut self) {
        self.roll_back_abandoned().await;
        if self.batch.is_none() {
            return;
        }
        match self.try_commit().await {
            Ok(()) => {
                if let Some(batch) = self.batch.take() {
                    batch.send_replace(Some(Ok(())));
                }
            }
            Err(cause) => {
                tracing::error!(error = ?cause, "a commit failed; nothing of it was kept");
                self.abort(&cause.to_string()).await;
            }
        }
    }

    /// Reads the feed *before* the commit: if that fails nothing was changed, and after the commit nothing can fail.
    async fn try_commit(&mut self) -> Result<(), StoreError> {
        let connection = self.connection.as_mut().ok_or_else(broken)?;
        let changes = feed::changes_after(connection, self.told).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        for (sequence, change) in changes {
            self.told = sequence;
            (self.subscriber)(sequence.unsigned_abs(), change);
        }
        Ok(())
    }

    async fn abort(&mut self, cause: &str) {
        self.in_savepoint = false;
        // Closing is what surely ends a transaction; SQLite rolls back what was not committed.
        if let Some(mut connection) = self.connection.take()
            && sqlx::query("ROLLBACK").execute(&mut connection).await.is_ok()
        {
            self.connection = Some(connection);
        }
        if let Some(batch) = self.batch.take() {
            batch.send_replace(Some(Err(cause.to_owned())));
        }
    }
}

fn broken() -> StoreError {
    StoreError::Commit("the writing connection is gone".into())
}
