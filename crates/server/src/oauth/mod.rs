//! The same as elsewhere, by the means of OAuth 2.0: the public keys of session tokens (RFC 7517), what a token is worth now
//! (RFC 7662), and minting a session by token exchange (RFC 8693).

mod error;
mod form;
mod introspect;
mod jwks;
mod token;

pub(crate) use introspect::introspect;
pub(crate) use jwks::jwks;
pub(crate) use token::token;
