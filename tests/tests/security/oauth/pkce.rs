//! Threats: a code that is worth something to whoever intercepts it (RFC 9700, sections 2.1.1 and 4.8; RFC 7636).

use keystead_tests::{OauthTokens, Pkce};
use serde_json::Value;

use super::{Answer, World, assert_leads_nowhere, at_mcp, way_back};

#[tokio::test]
async fn no_person_is_asked_for_an_app_that_does_not_prove_itself_by_s256() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let Pkce { verifier, challenge } = world.pkce.clone();
    let padded = format!("{challenge}=");
    let longer = format!("{challenge}A");
    let plain = challenge.replace(['-', '_'], "+");
    let cases: &[(&str, Option<&str>, Option<&str>)] = &[
        ("nothing", None, None),
        ("a method alone", None, Some("S256")),
        ("an empty challenge", Some(""), Some("S256")),
        ("a challenge without a method, which is plain", Some(&challenge), None),
        ("an empty method", Some(&challenge), Some("")),
        ("plain", Some(&verifier), Some("plain")),
        ("plain with a challenge", Some(&challenge), Some("plain")),
        ("another method", Some(&challenge), Some("S512")),
        ("the method in small letters", Some(&challenge), Some("s256")),
        ("the method and a blank", Some(&challenge), Some("S256 ")),
        ("two methods", Some(&challenge), Some("S256,plain")),
        ("a short challenge", Some(&challenge[1..]), Some("S256")),
        ("a long challenge", Some(&longer), Some("S256")),
        ("a padded challenge", Some(&padded), Some("S256")),
        ("another alphabet", Some(if plain == challenge { "+" } else { &plain }), Some("S256")),
        ("a hash in hexadecimal", Some(&"0a".repeat(32)), Some("S256")),
        ("blanks", Some(" "), Some("S256")),
    ];
    for (what, challenge, method) in cases {
        let path = world.path(&[("code_challenge", *challenge), ("code_challenge_method", *method)]);
        let page = Answer::of(world.server.visit(&session, &path).await).await;
        assert_eq!(page.status, 400, "{what}");
        assert!(way_back(&page.text).contains("?error=invalid_request&"), "{what}");
        let decided = Answer::of(world.decide(&session, &path, "allow").await).await;
        assert_eq!((decided.status, decided.headers.get("location")), (400, None), "{what}");
    }
    // The proof of an app that is not known is not looked at.
    let path = world.path(&[("client_id", Some("client-0")), ("code_challenge", None)]);
    assert_leads_nowhere(&Answer::of(world.server.visit(&session, &path).await).await, "nobody's app");
    assert_eq!(world.connections().await, 0);
}

/// The code alone is worth nothing, and whoever tries it does not use it up for the app.
#[tokio::test]
async fn a_code_without_its_secret_gets_nothing_and_is_not_spoiled() {
    let world = World::start().await;
    let code = world.code().await;
    let verifier = world.pkce.verifier.as_str();
    let other = Pkce::new();
    let (longer, padded, upper) = (format!("{verifier}A"), format!("{verifier} "), verifier.to_uppercase());
    let long = "a".repeat(129);
    let before = world.server.snapshot().await;
    for (what, shown) in [
        ("none", None),
        ("an empty one", Some("")),
        ("the challenge", Some(world.pkce.challenge.as_str())),
        ("another app's", Some(&other.verifier)),
        ("a part", Some(&verifier[1..])),
        ("more", Some(&longer)),
        ("a blank more", Some(&padded)),
        ("capitals", Some(&upper)),
        ("a short one", Some("a")),
        ("a long one", Some(&long)),
        ("the code", Some(&code)),
        ("null", Some("null")),
    ] {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("client_id", &world.app.id),
            ("redirect_uri", &world.app.redirect_uri),
        ];
        form.extend(shown.map(|shown| ("code_verifier", shown)));
        let answer = world.server.post("/oauth2/token").form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{what}");
        let body: Value = answer.json().await.unwrap();
        let expected = if shown.is_none_or(str::is_empty) { "invalid_request" } else { "invalid_grant" };
        assert_eq!(body["error"], expected, "{what}");
    }
    assert_eq!(world.server.snapshot().await, before);
    let tokens = OauthTokens::of(world.redeem(&code).await).await;
    assert!(at_mcp(&world.server, &tokens.access).await.is_ok());
}

/// Of two requests of one app's, each code goes with the secret of its own (code injection: RFC 9700, section 4.5).
#[tokio::test]
async fn a_code_of_one_request_is_not_redeemed_with_the_secret_of_another() {
    let mut world = World::start().await;
    let (first, first_pkce) = (world.code().await, world.pkce.clone());
    world.pkce = Pkce::new();
    let second = world.code().await;
    assert_eq!(world.redeem(&first).await.status(), 400);
    assert_eq!(world.app.redeem(&world.server, &second, &first_pkce).await.status(), 400);
    assert_eq!(world.redeem(&second).await.status(), 200);
    assert_eq!(world.app.redeem(&world.server, &first, &first_pkce).await.status(), 200);
}
