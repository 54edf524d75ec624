//! Signing in: guessing is slow and tells nothing, and a one-time link works once.

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_tests::{Browserless, Form, TestServer, cookies};

/// What a visitor sees, without what differs from page to page by design.
async fn seen(server: &TestServer, email: &str, password: &str) -> (u16, String) {
    let browser = Browserless::new(server);
    let answer = browser.sign_in(email, password).await;
    let status = answer.status().as_u16();
    let page = answer.text().await.unwrap();
    let csrf = Form::find(&page, "/sign-in").fields["csrf"].clone();
    (status, page.replace(&csrf, "CSRF").replace(&format!("value=\"{email}\""), "value=\"EMAIL\""))
}

#[tokio::test]
async fn a_wrong_password_and_an_address_that_nobody_has_get_the_same_answer_after_the_same_work() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let gone = server.member("gone@example.com").await;
    server.deactivate(&gone).await;
    server.organization("Elsewhere", "eve@elsewhere.example").await;
    let mut answers = Vec::new();
    for (email, password) in [
        ("ada@example.com", "not the password at all"),
        ("nobody@example.com", "not the password at all"),
        // Deactivated, and the password is right.
        ("gone@example.com", TestServer::PASSWORD),
        // Has no password.
        ("eve@elsewhere.example", TestServer::PASSWORD),
        ("no address", TestServer::PASSWORD),
        ("ada@example.com", ""),
        ("ada@example.com", "x".repeat(5_000).leak()),
    ] {
        let before = server.passwords_computed();
        answers.push(seen(&server, email, password).await);
        assert_eq!(server.passwords_computed() - before, 1, "one hash for {email}");
    }
    assert_eq!(answers[0].0, 422);
    assert!(answers[0].1.contains("The e-mail address or the password is wrong."));
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn guessing_one_account_is_slowed_down_whatever_address_a_caller_claims_to_have() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let page = server.get("/sign-in").send().await.unwrap();
    let visitor = cookies(&page).remove(0);
    let form = Form::find(&page.text().await.unwrap(), "/sign-in");
    let attempt = async |number: usize, email: &str, password: &str| {
        let form = form.clone().with("email", email).with("password", password);
        let request = server.post("/sign-in").header("cookie", &visitor).form(&form.fields);
        let claimed = format!("203.0.113.{number}");
        let request = request.header("x-forwarded-for", &claimed).header("x-real-ip", &claimed);
        request.header("forwarded", format!("for={claimed}")).send().await.unwrap()
    };
    for number in 0..5 {
        // All spellings of an address are one account.
        let email = ["ada@example.com", " Ada@Example.COM "][number % 2];
        assert_eq!(attempt(number, email, "not the password").await.status(), 422);
    }
    let before = server.passwords_computed();
    let answer = attempt(5, &ada.email, TestServer::PASSWORD).await;
    assert_eq!(answer.status(), 429, "the right password has to wait, too");
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(server.passwords_computed(), before, "nothing was computed for it");
    assert_eq!(attempt(6, &mia.email, TestServer::PASSWORD).await.status(), 303, "others need not wait");
    server.advance(SignedDuration::from_secs(1));
    assert_eq!(attempt(7, &ada.email, TestServer::PASSWORD).await.status(), 303);
    let events = server.snapshot().await.rows("audit_events").concat();
    assert!(!events.contains("203.0.113"), "the log has the address of the connection");
    assert!(events.contains("127.0.0.1"));
}

#[tokio::test]
async fn guessing_many_accounts_from_one_address_is_slowed_down() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let browser = Browserless::new(&server);
    let mut statuses = Vec::new();
    for number in 0..51 {
        statuses.push(browser.sign_in(&format!("{number}@example.com"), "a common password").await.status());
    }
    assert!(statuses[..50].iter().all(|status| *status == 422));
    assert_eq!(statuses[50], 429);
}

/// Opens a link's page and sends its form.
async fn redeem(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> u16 {
    let page = server.get("/sign-in").send().await.unwrap();
    let visitor = cookies(&page).remove(0);
    let csrf = Form::find(&page.text().await.unwrap(), "/sign-in").fields["csrf"].clone();
    let mut form = vec![("csrf", csrf.as_str())];
    form.extend(fields);
    let answer = server.post(path).header("cookie", visitor).form(&form).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_sign_in_link_works_once_however_many_use_it_at_once() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    for _ in 0..5 {
        let path = format!("/sign-in/link/{}", server.sign_in_code(&ada).await);
        assert_eq!(server.get(&path).send().await.unwrap().status(), 200, "looking at it does not use it");
        let r = || redeem(&server, &path, &[]);
        let answers = tokio::join!(r(), r(), r(), r(), r(), r(), r(), r());
        let mut answers: [u16; 8] = answers.into();
        answers.sort_unstable();
        assert_eq!(answers, [303, 404, 404, 404, 404, 404, 404, 404]);
        assert_eq!(redeem(&server, &path, &[]).await, 404);
        assert_eq!(server.get(&path).send().await.unwrap().status(), 404);
    }
    assert_eq!(server.snapshot().await.rows("sessions").len(), 5);
}

#[tokio::test]
async fn a_link_that_was_used_stays_used_after_a_restart_and_one_that_was_not_stays_good() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let used = format!("/sign-in/link/{}", server.sign_in_code(&ada).await);
    let unused = format!("/sign-in/link/{}", server.sign_in_code(&mia).await);
    assert_eq!(redeem(&server, &used, &[]).await, 303);
    let server = server.restart().await;
    assert_eq!(redeem(&server, &used, &[]).await, 404);
    assert_eq!(redeem(&server, &unused, &[]).await, 303);
}

#[tokio::test]
async fn a_link_runs_out_after_a_day_and_does_only_what_it_was_made_for() {
    let server = TestServer::start().await;
    let set_up = server.app.create_set_up_link().await.unwrap();
    let fields = [
        ("organization", "o"),
        ("name", "n"),
        ("email", "n@example.com"),
        ("password", TestServer::PASSWORD),
    ];
    assert_eq!(redeem(&server, &format!("/sign-in/link/{}", set_up.expose()), &[]).await, 404);
    let path = format!("/setup/{}", set_up.expose());
    let r = || redeem(&server, &path, &fields);
    let answers = tokio::join!(r(), r(), r(), r());
    let mut answers: [u16; 4] = answers.into();
    answers.sort_unstable();
    assert_eq!(answers, [303, 404, 404, 404], "one organization is made");
    assert_eq!(server.snapshot().await.rows("organizations").len(), 1);

    let ada = keystead_tests::TestUser { id: String::new(), email: "n@example.com".to_owned() };
    let code = server.sign_in_code(&ada).await;
    assert_eq!(redeem(&server, &format!("/setup/{code}"), &fields).await, 404);
    server.advance(SignedDuration::from_hours(24));
    assert_eq!(redeem(&server, &format!("/sign-in/link/{code}"), &[]).await, 404);
}

#[tokio::test]
async fn a_new_sign_in_link_ends_the_one_before() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let first = server.sign_in_code(&ada).await;
    let second = server.sign_in_code(&ada).await;
    assert_eq!(redeem(&server, &format!("/sign-in/link/{first}"), &[]).await, 404);
    assert_eq!(redeem(&server, &format!("/sign-in/link/{second}"), &[]).await, 303);
}

#[tokio::test]
async fn a_new_set_up_link_ends_the_one_before() {
    let server = TestServer::start().await;
    let first = server.app.create_set_up_link().await.unwrap();
    let second = server.app.create_set_up_link().await.unwrap();
    let status = async |code: &str| server.get(&format!("/setup/{code}")).send().await.unwrap().status();
    assert_eq!(status(first.expose()).await, 404);
    assert_eq!(status(second.expose()).await, 200);
}

#[tokio::test]
async fn signing_in_leads_to_this_server_only() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aX: y\r\nX: y",
    ] {
        let browser = Browserless::new(&server);
        let form = browser.form("/sign-in", "/sign-in").await.with("next", next);
        let form = form.with("email", "ada@example.com").with("password", TestServer::PASSWORD);
        let answer = browser.post(&form).await;
        assert_eq!(answer.headers()["location"], "/settings/api-keys", "{next}");
    }
}

#[tokio::test]
async fn users_who_were_deactivated_are_not_made_again_under_their_address() {
    let server = TestServer::start().await;
    server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let key = server.key(&mia, "deploy", "30d").await;
    server.deactivate(&mia).await;
    let again = Command::UserAdd {
        email: "MIA@example.com".to_owned(),
        organization: None,
        name: None,
        role: "administrator".to_owned(),
        password: None,
    };
    let answer = server.app.operate(again).await;
    assert!(matches!(answer, keystead_app::operator::Answer::Refused { ref code, .. } if code == "CONFLICT"));
    assert_eq!(server.verify(&key.token).await.status(), 401);
}
