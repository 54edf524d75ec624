//! The users, at places that stay theirs.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use arc_swap::{ArcSwap, Guard};
use jiff::Timestamp;
use keystead_domain::{
    Assignments, Email, OrganizationId, OrganizationRecord, OrganizationState, PersonName, Role, User,
    UserId, UserRecord,
};

const FIRST_CHUNK: u32 = 1024;
/// So that every place is less than 2^31, which leaves a slot of the key table a bit.
const CHUNKS: usize = 21;

/// A key's slot names its creator by place, so a verification finds them without a second look-up.
pub(crate) struct Users {
    /// Stands at the place of whoever is deactivated, deleted or not yet known. Told by its address: whether a creator is
    /// active costs a verification no look at them.
    nobody: Arc<User>,
    /// The users who are active. Chunk *n* holds 1024 · 2^*n* places and never moves, so readers need no lock.
    chunks: [OnceLock<Box<[ArcSwap<User>]>>; CHUNKS],
    known: RwLock<Known>,
    /// Those of the deployment's configuration, the same for every organization.
    roles: Box<[Role]>,
}

/// For writers and for the console. No verification comes here.
#[derive(Default)]
struct Known {
    organizations: HashMap<OrganizationId, Arc<OrganizationState>>,
    by_id: HashMap<UserId, Entry>,
    /// How many of them are users, and not only the places of creators who are gone or have not come yet.
    users: usize,
}

struct Entry {
    place: u32,
    user: Option<Arc<User>>,
}

impl Users {
    pub(crate) fn new(roles: Box<[Role]>) -> Self {
        let nobody = UserRecord {
            id: UserId::from_u128(0),
            organization: OrganizationId::from_u128(0),
            email: Email::from_stored(String::new()),
            name: PersonName::from_stored(String::new()),
            active: false,
            created_at: Timestamp::UNIX_EPOCH,
            assignments: Assignments::default(),
            groups: Vec::new(),
        };
        Self {
            nobody: Arc::new(User::of_unknown_organization(nobody)),
            chunks: [const { OnceLock::new() }; CHUNKS],
            known: RwLock::default(),
            roles,
        }
    }

    /// The user at a place, if they are active: as they are at one moment, in one piece.
    pub(crate) fn active(&self, place: u32) -> Option<Guard<Arc<User>>> {
        let (chunk, offset) = position(place);
        let user = self.chunks.get(chunk)?.get()?.get(offset)?.load();
        (!Arc::ptr_eq(&user, &self.nobody)).then_some(user)
    }

    pub(crate) fn get(&self, id: UserId) -> Option<Arc<User>> {
        self.read().by_id.get(&id)?.user.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.read().users
    }

    /// The place of a user, known or not yet. `None` when there are 2^31 already.
    pub(crate) fn place(&self, id: UserId) -> Option<u32> {
        self.write().entry(id).map(|entry| entry.place)
    }

    pub(crate) fn organization(&self, id: OrganizationId) -> Option<Arc<OrganizationState>> {
        self.read().organizations.get(&id).cloned()
    }

    pub(crate) fn organizations(&self) -> Vec<Arc<OrganizationState>> {
        self.read().organizations.values().cloned().collect()
    }

    pub(crate) fn of_organization(&self, id: OrganizationId) -> Vec<Arc<User>> {
        let known = self.read();
        let users = known.by_id.values().filter_map(|entry| entry.user.as_ref());
        users.filter(|user| user.organization == id).cloned().collect()
    }

    pub(crate) fn put(&self, record: UserRecord) {
        let mut known = self.write();
        let user = Arc::new(match known.organizations.get(&record.organization) {
            Some(state) => User::new(record, state),
            None => User::of_unknown_organization(record),
        });
        let Some(entry) = known.entry(user.id) else { return };
        let place = entry.place;
        let is_new = entry.user.replace(Arc::clone(&user)).is_none();
        known.users += usize::from(is_new);
        self.set(place, user);
    }

    /// Every user of the organization is as its new state says when this returns. The work is that of its users in memory; their
    /// keys are not touched, however many they are. A user who stays as they were is not replaced: that is most of the cost.
    pub(crate) fn put_organization(&self, record: OrganizationRecord) {
        let state = Arc::new(OrganizationState::new(record, &self.roles));
        let mut known = self.write();
        let Known { organizations, by_id, .. } = &mut *known;
        let decides_as_before =
            organizations.get(&state.id()).is_some_and(|before| before.decides_as(&state));
        for entry in by_id.values_mut().filter(|_| !decides_as_before) {
            let place = entry.place;
            if let Some(user) = entry.user.as_mut().filter(|user| user.organization == state.id()) {
                let resolved = User::new(Arc::clone(user.record()), &state);
                if resolved != **user {
                    *user = Arc::new(resolved);
                    self.set(place, Arc::clone(user));
                }
            }
        }
        organizations.insert(state.id(), state);
    }

    pub(crate) fn remove(&self, id: UserId) {
        let mut known = self.write();
        let Some(entry) = known.by_id.get_mut(&id) else { return };
        let place = entry.place;
        let was_known = entry.user.take().is_some();
        known.users -= usize::from(was_known);
        self.set(place, Arc::clone(&self.nobody));
    }

    /// From now on nobody is known. Places stay whose they are: a key's slot may still name one.
    pub(crate) fn forget(&self) {
        let mut known = self.write();
        known.organizations.clear();
        known.users = 0;
        for entry in known.by_id.values_mut() {
            if entry.user.take().is_some() {
                self.set(entry.place, Arc::clone(&self.nobody));
            }
        }
    }

    /// Whoever may not act is nobody to a verification.
    fn set(&self, place: u32, user: Arc<User>) {
        let user = if user.may_act() { user } else { Arc::clone(&self.nobody) };
        let (chunk, offset) = position(place);
        let Some(chunk_cell) = self.chunks.get(chunk) else { return };
        let places = chunk_cell.get_or_init(|| {
            let empty = || ArcSwap::new(Arc::clone(&self.nobody));
            std::iter::repeat_with(empty).take((FIRST_CHUNK as usize) << chunk).collect()
        });
        if let Some(slot) = places.get(offset) {
            slot.store(user);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The entry of a user; a new one has the next place.
    fn entry(&mut self, id: UserId) -> Option<&mut Entry> {
        let next = u32::try_from(self.by_id.len()).ok().filter(|next| position(*next).0 < CHUNKS);
        match self.by_id.entry(id) {
            std::collections::hash_map::Entry::Occupied(entry) => Some(entry.into_mut()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                Some(entry.insert(Entry { place: next?, user: None }))
            }
        }
    }
}

/// The chunk of a place, and where in the chunk it is.
fn position(place: u32) -> (usize, usize) {
    let chunk = (place / FIRST_CHUNK + 1).ilog2();
    let before = FIRST_CHUNK * ((1 << chunk) - 1);
    (chunk as usize, (place - before) as usize)
}
