//! Console sessions: what their cookie is, and all that ends them.

use jiff::SignedDuration;
use keystead_tests::{Browserless, Form, TestServer, cookies};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn attributes(server: &TestServer, user: &keystead_tests::TestUser) -> (String, String) {
    let path = format!("/sign-in/link/{}", server.sign_in_code(user).await);
    let page = server.get(&path).send().await.unwrap();
    let visitor = page.headers()["set-cookie"].to_str().unwrap().to_owned();
    let held = cookies(&page).remove(0);
    let form = Form::find(&page.text().await.unwrap(), &path);
    let answer = server.post(&path).header("cookie", held).form(&form.fields).send().await.unwrap();
    (visitor, answer.headers()["set-cookie"].to_str().unwrap().to_owned())
}

fn masked(cookie: &str) -> String {
    let (name, rest) = cookie.split_once('=').unwrap();
    format!("{name}=…{}", &rest[64..])
}

#[tokio::test]
async fn cookies_are_for_this_host_alone_and_out_of_reach_of_script() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let (visitor, session) = attributes(&server, &ada).await;
    assert_eq!(masked(&visitor), "keystead-visitor=…; HttpOnly; SameSite=Lax; Path=/");
    assert_eq!(masked(&session), "keystead=…; HttpOnly; SameSite=Lax; Path=/");

    let server = TestServer::start_behind("https://keys.example.com").await;
    let ada = server.administrator("ada@example.com").await;
    let (visitor, session) = attributes(&server, &ada).await;
    assert_eq!(masked(&visitor), "__Host-keystead-visitor=…; HttpOnly; SameSite=Lax; Secure; Path=/");
    assert_eq!(masked(&session), "__Host-keystead=…; HttpOnly; SameSite=Lax; Secure; Path=/");
    let page = server.get("/sign-in").send().await.unwrap();
    assert!(page.headers().contains_key("strict-transport-security"));
    let plain = session.split(';').next().unwrap().replace("__Host-", "");
    let answer = server.get("/settings").header("cookie", plain).send().await.unwrap();
    assert_eq!(answer.status(), 303, "the name that a plain page could set is not looked at");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_its_greatest_age_however_busy() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let idle = server.session(&ada).await;
    let busy = server.session(&ada).await;
    server.advance(HOUR * 11);
    assert_eq!(server.visit(&busy, "/settings").await.status(), 200);
    server.advance(HOUR);
    assert_eq!(server.visit(&idle, "/settings").await.status(), 303, "12 h unused");
    for _ in 0..14 {
        assert_eq!(server.visit(&busy, "/settings").await.status(), 200);
        server.advance(HOUR * 11);
    }
    assert_eq!(server.visit(&busy, "/settings").await.status(), 200);
    server.advance(HOUR * 2);
    assert_eq!(server.visit(&busy, "/settings").await.status(), 303, "7 days old");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_just_the_cookie() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let (session, other) = (server.session(&ada).await, server.session(&ada).await);
    let answer = server.submit(&session, "/sign-out", &[]).await;
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("keystead=; ") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(server.visit(&session, "/settings").await.status(), 303, "a copy of the cookie is of no use");
    assert_eq!(server.visit(&other, "/settings").await.status(), 200, "other browsers stay signed in");
    let server = server.restart().await;
    assert_eq!(server.visit(&session, "/settings").await.status(), 303);
    assert_eq!(server.visit(&other, "/settings").await.status(), 200);
}

#[tokio::test]
async fn deactivation_ends_sessions_and_reactivation_does_not_revive_them() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let session = server.session(&mia).await;
    let code = server.sign_in_code(&mia).await;
    server.deactivate(&mia).await;
    assert_eq!(server.visit(&session, "/settings").await.status(), 303);
    server.reactivate(&mia).await;
    assert_eq!(server.visit(&session, "/settings").await.status(), 303);
    let page = server.get(&format!("/sign-in/link/{code}")).send().await.unwrap();
    assert_eq!(page.status(), 404, "nor links");
}

/// Session fixation: who plants a cookie before signing in must not hold the session afterwards.
#[tokio::test]
async fn signing_in_makes_a_new_cookie_and_ends_the_session_that_the_browser_had() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let eve = server.member("eve@example.com").await;
    let planted = server.session(&eve).await;
    let made_up = "0".repeat(64);
    for cookie in [planted.cookie.clone(), format!("keystead={made_up}")] {
        let page = server.get("/sign-in").header("cookie", &cookie).send().await.unwrap();
        let visitor = cookies(&page).remove(0);
        let form = Form::find(&page.text().await.unwrap(), "/sign-in");
        let form = form.with("email", &ada.email).with("password", TestServer::PASSWORD);
        let request = server.post("/sign-in").header("cookie", format!("{cookie}; {visitor}"));
        let answer = request.form(&form.fields).send().await.unwrap();
        assert_eq!(answer.status(), 303);
        let session = cookies(&answer).remove(0);
        assert_ne!(session, cookie);
        let shown = server.get("/settings").header("cookie", &cookie).send().await.unwrap();
        assert_eq!(shown.status(), 303, "the planted cookie signs nobody in");
        let shown = server.get("/settings").header("cookie", &session).send().await.unwrap();
        assert!(shown.text().await.unwrap().contains("ada@example.com"));
    }
}

#[tokio::test]
async fn a_cookie_that_cannot_be_ours_is_no_session() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    let secret = session.secret().to_owned();
    let hash_in_store = server.snapshot().await.rows("sessions").concat();
    let stored: String = hash_in_store.split("X'").nth(3).unwrap().chars().take(64).collect();
    for value in [
        String::new(),
        secret[..63].to_owned(),
        format!("{secret}0"),
        secret.to_uppercase(),
        stored.to_lowercase(),
        "' OR 1=1 --".to_owned(),
        "0".repeat(64),
    ] {
        let answer =
            server.get("/settings").header("cookie", format!("keystead={value}")).send().await.unwrap();
        assert_eq!(answer.status(), 303, "{value}");
    }
    let browser = Browserless::new(&server);
    assert_eq!(browser.get("/settings").await.status(), 303);
}
