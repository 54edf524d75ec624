//! Threats: consent that nobody gave (RFC 9700, sections 4.7 and 4.16; ASVS 5.0, 10.7.1): forged forms, framed pages, one browser's
//! page answered in another, and programs that answer for a person.

use keystead_tests::{Form, OauthClient, Session, TestServer};
use reqwest::Response;
use serde_json::{Value, json};

use super::{Answer, REDIRECT, World, form};

/// Posts a decision with a cookie and a form token that need not belong together.
async fn post(server: &TestServer, path: &str, cookie: &str, csrf: Option<&str>) -> Response {
    let mut fields = vec![("decision", "allow")];
    fields.extend(csrf.map(|csrf| ("csrf", csrf)));
    server.post(path).header("cookie", cookie).form(&fields).send().await.unwrap()
}

fn leads_to_the_app(answer: &Response) -> bool {
    answer.headers().get("location").is_some_and(|to| to.to_str().unwrap().starts_with(REDIRECT))
}

#[tokio::test]
async fn consent_is_given_by_the_browser_that_was_asked_and_by_no_other() {
    let world = World::start().await;
    let server = &world.server;
    let path = world.path(&[]);
    let mia = server.session(&world.mia).await;
    let elsewhere = server.session(&world.mia).await;
    let eve = server.session(&world.eve).await;
    let shown = form(server, &mia, &path).await;
    let own = shown.fields["csrf"].clone();
    let visitor = server.get("/sign-in").send().await.unwrap().text().await.unwrap();
    let visitors = Form::find(&visitor, "/sign-in").fields["csrf"].clone();
    let eves = form(server, &eve, &path).await.fields["csrf"].clone();
    let mut flipped = own.clone();
    let last = if flipped.pop() == Some('0') { '1' } else { '0' };
    flipped.push(last);
    for (what, cookie, csrf, status) in [
        ("no token", &mia.cookie, None, 400),
        ("an empty token", &mia.cookie, Some(""), 403),
        ("zeros", &mia.cookie, Some("0".repeat(128).leak() as &str), 403),
        ("one bit less", &mia.cookie, Some(flipped.as_str()), 403),
        ("a visitor's token", &mia.cookie, Some(visitors.as_str()), 403),
        ("another person's page", &mia.cookie, Some(eves.as_str()), 403),
        ("asked in one browser, answered in another", &elsewhere.cookie, Some(own.as_str()), 403),
        ("asked for one person, answered by another", &eve.cookie, Some(own.as_str()), 403),
    ] {
        let answer = post(server, &path, cookie, csrf).await;
        assert_eq!(answer.status(), status, "{what}");
        assert!(!answer.headers().contains_key("location"), "{what}");
    }
    // In the address, as JSON or as text, which other sites can send without asking, it is none either.
    let in_address = post(server, &format!("{path}&csrf={own}&decision=allow"), &mia.cookie, None).await;
    assert_eq!(in_address.status(), 400);
    let typed = |kind: &str, body: String| {
        server.post(&path).header("cookie", &mia.cookie).header("content-type", kind).body(body).send()
    };
    let text = typed("text/plain", format!("csrf={own}&decision=allow")).await.unwrap();
    let object = json!({ "csrf": own, "decision": "allow" }).to_string();
    let object = typed("application/json", object).await.unwrap();
    for answer in [text, object] {
        assert!(answer.status().is_client_error() && !leads_to_the_app(&answer), "{}", answer.status());
    }
    assert_eq!(world.connections().await, 0);
    assert!(leads_to_the_app(&post(server, &path, &mia.cookie, Some(&own)).await), "and by that one it is");
}

#[tokio::test]
async fn whoever_is_not_signed_in_now_gives_no_consent() {
    let world = World::start().await;
    let server = &world.server;
    let path = world.path(&[]);
    let key = server.key(&world.mia, "deploy", "30d").await;
    let tokens = world.tokens().await;
    let before_all = world.connections().await;
    let left = server.session(&world.eve).await;
    let signed_out = server.session(&world.mia).await;
    assert_eq!(server.submit(&signed_out, "/sign-out", &[]).await.status(), 303);
    let live = server.session(&world.mia).await;
    let body = [("csrf", live.csrf.as_str()), ("decision", "allow")];
    for token in [&key.token, &tokens.access, &tokens.refresh] {
        for request in [server.get(&path), server.post(&path).form(&body)] {
            let answer = request.bearer_auth(token).send().await.unwrap();
            assert_eq!(answer.status(), 303);
            assert!(!leads_to_the_app(&answer));
        }
    }
    server
        .operate(keystead_app::operator::Command::OrganizationArchive {
            organization: "Elsewhere".to_owned(),
        })
        .await;
    let nobody = Session { cookie: String::new(), csrf: live.csrf.clone() };
    for session in [&left, &signed_out, &nobody] {
        for answer in [server.visit(session, &path).await, world.decide(session, &path, "allow").await] {
            assert!(!leads_to_the_app(&answer));
            assert_ne!(answer.status(), 200);
        }
    }
    server.deactivate(&world.mia).await;
    let answer = world.decide(&live, &path, "allow").await;
    assert!(answer.status() == 303 && !leads_to_the_app(&answer), "{}", answer.status());
    assert_eq!(world.connections().await, before_all);
}

#[tokio::test]
async fn nothing_but_the_button_that_says_so_lets_an_app_in() {
    let world = World::start().await;
    let server = &world.server;
    let session = server.session(&world.mia).await;
    let path = world.path(&[]);
    for (name, value) in
        [("decision", "allow"), ("prompt", "none"), ("approval_prompt", "auto"), ("consent", "1")]
    {
        let page = server.visit(&session, &format!("{path}&{name}={value}")).await;
        assert_eq!(page.status(), 200, "{name}={value}: by a link, one is asked");
    }
    for decision in ["deny", "", "Allow", "ALLOW", "allow ", "yes", "true", "1"] {
        let answer = world.decide(&session, &path, decision).await;
        let to = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(to.starts_with(&format!("{REDIRECT}?error=access_denied&")), "{decision:?}: {to}");
    }
    let twice = [("decision", "allow"), ("decision", "deny")];
    let answer = server.submit(&session, &path, &twice).await;
    assert!(!leads_to_the_app(&answer), "two answers are none");
    assert_eq!(world.connections().await, 0);
    // Having been allowed once is no reason not to ask again.
    assert!(leads_to_the_app(&world.decide(&session, &path, "allow").await));
    assert_eq!(server.visit(&session, &path).await.status(), 200);
}

#[tokio::test]
async fn the_page_is_shown_in_no_frame_kept_by_no_cache_and_read_by_no_other_site() {
    let world = World::start().await;
    let server = &world.server;
    let session = server.session(&world.mia).await;
    let path = world.path(&[]);
    let request =
        server.get(&path).header("cookie", &session.cookie).header("origin", "https://evil.example");
    let page = Answer::of(request.send().await.unwrap()).await;
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(page.headers["referrer-policy"], "same-origin");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    let policy = &page.headers["content-security-policy"];
    for rule in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self' https://app.example;",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    let decided = Answer::of(world.decide(&session, &path, "allow").await).await;
    assert_eq!((decided.status, decided.text.as_str()), (303, ""), "GET from there on: the form stays here");
    let refused = Answer::of(server.visit(&session, &world.path(&[("client_id", None)])).await).await;
    assert_eq!(refused.headers["x-frame-options"], "DENY");
    assert_eq!(refused.headers["cache-control"], "no-store");
    for answer in [page, decided, refused] {
        let cors = answer.headers.keys().find(|name| name.starts_with("access-control-"));
        assert_eq!(cors, None);
    }
}

/// A person reads what an app calls itself; and it is text.
#[tokio::test]
async fn what_an_app_says_of_itself_is_text_on_the_page_and_in_the_list() {
    let world = World::start().await;
    let server = &world.server;
    let session = server.session(&world.mia).await;
    for name in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "</strong><a href=https://evil.example>Keystead</a>",
        "{{ 7*7 }} {% raw %}",
        "&lt;b&gt;",
        "' onmouseover='alert(1)",
    ] {
        let said = json!({ "client_name": name, "redirect_uris": [REDIRECT] });
        let answer: Value =
            server.post("/oauth2/register").json(&said).send().await.unwrap().json().await.unwrap();
        let id = answer["client_id"].as_str().unwrap().to_owned();
        let app = OauthClient { id, redirect_uri: REDIRECT.to_owned() };
        server.connect_app(&world.mia, &app).await;
        let asked = server.visit(&session, &world.path(&[("client_id", Some(&app.id))])).await;
        let listed = server.visit(&session, "/settings/connected-apps").await;
        for page in [asked, listed] {
            let page = page.text().await.unwrap();
            for markup in ["<script>alert", "<img src=x", "<a href=https://evil", "' onmouseover='"] {
                assert!(!page.contains(markup), "{name}");
            }
            assert!(!page.contains(">49<"), "{name}");
        }
    }
}
