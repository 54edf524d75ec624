//! A clock that is set back: nothing breaks, nothing goes backwards.

use jiff::SignedDuration;
use keystead_tests::TestServer;

#[tokio::test]
async fn ids_go_up_and_last_use_never_goes_back_when_the_clock_does() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let first = server.key(&ada, "older key", "30d").await;
    assert_eq!(server.verify(&first.token).await.status(), 200);
    server.app.sweep_last_used().await.unwrap();
    let used = |snapshot: keystead_tests::Snapshot| snapshot.rows("api_keys").to_vec();
    let before = used(server.snapshot().await);

    server.advance(SignedDuration::from_hours(-48));
    assert_eq!(server.verify(&first.token).await.status(), 200);
    server.app.sweep_last_used().await.unwrap();
    assert_eq!(used(server.snapshot().await), before, "last used stays where it was");

    let second = server.key(&ada, "newer key", "30d").await;
    assert!(second.id > first.id, "newest first stays newest first");
    assert_eq!(server.verify(&second.token).await.status(), 200);
    let session = server.session(&ada).await;
    let page = server.visit(&session, "/settings/api-keys").await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.find("newer key") < page.find("older key"));
}

#[tokio::test]
async fn a_wait_for_signing_in_and_a_session_end_as_they_would_have() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    server.advance(SignedDuration::from_hours(-1));
    assert_eq!(server.visit(&session, "/settings").await.status(), 200);
    server.advance(SignedDuration::from_hours(13));
    assert_eq!(server.visit(&session, "/settings").await.status(), 303, "12 h after its last use");
}
