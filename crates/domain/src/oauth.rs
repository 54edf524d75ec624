//! OAuth as its authorization server sees it (OAuth 2.1, RFC 6749): clients that ask in a user's name, and where they may be
//! answered.

mod client;
mod redirect_uri;
