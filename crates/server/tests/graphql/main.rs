//! What `/graphql` guarantees, asked of the whole router over a real store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where what it needs is not there")]

mod impersonation;
mod keys;
mod limits;
mod organizations;
mod paging;
mod permissions;
mod protocol;
mod roles;
mod session;
mod settings;
mod support;
mod users;
mod walls;
mod workspace;
