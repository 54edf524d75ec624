//! What is kept of apps and clients is bounded: by rate, by number and in time.

use jiff::SignedDuration;
use keystead_app::{RegistrationRefusal, RequestOrigin};
use keystead_domain::{AuthorizationParameters, Error, OauthLifetimes};

use crate::oauth::{CALLBACK, Scene};
use crate::world::World;

async fn register(world: &World, address: &str) -> Result<(), u64> {
    let said = format!(r#"{{"client_name":"An app","redirect_uris":["{CALLBACK}"]}}"#);
    let origin = RequestOrigin { address: Some(address.parse().unwrap()), ..RequestOrigin::default() };
    match world.app.register_client(said.as_bytes(), &origin).await {
        Ok(_) => Ok(()),
        Err(RegistrationRefusal::Failed(Error::RateLimited { retry_after })) => {
            Err(retry_after.as_secs().unsigned_abs())
        }
        Err(refusal) => panic!("{refusal:?}"),
    }
}

#[tokio::test]
async fn a_network_registers_20_clients_at_once_then_one_in_ten_seconds_and_slows_no_other() {
    let world = World::new().await;
    for n in 0..20 {
        // All of one /64.
        assert_eq!(register(&world, &format!("2001:db8::{n}:1")).await, Ok(()));
    }
    assert_eq!(register(&world, "2001:db8::ffff:ffff:ffff:ffff").await, Err(10));
    assert_eq!(register(&world, "2001:db8:0:1::1").await, Ok(()), "another network");
    assert_eq!(register(&world, "192.0.2.1").await, Ok(()));
    world.clock.advance(SignedDuration::from_millis(9_999));
    assert_eq!(register(&world, "2001:db8::1").await, Err(1));
    world.clock.advance(SignedDuration::from_millis(1));
    assert_eq!(register(&world, "2001:db8::1").await, Ok(()));
    assert_eq!(register(&world, "2001:db8::1").await, Err(10));
}

#[tokio::test]
async fn all_networks_together_register_200_clients_at_once_then_ten_a_second() {
    let world = World::new().await;
    for n in 0..200 {
        assert_eq!(register(&world, &format!("192.0.2.{n}")).await, Ok(()), "{n}");
    }
    assert_eq!(register(&world, "198.51.100.1").await, Err(1));
    world.clock.advance(SignedDuration::from_millis(100));
    assert_eq!(register(&world, "198.51.100.2").await, Ok(()));
    assert_eq!(register(&world, "198.51.100.3").await, Err(1));
}

async fn is_known(scene: &Scene, client: &str) -> bool {
    let parameters = AuthorizationParameters {
        response_type: Some("code".to_owned()),
        client_id: Some(client.to_owned()),
        redirect_uri: Some(CALLBACK.to_owned()),
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        code_challenge_method: Some("S256".to_owned()),
        ..AuthorizationParameters::default()
    };
    scene.world.app.check_authorization(&parameters).await.is_ok()
}

#[tokio::test]
async fn the_upkeep_forgets_what_has_run_out_and_nothing_that_still_counts() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let unused = world.registered("Nobody's").await;
    let (tokens, waiting) = (scene.connect().await, scene.allow().await);
    let millisecond = SignedDuration::from_millis(1);
    let maintain = async || world.app.maintain_sessions().await.unwrap();
    world.clock.advance(OauthLifetimes::CODE - millisecond);
    maintain().await;
    assert!(scene.is_accepted(&tokens) && is_known(&scene, &unused).await);
    assert!(world.redeem(&waiting).await.is_ok(), "a code's last millisecond");
    let unredeemed = scene.allow().await;
    world.clock.advance(OauthLifetimes::REGISTRATION - OauthLifetimes::CODE);
    maintain().await;
    assert!(is_known(&scene, &unused).await, "a client's last millisecond");
    world.clock.advance(millisecond);
    maintain().await;
    assert!(!is_known(&scene, &unused).await && is_known(&scene, &scene.client).await);
    assert!(world.redeem(&unredeemed).await.is_err());
    let renewed = world.refresh(&tokens.refresh, &scene.client).await.unwrap();
    assert!(scene.is_accepted(&renewed));

    world.clock.advance(OauthLifetimes::CONNECTION);
    maintain().await;
    assert!(!is_known(&scene, &scene.client).await, "nobody needs it any more");
    let kept = scene.kept().await;
    assert!(!kept.iter().any(|row| row.contains("app.disconnected")), "nobody ended anything");
    let refused = world.refresh(&renewed.refresh, &scene.client).await;
    assert_eq!(crate::oauth::refused_as(&refused), "invalid_grant");
    maintain().await;
    assert_eq!(scene.kept().await, kept);
}
