//! One writing connection, and commits that are shared.
//!
//! A store has one writer at a time (see [`Engine::begin`]), and a durable commit costs a disk flush. So whoever changes something takes its turn on the
//! one connection inside the transaction that is already open, in a savepoint of its own, and then waits; a commit task, queued
//! behind everybody who was waiting when the transaction began, flushes once for all of them. The lock is fair (first come,
//! first served), so nobody starves and a batch ends.
//!
//! A change that is dropped half-way is rolled back to its savepoint by the next one to take the lock: what others did in the
//! same transaction stays. Opening and closing a savepoint run in tasks of their own, so that a caller who stops waiting cannot
//! leave the connection between two steps. If anything about the connection is in doubt, the whole transaction is rolled back,
//! everybody in it is told that it failed, and a new connection is opened.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keystead_domain::{Change, OrganizationId};
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection as _};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::audit::Audited;
use crate::engine::{Engine, FeedRow};
use crate::feed::{Reached, Subscriber};
use crate::{StoreError, silence};

/// Longer than the database lets a statement run: whoever has not answered by then is gone.
const ANSWERS_WITHIN: Duration = Duration::from_secs(12);
/// A connection that takes longer to roll back is let go.
const ROLLS_BACK_WITHIN: Duration = Duration::from_secs(1);

/// The outcome of a shared commit: not known yet, done, or failed and why.
type Outcome = Option<Result<Reached, String>>;

/// The one way to write.
pub(crate) struct Committer {
    writer: Arc<Mutex<Writer>>,
    /// The feed's last number that is committed.
    committed: Arc<AtomicU64>,
    /// The logs that have grown.
    pub(crate) audited: Arc<Audited>,
}

struct Writer {
    engine: Engine,
    /// `None` while broken: the next to come opens another.
    connection: Option<AnyConnection>,
    options: AnyConnectOptions,
    subscriber: Arc<Subscriber>,
    committed: Arc<AtomicU64>,
    audited: Arc<Audited>,
    /// What the open transaction holds so far.
    batch: Option<Batch>,
    /// A savepoint is open: if its owner is gone, it must be rolled back.
    in_savepoint: bool,
    closed: bool,
}

/// The finished turns of a transaction that is still open.
#[derive(Default)]
struct Batch {
    /// Told to everybody who waits for the commit.
    outcome: watch::Sender<Outcome>,
    /// What it found.
    feed: FeedRow,
    /// Somebody is answered only when all nodes know what they saw, also if they changed nothing.
    must_reach: bool,
    /// What the subscriber is told after it, with numbers, in order.
    changes: Vec<(i64, Change)>,
    /// Whose audit logs it appends to.
    audited: BTreeSet<OrganizationId>,
}

impl Committer {
    pub(crate) fn new(
        engine: Engine,
        connection: AnyConnection,
        options: AnyConnectOptions,
        subscriber: Subscriber,
    ) -> Arc<Self> {
        let committed = Arc::new(AtomicU64::new(0));
        let audited = Arc::new(Audited::default());
        let writer = Writer {
            engine,
            connection: Some(connection),
            options,
            subscriber: Arc::new(subscriber),
            committed: Arc::clone(&committed),
            audited: Arc::clone(&audited),
            batch: None,
            in_savepoint: false,
            closed: false,
        };
        Arc::new(Self { writer: Arc::new(Mutex::new(writer)), committed, audited })
    }

    /// The feed's last number that is committed, as far as this process has read or written it.
    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// What a load found committed.
    pub(crate) fn found_committed(&self, sequence: u64) {
        self.committed.fetch_max(sequence, Ordering::Release);
    }

    /// Takes the lock and opens a savepoint in the shared transaction. Says also why the store is halted, if it is: then hardly
    /// anybody may go on.
    pub(crate) async fn begin(&self) -> Result<(Turn, Option<String>), StoreError> {
        let writer = Arc::clone(&self.writer).lock_owned().await;
        let shared = Arc::clone(&self.writer);
        uncancelled(open_turn(writer, shared)).await
    }

    /// Keeps every commit out for as long as the guard is held: what several connections read first meanwhile is of one moment.
    pub(crate) async fn hold(&self) -> impl Drop + Send + use<> {
        Arc::clone(&self.writer).lock_owned().await
    }

    pub(crate) async fn close(&self) {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let closing = uncancelled(async move {
            writer.commit_batch().await;
            writer.closed = true;
            match writer.connection.take() {
                Some(connection) => Ok(connection.close().await?),
                None => Ok(()),
            }
        });
        if let Err(error) = closing.await {
            tracing::warn!(?error, "the store did not close cleanly; what was committed is safe");
        }
    }
}

/// Runs to its end whether or not anybody still waits for the result.
async fn uncancelled<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::spawn(work).await.map_err(|_| broken())?
}

async fn open_turn(
    mut writer: OwnedMutexGuard<Writer>,
    shared: Arc<Mutex<Writer>>,
) -> Result<(Turn, Option<String>), StoreError> {
    writer.roll_back_abandoned().await;
    if writer.closed {
        return Err(StoreError::Commit("the store is closed".into()));
    }
    if writer.batch.is_none() {
        writer.begin_batch().await?;
        tokio::spawn(async move { shared.lock_owned().await.commit_batch().await });
    }
    writer.in_savepoint = true;
    writer.execute("SAVEPOINT turn").await?;
    let halted = writer.batch.as_ref().and_then(|batch| batch.feed.halted.clone());
    Ok((Turn { writer, changes: Vec::new(), audited: BTreeSet::new() }, halted))
}

/// One change's turn on the writing connection. Dropped without [`Turn::finish`], it never happened.
pub(crate) struct Turn {
    writer: OwnedMutexGuard<Writer>,
    /// What it adds to the feed.
    pub(crate) changes: Vec<(i64, Change)>,
    /// Whose audit logs it appends to.
    pub(crate) audited: BTreeSet<OrganizationId>,
}

impl Turn {
    /// Whether nobody else follows the feed.
    pub(crate) fn is_of_one_owner(&self) -> bool {
        matches!(*self.writer.subscriber, Subscriber::Told(_))
    }

    pub(crate) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.writer.connection.as_mut().ok_or_else(broken)
    }

    /// Adds the change to the shared transaction, lets the next one have its turn, and waits until the commit is on disk and
    /// the subscriber was told; `must_reach`: also of what was there before, if it changes nothing.
    pub(crate) async fn finish(self, must_reach: bool) -> Result<(), StoreError> {
        let mut outcome = uncancelled(self.release(must_reach)).await?;
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(Ok(reached))) => {
                if reached == Reached::LeaseEnded {
                    silence::notice();
                }
                Ok(())
            }
            Ok(Some(Err(cause))) => Err(StoreError::Commit(cause)),
            Ok(None) | Err(_) => Err(broken()),
        }
    }

    async fn release(mut self, must_reach: bool) -> Result<watch::Receiver<Outcome>, StoreError> {
        self.writer.execute("RELEASE turn").await?;
        self.writer.in_savepoint = false;
        let batch = self.writer.batch.as_mut().ok_or_else(broken)?;
        batch.must_reach |= must_reach;
        batch.changes.append(&mut self.changes);
        batch.audited.append(&mut self.audited);
        Ok(batch.outcome.subscribe())
    }
}

impl Writer {
    async fn execute(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let connection = self.connection.as_mut().ok_or_else(broken)?;
        in_time(self.engine, ANSWERS_WITHIN, sqlx::query(sql).execute(connection)).await?;
        Ok(())
    }

    /// Nothing was done yet, so one that was lost meanwhile, as when the database was restarted, is replaced without anybody noticing.
    async fn begin_batch(&mut self) -> Result<(), StoreError> {
        let was_connected = self.connection.is_some();
        match self.begin_on_connection().await {
            Err(_) if was_connected && self.engine == Engine::Postgres => {
                self.connection = None;
                self.begin_on_connection().await
            }
            begun => begun,
        }
    }

    async fn begin_on_connection(&mut self) -> Result<(), StoreError> {
        if self.connection.is_none() {
            self.connection =
                Some(in_time(self.engine, ANSWERS_WITHIN, self.engine.connect(&self.options)).await?);
        }
        // From here on the transaction may be open, whether or not the answer reaches us.
        self.batch = Some(Batch::default());
        let connection = self.connection.as_mut().ok_or_else(broken)?;
        match in_time(self.engine, ANSWERS_WITHIN, self.engine.begin(connection)).await {
            Ok(feed) => {
                self.batch = Some(Batch { feed, ..Batch::default() });
                Ok(())
            }
            Err(cause) => {
                self.abort(&cause.to_string()).await;
                Err(cause)
            }
        }
    }

    async fn roll_back_abandoned(&mut self) {
        if !self.in_savepoint {
            return;
        }
        for sql in ["ROLLBACK TO turn", "RELEASE turn"] {
            if let Err(cause) = self.execute(sql).await {
                self.abort(&cause.to_string()).await;
                return;
            }
        }
        self.in_savepoint = false;
    }

    /// Runs only while nobody has a turn: a turn holds the lock, and one whose owner is gone is rolled back first.
    async fn commit_batch(&mut self) {
        self.roll_back_abandoned().await;
        if self.batch.is_none() {
            return;
        }
        if let Err(cause) = self.execute("COMMIT").await {
            tracing::error!(error = ?cause, "a commit failed; nothing of it was kept");
            self.abort(&cause.to_string()).await;
        } else if let Some(batch) = self.batch.take() {
            self.tell(batch);
        }
    }

    /// After the commit nothing can fail: all that the subscriber needs was read before it.
    fn tell(&mut self, batch: Batch) {
        let Batch { outcome, changes, audited, feed, must_reach } = batch;
        self.audited.add(audited);
        if changes.is_empty() && !must_reach {
            outcome.send_replace(Some(Ok(Reached::Known)));
            return;
        }
        let last = changes.last().map_or(feed.sequence, |(last, _)| last.unsigned_abs());
        self.committed.fetch_max(last, Ordering::Release);
        match &*self.subscriber {
            Subscriber::Told(tell) => {
                for (sequence, change) in changes {
                    tell(sequence.unsigned_abs(), change);
                }
                outcome.send_replace(Some(Ok(Reached::Known)));
            }
            // Others write meanwhile. Without a change of its own, whoever found that something is so already is answered when that
            // holds on all nodes.
            Subscriber::Asked(reached) => {
                let reached = reached(last);
                tokio::spawn(async move {
                    outcome.send_replace(Some(Ok(reached.await)));
                });
            }
        }
    }

    async fn abort(&mut self, cause: &str) {
        self.in_savepoint = false;
        // A connection that does not even roll back is let go: closing it surely ends the transaction, uncommitted.
        if let Some(mut connection) = self.connection.take()
            && in_time(self.engine, ROLLS_BACK_WITHIN, sqlx::query("ROLLBACK").execute(&mut connection))
                .await
                .is_ok()
        {
            self.connection = Some(connection);
        }
        if let Some(batch) = self.batch.take() {
            batch.outcome.send_replace(Some(Err(cause.to_owned())));
        }
    }
}

/// What the database answers. One that other nodes share may be on a host that is gone without a word, so it is not waited for for ever; what
/// was begun on that connection is then not known to be done.
async fn in_time<T, E: Into<StoreError>>(
    engine: Engine,
    patience: Duration,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError> {
    if engine == Engine::Sqlite {
        return answer.await.map_err(Into::into);
    }
    match tokio::time::timeout(patience, answer).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(StoreError::Commit("the database does not answer".into())),
    }
}

fn broken() -> StoreError {
    StoreError::Commit("the writing connection is gone".into())
}

#[cfg(test)]
mod tests;
