//! Threats: answers that tell a guesser how near they are (threat: user enumeration). Whatever is wrong with a code or a refresh
//! token, the answer is the same, byte for byte.

use jiff::SignedDuration;
use keystead_tests::{OauthTokens, Pkce};

use super::{Answer, REDIRECT, World};

#[tokio::test]
async fn every_code_that_does_not_count_is_refused_in_the_same_words() {
    let world = World::start().await;
    let server = &world.server;
    let other = server.oauth_client("Another app", REDIRECT).await;
    let old = world.code().await;
    server.advance(SignedDuration::from_mins(2));
    let (code, used, left) =
        (world.code().await, world.code().await, server.allow(&world.eve, &world.app, &world.pkce).await);
    let tokens = OauthTokens::of(world.redeem(&used).await).await;
    let key = server.key(&world.mia, "deploy", "30d").await;
    server
        .operate(keystead_app::operator::Command::OrganizationArchive {
            organization: "Elsewhere".to_owned(),
        })
        .await;
    let unknown =
        crate::callers::unknown_token().replacen("ks_", &format!("{}_", code.split('_').next().unwrap()), 1);
    let verifier = world.pkce.verifier.as_str();
    let own = (world.app.id.as_str(), REDIRECT, verifier);
    let wrong = Pkce::new().verifier;
    let mut answers = Vec::new();
    for (what, code, (client, redirect, verifier)) in [
        ("unknown", unknown.as_str(), own),
        ("junk", "junk", own),
        ("long", "x".repeat(10_000).leak(), own),
        ("old", &old, own),
        ("a part", &code[..code.len() - 1], own),
        ("capitals", code.to_uppercase().leak(), own),
        ("an API key", &key.token, own),
        ("a refresh token", &tokens.refresh, own),
        ("an access token", &tokens.access, own),
        ("another app's", &code, (other.id.as_str(), REDIRECT, verifier)),
        ("nobody's", &code, ("client-0", REDIRECT, verifier)),
        ("a person's", &code, (world.mia.id.as_str(), REDIRECT, verifier)),
        ("for another address", &code, (own.0, "https://app.example/other", verifier)),
        ("without its secret", &code, (own.0, REDIRECT, &wrong)),
        ("of somebody who left", &left, own),
        ("used", &used, own),
        ("used, again", &used, own),
        ("SQL", "' OR '1'='1", own),
        ("zero", "\u{0}", own),
    ] {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", client),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        answers
            .push((what, Answer::of(server.post("/oauth2/token").form(&form).send().await.unwrap()).await));
    }
    let first = answers[0].1.clone();
    assert_eq!((first.status, first.error().as_str()), (400, "invalid_grant"));
    assert_eq!(first.headers["cache-control"], "no-store");
    for (what, answer) in &answers {
        assert_eq!(*answer, first, "{what}");
    }
    assert_eq!(world.redeem(&code).await.status(), 200, "of which one is good for its own app");
}

#[tokio::test]
async fn every_refresh_token_that_does_not_count_is_refused_in_the_same_words() {
    let world = World::start().await;
    let server = &world.server;
    let other = server.oauth_client("Another app", REDIRECT).await;
    let old = world.tokens().await;
    server.advance(SignedDuration::from_hours(24 * 30));
    let (tokens, used, ended) = (world.tokens().await, world.tokens().await, world.tokens().await);
    assert_eq!(world.app.refresh(server, &used.refresh).await.status(), 200);
    // The leeway of programs that ask twice at once.
    server.advance(SignedDuration::from_secs(10));
    let given_back = [("token", ended.refresh.as_str()), ("client_id", &world.app.id)];
    server.post("/oauth2/revoke").form(&given_back).send().await.unwrap();
    let code = world.code().await;
    let prefix = format!("{}_", tokens.refresh.split('_').next().unwrap());
    let unknown = crate::callers::unknown_token().replacen("ks_", &prefix, 1);
    let mut answers = Vec::new();
    for (what, token, client) in [
        ("unknown", unknown.as_str(), &world.app.id),
        ("junk", "junk", &world.app.id),
        ("old", &old.refresh, &world.app.id),
        ("another app's", &tokens.refresh, &other.id),
        ("ended", &ended.refresh, &world.app.id),
        ("used", &used.refresh, &world.app.id),
        ("used, again", &used.refresh, &world.app.id),
        ("a code", &code, &world.app.id),
        ("an access token", &tokens.access, &world.app.id),
        ("a part", &tokens.refresh[1..], &world.app.id),
    ] {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", client)];
        answers
            .push((what, Answer::of(server.post("/oauth2/token").form(&form).send().await.unwrap()).await));
    }
    let first = answers[0].1.clone();
    assert_eq!((first.status, first.error().as_str()), (400, "invalid_grant"));
    for (what, answer) in &answers {
        assert_eq!(*answer, first, "{what}");
    }
    assert_eq!(world.app.refresh(server, &tokens.refresh).await.status(), 200);
}

/// No cut, lengthened or changed code or refresh token is one.
#[tokio::test]
async fn no_near_miss_of_a_code_or_a_refresh_token_counts_or_is_told_apart() {
    let world = World::start().await;
    let server = &world.server;
    let tokens = world.tokens().await;
    let code = world.code().await;
    let before = server.snapshot().await;
    let junk = [
        Answer::of(world.redeem("junk").await).await,
        Answer::of(world.app.refresh(server, "junk").await).await,
    ];
    for token in [&code, &tokens.refresh] {
        let mut near: Vec<String> = (1..token.len()).map(|end| token[..end].to_owned()).collect();
        for at in 0..token.len() {
            let letter = if token[at..].starts_with('a') { 'b' } else { 'a' };
            near.push(format!("{}{letter}{}", &token[..at], &token[at + 1..]));
            near.push(format!("{}{letter}{}", &token[..at], &token[at..]));
        }
        near.extend(["0", " ", "\n", "\u{0}", ".x"].map(|more| format!("{token}{more}")));
        for near in &near {
            assert_eq!(Answer::of(world.redeem(near).await).await, junk[0], "{near}");
            assert_eq!(Answer::of(world.app.refresh(server, near).await).await, junk[1], "{near}");
        }
    }
    assert_eq!(server.snapshot().await, before);
}

/// The ids of apps are no secret, and yet nobody reads from an answer which there are.
#[tokio::test]
async fn an_app_that_is_not_known_is_told_in_the_same_words_whatever_its_id() {
    let world = World::start().await;
    let session = world.server.session(&world.mia).await;
    let near = format!("{}0", &world.app.id[..world.app.id.len() - 1]);
    let near = if near == world.app.id { format!("{}1", &near[..near.len() - 1]) } else { near };
    let mut answers = Vec::new();
    for id in [
        "client-0",
        "client-00000000-0000-7000-8000-000000000000",
        &near,
        "junk",
        &world.mia.id,
        &world.app.id[7..],
        "https://127.0.0.1/c",
        "http://app.example/c",
    ] {
        let path = world.path(&[("client_id", Some(id))]);
        answers.push((id, Answer::of(world.server.visit(&session, &path).await).await));
    }
    for (id, answer) in &answers {
        assert_eq!(*answer, answers[0].1, "{id}");
    }
}
