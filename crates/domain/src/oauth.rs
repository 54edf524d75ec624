//! OAuth as its authorization server sees it (OAuth 2.1, RFC 6749): clients that ask in a user's name, where they may be answered, and
//! what they may do once the person has connected them.

mod access_token;
mod authorization;
mod client;
mod client_id;
mod client_id_url;
mod connection;
mod pkce;
mod redirect_uri;
mod refresh;
mod uri_text;

pub use access_token::{AccessClaims, Issuer, MCP_SCOPE};
pub use authorization::{
    AnswerTo, AuthorizationParameters, AuthorizationRequest, OauthRefusal, check_resource,
};
pub use client::{BadClientMetadata, ClientMetadata};
pub use client_id::ClientId;
pub use client_id_url::ClientIdUrl;
pub use connection::{
    AuthorizedClient, ConnectedApp, ConnectionEnd, ConnectionScope, NewConnection, OauthLifetimes,
};
pub use pkce::CodeChallenge;
pub use redirect_uri::RedirectUri;
pub use refresh::{RefreshStanding, RefreshUse};
