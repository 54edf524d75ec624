//! What `/graphql` guarantees, asked of the whole router over a real store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where what it needs is not there")]

mod keys;
mod limits;
mod paging;
mod protocol;
mod session;
mod support;
mod walls;
