//! One shard's table: groups of eight slots, found by tags.
//!
//! The tags, a byte for each slot, lie apart from the slots: of a million keys they are a megabyte, which stays in the
//! processor's cache. So an unknown token is refused without touching a slot, and a known one costs one cache line of
//! memory, its own, however full the table is. Grown by a quarter at a time, a table takes 74 to 93 bytes a key.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

use keystead_domain::KeyId;

use crate::hash::Words;

const GROUP: usize = 8;
/// Seven eighths may be filled, the dead included. An empty slot is what ends a search.
const FILLED: usize = GROUP - 1;
const EMPTY: u8 = 0;
const DEAD: u8 = 1;
const BITS: usize = u64::BITS as usize;
/// [`Key::expires_at`] of a key that does not expire.
const NEVER: i64 = i64::MAX;
/// The bit of [`Slot::creator`] that is the impersonation flag.
const IMPERSONATION: u32 = 1 << 31;

/// What a slot says of its key.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) id: KeyId,
    /// The creator's place among the users; less than 2^31.
    pub(crate) creator: u32,
    pub(crate) allow_impersonation: bool,
    /// The first microsecond since 1970 at which it no longer works.
    pub(crate) expires_at: Option<i64>,
    /// Seconds since 1970, 0 for never.
    pub(crate) last_used: u32,
}

/// A key in one cache line. Written once, before its tag is published; only `last_used` changes after that.
#[derive(Default)]
#[repr(align(64))]
struct Slot {
    hash: [AtomicU64; 4],
    id: [AtomicU64; 2],
    expires_at: AtomicI64,
    creator: AtomicU32,
    last_used: AtomicU32,
}

const _: () = assert!(size_of::<Slot>() == 64, "a key is one cache line");

pub(crate) struct Table {
    /// Eight tags a word, the first slot's in the lowest byte. The release store of a word publishes the slots that it names.
    tags: Box<[AtomicU64]>,
    slots: Box<[Slot]>,
    /// A bit for each slot: used since it was last asked.
    used: Box<[AtomicU64]>,
}

impl Table {
    /// An empty table with room for at least `keys`, and for one more than none.
    pub(crate) fn with_room(keys: usize) -> Self {
        let groups = keys.div_ceil(FILLED).max(1);
        let slots = groups * GROUP;
        Self {
            tags: boxed(groups),
            slots: std::iter::repeat_with(Slot::default).take(slots).collect(),
            used: boxed(slots.div_ceil(BITS)),
        }
    }

    /// How many keys it takes, those that died in it included.
    pub(crate) fn room(&self) -> usize {
        self.tags.len() * FILLED
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.tags) + size_of_val(&*self.slots) + size_of_val(&*self.used)
    }

    /// The place of the live key with this hash.
    pub(crate) fn find(&self, hash: &Words) -> Option<usize> {
        let wanted = repeat(hash.tag());
        for group in self.groups_from(hash) {
            let tags = self.tags[group].load(Ordering::Acquire);
            let mut candidates = zero_bytes(tags ^ wanted);
            while candidates != 0 {
                let place = group * GROUP + first_byte(candidates);
                if self.slots[place].has(hash) {
                    return Some(place);
                }
                candidates &= candidates - 1;
            }
            if zero_bytes(tags ^ repeat(EMPTY)) != 0 {
                return None;
            }
        }
        None
    }

    /// What is known of the key at a place that [`Self::find`] gave.
    pub(crate) fn key(&self, place: usize) -> Key {
        let slot = &self.slots[place];
        let creator = slot.creator.load(Ordering::Relaxed);
        let expires_at = slot.expires_at.load(Ordering::Relaxed);
        Key {
            id: slot.key_id(),
            creator: creator & !IMPERSONATION,
            allow_impersonation: creator & IMPERSONATION != 0,
            expires_at: (expires_at != NEVER).then_some(expires_at),
            last_used: slot.last_used.load(Ordering::Relaxed),
        }
    }

    /// Notes that the key at `place` was used. Writes at most once a second for each key.
    pub(crate) fn touch(&self, place: usize, second: u32) {
        let last_used = &self.slots[place].last_used;
        if last_used.load(Ordering::Relaxed) < second {
            last_used.fetch_max(second, Ordering::Relaxed);
            // Always written, even over a bit that is set: whoever takes the bit after this sees the second above, and
            // if it was taken just before, it is set again.
            self.used[place / BITS].fetch_or(1 << (place % BITS), Ordering::AcqRel);
        }
    }

    /// Calls `each` for every key that was used since the last time, also for those that were revoked meanwhile.
    pub(crate) fn drain_used(&self, mut each: impl FnMut(KeyId, u32)) {
        for (word, used) in self.used.iter().enumerate() {
            if used.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let mut bits = used.swap(0, Ordering::AcqRel);
            while bits != 0 {
                let slot = &self.slots[word * BITS + bits.trailing_zeros() as usize];
                each(slot.key_id(), slot.last_used.load(Ordering::Relaxed));
                bits &= bits - 1;
            }
        }
    }

    fn groups_from(&self, hash: &Words) -> impl Iterator<Item = usize> + use<> {
        let groups = self.tags.len();
        let home = hash.group(groups);
        (home..groups).chain(0..home)
    }
}

/// What only the one writer does.
impl Table {
    /// Adds a key that is not there. The caller has counted: there is room.
    pub(crate) fn insert(&self, hash: &Words, key: &Key) {
        for group in self.groups_from(hash) {
            let tags = self.tags[group].load(Ordering::Relaxed);
            let empty = zero_bytes(tags ^ repeat(EMPTY));
            if empty != 0 {
                let byte = first_byte(empty);
                self.slots[group * GROUP + byte].write(hash, key);
                let tags = tags | u64::from(hash.tag()) << (byte * 8);
                self.tags[group].store(tags, Ordering::Release);
                return;
            }
        }
    }

    /// The key at `place` dies: no search that starts later finds it.
    pub(crate) fn kill(&self, place: usize) {
        let (group, shift) = (place / GROUP, place % GROUP * 8);
        let tags = self.tags[group].load(Ordering::Relaxed) & !(0xff << shift) | u64::from(DEAD) << shift;
        self.tags[group].store(tags, Ordering::SeqCst);
    }

    /// The store knows of a use, so it need not be told.
    pub(crate) fn learn_used(&self, place: usize, second: u32) {
        self.slots[place].last_used.fetch_max(second, Ordering::Relaxed);
    }

    /// A table with room for `keys` and with every live key of this one. What was used stays noted here, where late
    /// readers note theirs, too.
    pub(crate) fn copied(&self, keys: usize) -> Self {
        let copy = Self::with_room(keys);
        for (place, slot) in self.slots.iter().enumerate() {
            let tag = self.tags[place / GROUP].load(Ordering::Relaxed).to_le_bytes()[place % GROUP];
            if tag != EMPTY && tag != DEAD {
                copy.insert(&slot.words(), &self.key(place));
            }
        }
        copy
    }
}

impl Slot {
    /// Compares all of it at once: as fast as stopping early, and the same whatever differs.
    fn has(&self, hash: &Words) -> bool {
        self.words() == *hash
    }

    fn words(&self) -> Words {
        Words(std::array::from_fn(|i| self.hash[i].load(Ordering::Relaxed)))
    }

    fn key_id(&self) -> KeyId {
        let [high, low] = [0, 1].map(|i: usize| u128::from(self.id[i].load(Ordering::Relaxed)));
        KeyId::from_u128(high << 64 | low)
    }

    fn write(&self, hash: &Words, key: &Key) {
        for (word, value) in self.hash.iter().zip(hash.0) {
            word.store(value, Ordering::Relaxed);
        }
        let (id, _) = key.id.as_bytes().as_chunks::<8>();
        for (word, bytes) in self.id.iter().zip(id) {
            word.store(u64::from_be_bytes(*bytes), Ordering::Relaxed);
        }
        self.expires_at.store(key.expires_at.unwrap_or(NEVER), Ordering::Relaxed);
        let flag = if key.allow_impersonation { IMPERSONATION } else { 0 };
        self.creator.store(key.creator | flag, Ordering::Relaxed);
        self.last_used.store(key.last_used, Ordering::Relaxed);
    }
}

fn boxed(words: usize) -> Box<[AtomicU64]> {
    std::iter::repeat_with(AtomicU64::default).take(words).collect()
}

const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The high bit of every byte that is zero. A byte above a zero one may be marked although it is 1 (the subtraction
/// borrows): then the lowest mark is right all the same, and a search looks at one live slot for nothing, since a tag that
/// differs from the wanted one in the lowest bit is neither [`EMPTY`] nor [`DEAD`].
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word & repeat(0x80)
}

const fn first_byte(marks: u64) -> usize {
    (marks.trailing_zeros() / 8) as usize
}
