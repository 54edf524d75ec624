//! Two organizations side by side (promise 6): neither reads, changes or notices anything of the other.

use keystead_tests::{Form, Session, TestServer};
use reqwest::Response;

const KEYS: &str = "/settings/api-keys";

/// A page without what differs from one time to the next.
async fn shown(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let mut page = answer.text().await.unwrap();
    for start in ["name=\"csrf\" value=\"", "name=\"request_id\" value=\"", "quote request <code>"] {
        while let Some((before, rest)) = page.clone().split_once(start) {
            page = format!(
                "{before}{}",
                rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-')
            );
        }
    }
    (status, page)
}

async fn seen(server: &TestServer, session: &Session, path: &str) -> (u16, String) {
    shown(server.visit(session, path).await).await
}

#[tokio::test]
async fn what_another_organization_owns_is_as_unknown_as_what_nobody_owns() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let theirs = server.key(&ada, "deploy", "30d").await;
    let mine = server.key(&eve, "mine", "30d").await;
    let session = server.session(&eve).await;
    let before = server.snapshot().await;
    let mut unknown = theirs.id.clone();
    unknown.replace_range(24.., "000000000000");
    // Nor by another spelling of an id, nor by an id of something else.
    let spelled = [theirs.id.to_uppercase(), theirs.id.replace('-', ""), ada.id.clone(), eve.id.clone()];
    for door in ["edit", "revoke"] {
        let nothing = seen(&server, &session, &format!("{KEYS}/{unknown}/{door}")).await;
        assert_eq!(nothing.0, 404);
        let fields = [("name", "n"), ("confirm_name", "deploy")];
        let refused = server.submit(&session, &format!("{KEYS}/{unknown}/{door}"), &fields).await;
        let refused = shown(refused).await;
        for id in spelled.iter().chain([&theirs.id]) {
            let path = format!("{KEYS}/{id}/{door}");
            assert_eq!(seen(&server, &session, &path).await, nothing, "{id}");
            let answer = server.submit(&session, &path, &fields).await;
            assert_eq!(shown(answer).await, refused, "{id}");
        }
        let spelled_own = format!("{KEYS}/{}/{door}", mine.id.to_uppercase());
        assert_eq!(seen(&server, &session, &spelled_own).await.0, 404, "an id has one spelling");
    }
    assert_eq!(server.snapshot().await, before);
    assert_eq!(server.verify(&theirs.token).await.status(), 200);
}

#[tokio::test]
async fn nothing_that_one_organization_does_shows_in_what_another_sees() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    server.key(&eve, "hers", "30d").await;
    let session = server.session(&eve).await;
    let pages = [
        "/settings",
        KEYS,
        "/settings/api-keys?view=all",
        "/settings/api-keys?view=all&q=deploy",
        "/settings/api-keys?view=all&q=ks_",
        "/settings/api-keys?view=all&status=active",
        "/settings/api-keys/new",
        "/settings/users",
        "/settings/users?q=mia",
        "/settings/users?q=example.com",
        "/settings/roles",
        "/settings/groups",
        "/settings/email-access",
        "/settings/key-policy",
        "/settings/audit-log",
    ];
    let mut before = Vec::new();
    for page in pages {
        before.push(seen(&server, &session, page).await);
    }
    let mia = server.member("mia@example.com").await;
    for name in ["deploy", "hers", "eve@elsewhere.example"] {
        let key = server.key(&mia, name, "30d").await;
        server.verify(&key.token).await;
    }
    let revoked = server.key(&ada, "deploy", "30d").await;
    server.revoke(&revoked).await;
    server.deactivate(&mia).await;
    for (page, before) in pages.iter().zip(before) {
        assert_eq!(seen(&server, &session, page).await, before, "{page}");
    }
    let metrics = server.visit(&session, "/metrics").await;
    assert_eq!(metrics.status(), 403, "how many keys there are is the operator's to know");
}

#[tokio::test]
async fn members_reach_their_own_keys_only_and_administrators_those_of_their_organization() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let max = server.member("max@example.com").await;
    let key = server.key(&mia, "mias", "30d").await;
    let of_ada = server.key(&ada, "adas", "30d").await;
    let (adas, maxs) = (server.session(&ada).await, server.session(&max).await);
    let before = server.snapshot().await;
    for id in [&key.id, &of_ada.id] {
        for (door, fields) in [("edit", ("name", "n")), ("revoke", ("confirm_name", "mias"))] {
            let path = format!("{KEYS}/{id}/{door}");
            assert_eq!(server.visit(&maxs, &path).await.status(), 404);
            assert_eq!(server.submit(&maxs, &path, &[fields]).await.status(), 404);
        }
    }
    let list = server.visit(&maxs, KEYS).await.text().await.unwrap();
    assert!(!list.contains("mias") && !list.contains("adas"));
    assert_eq!(server.snapshot().await, before);

    let all = server.visit(&adas, "/settings/api-keys?view=all").await.text().await.unwrap();
    assert!(all.contains("mias") && all.contains("adas"));
    let revoke = Form::find_link(&all, "/revoke");
    assert_eq!(server.visit(&adas, &revoke).await.status(), 200);
    let path = format!("{KEYS}/{}/edit", key.id);
    assert_eq!(
        server.submit(&adas, &path, &[("name", "n")]).await.status(),
        403,
        "only its creator edits a key"
    );
    assert_eq!(server.snapshot().await, before);
}
