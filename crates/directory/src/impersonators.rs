//! The impersonation keys, by their ids: the token of a session that one minted names it so.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use keystead_domain::KeyId;

/// What a session depends on. All but the epoch is frozen.
#[derive(Clone, Copy)]
pub(crate) struct ImpersonationKey {
    /// The creator's place among the users.
    pub(crate) creator: u32,
    pub(crate) expires_at: Option<Timestamp>,
    /// How often the sessions that it minted were ended.
    pub(crate) epoch: u32,
}

/// Few: a product has a handful. So a lock will do, which checking a key never takes; checking a signature takes far longer.
#[derive(Default)]
pub(crate) struct Impersonators(RwLock<HashMap<KeyId, ImpersonationKey>>);

impl Impersonators {
    pub(crate) fn get(&self, id: KeyId) -> Option<ImpersonationKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    pub(crate) fn put(&self, id: KeyId, key: ImpersonationKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id, key);
    }

    pub(crate) fn remove(&self, id: KeyId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    pub(crate) fn forget(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
