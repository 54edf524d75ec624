//! What a deployment decides of the Model Context Protocol.

use crate::support::{Place, mcp};

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const CREATE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_api_key","arguments":{"name":"x"}}}"#;

#[test]
fn a_deployment_can_leave_out_the_creation_of_keys_by_ai_tools() {
    let place = Place::with_ada();
    let token = place.token();
    let server = place.serve(&["--no-mcp-key-creation"]);
    let listed = mcp(&server.url, &token, LIST);
    assert!(listed.contains("revoke_api_key") && !listed.contains("create_api_key"), "{listed}");
    let refused = mcp(&server.url, &token, CREATE);
    assert!(refused.contains("There is no such tool"), "{refused}");
    drop(server);
    let keys = place.ok(&["key", "list", "--user", "ada@example.com", "--json"]);
    assert!(!keys.contains(r#""name":"x""#), "{keys}");

    let server = place.serve(&[]);
    assert!(mcp(&server.url, &token, LIST).contains("create_api_key"));
    assert!(mcp(&server.url, &token, CREATE).contains("Store this token now"));
}
