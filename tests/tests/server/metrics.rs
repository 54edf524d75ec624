//! What `/metrics` shows, and what it never shows.

use jiff::SignedDuration;
use keystead_app::Deployment;
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

#[tokio::test]
async fn checks_of_sessions_are_counted_by_their_outcome_and_name_nobody() {
    let server = TestServer::start_with(Deployment { impersonation: true, ..Deployment::default() }).await;
    let ada = server.administrator("ada@example.com").await;
    server.member("canary@example.com").await;
    let roles = vec!["administrator".to_owned(), "site_administrator".to_owned()];
    server.operate(Command::UserSetRoles { email: ada.email.clone(), organization: None, roles }).await;
    let key = server.key(&ada, "prometheus", "30d").await;
    let embed = server.impersonation_key(&ada, "canary").await;
    let [first, second] =
        [server.mint(&embed, "canary@example.com").await, server.mint(&embed, "canary@example.com").await];
    let check = async |token: &str| server.verify(token).await.status().as_u16();
    assert_eq!([check(&first).await, check(&second).await, check(&first).await], [200; 3]);
    // None of ours, but with the form of one.
    let changed = format!("{}B", &first[..first.len() - 1]);
    assert_eq!(check(&changed).await, 401);
    server.advance(SignedDuration::from_hours(2));
    assert_eq!(check(&first).await, 401);
    let third = server.mint(&embed, "canary@example.com").await;
    server.revoke(&embed).await;
    assert_eq!(check(&third).await, 401);
    assert_eq!(check("canary.of.nobody").await, 401);

    let metrics = server.get("/metrics").bearer_auth(&key.token).send().await.unwrap().text().await.unwrap();
    let line = |outcome: &str| {
        let name = format!("keystead_session_checks_total{{outcome=\"{outcome}\"}} ");
        let found = metrics.lines().find_map(|line| line.strip_prefix(&name));
        found.unwrap_or_else(|| panic!("{name} is not in\n{metrics}")).parse::<u32>().unwrap()
    };
    let [accepted, ended, expired, unavailable] = ["accepted", "ended", "expired", "unavailable"].map(line);
    assert_eq!((accepted, expired, unavailable), (3, 1, 0));
    assert!((2..=3).contains(&ended), "{ended}");
    assert!(
        metrics.contains("keystead_verifications_total{outcome=\"accepted\"} 1"),
        "a session is no key:\n{metrics}"
    );
    assert!(!metrics.contains("canary") && !metrics.contains(&embed.id));
}
