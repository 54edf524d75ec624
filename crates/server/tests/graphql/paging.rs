//! Lists: pages, filters, and what is refused of them.

use serde_json::{Value, json};

use crate::support::{ADA, BOB, Server};

const LIST: &str = "query($view: ApiKeyView! = MINE, $search: String, $status: ApiKeyStatus, $first: Int, $after: String) {
  apiKeys(view: $view, search: $search, status: $status, first: $first, after: $after) {
    totalCount edges { cursor node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

fn names(answer: &Value) -> Vec<&str> {
    let edges = answer["apiKeys"]["edges"].as_array().unwrap();
    edges.iter().map(|edge| edge["node"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_live_keys_first_and_newest_first() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    for number in 0..5 {
        server.key(BOB, &format!("short {number}"), "7d").await;
    }
    server.advance(8);
    for number in 0..3 {
        server.key(BOB, &format!("long {number}"), "1y").await;
    }
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = server.data(&token, LIST, json!({ "first": 2, "after": after })).await;
        let info = &page["apiKeys"]["pageInfo"];
        assert_eq!(page["apiKeys"]["totalCount"], 9);
        assert_eq!(info["hasPreviousPage"], json!(!after.is_null()));
        assert_eq!(info["endCursor"], page["apiKeys"]["edges"].as_array().unwrap().last().unwrap()["cursor"]);
        seen.extend(names(&page).into_iter().map(str::to_owned));
        after = info["endCursor"].clone();
        if info["hasNextPage"] == false {
            break;
        }
    }
    let expected = [
        "long 2",
        "long 1",
        "long 0",
        "the test's own",
        "short 4",
        "short 3",
        "short 2",
        "short 1",
        "short 0",
    ];
    assert_eq!(seen, expected);
    let end = server.data(&token, LIST, json!({ "after": after })).await;
    assert_eq!((names(&end).len(), &end["apiKeys"]["pageInfo"]["endCursor"]), (0, &Value::Null));
}

#[tokio::test]
async fn filters_combine_and_count() {
    let server = Server::start().await;
    let token = server.token(BOB).await;
    server.key(BOB, "Deploy 100%", "7d").await;
    server.key(BOB, "deploy 1000", "1y").await;
    for (variables, expected) in [
        (json!({ "search": "DEPLOY" }), vec!["deploy 1000", "Deploy 100%"]),
        (json!({ "search": "100%" }), vec!["Deploy 100%"]),
        (json!({ "search": "deploy", "status": "ACTIVE" }), vec!["deploy 1000"]),
        (json!({ "search": "deploy", "status": "EXPIRED" }), vec![]),
        (json!({ "status": "EXPIRING_SOON", "search": "  " }), vec!["Deploy 100%"]),
        (json!({ "search": "' OR ''='" }), vec![]),
    ] {
        let answer = server.data(&token, LIST, variables.clone()).await;
        assert_eq!(names(&answer), expected, "{variables}");
        assert_eq!(answer["apiKeys"]["totalCount"], expected.len());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_list_is_named() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    server.key(ADA, "another", "30d").await;
    let page = server.data(&admin, LIST, json!({ "first": 1 })).await;
    let cursor = page["apiKeys"]["pageInfo"]["endCursor"].as_str().unwrap();
    let mut altered = cursor.to_owned();
    altered.replace_range(0..1, if cursor.starts_with('0') { "1" } else { "0" });
    for (variables, field) in [
        (json!({ "first": 0 }), "first"),
        (json!({ "first": -1 }), "first"),
        (json!({ "first": 101 }), "first"),
        (json!({ "first": i32::MIN }), "first"),
        (json!({ "first": 3_000_000_000_u64 }), "first"),
        (json!({ "first": "2" }), "first"),
        (json!({ "first": 1.5 }), "first"),
        (json!({ "after": "" }), "after"),
        (json!({ "after": "made up" }), "after"),
        (json!({ "after": altered }), "after"),
        (json!({ "after": cursor, "view": "ALL" }), "after"),
        (json!({ "after": cursor, "status": "ACTIVE" }), "after"),
        (json!({ "after": cursor, "search": "another" }), "after"),
        (json!({ "search": "x".repeat(201) }), "search"),
        (json!({ "search": "a\u{0}b" }), "search"),
        (json!({ "status": "REVOKED" }), "status"),
        (json!({ "status": "active" }), "status"),
        (json!({ "view": "THEIRS" }), "view"),
        (json!({ "view": null }), "view"),
    ] {
        let refusal = server.refusal(&admin, LIST, variables.clone()).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())), "{variables}");
    }
    let all = server.data(&admin, LIST, json!({ "first": 100 })).await;
    assert_eq!(names(&all).len(), 2);
    let null = server.data(&admin, LIST, json!({ "first": null })).await;
    assert_eq!(names(&null).len(), 2, "null is as good as nothing");
}
