//! Codes and refresh tokens that are used by many at once, and tokens that are checked while they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use keystead_domain::RefreshStanding;

use crate::oauth::{Scene, redemption};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_100_who_redeem_one_code_at_once_one_gets_tokens_and_they_are_dead_afterwards() {
    let scene = Arc::new(Scene::new().await);
    let code = scene.allow().await.code.to_string();
    let all: Vec<_> = (0..100)
        .map(|_| {
            let (scene, code) = (Arc::clone(&scene), code.clone());
            tokio::spawn(async move { scene.world.redeem(&redemption(&code, &scene.client)).await.ok() })
        })
        .collect();
    let mut issued = Vec::new();
    for one in all {
        issued.extend(one.await.unwrap());
    }
    assert_eq!(issued.len(), 1);
    assert!(!scene.is_accepted(&issued[0]));
    assert!(scene.world.refresh(&issued[0].refresh, &scene.client).await.is_err());
    let actor = scene.ada.session(&scene.world.app).await.unwrap();
    assert!(scene.world.app.connected_apps(&actor).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_1000_who_use_one_refresh_token_at_once_as_many_get_tokens_as_a_program_does_things_at_once_and_all_die()
 {
    let scene = Arc::new(Scene::new().await);
    let token = scene.connect().await.refresh;
    let all: Vec<_> = (0..1_000)
        .map(|_| {
            let (scene, token) = (Arc::clone(&scene), token.clone());
            tokio::spawn(async move { scene.world.refresh(&token, &scene.client).await.ok() })
        })
        .collect();
    let mut issued = Vec::new();
    for one in all {
        issued.extend(one.await.unwrap());
    }
    assert_eq!(issued.len(), usize::try_from(RefreshStanding::SIBLINGS_MAX).unwrap());
    for tokens in &issued {
        assert!(!scene.is_accepted(tokens));
        assert!(scene.world.refresh(&tokens.refresh, &scene.client).await.is_err());
    }
}

/// Each round ends an app in another way while others check its tokens and renew them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_token_is_accepted_that_was_checked_after_the_call_that_ended_it_had_returned() {
    let scene = Arc::new(Scene::new().await);
    let root = scene.world.root().await;
    let accepted = Arc::new(AtomicUsize::new(0));
    for round in 0..200 {
        let tokens = scene.connect().await;
        let id = scene.world.app_of(&scene.ada).await;
        let (ended, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let checking: Vec<_> = (0..2)
            .map(|_| {
                let (scene, tokens, ended) = (Arc::clone(&scene), tokens.clone(), Arc::clone(&ended));
                let (accepted, begun) = (Arc::clone(&accepted), Arc::clone(&begun));
                tokio::task::spawn_blocking(move || {
                    let mut after = 0;
                    while after < 5 {
                        let has_ended = ended.load(Ordering::SeqCst);
                        let is_accepted = scene.is_accepted(&tokens);
                        assert!(!(is_accepted && has_ended), "accepted after it had ended");
                        accepted.fetch_add(usize::from(is_accepted), Ordering::Relaxed);
                        begun.fetch_add(1, Ordering::SeqCst);
                        after += usize::from(has_ended);
                    }
                })
            })
            .collect();
        let renewing = {
            let (scene, token) = (Arc::clone(&scene), tokens.refresh.clone());
            tokio::spawn(async move { scene.world.refresh(&token, &scene.client).await.ok() })
        };
        while begun.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        let app = &scene.world.app;
        if round % 2 == 0 {
            let actor = scene.ada.session(app).await.unwrap();
            app.disconnect_app(&actor, id).await.unwrap();
        } else {
            app.set_email_access(&root, crate::world::blocking(&[&scene.ada.email]), None).await.unwrap();
        }
        ended.store(true, Ordering::SeqCst);
        for task in checking {
            task.await.unwrap();
        }
        if let Some(renewed) = renewing.await.unwrap() {
            assert!(!scene.is_accepted(&renewed), "round {round}: renewed while it ended");
        }
        if round % 2 == 1 {
            app.set_email_access(&root, crate::world::blocking(&[]), None).await.unwrap();
            let actor = scene.ada.session(app).await.unwrap();
            app.disconnect_app(&actor, id).await.unwrap();
        }
    }
    assert!(accepted.load(Ordering::Relaxed) >= 200, "the load is no load");
}
