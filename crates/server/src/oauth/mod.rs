//! OAuth 2.0: Keystead as authorization server of its MCP server (RFC 6749, 7591, 7009), with what describes it (RFC 8414, 9728, 7517);
//! what a token is worth now (RFC 7662); and minting a session by token exchange (RFC 8693). The page on which a person decides is the
//! console's.

mod error;
mod exchange;
mod form;
mod introspect;
mod jwks;
mod metadata;
mod register;
mod token;

pub(crate) use introspect::introspect;
pub(crate) use jwks::jwks;
pub(crate) use metadata::{authorization_server, protected_resource};
pub(crate) use register::{register, revoke};
pub(crate) use token::token;
