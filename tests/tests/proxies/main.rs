//! Real proxies, with the configurations of `examples/proxies` as they are printed in docs/proxies.md, in front of a real Keystead.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers fail as tests do")]

mod client;
mod docs;
mod ext_authz;
mod guard;
mod keystead;
mod product;
mod proxy;
mod relay;
