//! A token's hash as the table uses it.

use keystead_token::TokenHash;

/// Shards are a power of two, so that the first bits of a hash name one.
pub(crate) const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 6;

/// A hash as four words. The first one also says where the key is looked for: 6 bits are the shard, the next 32 the group,
/// the last 8 the tag, all of them different bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) [u64; 4]);

impl From<TokenHash> for Words {
    fn from(hash: TokenHash) -> Self {
        let (words, _) = hash.as_bytes().as_chunks::<8>();
        Self(std::array::from_fn(|i| u64::from_be_bytes(words[i])))
    }
}

impl Words {
    pub(crate) fn shard(&self) -> usize {
        (self.0[0] >> (64 - SHARD_BITS)) as usize
    }

    /// The group of `groups` where the key is looked for first. Multiplying maps 32 uniform bits to any number of groups,
    /// so tables can grow by less than doubling.
    pub(crate) fn group(&self, groups: usize) -> usize {
        let bits = (self.0[0] << SHARD_BITS) >> 32;
        ((bits * groups as u64) >> 32) as usize
    }

    /// A byte that tells most other keys of a group apart. Never 0 or 1, which say that a slot is empty or dead.
    pub(crate) fn tag(&self) -> u8 {
        match self.0[0].to_be_bytes()[7] {
            low @ (0 | 1) => low | 2,
            tag => tag,
        }
    }
}
