//! What `/metrics` shows, and what it never shows.

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_tests::TestServer;

#[tokio::test]
async fn every_figure_that_an_operator_needs_is_there_and_nothing_that_a_caller_sent() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let roles = vec!["administrator".to_owned(), "site_administrator".to_owned()];
    server.operate(Command::UserSetRoles { email: ada.email.clone(), organization: None, roles }).await;
    let key = server.key(&ada, "prometheus", "30d").await;
    let short = server.key(&ada, "short", "7d").await;
    server.advance(SignedDuration::from_hours(24 * 7));
    assert_eq!(server.verify(&key.token).await.status(), 200);
    assert_eq!(server.verify("canary_from_a_caller").await.status(), 401);
    assert_eq!(server.verify(&short.token).await.status(), 401);
    let path = format!("{}/canary_in_the_path", server.url);
    assert_eq!(server.client.get(path).send().await.unwrap().status(), 404);

    let answer =
        server.client.get(format!("{}/metrics", server.url)).bearer_auth(&key.token).send().await.unwrap();
    let text = answer.text().await.unwrap();
    for line in [
        "keystead_verifications_total{outcome=\"accepted\"} 2",
        "keystead_verifications_total{outcome=\"unknown\"} 1",
        "keystead_verifications_total{outcome=\"expired\"} 1",
        "keystead_verification_duration_seconds_count 4",
        "keystead_http_requests_total{status=\"4xx\"} 1",
        "keystead_http_request_duration_seconds_count 1",
        "keystead_keys 2",
        "keystead_users 1",
        "keystead_feed_lag_changes 0",
        "keystead_feed_sequence_total 5",
        "keystead_last_used_sweep_age_milliseconds 604800000",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("canary"));
}

#[tokio::test]
async fn after_a_restart_verification_is_as_far_as_the_store() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    server.key(&ada, "one", "30d").await;
    let server = server.restart().await;
    assert_eq!((server.app.directory().sequence(), server.app.feed_lag()), (3, 0));
}
