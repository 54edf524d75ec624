use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::{ArcSwap, Guard};
use jiff::Timestamp;
use keystead_domain::{
    Change, ConnectionId, ConnectionRecord, Issuing, KeyId, KeyRecord, OrganizationId, OrganizationState,
    Role, User, UserId,
};
use keystead_token::{TokenHash, TokenRef};

use crate::connections::{Connection, Connections};
use crate::hash::{SHARDS, Words};
use crate::impersonators::{ImpersonationKey, Impersonators};
use crate::lease::Lease;
use crate::table::{Key, Table};
use crate::users::Users;
use crate::{Refusal, Verified};

/// Every live key and every user. One for each store, shared by all threads.
pub struct Directory {
    shards: [ArcSwap<Table>; SHARDS],
    users: Users,
    impersonators: Impersonators,
    connections: Connections,
    issuing: ArcSwap<Issuing>,
    suspended: AtomicBool,
    lease: Lease,
    sequence: AtomicU64,
    keys: AtomicUsize,
    writer: Mutex<Writer>,
}

/// What only changes touch; whoever holds its lock is the one writer.
struct Writer {
    shards: [Fill; SHARDS],
    /// Tables that were replaced, kept until the last reader has left: it may still note a use there.
    retired: Vec<Arc<Table>>,
    /// The last second of use of keys, from tables that are gone and from writes that failed.
    used: LastUsed,
}

#[derive(Clone, Copy, Default)]
struct Fill {
    live: usize,
    dead: usize,
}

/// Each key's latest second of use.
type LastUsed = HashMap<KeyId, u32>;

impl Directory {
    /// A directory that knows nobody, as of sequence 0. `roles` are those of the deployment's configuration.
    #[must_use]
    pub fn new(roles: impl Into<Box<[Role]>>) -> Self {
        Self::leased(roles, Lease::unbounded())
    }

    /// The same, on a store that other nodes write to, too: it answers only while it holds the lease.
    #[must_use]
    pub fn leased(roles: impl Into<Box<[Role]>>, lease: Lease) -> Self {
        Self {
            shards: std::array::from_fn(|_| ArcSwap::from_pointee(Table::with_room(0))),
            users: Users::new(roles.into()),
            impersonators: Impersonators::default(),
            connections: Connections::default(),
            issuing: ArcSwap::default(),
            suspended: AtomicBool::new(false),
            lease,
            sequence: AtomicU64::new(0),
            keys: AtomicUsize::new(0),
            writer: Mutex::new(Writer {
                shards: [Fill::default(); SHARDS],
                retired: Vec::new(),
                used: LastUsed::new(),
            }),
        }
    }

    /// Applies one change of the feed. When it has returned, every verification that starts later obeys it.
    ///
    /// Changes come in commit order, without gaps; several may share a number, as those of a first load do. One that is
    /// older than the last applied is a replay, and is ignored: what it says is no longer so. One that is applied twice
    /// does no harm.
    pub fn apply(&self, sequence: u64, change: Change) {
        let mut writer = self.writer();
        if sequence < self.sequence() {
            return;
        }
        match change {
            Change::Key(record) => self.insert(&mut writer, &record),
            Change::KeyRevoked(hash) => self.revoke(&mut writer, hash),
            Change::User(record) => self.users.put(record),
            Change::Organization(record) => self.users.put_organization(*record),
            Change::UserGone(id) => self.users.remove(id),
            Change::Connection(record) => self.connect(&record),
            Change::ConnectionEnded(id) => self.connections.remove(id),
            // Whoever checks signatures has them; here it is a number like any other.
            Change::SigningKeys(_) => {}
            Change::Issuing(issuing) => self.issuing.store(Arc::new(issuing)),
        }
        self.sequence.store(sequence, Ordering::Release);
    }

    /// Makes room for so many keys before a first load, so that no table is copied while it grows: a start is quicker, and
    /// the process does not keep the memory of the smaller ones.
    pub fn reserve(&self, keys: usize) {
        let mut writer = self.writer();
        // Hashes do not spread quite evenly: four standard deviations more than the mean hold the fullest shard, nearly always.
        let even = keys.div_ceil(SHARDS);
        let room = even + 4 * even.isqrt();
        for shard in &self.shards {
            let table = shard.load();
            if table.room() < room {
                let larger = Arc::new(table.copied(room));
                drop(table);
                writer.retired.push(shard.swap(larger));
            }
        }
        writer.let_go_of_retired();
    }

    /// The first load is done: it holds all changes up to this number.
    pub fn loaded(&self, sequence: u64) {
        self.sequence.fetch_max(sequence, Ordering::Release);
    }

    /// The number of the last change that was applied. A verification that starts after reading it is at least as fresh.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Whether the token is that of a key that works `now`, and whose. Notes that the key was used, to the second.
    ///
    /// # Errors
    /// A creator who is not active hides that the key expired: their keys are as good as revoked (promise 1).
    pub fn verify(&self, token: TokenRef<'_>, now: Timestamp) -> Result<Verified, Refusal> {
        if !self.may_answer() {
            return Err(Refusal::Unavailable);
        }
        let hash = Words::from(token.hash());
        let table = self.shards[hash.shard()].load();
        let place = table.find(&hash).ok_or(Refusal::Unknown)?;
        let key = table.key(place);
        let creator = self.users.active(key.creator).ok_or(Refusal::CreatorInactive)?;
        let expires_at = key.expires_at.map(from_microsecond);
        match expires_at {
            Some(at) if now >= at => {
                return Err(Refusal::Expired { at, organization: creator.organization });
            }
            _ => table.touch(place, to_second(now)),
        }
        Ok(Verified { key: key.id, allow_impersonation: key.allow_impersonation, expires_at, creator })
    }

    /// The impersonation key that minted a session, if it works `now`: its creator, and how often its sessions were ended. Whether
    /// the creator still may have it impersonate is for [`Impersonator`](keystead_domain::Impersonator) to say.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify). A key of another kind is unknown.
    pub fn impersonation_key(&self, id: KeyId, now: Timestamp) -> Result<(Arc<User>, u32), Refusal> {
        if !self.may_answer() {
            return Err(Refusal::Unavailable);
        }
        let key = self.impersonators.get(id).ok_or(Refusal::Unknown)?;
        let creator = self.users.active(key.creator).ok_or(Refusal::CreatorInactive)?;
        match key.expires_at {
            Some(at) if now >= at => Err(Refusal::Expired { at, organization: creator.organization }),
            _ => Ok((Guard::into_inner(creator), key.epoch)),
        }
    }

    /// The user of a connected app, if it may act for them `now`.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    pub fn connection(&self, id: ConnectionId, now: Timestamp) -> Result<Arc<User>, Refusal> {
        if !self.may_answer() {
            return Err(Refusal::Unavailable);
        }
        let connection = self.connections.get(id).ok_or(Refusal::Unknown)?;
        let user = self.users.active(connection.user).ok_or(Refusal::CreatorInactive)?;
        if now >= connection.ends_at {
            return Err(Refusal::Expired { at: connection.ends_at, organization: user.organization });
        }
        Ok(Guard::into_inner(user))
    }

    /// A user as of now, active or not.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<Arc<User>> {
        self.users.get(id)
    }

    /// An organization as of now, archived or not.
    #[must_use]
    pub fn organization(&self, id: OrganizationId) -> Option<Arc<OrganizationState>> {
        self.users.organization(id)
    }

    /// Whether credentials are issued, as of now.
    #[must_use]
    pub fn issuing(&self) -> Arc<Issuing> {
        self.issuing.load_full()
    }

    /// All organizations, in no order.
    #[must_use]
    pub fn organizations(&self) -> Vec<Arc<OrganizationState>> {
        self.users.organizations()
    }

    /// All users of an organization, in no order. Looks at every user that there is.
    #[must_use]
    pub fn users_of(&self, id: OrganizationId) -> Vec<Arc<User>> {
        self.users.of_organization(id)
    }

    /// Whose key a change that is about to be applied lets come or go, if they are active.
    #[must_use]
    pub fn creator_of(&self, change: &Change) -> Option<UserId> {
        match change {
            Change::Key(record) => Some(record.creator),
            Change::KeyRevoked(hash) => {
                let hash = Words::from(*hash);
                let table = self.shards[hash.shard()].load();
                let key = table.key(table.find(&hash)?);
                Some(self.users.active(key.creator)?.id)
            }
            _ => None,
        }
    }

    /// How many keys there are that were not revoked, expired ones included.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    /// How many users there are, active or not.
    #[must_use]
    pub fn users(&self) -> usize {
        self.users.count()
    }

    /// The bytes of the key table, with those of replaced tables that are not let go of yet.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let retired: usize = self.writer().retired.iter().map(|table| table.memory_bytes()).sum();
        retired + self.shards.iter().map(|shard| shard.load().memory_bytes()).sum::<usize>()
    }

    /// The keys that were used since the last call, each once with the latest second; also those revoked since.
    ///
    /// A use is handed out once. If it cannot be written, [`put_back_last_used`](Self::put_back_last_used) keeps it for
    /// the next call, so that only a crash loses it (promise 9). One that is noted while a table is being replaced is
    /// handed out, too: the replaced table stays until its last reader has left.
    #[must_use]
    pub fn take_last_used(&self) -> Vec<(KeyId, Timestamp)> {
        let mut used = {
            let mut writer = self.writer();
            writer.let_go_of_retired();
            std::mem::take(&mut writer.used)
        };
        for shard in &self.shards {
            shard.load().drain_used(|key, second| note(&mut used, key, second));
        }
        used.into_iter().map(|(key, second)| (key, from_second(second))).collect()
    }

    /// Gives back what [`take_last_used`](Self::take_last_used) gave and could not be written.
    pub fn put_back_last_used(&self, used: &[(KeyId, Timestamp)]) {
        let mut writer = self.writer();
        for (key, at) in used {
            note(&mut writer.used, *key, to_second(*at));
        }
    }

    /// From now on every verification is refused as [`Refusal::Unavailable`]: this node may have missed a revocation
    /// (promise 3). There is no way back but a fresh load into another directory.
    pub fn suspend(&self) {
        self.suspended.store(true, Ordering::SeqCst);
    }

    /// Whether this node may have missed something.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Whether what it knows is surely all that there is to know, now.
    #[must_use]
    pub fn may_answer(&self) -> bool {
        !self.is_suspended() && self.lease.is_held()
    }

    /// The lease by which it may answer.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Forgets all that it knows, to be loaded anew: what it knew is of a history that is over. Only while the lease is
    /// [ended](Lease::end): until the new one is loaded, it would answer that nobody is known.
    pub fn forget(&self) {
        let mut writer = self.writer();
        let Writer { shards: fills, retired, .. } = &mut *writer;
        for (shard, fill) in self.shards.iter().zip(fills) {
            retired.push(shard.swap(Arc::new(Table::with_room(0))));
            *fill = Fill::default();
        }
        writer.let_go_of_retired();
        self.users.forget();
        self.impersonators.forget();
        self.connections.forget();
        self.keys.store(0, Ordering::Relaxed);
        self.sequence.store(0, Ordering::Release);
    }

    fn connect(&self, record: &ConnectionRecord) {
        if let Some(user) = self.users.place(record.user) {
            self.connections.put(record.id, Connection { user, ends_at: record.ends_at });
        }
    }

    fn insert(&self, writer: &mut Writer, record: &KeyRecord) {
        let hash = Words::from(record.hash);
        if record.allow_impersonation
            && let Some(creator) = self.users.place(record.creator)
        {
            let (expires_at, epoch) = (record.expires_at, record.session_epoch);
            self.impersonators.put(record.id, ImpersonationKey { creator, expires_at, epoch });
        }
        let last_used = record.last_used_at.map_or(0, to_second);
        let table = self.shards[hash.shard()].load();
        if let Some(place) = table.find(&hash) {
            // All else that a check of the key reads is frozen (promise 4).
            table.learn_used(place, last_used);
            return;
        }
        let Some(creator) = self.users.place(record.creator) else { return };
        let key = Key {
            id: record.id,
            creator,
            allow_impersonation: record.allow_impersonation,
            expires_at: record.expires_at.map(Timestamp::as_microsecond),
            last_used,
        };
        let fill = &mut writer.shards[hash.shard()];
        fill.live += 1;
        if fill.live + fill.dead > table.room() {
            drop(table);
            self.replace(writer, hash.shard());
            self.shards[hash.shard()].load().insert(&hash, &key);
        } else {
            table.insert(&hash, &key);
        }
        self.keys.fetch_add(1, Ordering::Relaxed);
    }

    fn revoke(&self, writer: &mut Writer, hash: TokenHash) {
        let hash = Words::from(hash);
        let table = self.shards[hash.shard()].load();
        let Some(place) = table.find(&hash) else { return };
        let key = table.key(place);
        table.kill(place);
        if key.allow_impersonation {
            self.impersonators.remove(key.id);
        }
        drop(table);
        self.keys.fetch_sub(1, Ordering::Relaxed);
        let fill = &mut writer.shards[hash.shard()];
        fill.live -= 1;
        fill.dead += 1;
        if fill.dead > 64 + fill.live {
            self.replace(writer, hash.shard());
        }
    }

    /// Replaces a shard's table by one without the dead and with a quarter more room than its keys need: less than
    /// doubling wants, at the price of copying a key about four times in its life.
    fn replace(&self, writer: &mut Writer, shard: usize) {
        let fill = &mut writer.shards[shard];
        fill.dead = 0;
        let room = fill.live + fill.live / 4;
        let table = Arc::new(self.shards[shard].load().copied(room));
        writer.retired.push(self.shards[shard].swap(table));
        writer.let_go_of_retired();
    }

    /// Takes the writers' turn. A turn that panicked left a table that is valid, so the lock is taken over.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Takes what was used from every replaced table, and drops those without a reader. To swap a table out makes
    /// every reader of it a counted owner, so a table with one owner has no reader, and gets none.
    fn let_go_of_retired(&mut self) {
        let Self { retired, used, .. } = self;
        retired.retain_mut(|table| {
            // Asked first: a reader that leaves in between is waited for once more, rather than missed.
            let is_read = Arc::get_mut(table).is_none();
            table.drain_used(|key, second| note(used, key, second));
            is_read
        });
    }
}

fn note(used: &mut LastUsed, key: KeyId, second: u32) {
    let latest = used.entry(key).or_default();
    *latest = second.max(*latest);
}

/// Seconds since 1970 in 32 bits: up to the year 2106, at which uses stay from then on.
fn to_second(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}

fn from_second(second: u32) -> Timestamp {
    Timestamp::from_second(i64::from(second)).unwrap_or(Timestamp::MAX)
}

/// What was a timestamp is one again; only the ends of the range do not survive the way through microseconds.
fn from_microsecond(microsecond: i64) -> Timestamp {
    let end = if microsecond < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(microsecond).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of the first shard.
    fn record(n: u8) -> KeyRecord {
        let mut hash = [0; 32];
        hash[31] = n;
        KeyRecord {
            id: KeyId::from_u128(n.into()),
            hash: hash.into(),
            creator: UserId::from_u128(1),
            allow_impersonation: false,
            expires_at: None,
            session_epoch: 0,
            last_used_at: None,
        }
    }

    #[test]
    fn a_use_that_a_late_reader_notes_in_a_replaced_table_is_handed_out_and_the_table_let_go_of() {
        let directory = Directory::new([]);
        directory.apply(1, Change::Key(record(0)));
        let late = directory.shards[0].load();
        let place = late.find(&Words::from(record(0).hash)).unwrap();
        for n in 1..=255 {
            directory.apply(1, Change::Key(record(n)));
        }
        assert!(!Arc::ptr_eq(&late, &directory.shards[0].load()), "the table was replaced");
        let memory = directory.memory_bytes();
        assert_eq!(directory.take_last_used(), []);

        late.touch(place, 5);
        let table_bytes = late.memory_bytes();
        drop(late);
        assert_eq!(directory.take_last_used(), [(record(0).id, from_second(5))]);
        assert_eq!(directory.memory_bytes(), memory - table_bytes);
    }
}
