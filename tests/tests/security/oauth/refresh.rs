//! Threats: a refresh token that is used by two parties, or for ever (RFC 9700, section 4.14; ASVS 5.0, 10.4.5 and 10.4.8).

use jiff::SignedDuration;
use keystead_app::operator::Command;
use keystead_domain::EmailAccess;
use keystead_tests::{OauthTokens, Session};

use super::{World, counts_at_mcp};

#[tokio::test]
async fn a_refresh_token_that_is_used_twice_takes_every_token_of_its_connection_along() {
    for restarted in [false, true] {
        let mut world = World::start().await;
        let first = world.tokens().await;
        let unharmed = world.tokens().await;
        let second = OauthTokens::of(world.app.refresh(&world.server, &first.refresh).await).await;
        let third = OauthTokens::of(world.app.refresh(&world.server, &second.refresh).await).await;
        assert!(counts_at_mcp(&world.server, &third.access).await);
        if restarted {
            world = world.restarted().await;
        }
        // The thief's, or the app's: nobody knows.
        assert_eq!(world.app.refresh(&world.server, &first.refresh).await.status(), 400);
        for tokens in [&third, &second, &first] {
            assert!(world.are_dead(tokens).await);
        }
        assert!(counts_at_mcp(&world.server, &unharmed.access).await);
    }
}

#[tokio::test]
async fn of_refreshes_at_once_no_more_than_sixteen_succeed_and_nothing_of_more_lasts() {
    for _ in 0..5 {
        let world = World::start().await;
        let tokens = world.tokens().await;
        let requests = (0..24).map(|_| {
            let form = [
                ("grant_type", "refresh_token".to_owned()),
                ("refresh_token", tokens.refresh.clone()),
                ("client_id", world.app.id.clone()),
            ];
            tokio::spawn(world.server.post("/oauth2/token").form(&form).send())
        });
        let mut refreshed = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            let answer = request.await.unwrap().unwrap();
            if answer.status() == 200 {
                refreshed.push(OauthTokens::of(answer).await);
            }
        }
        // As many as a program may do at once.
        assert_eq!(refreshed.len(), 16);
        for tokens in refreshed.iter().chain([&tokens]) {
            assert!(world.are_dead(tokens).await);
        }
    }
}

/// Programs that do two things at once ask twice; a thief who asks as quickly is noticed when the second of the two goes on.
#[tokio::test]
async fn a_refresh_token_may_be_used_again_for_ten_seconds_and_of_what_replaced_it_one_goes_on() {
    let world = World::start().await;
    let first = world.tokens().await;
    let second = OauthTokens::of(world.app.refresh(&world.server, &first.refresh).await).await;
    world.server.advance(SignedDuration::from_millis(9_999));
    let again = OauthTokens::of(world.app.refresh(&world.server, &first.refresh).await).await;
    for tokens in [&first, &second, &again] {
        assert!(counts_at_mcp(&world.server, &tokens.access).await);
    }
    let third = OauthTokens::of(world.app.refresh(&world.server, &again.refresh).await).await;
    assert_eq!(
        world.app.refresh(&world.server, &second.refresh).await.status(),
        400,
        "the other goes no further"
    );
    for tokens in [&first, &second, &again, &third] {
        assert!(world.are_dead(tokens).await);
    }

    let late = world.tokens().await;
    let next = OauthTokens::of(world.app.refresh(&world.server, &late.refresh).await).await;
    world.server.advance(SignedDuration::from_secs(10));
    assert_eq!(world.app.refresh(&world.server, &late.refresh).await.status(), 400);
    assert!(world.are_dead(&next).await);
}

/// Whoever finds a refresh token needs to know whose it is; and trying it as another's spoils nothing.
#[tokio::test]
async fn a_refresh_token_counts_for_its_own_app_only() {
    let world = World::start().await;
    let tokens = world.tokens().await;
    let other = world.server.oauth_client("Another app", super::REDIRECT).await;
    let before = world.server.snapshot().await;
    assert_eq!(other.refresh(&world.server, &tokens.refresh).await.status(), 400);
    assert_eq!(world.server.snapshot().await, before);
    assert_eq!(world.app.refresh(&world.server, &tokens.refresh).await.status(), 200);
}

#[tokio::test]
async fn tokens_end_when_they_must_however_busy_the_app_is() {
    let world = World::start().await;
    let mut tokens = world.tokens().await;
    let idle = world.tokens().await;
    world.server.advance(SignedDuration::from_mins(14));
    assert!(counts_at_mcp(&world.server, &tokens.access).await);
    // A minute for clocks that differ.
    world.server.advance(SignedDuration::from_mins(2));
    assert!(!counts_at_mcp(&world.server, &tokens.access).await, "after a quarter of an hour");
    for _ in 0..89 {
        tokens = OauthTokens::of(world.app.refresh(&world.server, &tokens.refresh).await).await;
        world.server.advance(SignedDuration::from_hours(24));
    }
    assert!(world.are_dead(&idle).await, "unused for a month");
    tokens = OauthTokens::of(world.app.refresh(&world.server, &tokens.refresh).await).await;
    assert!(counts_at_mcp(&world.server, &tokens.access).await);
    // Two minutes short of three months before this.
    world.server.advance(SignedDuration::from_hours(24) - SignedDuration::from_mins(17));
    tokens = OauthTokens::of(world.app.refresh(&world.server, &tokens.refresh).await).await;
    assert!(counts_at_mcp(&world.server, &tokens.access).await);
    world.server.advance(SignedDuration::from_mins(1));
    assert!(world.are_dead(&tokens).await, "three months, and the person is asked again");
}

/// What ends a connection.
#[derive(Debug, Clone, Copy)]
enum End {
    Disconnected,
    GivenBack,
    Deactivated,
    Deleted,
    Excluded,
    Archived,
}

/// Promise 3: when what ended it has returned, nothing of it counts.
#[tokio::test]
async fn whatever_ends_a_connection_ends_all_its_tokens_at_once() {
    for end in
        [End::Disconnected, End::GivenBack, End::Deactivated, End::Deleted, End::Excluded, End::Archived]
    {
        let world = World::start().await;
        let server = &world.server;
        let (user, organization) = match end {
            End::Archived => (&world.eve, Some("Elsewhere".to_owned())),
            _ => (&world.mia, None),
        };
        let tokens = server.connect_app(user, &world.app).await;
        assert!(counts_at_mcp(server, &tokens.access).await, "{end:?}");
        let email = user.email.clone();
        match end {
            End::Disconnected => disconnect_all(&world, &server.session(user).await).await,
            End::GivenBack => {
                let form = [("token", tokens.refresh.as_str()), ("client_id", &world.app.id)];
                assert_eq!(server.post("/oauth2/revoke").form(&form).send().await.unwrap().status(), 200);
            }
            End::Deactivated => server.deactivate(user).await,
            End::Deleted => {
                server.operate(Command::UserDelete { email, organization, confirmed: true }).await;
            }
            End::Excluded => {
                let rules = EmailAccess::parse(&[], &[], &[], &[email]).unwrap();
                server.app.set_email_access(&server.actor(&world.ada).await, rules, None).await.unwrap();
            }
            End::Archived => {
                let organization = "Elsewhere".to_owned();
                server.operate(Command::OrganizationArchive { organization }).await;
            }
        }
        assert!(world.are_dead(&tokens).await, "{end:?}");
        if matches!(end, End::Deactivated) {
            server.reactivate(user).await;
            assert!(world.are_dead(&tokens).await, "who comes back lets apps in anew");
        }
        if !matches!(end, End::Excluded | End::Archived) {
            let world = world.restarted().await;
            assert!(world.are_dead(&tokens).await, "{end:?}, restarted");
        }
    }
}

async fn disconnect_all(world: &World, session: &Session) {
    let page = world.server.visit(session, "/settings/connected-apps").await.text().await.unwrap();
    let link = keystead_tests::Form::find_link(&page, "/disconnect");
    assert_eq!(world.server.submit(session, &link, &[]).await.status(), 303);
}

/// RFC 7009, section 2.1: whoever gives back what is another's changes nothing, and learns nothing.
#[tokio::test]
async fn giving_back_what_is_not_ones_own_changes_nothing_and_tells_nothing() {
    let world = World::start().await;
    let server = &world.server;
    let tokens = world.tokens().await;
    let code = world.code().await;
    let other = server.oauth_client("Another app", super::REDIRECT).await;
    let key = server.key(&world.mia, "deploy", "30d").await;
    let before = server.snapshot().await;
    let revoke = async |token: &str, client: &str, hint: &str| {
        let form = [("token", token), ("client_id", client), ("token_type_hint", hint)];
        super::Answer::of(server.post("/oauth2/revoke").form(&form).send().await.unwrap()).await
    };
    let unknown = revoke(&crate::callers::unknown_token(), &other.id, "refresh_token").await;
    assert_eq!((unknown.status, unknown.text.as_str()), (200, ""));
    for (token, client) in [
        (tokens.refresh.as_str(), other.id.as_str()),
        (&tokens.refresh, "client-0"),
        (&tokens.refresh, &world.mia.id),
        (&tokens.refresh[1..], &world.app.id),
        ("junk", &world.app.id),
        (&key.token, &world.app.id),
        (&key.token, &key.id),
        (&code, &other.id),
        (&tokens.access, &other.id),
    ] {
        for hint in ["refresh_token", "access_token", "code", "x", ""] {
            assert_eq!(revoke(token, client, hint).await, unknown, "{hint}");
        }
    }
    assert_eq!(server.snapshot().await, before);
    assert!(counts_at_mcp(server, &tokens.access).await);
    assert_eq!(server.verify(&key.token).await.status(), 200);
    assert_eq!(revoke(&tokens.refresh, &world.app.id, "access_token").await, unknown, "a hint is one");
    assert!(world.are_dead(&tokens).await);
}
