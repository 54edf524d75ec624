//! The doors of Keystead: the console, GraphQL, and plain HTTP for proxies and operators.
//!
//! A door parses a request, calls [`App`](keystead_app::App) and renders the answer. All routes are in [`router`](fn@router); what every
//! request goes through is in `observe`.

mod assets;
mod bearer;
mod challenge;
mod checked;
mod client_address;
pub mod console;
mod credentials;
mod csv;
mod embed;
mod graphql;
mod health;
mod mcp;
mod metrics;
mod oauth;
mod observe;
mod problem;
mod router;
mod serve;
mod settings;
mod state;
mod unread;
mod verify;

pub use embed::{Accent, Embedding, Theme};
pub use graphql::schema_text;
pub use router::{metrics_router, router};
pub use serve::{Peer, serve};
pub use settings::Settings;
pub use state::Doors;
pub use verify::ext_authz_router;
