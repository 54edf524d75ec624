//! What tells an open stream that something changed, so that it can look at what it rests on again.

use keystead_domain::UserId;
use tokio::sync::{broadcast, watch};

use crate::App;

/// Creators whose keys came or went that a stream may lag behind; one that lags further takes it that its own were among them.
const CREATORS: usize = 256;

/// What signals: whoever applies changes holds it.
pub(crate) struct ChangeSignal {
    applied: watch::Sender<()>,
    creators: broadcast::Sender<UserId>,
}

impl Default for ChangeSignal {
    fn default() -> Self {
        Self { applied: watch::Sender::new(()), creators: broadcast::Sender::new(CREATORS) }
    }
}

impl ChangeSignal {
    /// A change was applied; of this creator a key came or went.
    pub(crate) fn applied(&self, creator: Option<UserId>) {
        if let Some(creator) = creator {
            // Nobody listening is no error.
            _ = self.creators.send(creator);
        }
        self.applied.send_replace(());
    }
}

/// Waits for changes. What happens between two waits is not missed.
pub struct ChangeWatch {
    applied: watch::Receiver<()>,
    creators: broadcast::Receiver<UserId>,
}

impl App {
    /// A watch on all changes from now on.
    #[must_use]
    pub fn watch_changes(&self) -> ChangeWatch {
        ChangeWatch { applied: self.changes.applied.subscribe(), creators: self.changes.creators.subscribe() }
    }
}

impl ChangeWatch {
    /// Resolves once verification obeys a change that was made since the last time. May be dropped at any point.
    pub async fn changed(&mut self) {
        if self.applied.changed().await.is_err() {
            // Nothing changes any more.
            std::future::pending::<()>().await;
        }
    }

    /// Whether keys of a user came or went since the last time; after many changes at once, whether they may have.
    pub fn touched_keys_of(&mut self, user: UserId) -> bool {
        let mut touched = false;
        loop {
            match self.creators.try_recv() {
                Ok(creator) => touched |= creator == user,
                Err(broadcast::error::TryRecvError::Lagged(_)) => touched = true,
                Err(_) => return touched,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(signal: &ChangeSignal) -> ChangeWatch {
        ChangeWatch { applied: signal.applied.subscribe(), creators: signal.creators.subscribe() }
    }

    #[tokio::test]
    async fn a_watch_hears_of_what_changed_while_it_was_not_waiting() {
        let signal = ChangeSignal::default();
        let mut watch = watch(&signal);
        let (ada, bob) = (UserId::from_u128(1), UserId::from_u128(2));
        signal.applied(Some(ada));
        signal.applied(None);
        watch.changed().await;
        assert!(watch.touched_keys_of(ada));
        assert!(!watch.touched_keys_of(ada), "once");
        signal.applied(Some(bob));
        watch.changed().await;
        assert!(!watch.touched_keys_of(ada));
    }

    #[tokio::test]
    async fn a_watch_that_lags_behind_takes_it_that_it_was_meant() {
        let signal = ChangeSignal::default();
        let mut watch = watch(&signal);
        for _ in 0..=CREATORS {
            signal.applied(Some(UserId::from_u128(2)));
        }
        assert!(watch.touched_keys_of(UserId::from_u128(1)));
        assert!(!watch.touched_keys_of(UserId::from_u128(1)));
    }
}
