//! The protocol's SDK alone: a tool that does nothing, and a stream that nothing comes by.

use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use keystead_server::serve;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig,
    SubscriptionFilter,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::runtime::Runtime;

use crate::http::server::listen;

/// Behind the same accept loop as Keystead, and configured as its transport is. Prints its address.
pub(crate) fn sdk() -> Result<()> {
    Runtime::new()?.block_on(async {
        let (listener, url) = listen().await?;
        let port = listener.local_addr()?.port();
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(64 * 1024)
            .with_allowed_hosts(["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")))
            .with_allowed_origins([&url])
            .enforce_origin_validation();
        let sessions = Arc::new(NeverSessionManager::default());
        let service = StreamableHttpService::new(|| Ok(Empty), sessions, config);
        println!("{url}");
        let router = Router::new().route_service("/mcp", service);
        Ok(serve(listener, router, std::future::pending()).await?)
    })
}

struct Empty;

impl ServerHandler for Empty {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_list_changed()
            .build();
        ServerConfig::new(capabilities)
    }

    /// By whatever name, so that it can be sent the same bytes as Keystead.
    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(Vec::new()).into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }
}
