//! The name of a client.

use std::fmt;

use crate::RegisteredClientId;
use crate::oauth::ClientIdUrl;

/// Names a client: by the address of its description, or by what it was given when it registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientId {
    /// The URL of a client id metadata document.
    Document(ClientIdUrl),
    /// A client that registered itself (RFC 7591).
    Registered(RegisteredClientId),
}

impl ClientId {
    /// Before the id of a registered client: no user's, key's or organization's id looks like it (RFC 9700, section 4.15).
    const PREFIX: &str = "client-";

    /// What a request names. `None`: there can be no such client.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(Self::PREFIX) {
            Some(id) => id.parse().ok().map(Self::Registered),
            None => ClientIdUrl::parse(text).map(Self::Document),
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(url) => f.write_str(url.as_str()),
            Self::Registered(id) => write!(f, "{}{id}", Self::PREFIX),
        }
    }
}
