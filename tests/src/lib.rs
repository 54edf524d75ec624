//! What the end-to-end tests share: a whole Keystead on a loopback port, with a clock that the test moves.
//!
//! ```no_run
//! # async fn example() {
//! let server = keystead_tests::TestServer::start().await;
//! let ada = server.administrator("ada@example.com").await;
//! let key = server.key(&ada, "deploy", "30d").await;
//! assert_eq!(server.verify(&key.token).await.status(), 200);
//! # }
//! ```

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::panic,
    reason = "what tests share fails as tests do"
)]

mod axe;
mod bearer;
pub mod binary;
mod browser;
mod chromedriver;
mod client_document;
mod crash_site;
mod database;
pub mod deployment;
mod embedder;
mod http;
mod jwks;
mod mcp;
mod mcp_program;
mod oauth_client;
pub mod proxies;
mod raw;
mod sample;
mod server;
mod session;
mod site;
mod smtp;
pub mod tool;

pub use bearer::BearerProxy;
pub use browser::{Browser, button, row};
pub use client_document::ClientDocument;
pub use crash_site::CrashSite;
pub use database::{Snapshot, StoreCopy};
pub use embedder::Embedder;
pub use http::{Browserless, Form};
pub use jwks::{JwksCheck, JwksClient, JwksLibrary};
pub use mcp::{McpAnswer, McpClient, McpLibrary};
pub use mcp_program::{McpConformance, mcp_inspector};
pub use oauth_client::{OauthClient, OauthTokens, Pkce, authorize_path, parameter};
pub use sample::{NewKey, Sample, deployment_with_roles};
pub use server::{START, TestKey, TestServer, TestUser};
pub use session::{Session, cookies};
pub use site::Site;
pub use smtp::{Received, SmtpBehaviour, SmtpSink};
