//! Every live key and every user in memory, so that a verification is one SHA-256 and one look-up: it allocates nothing,
//! takes no lock and waits for nothing, not even for a writer that is in the middle of a change (promise 9).
//!
//! The [`Directory`] is no cache. It learns only from the change feed, in commit order, so nothing can be filled in late,
//! nothing runs out, and a token that it does not know does not exist.
//!
//! # Why it is this simple
//!
//! A key's hash, id, creator, expiry and impersonation flag never change (promise 4). So a slot of the table is **written
//! once**: the writer fills it while no reader can see it, publishes it with one release store, and from then on it can
//! only die. A reader that sees a slot sees all of it, without a lock, a version to compare or a second try. A dead
//! slot is not used again either; the dead are left behind when the table is next replaced.
//!
//! The keys are spread over shards. Each shard is one open-addressing table behind an [`arc_swap::ArcSwap`]: a table that
//! is full (or mostly dead) is copied into a larger (or smaller) one, which then takes its place. Only the change that
//! finds its shard full waits for that copy, and the copy is a small part of all keys.
//!
//! # Why a revoked key is never accepted (promise 3)
//!
//! A revocation marks the slot dead in the table that is current, then [`Directory::apply`] returns. Writers take turns, so
//! a table that is swapped in later was copied after that mark and does not have the key; a verification that starts later
//! finds one of the two. A reader may still be on a table that was replaced, where nothing dies any more, but then
//! it began before the swap, and so before a revocation that was applied after the swap had returned.
//! The creator is one pointer, exchanged whole: who they are and what they may do come from one moment (promise 1).
//!
//! # Why the hash needs no hashing
//!
//! SHA-256 is uniform, so its bits are the shard, the group and the tag. Nobody can crowd one place of the table:
//! whoever makes a key does not choose its token, the server's generator does. Tokens made up to *look* in one place cost
//! their maker a search, put nothing there, and meet groups as full as any other.
//! Nor does timing tell anything that helps: what is compared is the hash of a token that has 256 random bits, and to
//! know a stored hash, even all of it, is not to know a token that has it.
//!
//! # What is counted on
//!
//! [`arc_swap`] makes a small note for a thread when it first reads; after that, reading allocates nothing. It also lets
//! the writer know when the last reader has left a replaced table, see [`Directory::take_last_used`].

mod connections;
mod directory;
mod hash;
mod impersonators;
mod lease;
mod table;
mod users;
mod verified;

pub use directory::Directory;
pub use lease::Lease;
pub use verified::{Refusal, Verified};
