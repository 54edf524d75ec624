//! A row that cannot be read is a fault of its own, and takes nothing else with it.

use keystead_tests::TestServer;
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_who_cannot_be_read_does_not_end_the_list_of_the_others() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "the test's own", "never").await.token;
    for name in ["bob", "cy", "di", "eli"] {
        server.member(&format!("{name}@example.com")).await;
    }
    let mut database = server.database(false).await;
    for statement in
        ["PRAGMA ignore_check_constraints = ON", "UPDATE users SET attributes = '{' WHERE email LIKE 'di@%'"]
    {
        sqlx::query(statement).execute(&mut database).await.unwrap();
    }
    drop(database);

    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = "query($after: String) { users(first: 2, after: $after) { nodes { email } pageInfo { hasNextPage endCursor } } }";
        let body = json!({ "query": query, "variables": { "after": after } });
        let answer = server.post("/graphql").bearer_auth(&token).json(&body).send().await.unwrap();
        let page = answer.json::<Value>().await.unwrap()["data"]["users"].take();
        let nodes = page["nodes"].as_array().unwrap();
        seen.extend(nodes.iter().map(|user| user["email"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(seen, ["eli@example.com", "cy@example.com", "bob@example.com", "ada@example.com"]);
}
