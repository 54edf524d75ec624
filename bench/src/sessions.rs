//! Impersonated sessions: minting against the signature alone, and checking one against checking a key.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ed25519_dalek::{Signer as _, SigningKey};
use keystead_app::{App, Deployment, KeyInput, RequestOrigin, SessionSettings};
use keystead_domain::{Actor, Description, Expiration, KeyName};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::fill;
use crate::report::Spread;

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_secs(1);
/// So many that the bound of each key's mintings is far away.
const KEYS: usize = 200;
/// As many are looked at between two looks at the clock.
const BATCH: u32 = 100;

pub(crate) fn run() -> Result<()> {
    Runtime::new()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let sessions = SessionSettings { issuer: "http://127.0.0.1:8080".to_owned(), ..Default::default() };
        let deployment = Deployment { impersonation: true, sessions, ..Default::default() };
        let app = Arc::new(fill::empty_of(folder.path(), deployment).await?);
        let (_, actor) = fill::sign_in(&app).await?;
        let keys = Arc::new(impersonation_keys(&app, &actor).await?);
        let address = actor.user().email.to_string();
        let minted = app.impersonate(&keys[0], &address, &[], &RequestOrigin::default()).await?;

        let signer = SigningKey::from_bytes(&fill::random()?);
        let text = minted.token.rsplit_once('.').context("a signed text")?.0.as_bytes();
        let signature = signer.sign(text);
        let public = signer.verifying_key();
        let mut figures: [Vec<f64>; 6] = Default::default();
        for _ in 0..ROUNDS {
            let round = [
                a_second(|| black_box(signer.sign(black_box(text))).to_bytes().is_empty()),
                mint(&app, &keys, &address, 1).await?,
                mint(&app, &keys, &address, 32).await?,
                a_second(|| public.verify_strict(black_box(text), &signature).is_err()),
                a_second(|| app.verify_session(black_box(&minted.token), app.now()).is_err()),
                a_second(|| app.verify(black_box(&keys[0]), app.now()).is_err()),
            ];
            figures.iter_mut().zip(round).for_each(|(figures, figure)| figures.push(figure));
        }
        print(figures, minted.token.len());
        Ok(())
    })
}

fn print(figures: [Vec<f64>; 6], bytes: usize) {
    println!(
        "{ROUNDS} rounds of {ROUND:?} each, by turns; a token of {bytes} bytes; median (least to greatest)\n"
    );
    let ratios =
        |of: usize, to: usize| Spread::new(figures[of].iter().zip(&figures[to]).map(|(of, to)| to / of), 2);
    let against_signature = [ratios(1, 0), ratios(2, 0)];
    let against_verification = ratios(4, 3);
    let against_key = ratios(4, 5);
    let [sign, alone, together, verify, session, key] = figures.map(|figures| Spread::new(figures, 0));
    println!("| | a second | time, as a ratio |\n|---|---|---|");
    println!("| Ed25519 signature alone | {sign} | 1 |");
    println!("| `App::impersonate`, 1 caller | {alone} | {} of the signature's |", against_signature[0]);
    println!("| `App::impersonate`, 32 callers | {together} | {} of the signature's |", against_signature[1]);
    println!("| Ed25519 verification alone | {verify} | 1 |");
    println!("| `App::verify_session` | {session} | {against_verification} of the verification's |");
    println!("| `App::verify`, a key | {key} | a session takes {against_key} of its time |");
}

/// How often a second something that must not fail (`false`) can be done.
fn a_second(mut failed: impl FnMut() -> bool) -> f64 {
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < ROUND {
        for _ in 0..BATCH {
            assert!(!failed(), "it is accepted");
        }
        done += BATCH;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

async fn impersonation_keys(app: &App, actor: &Actor) -> Result<Vec<String>> {
    let mut tokens = Vec::with_capacity(KEYS);
    for n in 0..KEYS {
        let input = KeyInput {
            name: KeyName::parse(&format!("embedding {n}"))?,
            description: Description::parse("")?,
            expiration: Expiration::default(),
            allow_impersonation: true,
            request_id: None,
        };
        let created = app.create_key(actor, &input).await?;
        tokens.push(created.token.context("a token")?.expose().to_owned());
    }
    Ok(tokens)
}

async fn mint(app: &Arc<App>, keys: &Arc<Vec<String>>, address: &str, callers: usize) -> Result<f64> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let (app, keys, address) = (Arc::clone(app), Arc::clone(keys), address.to_owned());
        tasks.spawn(async move {
            let (mut minted, origin) = (0_u32, RequestOrigin::default());
            for key in keys.iter().cycle().skip(caller * KEYS / callers) {
                if start.elapsed() >= ROUND {
                    break;
                }
                app.impersonate(key, &address, &[], &origin).await?;
                minted += 1;
            }
            Ok::<_, keystead_domain::Error>(minted)
        });
    }
    let mut minted = 0;
    while let Some(done) = tasks.join_next().await {
        minted += done??;
    }
    Ok(f64::from(minted) / start.elapsed().as_secs_f64())
}
