//! Apps that people connect: the clients that registered themselves, and the connections.

mod clients;
mod connections;
mod refresh;

pub use connections::CodeRecord;
pub use refresh::RefreshRecord;
