//! A change to the store: begun with its trace, kept by [`Transaction::commit`], undone when dropped.

use keystead_domain::audit::Trace;
use keystead_domain::{Change, Operator, OrganizationId};
use sqlx::AnyConnection;

use crate::commit::Turn;
use crate::{Store, StoreError};

/// A change in the making. Other modules add what can be changed.
///
/// Changes of all callers take turns, so keep it short: no waiting for anything but the store while one is open.
#[must_use = "dropping a transaction undoes it"]
pub struct Transaction {
    turn: Turn,
    pub(crate) trace: Trace,
}

impl Store {
    /// Begins a change; all that is done in it is traced to `trace`.
    ///
    /// # Errors
    /// [`StoreError::Halted`] besides what the database says.
    pub async fn begin(&self, trace: Trace) -> Result<Transaction, StoreError> {
        match self.committer.begin().await? {
            (turn, None) => Ok(Transaction { turn, trace }),
            (_, Some(why)) => Err(StoreError::Halted(why)),
        }
    }

    /// The same on a store that may be halted, for who brings it back. With it comes why it is.
    pub async fn begin_on_halted(
        &self,
        _: Operator,
        trace: Trace,
    ) -> Result<(Transaction, Option<String>), StoreError> {
        let (turn, halted) = self.committer.begin().await?;
        Ok((Transaction { turn, trace }, halted))
    }
}

impl Transaction {
    /// Keeps the change. When this returns `Ok`, it survives power loss (promise 8) and verification knows of it (promise 3).
    /// After an error nothing of it was kept. Dropping the future does not undo what it had begun: whether the change was
    /// kept is then not known, as when a connection breaks before the answer.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.turn.finish(false).await
    }

    /// The same, and what this transaction found holds for verification as what it changed: that something is so already may be
    /// the work of a commit which some node does not know yet.
    pub async fn commit_as_found(self) -> Result<(), StoreError> {
        self.turn.finish(true).await
    }

    pub(crate) fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.turn.connection()
    }

    /// Whether nobody else follows the feed.
    pub(crate) fn is_of_one_owner(&self) -> bool {
        self.turn.is_of_one_owner()
    }

    /// Whose audit log this appends to.
    pub(crate) fn appends_to_log_of(&mut self, organization: OrganizationId) {
        self.turn.audited.insert(organization);
    }

    /// What the subscriber will be told if this is kept.
    pub(crate) fn tell(&mut self, sequence: i64, change: Change) {
        self.turn.changes.push((sequence, change));
    }
}
