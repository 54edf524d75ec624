//! A process that has a store of SQLite's for itself tells itself what it changes. If it cannot know what was revoked, it refuses
//! (promise 3). Nodes on PostgreSQL read what there is.

use keystead_test_hosts::DatabaseTool;
use keystead_tests::{Browserless, TestServer};

#[tokio::test]
async fn a_change_that_verification_was_not_told_of_stops_it_until_a_restart() {
    let server = TestServer::start_on_sqlite().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "before", "30d").await;
    let browser = Browserless::signed_in(&server, &ada).await;
    let ready = async |server: &TestServer| {
        server.client.get(format!("{}/readyz", server.url)).send().await.unwrap().status()
    };
    assert_eq!(
        (server.verify(&key.token).await.status().as_u16(), ready(&server).await.as_u16()),
        (200, 200)
    );

    // Somebody else's change: it takes a number, and nobody tells this node what it was.
    let tool = DatabaseTool::on_sqlite(&server.data_dir().join("keystead.db"));
    tool.run("UPDATE feed SET sequence = sequence + 1").await.unwrap();
    server.key(&ada, "after", "30d").await;

    let refused = server.verify(&key.token).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"1".parse().unwrap()));
    assert_eq!(ready(&server).await.as_u16(), 503);
    assert_eq!(
        browser.get("/settings/api-keys").await.status().as_u16(),
        503,
        "the session's user may be gone, too"
    );

    let server = server.restart().await;
    assert_eq!(
        (server.verify(&key.token).await.status().as_u16(), ready(&server).await.as_u16()),
        (200, 200)
    );
}
