//! Keystead through the eyes of the AI tools that people have: built with the official MCP SDKs, and the MCP Inspector.
//!
//! The TypeScript and Python clients check each tool's answer against the schema that the tool promises, and raise an error if it
//! does not fit: every answer that these tests get has passed that.

#![expect(clippy::expect_used, clippy::panic, reason = "the tests' helpers fail as tests do")]

mod conformance;
mod document;
mod inspector;
mod keys;
mod oauth;
mod stream;

use keystead_tests::{TestKey, TestServer, TestUser};

/// A server, an administrator of it, and the API key that her tool has.
struct Fixture {
    server: TestServer,
    ada: TestUser,
    key: TestKey,
}

impl Fixture {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let ada = server.administrator("ada@example.com").await;
        let key = server.key(&ada, "assistant", "30d").await;
        Self { server, ada, key }
    }

    /// Where tools connect to.
    fn address(&self) -> String {
        format!("{}/mcp", self.server.url)
    }
}
