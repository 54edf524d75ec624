//! Nothing that one request holds keeps the server busy, or ends it.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;

use crate::support::{ADA, BOB, Credential as _, Server, post};

/// Far more than any refusal takes, even unoptimized on a busy machine; far less than what is refused would.
const AT_ONCE: Duration = Duration::from_secs(5);

async fn refused(server: &Server, token: &str, query: &str) -> String {
    let start = Instant::now();
    let answer = server.query(token, query, json!({})).await;
    assert!(start.elapsed() < AT_ONCE, "{} took {:?}", &query[..40], start.elapsed());
    assert_eq!(answer.get("data"), None, "it was executed");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    answer["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_body_of_more_than_256_kib_is_refused_whether_it_is_a_little_more_or_more_than_is_waited_for() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let body = |length: usize| {
        let bare = json!({ "query": "{ __typename }#" }).to_string().len();
        json!({ "query": format!("{{ __typename }}#{}", "x".repeat(length - bare)) }).to_string()
    };
    assert_eq!(server.send(post().bearer(&token), body(256 * 1024)).await.status, StatusCode::OK);
    for length in [256 * 1024 + 1, 4 * 1024 * 1024, 5 * 1024 * 1024] {
        let reply = server.send(post().bearer(&token), body(length)).await;
        assert_eq!((reply.status, reply.code().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "BAD_USER_INPUT"));
        assert!(reply.text.contains("262144 bytes at most"), "{}", reply.text);
    }
}

#[tokio::test]
async fn nesting_of_any_depth_is_refused_without_harm() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    for open in [
        "[",
        "{\"query\":",
        "{\"query\":\"\",\"variables\":{\"a\":",
        "{\"query\":\"\",\"variables\":{\"a\":[",
    ] {
        for depth in [200, 5_000, 100_000] {
            let body = if depth == 200 || open.len() == 1 {
                open.repeat(depth)
            } else {
                open.to_owned() + &"[".repeat(depth)
            };
            let reply = server.send(post().bearer(&token), body).await;
            assert!(
                matches!(reply.status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE),
                "{open} {depth}"
            );
        }
    }
    for open in ["{", "{a", "{a(b:[", "{a(b:{c:", "query($a:[", "{...{", "{...on Query{", "[", "("] {
        for length in [1_000, 50_000] {
            let query = open.repeat(length / open.len());
            assert!(refused(&server, &token, &query).await.contains("too deep"), "{open}");
        }
    }
    // As deep as may be: it must fit the stack.
    let value = format!("{{ apiKey(id: {}{}) {{ id }} }}", "[".repeat(46), "]".repeat(46));
    refused(&server, &token, &value).await;
    let nested = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let body = format!(
        r#"{{ "query": "query($id: ID!) {{ apiKey(id: $id) {{ id }} }}", "variables": {{ "id": {nested} }} }}"#
    );
    let reply = server.send(post().bearer(&token), body).await;
    assert_eq!((reply.status, reply.code().as_str()), (StatusCode::OK, "BAD_USER_INPUT"));
}

#[tokio::test]
async fn amplification_is_refused_before_anything_is_resolved() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let many = |count: usize, field: &str| {
        let fields = (0..count).map(|n| format!("a{n}:{field} ")).collect::<Vec<_>>().concat();
        format!("{{{fields}}}")
    };
    assert!(refused(&server, &token, &many(4_500, "id")).await.contains("tokens"));
    assert!(refused(&server, &token, &many(1_300, "currentUser{id}")).await.contains("tokens"));
    assert!(refused(&server, &token, &many(60, "apiKeys{totalCount}")).await.contains("complex"));
    assert!(refused(&server, &token, &many(50, "apiKey(id:\"x\"){id}")).await.contains("complex"));
    assert!(refused(&server, &token, &many(5, "__schema{types{name}}")).await.contains("schema too often"));
    let mutations = many(10, "createApiKey(input:{name:\"k\"}){token}");
    assert!(refused(&server, &token, &format!("mutation {mutations}")).await.contains("complex"));
    let directives = format!("{{ __typename {} }}", "@include(if:true)".repeat(700));
    assert!(refused(&server, &token, &directives).await.contains("tokens"));
    let directives = format!("{{ currentUser {} {{ id }} }}", "@a".repeat(1_500));
    refused(&server, &token, &directives).await;

    let bomb: String = (0..20)
        .map(|n| format!("fragment f{n} on Query {{ {} }} ", format!("...f{} ", n + 1).repeat(20)))
        .chain(["fragment f20 on Query { currentUser { id } }".to_owned()])
        .collect();
    assert!(refused(&server, &token, &format!("{{ ...f0 }} {bomb}")).await.contains("too long"));
    let ring = "{ ...f } fragment f on Query { ...g } fragment g on Query { ...f }";
    refused(&server, &token, ring).await;
    let deep =
        format!("{{ __schema {{ types {} name {} }} }}", "{ fields { type ".repeat(8), "} }".repeat(8));
    refused(&server, &token, &deep.replace("name", "{ name }")).await;

    let count = server.data(&token, "{ apiKeys { totalCount } }", json!({})).await;
    assert_eq!(count["apiKeys"]["totalCount"], 1, "no key was made");
}

#[tokio::test]
async fn a_list_costs_what_its_page_can_hold_however_its_size_is_said() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let page = |arguments: &str| {
        let fields = "name description status maskedToken createdAt expiresAt createdBy { name email } ";
        let aliased = (0..6).map(|n| format!("a{n}: nodes {{ {fields} }} ")).collect::<Vec<_>>().concat();
        format!("query($first: Int = 100) {{ apiKeys({arguments}) {{ {aliased} }} }}")
    };
    assert!(
        refused(&server, &token, &page("first: 100, search: \"x\"").replace("($first: Int = 100)", ""))
            .await
            .contains("complex")
    );
    assert!(refused(&server, &token, &page("first: $first")).await.contains("complex"));
    server.data(&token, &page("first: $first"), json!({ "first": 10 })).await;
}

/// What people and tools really send must pass.
#[tokio::test]
async fn the_usual_introspection_and_the_fullest_page_are_within_the_limits() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    let types = "kind name ofType { ".repeat(9) + "kind name" + &" }".repeat(9);
    let introspection = format!(
        "query IntrospectionQuery {{ __schema {{ description queryType {{ name }} mutationType {{ name }} \
         subscriptionType {{ name }} types {{ ...FullType }} directives {{ name description isRepeatable locations \
         args(includeDeprecated: true) {{ ...InputValue }} }} }} }}
         fragment FullType on __Type {{ kind name description specifiedByURL \
         fields(includeDeprecated: true) {{ name description args(includeDeprecated: true) {{ ...InputValue }} \
         type {{ ...TypeRef }} isDeprecated deprecationReason }} \
         inputFields(includeDeprecated: true) {{ ...InputValue }} interfaces {{ ...TypeRef }} \
         enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }} \
         possibleTypes {{ ...TypeRef }} }}
         fragment InputValue on __InputValue {{ name description type {{ ...TypeRef }} defaultValue isDeprecated \
         deprecationReason }}
         fragment TypeRef on __Type {{ {types} }}"
    );
    let schema = server.data(&token, &introspection, json!({})).await;
    assert_eq!(schema["__schema"]["queryType"]["name"], "Query");
    let fullest = "{ apiKeys(first: 100) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } \
                   edges { cursor node { id name description maskedToken status allowImpersonation createdAt expiresAt \
                   lastUsedAt createdBy { id email name profilePicture active creationTimestamp \
                   lastActiveSessionTimestamp roleAssignments { roleId scopes } permissions \
                   userAttributes { key value source } isScimManaged } } } } }";
    server.data(&token, fullest, json!({})).await;
    let admin = server.token(ADA).await;
    let person = "id email name profilePicture active standing creationTimestamp lastActiveSessionTimestamp \
                  roleAssignments { roleId scopes } inheritedRoleAssignments { roleId scopes group { id name } } \
                  groups { id name } permissions userAttributes { key value source } isScimManaged";
    let page = "pageInfo { hasNextPage endCursor }";
    for query in [
        format!("{{ users(first: 100) {{ {page} edges {{ cursor node {{ {person} }} }} }} }}"),
        format!("{{ listUsers {{ {person} }} }}"),
        "{ userGroups { id name roleAssignments { roleId scopes } memberCount members { id email } } }"
            .to_owned(),
        "{ roles { id name description permissions origin takesScopes } }".to_owned(),
    ] {
        server.data(&admin, &query, json!({})).await;
    }
}
