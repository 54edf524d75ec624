//! Sessions that are minted, checked and ended at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use keystead_domain::{Actor, Error, Expiration};

use crate::impersonation::{Cast, Impersonating};
use crate::world::World;

const ROUNDS: usize = 200;
/// Checks of dead tokens, in each round, that must find none alive.
const AFTER: usize = 5;
/// Sessions that each of two tasks mints in a round: the end comes when three are there.
const EACH: usize = 6;

/// Tokens of one key, minted by some tasks while others check them.
#[derive(Default)]
struct Tokens {
    minted: Mutex<Vec<String>>,
    /// All of `dead` were minted before, and the call that ended them has returned.
    ended: AtomicBool,
    dead: Mutex<Vec<String>>,
    accepted: AtomicUsize,
}

impl Tokens {
    /// Checks ever the last token, and once they have ended, all of them.
    fn check(&self, world: &World) {
        let mut after = 0;
        while after < AFTER {
            let ended = self.ended.load(Ordering::SeqCst);
            let from = if ended { &self.dead } else { &self.minted };
            let tokens = from.lock().unwrap();
            let Some(token) = (if ended { tokens.get(after % tokens.len()) } else { tokens.last() }).cloned()
            else {
                continue;
            };
            drop(tokens);
            let accepted = world.session(&token).is_ok();
            assert!(!(accepted && ended), "a session was accepted that had ended before it was checked");
            self.accepted.fetch_add(usize::from(accepted), Ordering::Relaxed);
            after += usize::from(ended);
        }
    }

    async fn mint(&self, cast: &Cast, key: &Impersonating) {
        for _ in 0..EACH {
            match cast.world.mint(key, &cast.bob).await {
                Ok(token) => self.minted.lock().unwrap().push(token),
                Err(Error::Unauthenticated) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Half of the rounds revoke the key, half end its sessions.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_is_accepted_that_was_checked_after_the_call_that_ended_it_had_returned() {
    let cast = Arc::new(Cast::new().await);
    let mut accepted = 0;
    for round in 0..ROUNDS {
        let (key, actor) = key_and_owner(&cast).await;
        let key = Arc::new(key);
        let tokens = Arc::new(Tokens::default());
        let checking: Vec<_> = (0..2)
            .map(|_| {
                let (cast, tokens) = (Arc::clone(&cast), Arc::clone(&tokens));
                tokio::task::spawn_blocking(move || tokens.check(&cast.world))
            })
            .collect();
        let minting: Vec<_> = (0..2)
            .map(|_| {
                let (cast, tokens, key) = (Arc::clone(&cast), Arc::clone(&tokens), Arc::clone(&key));
                tokio::spawn(async move { tokens.mint(&cast, &key).await })
            })
            .collect();
        while tokens.minted.lock().unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
        let before = tokens.minted.lock().unwrap().clone();
        let revokes = round % 2 == 0;
        if revokes {
            cast.world.app.revoke_key(&actor, key.id, None).await.unwrap();
        } else {
            cast.world.app.end_sessions(&actor, key.id).await.unwrap();
        }
        // Of a revoked key also those that were being minted meanwhile.
        let dead = if revokes { tokens.minted.lock().unwrap().clone() } else { before };
        tokens.dead.lock().unwrap().extend(dead);
        tokens.ended.store(true, Ordering::SeqCst);
        for task in checking.into_iter().chain(minting) {
            task.await.unwrap();
        }
        accepted += tokens.accepted.load(Ordering::Relaxed);

        let minted = tokens.minted.lock().unwrap().clone();
        let alive = minted.iter().filter(|token| cast.world.session(token).is_ok()).count();
        if revokes {
            assert_eq!(alive, 0, "round {round}: minted while the key was being revoked");
            assert_eq!(cast.world.mint(&key, &cast.bob).await.err(), Some(Error::Unauthenticated));
        } else {
            let shown = cast.world.app.key(&actor, key.id).await.unwrap();
            let live = cast.world.app.key_sessions(&actor, &[shown]).await.unwrap()[&key.id].live;
            assert_eq!(live, alive as u64, "round {round}: what is shown is what counts");
            assert!(cast.world.session(&cast.world.mint(&key, &cast.bob).await.unwrap()).is_ok());
        }
    }
    assert!(accepted >= ROUNDS, "the load is no load: {accepted} checks found a session alive");
}

async fn key_and_owner(cast: &Cast) -> (Impersonating, Actor) {
    let key = cast.world.impersonation_key(&cast.ada, Expiration::Never).await;
    (key, cast.ada.session(&cast.world.app).await.unwrap())
}

/// A future that is polled first takes the turn, and the other waits in line: that is how the order is fixed.
#[tokio::test]
async fn a_minting_that_waited_behind_the_end_of_its_key_mints_nothing_and_behind_that_of_its_sessions_a_new_one()
 {
    for revokes in [true, false] {
        let cast = Cast::new().await;
        let Cast { world, ada, key, bob } = &cast;
        let actor = ada.session(&world.app).await.unwrap();
        let end = async {
            if revokes {
                world.app.revoke_key(&actor, key.id, None).await.map(drop)
            } else {
                world.app.end_sessions(&actor, key.id).await.map(drop)
            }
        };
        let (ended, minted) = tokio::join!(end, world.mint(key, bob));
        ended.unwrap();
        let events = world.events().await;
        let last: Vec<&str> = events[..2].iter().map(|(action, ..)| &**action).collect();
        if revokes {
            assert_eq!(minted.err(), Some(Error::Unauthenticated));
            assert_eq!(last[0], "key.revoked", "nor does the log tell of a session of a revoked key");
        } else {
            assert!(world.session(&minted.unwrap()).is_ok(), "whoever is given a session can use it");
            assert_eq!(last, ["session.minted", "key.sessions_ended"]);
        }
    }
}

/// Fewer rotations than retired keys are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_is_minted_while_signing_keys_rotate_is_accepted_then_and_afterwards() {
    let cast = Arc::new(Cast::new().await);
    let done = Arc::new(AtomicBool::new(false));
    let minting: Vec<_> = (0..3)
        .map(|_| {
            let (cast, done) = (Arc::clone(&cast), Arc::clone(&done));
            tokio::spawn(async move {
                let key = cast.world.impersonation_key(&cast.ada, Expiration::Never).await;
                let mut tokens = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    match cast.world.mint(&key, &cast.bob).await {
                        Ok(token) => {
                            assert!(cast.world.session(&token).is_ok());
                            tokens.push(token);
                        }
                        Err(Error::RateLimited { .. }) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                tokens
            })
        })
        .collect();
    let mut published = std::collections::BTreeSet::new();
    for _ in 0..18 {
        let keys = cast.world.app.rotate_signing_keys(false).await.unwrap();
        published.extend(keys.into_iter().map(|key| key.id));
        drop(cast.mint().await);
    }
    done.store(true, Ordering::SeqCst);
    assert_eq!(published.len(), 18 + 2, "each rotation made one key");
    let mut tokens = Vec::new();
    for task in minting {
        tokens.extend(task.await.unwrap());
    }
    let headers: std::collections::BTreeSet<_> =
        tokens.iter().map(|token| token.split('.').next().unwrap()).collect();
    assert!(headers.len() > 1, "by {} keys", headers.len());
    assert!(tokens.iter().all(|token| cast.world.session(token).is_ok()));
    let Cast { world, .. } = Arc::into_inner(cast).unwrap();
    let world = world.restarted().await;
    assert!(tokens.iter().all(|token| world.session(token).is_ok()), "every key that signed is on file");
}
