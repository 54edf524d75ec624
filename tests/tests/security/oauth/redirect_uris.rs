//! Threats: a code that is sent somewhere else than where its app registered, by an address that is read in two ways (RFC 9700,
//! sections 2.1 and 4.1). Such a request is shown to the person and goes nowhere.

use keystead_tests::{OauthClient, TestServer};
use serde_json::{Value, json};

use super::{Answer, REDIRECT, World, assert_leads_nowhere, form};

/// On the person's own machine only the port may differ (RFC 8252, section 7.3).
const LOOPBACK: &str = "http://127.0.0.1:8123/callback";
/// An app's own scheme.
const SCHEME: &str = "cursor://app.example/callback";

/// What somebody once took for the address before.
const NEAR: &[&str] = &[
    "",
    " ",
    "https://app.example",
    "https://app.example/",
    "https://app.example/callback/",
    "https://app.example/Callback",
    "https://app.example/callback/more",
    "https://app.example/callback/../callback",
    "https://app.example/callback/..;/callback",
    "https://app.example/x/../callback",
    "https://app.example/./callback",
    "https://app.example//callback",
    "https://app.example/%63allback",
    "https://app.example/callback%00",
    "https://app.example/callback%0d%0aLocation:%20https://evil.example",
    "https://app.example/callback\r\nLocation: https://evil.example",
    "https://app.example/callback\u{0}",
    "https://app.example/callback\t",
    " https://app.example/callback",
    "https://app.example/callback ",
    "https://app.example/callback?",
    "https://app.example/callback?x=1",
    "https://app.example/callback?next=https://evil.example",
    "https://app.example/callback&code=x",
    "https://app.example/callback;x",
    "https://app.example/callback#",
    "https://app.example/callback#x",
    "https://app.example/callback*",
    "https://app.example/*",
    "https://*/callback",
    "https://*.example/callback",
    "HTTPS://app.example/callback",
    "Https://app.example/callback",
    "https://APP.example/callback",
    "http://app.example/callback",
    "https:/app.example/callback",
    "https:app.example/callback",
    "https:///app.example/callback",
    "https:\\\\app.example/callback",
    "https://app.example\\callback",
    "//app.example/callback",
    "/callback",
    "callback",
    "app.example/callback",
    "https://app.example:443/callback",
    "https://app.example:/callback",
    "https://app.example:8443/callback",
    "https://app.example:80/callback",
    "https://app.example./callback",
    "https://app.example../callback",
    "https://.app.example/callback",
    "https://www.app.example/callback",
    "https://app.example.evil.example/callback",
    "https://evil-app.example/callback",
    "https://app.example-evil.example/callback",
    "https://appxexample/callback",
    "https://evil.example/callback",
    "https://evil.example/app.example/callback",
    "https://evil.example/?https://app.example/callback",
    "https://evil.example/#https://app.example/callback",
    "https://evil.example#@app.example/callback",
    "https://evil.example?@app.example/callback",
    "https://evil.example\\@app.example/callback",
    "https://evil.example%23@app.example/callback",
    "https://evil.example%2f@app.example/callback",
    "https://evil.example%5c@app.example/callback",
    "https://evil.example:443@app.example/callback",
    "https://evil.example;@app.example/callback",
    "https://app.example@evil.example/callback",
    "https://app.example:443@evil.example/callback",
    "https://app.example%40evil.example/callback",
    "https://app.example%2eevil.example/callback",
    "https://app.example%00.evil.example/callback",
    "https://app.example\u{0}.evil.example/callback",
    "https://app.example\n.evil.example/callback",
    "https://app.example,evil.example/callback",
    "https://app.example evil.example/callback",
    "https://@app.example/callback",
    "https://user@app.example/callback",
    "https://user:secret@app.example/callback",
    "https://:@app.example/callback",
    // Letters that look the same, and dots and slashes that some take for ours.
    "https://\u{430}pp.example/callback",
    "https://app.ex\u{430}mple/callback",
    "https://app.examp1e/callback",
    "https://xn--pp-7kc.example/callback",
    "https://app\u{3002}example/callback",
    "https://app\u{ff0e}example/callback",
    "https://app.example\u{ff0f}callback",
    "https://app.example\u{2044}.evil.example/callback",
    "https://\u{ff41}pp.example/callback",
    "https://app.ex\u{ad}ample/callback",
    "https://app.example\u{200b}/callback",
    "\u{feff}https://app.example/callback",
    "https://app.example\u{202e}/callback",
    "https://127.0.0.1/callback",
    "http://127.0.0.1:8123/",
    "http://127.0.0.1:8123/Callback",
    "http://127.0.0.1:8123/callback/",
    "http://127.0.0.1:8123/callback?x=1",
    "http://127.0.0.1:8123/callback#x",
    "http://127.0.0.1:8123//callback",
    "http://127.0.0.1:0/callback",
    "http://127.0.0.1:/callback",
    "http://127.0.0.1:65536/callback",
    "http://127.0.0.1:08123/callback",
    "http://127.0.0.1:+8123/callback",
    "http://127.0.0.1:8123@evil.example/callback",
    "http://127.0.0.1@evil.example/callback",
    "http://127.0.0.1.evil.example/callback",
    "http://127.0.0.1:8123.evil.example/callback",
    "http://127.0.0.2:8123/callback",
    "http://127.1:8123/callback",
    "http://0x7f.0.0.1:8123/callback",
    "http://0177.0.0.1:8123/callback",
    "http://2130706433:8123/callback",
    "http://[::1]:8123/callback",
    "http://[::ffff:127.0.0.1]:8123/callback",
    "http://localhost:8123/callback",
    "http://0.0.0.0:8123/callback",
    "http://user@127.0.0.1:8123/callback",
    "https://127.0.0.1:8123/callback",
    "cursor://app.example",
    "cursor://app.example/callback/",
    "cursor://app.example/Callback",
    "cursor:///app.example/callback",
    "cursor:/app.example/callback",
    "cursor:app.example/callback",
    "cursor://evil.example/callback",
    "cursor://app.example@evil.example/callback",
    "cursors://app.example/callback",
    "CURSOR://app.example/callback",
    "javascript:alert(1)",
    "javascript://app.example/callback%0aalert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example/callback",
    "view-source:https://app.example/callback",
    "about:blank",
    "null",
    "[]",
    "[\"https://app.example/callback\"]",
    "https://app.example/callback https://evil.example/",
    "https://app.example/callback,https://evil.example/",
];

/// Each place of an address with one letter more, less, or another.
fn mutants(address: &str) -> Vec<String> {
    let mut mutants = Vec::new();
    for at in 0..=address.len() {
        let (before, after) = address.split_at(at);
        for more in ["/", ".", "@", "\\", "%2f", ":", "?"] {
            mutants.push(format!("{before}{more}{after}"));
        }
        let Some(letter) = after.chars().next() else { continue };
        let rest = &after[1..];
        mutants.push(format!("{before}{rest}"));
        mutants.push(format!("{before}{letter}{after}"));
        mutants.push(format!("{before}%{:02x}{rest}", u32::from(letter)));
        mutants.push(format!("{before}{}{rest}", letter.to_ascii_uppercase()));
        mutants.push(format!("{before}{}{rest}", if letter == 'x' { 'y' } else { 'x' }));
    }
    mutants.retain(|mutant| mutant != address);
    mutants
}

/// An app with all three kinds of address.
async fn app_with_three(server: &TestServer) -> OauthClient {
    let said = json!({ "redirect_uris": [REDIRECT, LOOPBACK, SCHEME] });
    let answer = server.post("/oauth2/register").json(&said).send().await.unwrap();
    let client: Value = answer.json().await.unwrap();
    OauthClient { id: client["client_id"].as_str().unwrap().to_owned(), redirect_uri: REDIRECT.to_owned() }
}

#[tokio::test]
async fn no_address_but_a_registered_one_is_ever_sent_a_code_or_even_linked_to() {
    let mut world = World::start().await;
    world.app = app_with_three(&world.server).await;
    let session = world.server.session(&world.mia).await;
    let mutated = [REDIRECT, SCHEME].into_iter().flat_map(mutants);
    let tried: Vec<String> = NEAR.iter().map(|near| (*near).to_owned()).chain(mutated).collect();
    assert!(tried.len() > 700, "{}", tried.len());
    for address in &tried {
        let path = world.path(&[("redirect_uri", Some(address))]);
        let shown = Answer::of(world.server.visit(&session, &path).await).await;
        assert_leads_nowhere(&shown, address);
        assert!(!shown.text.contains("evil") && !shown.text.contains("app.example"), "{address}");
    }
    // Nor when the form is sent without the page.
    for address in tried.iter().step_by(5) {
        let path = world.path(&[("redirect_uri", Some(address))]);
        for decision in ["allow", "deny"] {
            assert_leads_nowhere(&Answer::of(world.decide(&session, &path, decision).await).await, address);
        }
    }
    assert_eq!(world.connections().await, 0);
    for address in
        [REDIRECT, LOOPBACK, SCHEME, "http://127.0.0.1:49152/callback", "http://127.0.0.1/callback"]
    {
        let path = world.path(&[("redirect_uri", Some(address))]);
        let answer = world.decide(&session, &path, "allow").await;
        assert_eq!(answer.status(), 303, "{address}");
        let to = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(to.starts_with(&format!("{address}?code=")), "{to}");
    }
}

#[tokio::test]
async fn an_app_is_never_answered_at_another_apps_address() {
    let world = World::start().await;
    let other = world.server.oauth_client("Another app", "https://other.example/callback").await;
    let session = world.server.session(&world.mia).await;
    for (client, address) in [(&world.app, &other.redirect_uri), (&other, &world.app.redirect_uri)] {
        let path = world.path(&[("client_id", Some(&client.id)), ("redirect_uri", Some(address))]);
        assert_leads_nowhere(&Answer::of(world.server.visit(&session, &path).await).await, address);
    }
}

#[tokio::test]
async fn of_several_registered_addresses_none_is_guessed() {
    let mut world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let left_out = [("redirect_uri", None)];
    let asked = form(&world.server, &session, &world.path(&left_out)).await;
    assert!(!asked.action.contains("redirect_uri"), "an app with one address need not repeat it");
    world.app = app_with_three(&world.server).await;
    let refused = Answer::of(world.server.visit(&session, &world.path(&left_out)).await).await;
    assert_leads_nowhere(&refused, "no redirect_uri");
}

/// Which of two counts is a matter of taste: the page shows one, and the answer goes to the other (RFC 6749, section 3.1).
#[tokio::test]
async fn a_request_that_says_something_twice_is_not_read_at_all() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let own = world.path(&[]);
    for name in [
        "client_id",
        "redirect_uri",
        "response_type",
        "code_challenge",
        "code_challenge_method",
        "resource",
        "state",
        "response_mode",
    ] {
        for value in
            ["https%3A%2F%2Fevil.example%2F", "code", "S256", "https%3A%2F%2Fapp.example%2Fcallback", "x"]
        {
            let first = own.replacen('?', &format!("?{name}={value}&"), 1);
            let twice =
                if own.contains(&format!("{name}=")) { String::new() } else { format!("&{name}={value}") };
            for path in [format!("{first}{twice}"), format!("{own}{twice}&{name}={value}")] {
                assert_leads_nowhere(&Answer::of(world.server.visit(&session, &path).await).await, &path);
                assert_leads_nowhere(&Answer::of(world.decide(&session, &path, "allow").await).await, &path);
            }
        }
    }
    assert_eq!(world.connections().await, 0);
    // The form's own fields are no parameters of the request.
    let fields = [("decision", "allow"), ("redirect_uri", "https://evil.example/"), ("state", "evil")];
    let answer = world.server.submit(&session, &own, &fields).await;
    let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
    assert!(!to.contains("evil"), "{to}");
}
