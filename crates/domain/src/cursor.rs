//! What every cursor is: a place in a list as text, opaque and safe in a URL, bound to the list that gave it out.
//!
//! The checksum only tells a cursor of this list from one of another. What a caller may see is decided by the scope of the
//! request alone, never by a cursor.

use sha2::{Digest, Sha256};

use crate::hex;

const CHECKSUM: usize = 8;

/// Which list a cursor belongs to: what it is a list of, and everything that decides what is in it.
pub(crate) struct List<'a> {
    pub(crate) of: &'static str,
    pub(crate) parts: &'a [&'a [u8]],
}

impl List<'_> {
    fn checksum(&self, place: &[u8]) -> [u8; CHECKSUM] {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update((bytes.len() as u64).to_be_bytes());
            digest.update(bytes);
        };
        part(self.of.as_bytes());
        part(place);
        for bytes in self.parts {
            part(bytes);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let mut short = [0; CHECKSUM];
        short.copy_from_slice(&digest[..CHECKSUM]);
        short
    }

    pub(crate) fn encode(&self, place: &[u8]) -> String {
        hex::encode(place) + &hex::encode(&self.checksum(place))
    }

    /// `None` for anything that this list did not give out.
    pub(crate) fn decode<const N: usize>(&self, text: &str) -> Option<[u8; N]> {
        let (place, checksum) = text.split_at_checked(2 * N)?;
        let place = hex::decode(place)?;
        (hex::decode(checksum)? == self.checksum(&place)).then_some(place)
    }
}
