//! Forms that another site makes a browser send: each form carries a token that follows from the browser's own cookie.

use keystead_app::NewPerson;
use keystead_domain::{Assignment, Assignments, Email, RoleId};
use keystead_tests::{Form, Pkce, Session, TestServer, cookies};

/// A form that changes something: where it is, and its fields besides the token.
struct Target {
    path: String,
    fields: Vec<(&'static str, String)>,
}

async fn targets(server: &TestServer, session: &Session) -> Vec<Target> {
    let mia = server.member("mia@example.com").await;
    let ada = keystead_tests::TestUser { id: String::new(), email: "ada@example.com".to_owned() };
    let key = server.key(&ada, "deploy", "30d").await;
    let page = server.visit(session, "/settings/api-keys/new").await.text().await.unwrap();
    let request_id = Form::find(&page, "/settings/api-keys/new").fields["request_id"].clone();
    let of = |path: &str, fields: &[(&'static str, &str)]| Target {
        path: path.to_owned(),
        fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
    };
    let set_up = server.app.create_set_up_link().await.unwrap();
    let password = TestServer::PASSWORD;
    let actor = server.actor(&ada).await;
    let person = NewPerson {
        email: Email::parse("ina@example.com").unwrap(),
        name: None,
        assignments: Assignments::from_iter([Assignment::everywhere(RoleId::MEMBER)]),
        groups: Vec::new(),
    };
    let invited = server.app.invite_user(&actor, person, &server.url).await.unwrap();
    let reset = server.app.create_password_link(&actor, mia.id.parse().unwrap(), &server.url).await.unwrap();
    let app = server.oauth_client("An app", "https://app.example/callback").await;
    server.connect_app(&ada, &app).await;
    let connection = server.app.connected_apps(&actor).await.unwrap()[0].id;
    vec![
        of(&keystead_tests::authorize_path(app.request(&Pkce::new())), &[("decision", "allow")]),
        of(&format!("/settings/connected-apps/{connection}/disconnect"), &[]),
        of(
            "/settings/api-keys/new",
            &[("name", "n"), ("expiration", "30d"), ("request_id", &request_id), ("description", "")],
        ),
        of(&format!("/settings/api-keys/{}/edit", key.id), &[("name", "n")]),
        of(&format!("/settings/api-keys/{}/revoke", key.id), &[("confirm_name", "deploy")]),
        of(&format!("/settings/api-keys/{}/end-sessions", key.id), &[]),
        of("/settings/api-keys/revoke", &[("id", &key.id), ("confirm", "1")]),
        of("/sign-out", &[]),
        of("/switch", &[("user", &mia.id)]),
        of("/settings/account", &[("name", "n")]),
        of("/settings/account/password", &[("current_password", password), ("password", password)]),
        of("/settings/account/sessions", &[("session", "all")]),
        of("/forgot-password", &[("email", "ada@example.com")]),
        of(
            &format!("/invitation/{}", invited.code.expose()),
            &[("email", "ina@example.com"), ("name", "n"), ("password", password)],
        ),
        of(&format!("/reset-password/{}", reset.code.expose()), &[("password", password)]),
        of("/sign-in", &[("email", "ada@example.com"), ("password", password)]),
        of(&format!("/sign-in/link/{}", server.sign_in_code(&mia).await), &[]),
        of(
            &format!("/setup/{}", set_up.expose()),
            &[("organization", "o"), ("name", "n"), ("email", "n@example.com"), ("password", password)],
        ),
    ]
}

#[tokio::test]
async fn a_form_without_the_token_of_its_own_browser_changes_nothing() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let eve = server.member("eve@example.com").await;
    let (session, eves) = (server.session(&ada).await, server.session(&eve).await);
    let visitor_page = server.get("/sign-in").send().await.unwrap();
    let visitor = cookies(&visitor_page).remove(0);
    let visitors_token = Form::find(&visitor_page.text().await.unwrap(), "/sign-in").fields["csrf"].clone();
    let stranger = server.get("/sign-in").send().await.unwrap().text().await.unwrap();
    let strangers_token = Form::find(&stranger, "/sign-in").fields["csrf"].clone();
    let targets = targets(&server, &session).await;
    let before = server.snapshot().await;

    let mut flipped = session.csrf.clone();
    let last = if flipped.pop() == Some('0') { '1' } else { '0' };
    flipped.push(last);
    for target in &targets {
        let signed_in = ["/settings", "/oauth2/authorize", "/sign-out", "/switch"];
        let is_visitors = !signed_in.iter().any(|start| target.path.starts_with(start));
        let own = if is_visitors { &visitors_token } else { &session.csrf };
        let cross = if is_visitors { &session.csrf } else { &visitors_token };
        // Embedded, these forms have no token, and the header proves who sends them.
        let without = if target.path.starts_with("/settings/api-keys") { 403 } else { 400 };
        let foreign = [
            (None, without),
            (Some(""), 403),
            (Some("0".repeat(128).leak() as &str), 403),
            (Some(eves.csrf.as_str()), 403),
            (Some(strangers_token.as_str()), 403),
            (Some(flipped.as_str()), 403),
            // The other cookie of the same browser.
            (Some(cross.as_str()), 403),
            (Some(&own[..own.len() - 2]), 403),
        ];
        for (token, status) in foreign {
            let mut form: Vec<(&str, &str)> =
                target.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            form.extend(token.map(|token| ("csrf", token)));
            let request =
                server.post(&target.path).header("cookie", format!("{}; {visitor}", session.cookie));
            let request =
                request.header("origin", "https://evil.example").header("sec-fetch-site", "cross-site");
            let answer = request.form(&form).send().await.unwrap();
            assert_eq!(answer.status(), status, "{} with {token:?}", target.path);
        }
    }
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn a_token_in_the_address_or_in_json_does_not_count() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    let before = server.snapshot().await;
    let post = |path: &str| server.post(path).header("cookie", &session.cookie);
    let in_query = post(&format!("/sign-out?csrf={}", session.csrf)).form(&[("x", "y")]);
    assert_eq!(in_query.send().await.unwrap().status(), 400);
    let json = post("/sign-out").header("content-type", "text/plain").body(format!("csrf={}", session.csrf));
    assert_eq!(
        json.send().await.unwrap().status(),
        400,
        "what a page of another site can send without asking"
    );
    assert_eq!(server.snapshot().await, before);
    let by_get = server.get("/sign-out").header("cookie", &session.cookie).send().await.unwrap();
    assert_eq!(by_get.status(), 405, "a link signs nobody out");
}

#[tokio::test]
async fn no_two_pages_show_the_same_token() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let session = server.session(&ada).await;
    let page = server.visit(&session, "/settings").await.text().await.unwrap();
    let other = &Form::find(&page, "/sign-out").fields["csrf"];
    assert_ne!(other, &session.csrf, "a compressed page must not give it away byte by byte");
    assert!(!page.contains(session.secret()), "and the cookie is on no page");
}
