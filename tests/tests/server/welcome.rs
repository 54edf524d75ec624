//! Invitations that GraphQL sends, through a real SMTP server.

#![expect(clippy::unwrap_used, reason = "a test stops where what it needs is not there")]

use keystead_app::{Deployment, Mailer};
use keystead_tests::{SmtpSink, TestServer};
use serde_json::{Value, json};

async fn data(server: &TestServer, token: &str, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables });
    let answer = server.post("/graphql").bearer_auth(token).json(&body).send().await.unwrap();
    let mut answer: Value = answer.json().await.unwrap();
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer["data"].take()
}

#[tokio::test]
async fn whoever_is_invited_or_welcomed_is_mailed_a_link_and_whoever_is_there_already_is_not() {
    let mut sink = SmtpSink::start().await;
    let mailer = Mailer::new(&sink.url(), "Keystead <keystead@keys.example.com>").unwrap();
    let server = TestServer::start_with(Deployment { mailer: Some(mailer), ..Deployment::default() }).await;
    let ada = server.administrator("ada@example.com").await;
    let token = server.key(&ada, "the test's own", "never").await.token;

    let invite = "mutation { inviteUser(input: { email: \"cy@example.com\" }) { invitationUrl mailed } }";
    let invited = data(&server, &token, invite, json!({})).await;
    assert_eq!(invited["inviteUser"]["mailed"], true);
    let mail = sink.next_message().await;
    assert_eq!(json!(mail.link()), invited["inviteUser"]["invitationUrl"], "the link of the answer");
    assert!(mail.header("To").contains("cy@example.com"));

    let create = "mutation($input: CreateUsersInput!) { createUsers(input: $input) { status { code } } }";
    let silent = json!({ "input": { "emails": ["eli@example.com"] } });
    data(&server, &token, create, silent).await;
    let emails = json!(["di@example.com", "ada@example.com", "cy@example.com", "fay@example.com"]);
    let input = json!({ "input": { "emails": emails, "sendWelcomeEmail": true } });
    let created = data(&server, &token, create, input).await;
    assert_eq!(created["createUsers"]["status"]["code"], "OK");
    let mut welcomed = [sink.next_message().await, sink.next_message().await]
        .map(|mail| (mail.header("To").to_owned(), mail.link().to_owned()));
    welcomed.sort();
    for ((to, link), email) in welcomed.iter().zip(["di@example.com", "fay@example.com"]) {
        assert!(to.contains(email), "{to}");
        assert!(link.starts_with(&format!("{}/invitation/", server.url)), "{link}");
    }
    assert_ne!(welcomed[0].1, welcomed[1].1, "each has a link of their own");
    assert!(sink.messages().is_empty(), "and nobody else is mailed");
}
