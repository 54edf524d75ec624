//! The apps that people connected, by the ids that their access tokens name.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use keystead_domain::ConnectionId;

/// What an access token depends on. All of it is frozen.
#[derive(Clone, Copy)]
pub(crate) struct Connection {
    /// The user's place among the users.
    pub(crate) user: u32,
    pub(crate) ends_at: Timestamp,
}

/// Some per person at most. So a lock will do, which checking a key never takes; checking a signature takes far longer.
#[derive(Default)]
pub(crate) struct Connections(RwLock<HashMap<ConnectionId, Connection>>);

impl Connections {
    pub(crate) fn get(&self, id: ConnectionId) -> Option<Connection> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    pub(crate) fn put(&self, id: ConnectionId, connection: Connection) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, connection);
    }

    pub(crate) fn remove(&self, id: ConnectionId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(crate) fn forget(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
