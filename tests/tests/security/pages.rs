//! What people type is shown as text, and no page would run it if it were not.

use keystead_tests::{Browserless, Form, TestServer};

const PAYLOADS: [&str; 4] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "</textarea></title><svg onload=alert(1)>",
];

fn assert_inert(page: &str, payload: &str, place: &str) {
    assert!(!page.contains(payload), "{payload} stands in {place}");
}

#[tokio::test]
async fn markup_that_people_type_is_shown_and_not_obeyed() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    for payload in PAYLOADS {
        let page = server.visit(&session, "/settings/api-keys/new").await.text().await.unwrap();
        let id = Form::find(&page, "/settings/api-keys/new").fields["request_id"].clone();
        let fields =
            [("name", payload), ("description", payload), ("expiration", "30d"), ("request_id", &*id)];
        for answer in ["created", "created already"] {
            let page = server.submit(&session, "/settings/api-keys/new", &fields).await.text().await.unwrap();
            assert!(page.contains("alert(1)"), "it is shown");
            assert_inert(&page, payload, answer);
        }
        let list = server.visit(&session, "/settings/api-keys?view=all").await.text().await.unwrap();
        assert_inert(&list, payload, "the list");
        for door in ["/edit", "/revoke"] {
            let path = Form::find_link(&list, door);
            let almost = format!("{payload}!");
            let wrong =
                [("name", ""), ("description", payload), ("confirm_name", &almost), ("csrf", payload)];
            let pages = [
                server.visit(&session, &path).await,
                server.submit(&session, &path, &wrong[..3]).await,
                server.post(&path).header("cookie", &session.cookie).form(&wrong).send().await.unwrap(),
            ];
            for page in pages {
                assert_inert(&page.text().await.unwrap(), payload, door);
            }
        }
        let revoke = Form::find_link(&list, "/revoke");
        assert_eq!(server.submit(&session, &revoke, &[("confirm_name", payload)]).await.status(), 303);
        let queries = ["q", "view", "status", "after", "done", "fresh", "next"];
        for query in queries {
            for path in ["/settings/api-keys", "/sign-in"] {
                let request = server.get(path).query(&[(query, payload)]).header("cookie", &session.cookie);
                let page = request.send().await.unwrap().text().await.unwrap();
                assert_inert(&page, payload, &format!("{path}?{query}"));
            }
        }
        let page = Browserless::new(&server).sign_in(payload, payload).await.text().await.unwrap();
        assert_inert(&page, payload, "the sign-in form");
    }
}

#[tokio::test]
async fn names_of_people_and_organizations_are_shown_and_not_obeyed() {
    for payload in PAYLOADS {
        let server = TestServer::start().await;
        let code = server.app.create_set_up_link().await.unwrap();
        let path = format!("/setup/{}", code.expose());
        let browser = Browserless::new(&server);
        let form = browser.form(&path, "/setup/").await.with("organization", payload).with("name", payload);
        let page = browser.post(&form.clone().with("email", payload).with("password", payload)).await;
        assert_inert(&page.text().await.unwrap(), payload, "the set-up form");
        let form = form.with("email", "ada@example.com").with("password", TestServer::PASSWORD);
        assert_eq!(browser.post(&form).await.status(), 303);
        for path in ["/settings", "/settings/api-keys", "/settings/api-keys?view=all"] {
            let page = browser.get(path).await.text().await.unwrap();
            assert!(path != "/settings" || page.contains("alert(1)"));
            assert_inert(&page, payload, path);
        }
    }
}

#[tokio::test]
async fn every_page_says_that_it_is_private_runs_nothing_inline_and_is_framed_by_nobody() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "30d").await;
    let session = server.session(&ada).await;
    let code = server.sign_in_code(&ada).await;
    let (edit, revoke) =
        (format!("/settings/api-keys/{}/edit", key.id), format!("/settings/api-keys/{}/revoke", key.id));
    let link = format!("/sign-in/link/{code}");
    let mut pages = Vec::new();
    for path in [
        "/settings",
        "/settings/api-keys",
        "/settings/api-keys/new",
        "/settings/api-keys?view=x",
        "/settings/api-keys/x/edit",
        &edit,
        &revoke,
        "/settings/account",
        "/settings/account/password",
        "/settings/account/sessions",
        "/forgot-password",
        "/forgot-password?done=sent",
        "/invitation/x",
        "/reset-password/x",
        "/sign-in",
        &link,
        "/sign-in/link/x",
        "/setup/x",
        "/nothing",
    ] {
        pages.push((path.to_owned(), server.visit(&session, path).await));
    }
    pages.push(("a wrong name".to_owned(), server.submit(&session, &revoke, &[("confirm_name", "x")]).await));
    pages.push((
        "a form too many".to_owned(),
        server.submit(&session, &edit, &[("name", &"x".repeat(70_000))]).await,
    ));
    pages.push((
        "no form".to_owned(),
        server.post(&edit).header("cookie", &session.cookie).send().await.unwrap(),
    ));
    for (page, answer) in pages {
        let header = |name: &str| answer.headers().get(name).map_or("", |value| value.to_str().unwrap());
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.split("; ").any(|directive| directive == part), "{page}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{page}: {policy}");
        assert_eq!(header("cache-control"), "no-store", "{page}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{page}");
        assert_eq!(header("x-frame-options"), "DENY", "{page}");
        assert_eq!(header("referrer-policy"), "same-origin", "{page}");
        assert!(header("content-type").starts_with("text/html"), "{page}");
    }
}
