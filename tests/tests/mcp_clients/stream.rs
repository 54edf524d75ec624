//! Streams that stay open.

use keystead_tests::{McpClient, McpLibrary};
use serde_json::json;

use crate::Fixture;

const CHANGED: &str = "notifications/resources/list_changed";

#[tokio::test]
async fn a_listening_tool_hears_of_its_users_keys_until_its_own_is_revoked() {
    let fixture = Fixture::start().await;
    for library in McpLibrary::CURRENT {
        let key = fixture.server.key(&fixture.ada, "listener", "30d").await;
        let mut client = McpClient::connect(library, &fixture.address(), &key.token).await;
        let heard = client.call("listen", json!({})).await.ok();
        assert_eq!(heard["resourcesListChanged"], true, "{library:?}");

        let other = fixture.server.key(&fixture.ada, "another", "30d").await;
        client.event(CHANGED).await;
        fixture.server.revoke(&other).await;
        client.event(CHANGED).await;

        fixture.server.revoke(&key).await;
        client.event("ended").await;
        fixture.server.key(&fixture.ada, "unheard of", "30d").await;
        let after = client.call("tools", json!({})).await;
        assert!(after.result.is_err() && after.statuses.contains(&401), "{library:?}: {after:?}");
        assert_eq!(client.events(), [""; 0], "{library:?}: nothing more is heard");
    }
}
