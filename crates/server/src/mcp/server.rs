//! What the protocol's service asks of Keystead.

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};

use super::caller::Caller;
use super::error::protocol_error;
use super::tools;
use crate::Doors;

/// What a model reads before anything else.
const INSTRUCTIONS: &str = "Keystead keeps the API keys of a product. Everything here is done as the person who connected, and is in the \
     audit log under their name. Keys are named by people and not unique: find a key's id with list_api_keys first. A token is \
     shown once, when its key is created: hand it to the person at once and repeat it nowhere. Before revoking a key, look at when it \
     was last used, and have the person confirm its exact name.";

/// One for all requests: it keeps nothing of them.
#[derive(Clone)]
pub(super) struct Server {
    doors: Doors,
}

impl Server {
    pub(super) fn new(doors: Doors) -> Self {
        Self { doors }
    }

    fn caller(&self, context: &RequestContext<RoleServer>) -> Result<Caller<'_>, ErrorData> {
        Caller::of(&self.doors, context).map_err(|error| protocol_error(&error))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let about = Implementation::new("keystead", env!("CARGO_PKG_VERSION"))
            .with_title("Keystead")
            .with_website_url(self.doors.settings().public_url());
        ServerConfig::new(capabilities).with_server_info(about).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::offered(&self.caller(&context)?)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        tools::call(&self.doors, request, &context).await
    }
}
