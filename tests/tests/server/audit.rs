//! The audit log through its doors: who may see it, what they see, what they may take along (promises 6 and 10).

#![expect(clippy::unwrap_used, reason = "helpers fail as tests do")]

use keystead_domain::audit::{CopyCheck, Line, parse_line};
use keystead_tests::{Session, TestServer, TestUser};
use serde_json::{Value, json};

const LOG: &str = "/settings/audit-log";
const EXPORT: &str = "/settings/audit-log/export";

async fn text(server: &TestServer, session: &Session, path: &str) -> String {
    let answer = server.visit(session, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

async fn exported(server: &TestServer, session: &Session, fields: &[(&str, &str)]) -> String {
    let answer = server.submit(session, EXPORT, fields).await;
    assert_eq!(answer.status(), 200, "{fields:?}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename="));
    answer.text().await.unwrap()
}

async fn graphql(server: &TestServer, token: &str, query: &str) -> Value {
    let request = server.post("/graphql").bearer_auth(token).json(&json!({ "query": query }));
    request.send().await.unwrap().json().await.unwrap()
}

struct World {
    server: TestServer,
    administrator: TestUser,
    member: TestUser,
}

async fn world() -> World {
    let server = TestServer::start().await;
    let administrator = server.administrator("ada@example.com").await;
    let member = server.member("mia@example.com").await;
    World { server, administrator, member }
}

#[tokio::test]
async fn a_member_finds_neither_the_page_nor_a_link_nor_a_copy_nor_the_field() {
    let World { server, administrator, member } = world().await;
    let (ada, mia) = (server.session(&administrator).await, server.session(&member).await);
    assert!(text(&server, &ada, "/settings").await.contains(LOG));
    assert!(!text(&server, &mia, "/settings").await.contains(LOG));
    for path in [LOG, "/settings/audit-log?user=nobody", "/settings/audit-log?after=junk"] {
        assert_eq!(server.visit(&mia, path).await.status(), 403, "{path}");
    }
    let before = server.snapshot().await;
    assert_eq!(server.submit(&mia, EXPORT, &[("format", "csv")]).await.status(), 403);
    let key = server.key(&member, "mia's", "30d").await;
    let answer =
        graphql(&server, &key.token, "{ auditEvents(actions: [\"junk\"]) { nodes { action } } }").await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
    let after = server.snapshot().await;
    let changed = after.changed_since(&before);
    assert!(changed.contains(&"api_keys"), "only the key was made: {changed:?}");
    assert_eq!(after.rows("audit_events").len(), before.rows("audit_events").len() + 1);
}

#[tokio::test]
async fn the_page_says_who_did_what_through_what_and_filters_it() {
    let World { server, administrator, member } = world().await;
    let key = server.key(&member, "CI <deploy>", "30d").await;
    server.revoke(&key).await;
    let ada = server.session(&administrator).await;
    let page = text(&server, &ada, LOG).await;
    for expected in
        ["Revoked API key", "CI &#60;deploy&#62;", "Command line", "Signed in", "ada@example.com", "Sign-in"]
    {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("CI <deploy>"), "escaped");
    let rows = |page: &str| page.matches("<tr role=\"row\" id=\"event-").count();
    let only = |query: &str| format!("{LOG}?{query}");
    assert_eq!(rows(&text(&server, &ada, &only("action=key.revoked")).await), 1);
    assert_eq!(rows(&text(&server, &ada, &only("action=key.revoked&action=key.created")).await), 2);
    assert_eq!(rows(&text(&server, &ada, &only(&format!("target={}", key.id))).await), 2);
    let by_ada = text(&server, &ada, &only("user=ada%40example.com")).await;
    assert!(rows(&by_ada) >= 1 && !by_ada.contains("Revoked API key</span>"), "{by_ada}");
    assert_eq!(rows(&text(&server, &ada, &only("via=key")).await), 0);
    assert!(text(&server, &ada, &only("to=2020-01-01")).await.contains("No event matches"));
    for (bad, says) in [
        ("user=eve%40example.com", "Nobody here has that address"),
        ("action=junk", "no such action"),
        ("from=yesterday", "Write a day"),
        ("target=1", "not an id"),
    ] {
        let answer = server.visit(&ada, &only(bad)).await;
        assert_eq!(answer.status(), 422, "{bad}");
        assert!(answer.text().await.unwrap().contains(says), "{bad}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_to_the_beginning_without_a_gap() {
    let World { server, administrator, member } = world().await;
    for _ in 0..60 {
        server.key(&member, "key", "30d").await;
    }
    let ada = server.session(&administrator).await;
    let mut seen = Vec::new();
    let mut path = LOG.to_owned();
    loop {
        let page = text(&server, &ada, &path).await;
        let numbers = page
            .match_indices("id=\"event-")
            .map(|(at, start)| page[at + start.len()..].split('"').next().unwrap().parse::<i64>().unwrap());
        seen.extend(numbers);
        let Some(at) = page.find("rel=\"next\"") else { break };
        let tag = &page[page[..at].rfind("<a ").unwrap()..at];
        path = tag.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    }
    let expected: Vec<_> = (1..=*seen.first().unwrap()).rev().collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_spreadsheet_finds_no_formula_in_a_copy() {
    let World { server, administrator, member } = world().await;
    let names = ["=HYPERLINK(\"http://evil.example\")", "+1", "-1", "@SUM(A1)", "\"quoted\", with comma"];
    for name in names {
        server.key(&member, name, "30d").await;
    }
    let ada = server.session(&administrator).await;
    let csv = exported(&server, &ada, &[("format", "csv")]).await;
    assert!(csv.starts_with("number,at,user,"));
    assert!(csv.contains(",\"'=HYPERLINK(\"\"http://evil.example\"\")\","), "{csv}");
    assert!(csv.contains(",'+1,") && csv.contains(",'-1,") && csv.contains(",'@SUM(A1),"), "{csv}");
    assert!(csv.contains(",\"\"\"quoted\"\", with comma\","), "{csv}");
    for line in csv.lines() {
        let cells = line.split(',').map(|cell| cell.trim_start_matches('"'));
        assert!(cells.clone().all(|cell| !cell.starts_with(['=', '+', '@'])), "{line}");
    }
}

#[tokio::test]
async fn a_copy_can_be_checked_alone_and_notes_that_it_was_taken() {
    let World { server, administrator, member } = world().await;
    for _ in 0..3 {
        server.key(&member, "key", "30d").await;
    }
    let ada = server.session(&administrator).await;
    let copy = exported(&server, &ada, &[("format", "jsonl")]).await;
    let mut check = CopyCheck::new(vec![server.app.audit_public_key()], Vec::new());
    for line in copy.lines() {
        check.line(line).unwrap();
    }
    let checked = check.finish().unwrap();
    assert_eq!(usize::try_from(checked.end.sequence).unwrap() + 1, copy.lines().count());
    let Ok(Line::Event(last, _)) = parse_line(copy.lines().nth_back(1).unwrap()) else { panic!("{copy}") };
    assert_eq!(last.action, "audit_log.exported");
    assert_eq!(last.user.map(|user| user.to_string()), Some(administrator.id));

    let filtered = exported(&server, &ada, &[("format", "jsonl"), ("action", "key.created")]).await;
    assert_eq!(filtered.lines().count(), 3);
    assert!(!filtered.contains("signature"), "it leaves events out");
    let noted = exported(&server, &ada, &[("format", "jsonl"), ("action", "audit_log.exported")]).await;
    assert!(noted.lines().nth(1).unwrap().contains("\"actions\":[\"key.created\"]"), "{noted}");
}

#[tokio::test]
async fn a_copy_without_the_forms_token_is_not_taken() {
    let World { server, administrator, .. } = world().await;
    let ada = server.session(&administrator).await;
    let before = server.snapshot().await;
    let stolen = server.post(EXPORT).header("cookie", &ada.cookie).form(&[("format", "csv"), ("csrf", "00")]);
    assert_eq!(stolen.send().await.unwrap().status(), 403);
    assert_eq!(server.visit(&ada, EXPORT).await.status(), 405);
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn nothing_of_another_organization_is_shown_copied_or_found() {
    let World { server, administrator, member } = world().await;
    let key = server.key(&member, "of ours", "30d").await;
    let outsider = server.organization("Elsewhere", "oto@example.org").await;
    let oto = server.session(&outsider).await;
    let theirs = server.key(&outsider, "of theirs", "30d").await;
    for path in [
        LOG.to_owned(),
        format!("{LOG}?target={}", key.id),
        format!("{LOG}?user={}", member.id),
        format!("{LOG}?user={}", administrator.id),
    ] {
        let page = text(&server, &oto, &path).await;
        assert!(!page.contains("of ours") && !page.contains("mia@example.com"), "{path}");
    }
    assert_eq!(
        server.visit(&oto, &format!("{LOG}?user=mia%40example.com")).await.status(),
        422,
        "nobody there"
    );
    for format in ["csv", "jsonl"] {
        let copy = exported(&server, &oto, &[("format", format)]).await;
        assert!(copy.contains("of theirs") && !copy.contains("of ours") && !copy.contains(&member.id));
    }
    let query = format!("{{ auditEvents(targetId: \"{}\") {{ nodes {{ sequence }} }} }}", key.id);
    let answer = graphql(&server, &theirs.token, &query).await;
    assert_eq!(answer["data"]["auditEvents"]["nodes"], json!([]), "{answer}");
}

#[tokio::test]
async fn graphql_tells_the_same_with_names_and_cursors() {
    let World { server, administrator, member } = world().await;
    let key = server.key(&administrator, "CI", "30d").await;
    let made = graphql(
        &server,
        &key.token,
        "mutation { createApiKey(input: { name: \"by CI\", expiration: DAYS_30 }) { apiKey { id } } }",
    )
    .await;
    assert!(made["errors"].is_null(), "{made}");
    let fields = "edges { cursor node { sequence action via viaName user { name email deleted } details } } \
                  pageInfo { hasNextPage endCursor }";
    let query = format!("{{ auditEvents(first: 1, actions: [\"key.created\"]) {{ {fields} }} }}");
    let first = graphql(&server, &key.token, &query).await["data"]["auditEvents"].clone();
    let node = &first["edges"][0]["node"];
    assert_eq!((&node["via"], &node["viaName"]), (&json!("key"), &json!("CI")));
    assert_eq!(node["user"]["email"], "ada@example.com");
    assert!(node["details"].as_str().unwrap().contains("by CI"));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let after = first["pageInfo"]["endCursor"].as_str().unwrap();
    let query =
        format!("{{ auditEvents(first: 1, actions: [\"key.created\"], after: \"{after}\") {{ {fields} }} }}");
    let second = graphql(&server, &key.token, &query).await["data"]["auditEvents"].clone();
    assert_eq!(second["edges"][0]["node"]["via"], "operator");
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
    for bad in [
        format!("actions: [\"key.revoked\"], after: \"{after}\""),
        "first: 101".to_owned(),
        "actions: [\"junk\"]".to_owned(),
        "userId: \"junk\"".to_owned(),
        "from: \"2026-11-24T00:00:00Z\", to: \"2026-11-23T00:00:00Z\"".to_owned(),
    ] {
        let answer =
            graphql(&server, &key.token, &format!("{{ auditEvents({bad}) {{ nodes {{ action }} }} }}")).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{bad}: {answer}");
    }
    drop(member);
}
