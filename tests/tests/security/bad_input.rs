//! What people and programs send by mistake or on purpose: a clear error, and nothing changed.

use jiff::SignedDuration;
use keystead_tests::{Form, Session, TestServer};
use reqwest::Response;

const KEYS: &str = "/settings/api-keys";
const NEW: &str = "/settings/api-keys/new";

/// The id of a create form, as the page gives it out.
async fn request_id(server: &TestServer, session: &Session) -> String {
    let page = server.visit(session, NEW).await.text().await.unwrap();
    Form::find(&page, NEW).fields["request_id"].clone()
}

/// Asserts the status and that the page says so, and that the store is as it was.
async fn refused(
    server: &TestServer,
    answer: Response,
    status: u16,
    says: &str,
    before: &keystead_tests::Snapshot,
) {
    assert_eq!(answer.status(), status, "{says}");
    let page = answer.text().await.unwrap();
    assert!(page.contains(says), "{says:?} is not in {page}");
    assert_eq!(&server.snapshot().await, before, "{says}");
}

#[tokio::test]
async fn names_and_descriptions_that_cannot_be_are_refused_and_change_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "30d").await;
    let session = server.session(&ada).await;
    let edit = format!("{KEYS}/{}/edit", key.id);
    let (long, huge) = ("x".repeat(101), "x".repeat(1 << 20));
    let names = [
        ("", 422, "is needed"),
        ("   ", 422, "is needed"),
        (&long, 422, "100 characters at most"),
        ("a\u{0}b", 422, "U+0000"),
        ("a\nb", 422, "U+000A"),
        ("a\u{1b}[31mb", 422, "U+001B"),
        ("safe\u{202E}gnp.exe", 422, "U+202E"),
        ("a\u{200B}b", 422, "U+200B"),
        (&huge, 413, "too large"),
    ];
    let before = server.snapshot().await;
    for (name, status, says) in names {
        let id = request_id(&server, &session).await;
        let fields = [("name", name), ("expiration", "30d"), ("request_id", &id)];
        refused(&server, server.submit(&session, NEW, &fields).await, status, says, &before).await;
        refused(&server, server.submit(&session, &edit, &[("name", name)]).await, status, says, &before)
            .await;
    }
    let description = "x".repeat(501);
    let fields = [("name", "n"), ("description", &*description)];
    refused(&server, server.submit(&session, &edit, &fields).await, 422, "500 characters at most", &before)
        .await;
}

#[tokio::test]
async fn keys_of_one_name_are_told_apart_by_their_ids() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let (one, other) = (server.key(&ada, "deploy", "30d").await, server.key(&ada, "deploy", "30d").await);
    let session = server.session(&ada).await;
    let revoke = format!("{KEYS}/{}/revoke", one.id);
    assert_eq!(server.submit(&session, &revoke, &[("confirm_name", "deploy")]).await.status(), 303);
    assert_eq!(server.verify(&one.token).await.status(), 401);
    assert_eq!(server.verify(&other.token).await.status(), 200);
}

#[tokio::test]
async fn values_that_are_none_of_the_choices_are_refused() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    let before = server.snapshot().await;
    for (query, says) in [
        ("view=everything", "no such view"),
        ("view=ALL", "no such view"),
        ("status=ACTIVE", "no such status"),
        ("status=revoked", "no such status"),
        ("after=0", "not a place in this list"),
    ] {
        let answer = server.visit(&session, &format!("{KEYS}?{query}")).await;
        refused(&server, answer, 422, says, &before).await;
    }
    for expiration in ["31d", "", "never ", "-1", "9999-12-31T23:59:59Z"] {
        let id = request_id(&server, &session).await;
        let fields = [("name", "n"), ("expiration", expiration), ("request_id", &id)];
        let answer = server.submit(&session, NEW, &fields).await;
        refused(&server, answer, 422, "There is no such expiration", &before).await;
    }
    for id in ["", "0", "zz", "00000000-0000-7000-8000-000000000000"] {
        let fields = [("name", "n"), ("expiration", "30d"), ("request_id", id)];
        refused(&server, server.submit(&session, NEW, &fields).await, 422, "Reload the page", &before).await;
    }
}

#[tokio::test]
async fn a_cursor_holds_only_for_the_list_that_gave_it_out() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    for _ in 0..51 {
        server.key(&ada, "deploy", "30d").await;
    }
    let session = server.session(&ada).await;
    let page = server.visit(&session, KEYS).await.text().await.unwrap();
    let (_, after) = page.split_once("after=").expect("a next page");
    let cursor: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    assert_eq!(server.visit(&session, &format!("{KEYS}?after={cursor}")).await.status(), 200);
    for query in ["view=all&", "status=active&", "q=deploy&"] {
        let answer = server.visit(&session, &format!("{KEYS}?{query}after={cursor}")).await;
        assert_eq!(answer.status(), 422, "{query}");
    }
    let others = server.session(&mia).await;
    assert_eq!(server.visit(&others, &format!("{KEYS}?after={cursor}")).await.status(), 422);
    let made_up = format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('0') { '1' } else { '0' });
    assert_eq!(server.visit(&session, &format!("{KEYS}?after={made_up}")).await.status(), 422);
}

#[tokio::test]
async fn an_expired_key_cannot_be_edited_and_can_be_revoked() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "7d").await;
    server.advance(SignedDuration::from_hours(24 * 7));
    let session = server.session(&ada).await;
    let before = server.snapshot().await;
    let answer = server.submit(&session, &format!("{KEYS}/{}/edit", key.id), &[("name", "other")]).await;
    refused(&server, answer, 409, "expired keys cannot be edited", &before).await;
    let revoke = format!("{KEYS}/{}/revoke", key.id);
    assert_eq!(server.submit(&session, &revoke, &[("confirm_name", "deploy")]).await.status(), 303);
}

#[tokio::test]
async fn a_key_is_revoked_under_its_exact_name_only() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "Deploy", "30d").await;
    let session = server.session(&ada).await;
    let before = server.snapshot().await;
    for name in ["", "deploy", "Deploy2", "Deplo", "*", "%", "D\u{435}ploy"] {
        let answer =
            server.submit(&session, &format!("{KEYS}/{}/revoke", key.id), &[("confirm_name", name)]).await;
        refused(&server, answer, 422, "not the key&#39;s name", &before).await;
    }
    assert_eq!(server.verify(&key.token).await.status(), 200);
}

#[tokio::test]
async fn a_form_that_is_sent_again_makes_no_second_key_not_even_after_the_first_was_revoked() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    for made in 1..=5 {
        let id = request_id(&server, &session).await;
        let fields = [("name", "deploy"), ("expiration", "30d"), ("request_id", &*id)];
        let send = || server.submit(&session, NEW, &fields);
        let answers = tokio::join!(send(), send(), send(), send(), send(), send());
        for answer in [answers.0, answers.1, answers.2, answers.3, answers.4, answers.5] {
            assert_eq!(answer.status(), 200);
        }
        assert_eq!(server.snapshot().await.rows("api_keys").len(), made, "six at once made one");
    }

    let id = request_id(&server, &session).await;
    let fields = [("name", "deploy"), ("expiration", "30d"), ("request_id", &*id)];
    assert_eq!(server.submit(&session, NEW, &fields).await.status(), 200);
    let page = server.visit(&session, KEYS).await.text().await.unwrap();
    let revoke = Form::find_link(&page, "/revoke");
    assert_eq!(server.submit(&session, &revoke, &[("confirm_name", "deploy")]).await.status(), 303);
    let before = server.snapshot().await;
    refused(&server, server.submit(&session, NEW, &fields).await, 404, "no such API key", &before).await;
}

#[tokio::test]
async fn of_two_people_who_revoke_at_once_one_is_told_that_it_is_gone() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let (adas, mias) = (server.session(&ada).await, server.session(&mia).await);
    for _ in 0..10 {
        let key = server.key(&mia, "deploy", "30d").await;
        let revoke = format!("{KEYS}/{}/revoke", key.id);
        let confirmed = [("confirm_name", "deploy")];
        let (one, other) = tokio::join!(
            server.submit(&adas, &revoke, &confirmed),
            server.submit(&mias, &revoke, &confirmed)
        );
        let mut statuses = [one.status().as_u16(), other.status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 404]);
        assert_eq!(server.verify(&key.token).await.status(), 401);
    }
    let events = server.snapshot().await;
    let revoked = events.rows("audit_events").iter().filter(|event| event.contains("key.revoked"));
    assert_eq!(revoked.count(), 10, "each revocation happened once");
}
