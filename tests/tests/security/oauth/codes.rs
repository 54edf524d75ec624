//! Threats: a code that is used twice, too late, or by another app (RFC 9700, section 4.5; ASVS 5.0, 10.4.2 and 10.4.3). A second
//! use ends what the first one began: two parties have the code.

use jiff::SignedDuration;
use keystead_tests::{OauthTokens, Pkce};

use super::{World, counts_at_mcp};

/// When the second use comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    AtOnce,
    AfterRefreshing,
    AfterTheCodeRanOut,
    AfterAMonthOfTidying,
    AfterARestart,
    ByAnotherApp,
    WithoutItsSecret,
}

#[tokio::test]
async fn a_code_that_is_used_twice_takes_every_token_of_its_connection_along() {
    for second in [
        Second::AtOnce,
        Second::AfterRefreshing,
        Second::AfterTheCodeRanOut,
        Second::AfterAMonthOfTidying,
        Second::AfterARestart,
        Second::ByAnotherApp,
        Second::WithoutItsSecret,
    ] {
        let mut world = World::start().await;
        let code = world.code().await;
        let mut tokens = OauthTokens::of(world.redeem(&code).await).await;
        let unharmed = world.tokens().await;
        let mut earlier = None;
        match second {
            Second::AfterRefreshing => {
                let fresh = OauthTokens::of(world.app.refresh(&world.server, &tokens.refresh).await).await;
                earlier = Some(std::mem::replace(&mut tokens, fresh));
            }
            Second::AfterTheCodeRanOut => world.server.advance(SignedDuration::from_mins(5)),
            Second::AfterAMonthOfTidying => {
                world.server.advance(SignedDuration::from_hours(24 * 29));
                world.server.app.maintain_sessions().await.unwrap();
                let fresh = OauthTokens::of(world.app.refresh(&world.server, &tokens.refresh).await).await;
                tokens = fresh;
            }
            Second::AfterARestart => world = world.restarted().await,
            _ => {}
        }
        assert!(counts_at_mcp(&world.server, &tokens.access).await, "{second:?}");
        let again = match second {
            Second::ByAnotherApp => {
                let other = world.server.oauth_client("Another app", super::REDIRECT).await;
                other.redeem(&world.server, &code, &world.pkce).await
            }
            Second::WithoutItsSecret => world.app.redeem(&world.server, &code, &Pkce::new()).await,
            _ => world.redeem(&code).await,
        };
        assert_eq!(again.status(), 400, "{second:?}");
        assert!(world.are_dead(&tokens).await, "{second:?}");
        if let Some(earlier) = earlier {
            assert!(world.are_dead(&earlier).await, "{second:?}");
        }
        // It stays so, also for whoever reads it from the store again.
        let world = world.restarted().await;
        assert!(world.are_dead(&tokens).await, "{second:?}, restarted");
        assert_eq!(world.redeem(&code).await.status(), 400, "{second:?}");
        if second != Second::AfterAMonthOfTidying {
            assert!(
                counts_at_mcp(&world.server, &unharmed.access).await,
                "another connection is another matter"
            );
        }
    }
}

#[tokio::test]
async fn of_redemptions_at_once_no_more_than_one_succeeds_and_nothing_of_it_lasts() {
    for _ in 0..5 {
        let world = World::start().await;
        let code = world.code().await;
        let requests = (0..24).map(|_| {
            let form = [
                ("grant_type", "authorization_code".to_owned()),
                ("code", code.clone()),
                ("client_id", world.app.id.clone()),
                ("code_verifier", world.pkce.verifier.clone()),
            ];
            tokio::spawn(world.server.post("/oauth2/token").form(&form).send())
        });
        let mut redeemed = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            let answer = request.await.unwrap().unwrap();
            if answer.status() == 200 {
                redeemed.push(OauthTokens::of(answer).await);
            }
        }
        assert_eq!(redeemed.len(), 1);
        assert!(world.are_dead(&redeemed[0]).await);
    }
}

#[tokio::test]
async fn a_code_counts_for_a_minute() {
    let world = World::start().await;
    let (last, late) = (world.code().await, world.code().await);
    world.server.advance(SignedDuration::from_secs(59));
    assert_eq!(world.redeem(&last).await.status(), 200);
    world.server.advance(SignedDuration::from_secs(1));
    let before = world.server.snapshot().await;
    assert_eq!(world.redeem(&late).await.status(), 400);
    assert_eq!(world.server.snapshot().await, before, "and what comes late changes nothing");
    world.server.app.maintain_sessions().await.unwrap();
    assert_eq!(world.redeem(&late).await.status(), 400);
}

/// What a person allowed is gone when they may not act any more: a code that is on its way gets nothing.
#[tokio::test]
async fn a_code_of_somebody_who_left_meanwhile_gets_nothing() {
    let world = World::start().await;
    let code = world.code().await;
    world.server.deactivate(&world.mia).await;
    assert_eq!(world.redeem(&code).await.status(), 400);
    world.server.reactivate(&world.mia).await;
    assert_eq!(world.redeem(&code).await.status(), 400, "nor does it when they are back");
}
