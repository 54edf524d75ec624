//! Threats: an address of ours that leads to somebody else's without anybody having said so (RFC 9700, section 4.11), and answers
//! that say something else than what was decided (section 4.4: mix-up; section 4.12: a redirect that sends a form on).

use keystead_app::operator::{Command, Password};
use keystead_tests::{Browserless, Form, TestServer, cookies};
use reqwest::Url;

use super::{Answer, PUBLIC_URL, REDIRECT, World, assert_leads_nowhere, way_back};

/// What browsers and frameworks were led away by.
const ELSEWHERE: &[&str] = &[
    "https://evil.example",
    "https://evil.example/oauth2/authorize",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    ".evil.example",
    "/%09/evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/oauth2/authorize/..//evil.example",
    "/oauth2/authorize?\r\nLocation: https://evil.example",
    "/oauth2/authorize@evil.example",
    "/oauth2/../../\\evil.example",
    "/oauth2/authorize\u{ff0f}evil.example",
];

/// Where a browser that is at the sign-in page goes.
fn followed(location: &str) -> Url {
    Url::parse(PUBLIC_URL).unwrap().join("/sign-in").unwrap().join(location).unwrap()
}

#[tokio::test]
async fn signing_in_to_answer_an_app_leads_to_no_other_server_whatever_next_says() {
    let world = World::start().await;
    let server = &world.server;
    for next in ELSEWHERE {
        let address = Url::parse_with_params("http://localhost/sign-in", [("next", next)]).unwrap();
        let path = format!("/sign-in?{}", address.query().unwrap());
        let page = server.get(&path).send().await.unwrap();
        let visitor = cookies(&page).remove(0);
        let html = page.text().await.unwrap();
        let shown = Form::find(&html, "/sign-in");
        let csrf = shown.fields["csrf"].clone();
        let kept = shown.fields.get("next").map_or("", String::as_str);
        // What the page offers, and what a page of somebody else's could make of it.
        for next in [kept, next] {
            let fields = [
                ("csrf", csrf.as_str()),
                ("email", "mia@example.com"),
                ("password", TestServer::PASSWORD),
                ("next", next),
            ];
            let answer =
                server.post("/sign-in").header("cookie", &visitor).form(&fields).send().await.unwrap();
            assert_eq!(answer.status(), 303, "{next:?}");
            let to = followed(answer.headers()["location"].to_str().unwrap());
            assert_eq!(to.origin().ascii_serialization(), PUBLIC_URL, "{next:?} leads to {to}");
        }
    }
}

#[tokio::test]
async fn switching_to_another_user_leads_to_no_other_server_whatever_next_says() {
    let world = World::start().await;
    let server = &world.server;
    // The same person, with the same password, in a second organization: whom they may switch to.
    server.organization("Second", "bob@example.com").await;
    server
        .operate(Command::UserAdd {
            email: "mia@example.com".to_owned(),
            organization: Some("Second".to_owned()),
            name: None,
            role: "member".to_owned(),
            password: Some(Password::new(TestServer::PASSWORD.to_owned())),
        })
        .await;
    let browser = Browserless::signed_in(server, &world.mia).await;
    for next in ELSEWHERE {
        let page = browser.get("/settings").await.text().await.unwrap();
        let form = Form::find(&page, "/switch").with("next", next);
        let answer = browser.post(&form).await;
        assert_eq!(answer.status(), 303, "{next:?}");
        let to = followed(answer.headers()["location"].to_str().unwrap());
        assert_eq!(to.origin().ascii_serialization(), PUBLIC_URL, "{next:?} leads to {to}");
    }
}

#[tokio::test]
async fn an_app_that_nobody_knows_leads_nowhere() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let unknown = format!("client-{}", world.mia.id);
    let uppercase = world.app.id.to_uppercase();
    let ids = ELSEWHERE.iter().copied().chain([
        "",
        "client-",
        "client-0",
        &unknown,
        &uppercase,
        &world.mia.id,
        &world.app.id[1..],
        REDIRECT,
        "' OR 1=1 --",
        "%00",
        "\u{202e}",
    ]);
    for id in ids {
        let path = world.path(&[("client_id", Some(id)), ("redirect_uri", Some("https://evil.example/cb"))]);
        for answer in
            [world.server.visit(&session, &path).await, world.decide(&session, &path, "allow").await]
        {
            assert_leads_nowhere(&Answer::of(answer).await, id);
        }
    }
    let left_out = world.path(&[("client_id", None)]);
    assert_leads_nowhere(&Answer::of(world.server.visit(&session, &left_out).await).await, "no client_id");
    assert_eq!(world.connections().await, 0);
}

/// What the app sends along comes back as it is, once, whatever it says; and every answer says who gives it (RFC 9207).
#[tokio::test]
async fn every_answer_names_its_server_once_and_gives_the_state_back_as_it_was() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let longest = "s".repeat(2_048);
    let states = [
        "plain",
        "a b+c%20d",
        "a&code=stolen&iss=https://evil.example",
        "#fragment",
        "?query=1",
        "\r\nLocation: https://evil.example\r\nSet-Cookie: x=1",
        "%0d%0aSet-Cookie:%20x=1",
        "<script>alert(1)</script>\"'>",
        "{{7*7}} ${7*7} %s %n",
        "https://evil.example/",
        "\u{202e}\u{0}\u{7f}ü😀",
        &longest,
    ];
    for state in states {
        let path = world.path(&[("state", Some(state))]);
        let page = Answer::of(world.server.visit(&session, &path).await).await;
        assert_eq!(page.status, 200, "{state:?}");
        assert!(!page.text.contains("<script>alert"), "{state:?}");
        for (decision, answer) in [("allow", "code"), ("deny", "error")] {
            let sent = world.decide(&session, &path, decision).await;
            assert_eq!(sent.status(), 303, "a form is not sent on to the app: {state:?}");
            assert!(!sent.headers().contains_key("set-cookie"), "{state:?}");
            let to = sent.headers()["location"].to_str().unwrap().to_owned();
            assert!(to.starts_with(&format!("{REDIRECT}?{answer}=")), "{to}");
            assert_answers(&to, answer, Some(state));
        }
        // A request that cannot be granted: the person may take its answer to the app, or leave it.
        let refused = world.path(&[("state", Some(state)), ("response_type", Some("token"))]);
        let page = Answer::of(world.server.visit(&session, &refused).await).await;
        assert_eq!((page.status, page.headers.get("location")), (400, None), "{state:?}");
        let back = way_back(&page.text);
        assert!(back.starts_with(&format!("{REDIRECT}?error=unsupported_response_type&")), "{back}");
        assert_answers(&back, "error", Some(state));
    }
    let without = world.decide(&session, &world.path(&[]), "allow").await;
    assert_answers(without.headers()["location"].to_str().unwrap(), "code", None);
    let too_long = world.path(&[("state", Some(&"s".repeat(2_049)))]);
    assert_leads_nowhere(&Answer::of(world.server.visit(&session, &too_long).await).await, "a long state");
}

fn assert_answers(to: &str, answer: &str, state: Option<&str>) {
    let to = Url::parse(to).unwrap();
    let all = |name: &str| -> Vec<String> {
        to.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned()).collect()
    };
    assert_eq!(all("iss"), [PUBLIC_URL], "{to}");
    assert_eq!(all("state"), state.into_iter().collect::<Vec<_>>(), "{to}");
    assert_eq!(all(answer).len(), 1, "{to}");
    assert_eq!(all("code").len() + all("error").len(), 1, "{to}");
    assert_eq!(to.fragment(), None, "{to}");
    assert!(all("access_token").is_empty() && all("refresh_token").is_empty(), "{to}");
}
