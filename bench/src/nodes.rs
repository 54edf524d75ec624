//! Many nodes on PostgreSQL: what a revocation waits for, what checks cost meanwhile, and how a node comes and catches up.
//!
//! The server is real, on this machine, and its commits are on the disk when they return.

pub(crate) mod process;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use keystead_app::{App, KeyInput};
use keystead_domain::{Actor, Description, Expiration, KeyId, KeyName};
use keystead_test_hosts::Postgres;
use keystead_token::Token;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::runtime::Runtime;
use tokio::time::MissedTickBehavior;

use crate::child::Child;
use crate::fill;
use crate::http::load::{self, Plan};
use crate::http::request;
use crate::report::{Spread, percentile};

const REVOCATIONS: usize = 300;
const CONNECTIONS: usize = 32;
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 7;
/// Revocations a second while checks are measured.
const STORM: u64 = 100;
/// Changes a second while the lag of the feed is measured, and for how long.
const CHANGES: u64 = 1_000;
const CHANGING: Duration = Duration::from_secs(10);
const KEYS_AT_START: usize = 1_000_000;
const STARTS: usize = 3;

pub(crate) fn run() -> Result<()> {
    let postgres = Postgres::start();
    let secret = fill::hex(&fill::random::<32>()?);
    let url = postgres.database();
    let runtime = Runtime::new()?;
    let (app, actor) = runtime.block_on(async {
        let app = Arc::new(fill::open_node(&url, &secret, "first").await?);
        fill::add_administrator(&app).await?;
        let (_, actor) = fill::sign_in(&app).await?;
        anyhow::Ok((app, actor))
    })?;
    let start = || -> Result<(Child, String)> {
        let mut node = Child::start(["node", &url, &secret])?;
        let address = node.line()?.replace("http://", "");
        Ok((node, address))
    };
    let (second, address) = start()?;
    let (third, third_address) = start()?;

    runtime.block_on(revocations(&app, &actor, &url))?;
    let tokens = runtime.block_on(keys(&app, &actor, 1_000))?;
    let requests: Vec<Vec<u8>> = tokens.iter().map(|(_, token)| request(token)).collect();
    // For the tasks of the load, which may outlive this function as far as the compiler knows.
    let requests: &'static [Vec<u8>] = requests.leak();
    checks_meanwhile(&runtime, (&app, &actor), &second, &address, requests)?;
    together(&[&address, &third_address], requests)?;
    drop(third);
    runtime.block_on(lag(&app, &actor, &url))?;
    drop(second);
    starts(&postgres, &url, &secret, &runtime)?;
    if let Some(app) = Arc::into_inner(app) {
        runtime.block_on(app.close())?;
    }
    Ok(())
}

/// Revocations with three nodes, by turns with what the database takes for one commit and one round trip.
async fn revocations(app: &Arc<App>, actor: &Actor, url: &str) -> Result<()> {
    let mut bare = PgConnection::connect(url).await?;
    sqlx::query("CREATE TABLE bare (id BYTEA PRIMARY KEY, content BYTEA)").execute(&mut bare).await?;
    let mut taken = (Vec::new(), Vec::new());
    for (id, _) in keys(app, actor, REVOCATIONS).await? {
        let start = Instant::now();
        sqlx::query("INSERT INTO bare VALUES ($1, $2)")
            .bind(&fill::random::<16>()?[..])
            .bind(vec![7_u8; 800])
            .execute(&mut bare)
            .await?;
        sqlx::query("SELECT 1").fetch_one(&mut bare).await?;
        taken.0.push(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        app.revoke_key(actor, id, Some(NAME)).await?;
        taken.1.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let ratio =
        Spread::new(taken.1.iter().copied(), 2).median() / Spread::new(taken.0.iter().copied(), 2).median();
    println!("{REVOCATIONS} of each by turns, 3 nodes\n\n| | ms p50 | ms p99 |\n|---|---|---|");
    for (what, mut took) in
        [("one commit and one round trip", taken.0), ("a revocation, until it holds on all", taken.1)]
    {
        took.sort_unstable_by(f64::total_cmp);
        println!("| {what} | {:.2} | {:.2} |", percentile(&took, 50), percentile(&took, 99));
    }
    println!("| ratio of the medians | {ratio:.2} | |\n");
    Ok(())
}

/// Checks at one node while another revokes, by turns with checks while nobody changes anything.
fn checks_meanwhile(
    runtime: &Runtime,
    (app, actor): (&Arc<App>, &Actor),
    node: &Child,
    address: &str,
    requests: &'static [Vec<u8>],
) -> Result<()> {
    let (mut quiet, mut stormy) = (Vec::new(), Vec::new());
    let (mut quiet_cpu, mut stormy_cpu) = (Vec::new(), Vec::new());
    let mut revoked = 0;
    load::run(plan(address, requests), Duration::from_millis(500))?;
    for _ in 0..TURNS {
        let (rate, cpu) = turn(node, address, requests)?;
        quiet.push(rate);
        quiet_cpu.push(cpu);
        let victims = runtime.block_on(keys(app, actor, usize::try_from(STORM * TURN.as_secs() + STORM)?))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let storm = runtime.spawn(storm(Arc::clone(app), actor.clone(), victims, Arc::clone(&is_over)));
        let (rate, cpu) = turn(node, address, requests)?;
        is_over.store(true, Ordering::Relaxed);
        stormy.push(rate);
        stormy_cpu.push(cpu);
        revoked += runtime.block_on(storm)??;
    }
    let ratio = Spread::new(stormy.iter().zip(&quiet).map(|(stormy, quiet)| stormy / quiet), 3);
    let seconds = TURN.as_secs_f64() * TURNS as f64;
    println!("{TURNS} turns of {TURN:?} each, {CONNECTIONS} connections; median (least to greatest)\n");
    println!("| checks at a node | a second | CPU µs each |\n|---|---|---|");
    println!("| nothing changes | {} | {} |", Spread::new(quiet, 0), Spread::new(quiet_cpu, 2));
    println!(
        "| {:.0} revocations a second at another | {} | {} |",
        f64::from(revoked) / seconds,
        Spread::new(stormy, 0),
        Spread::new(stormy_cpu, 2)
    );
    println!("| ratio | {ratio} | |\n");
    Ok(())
}

/// Revokes so many keys a second until it is over.
async fn storm(
    app: Arc<App>,
    actor: Actor,
    keys: Vec<(KeyId, Token)>,
    is_over: Arc<AtomicBool>,
) -> Result<u32> {
    let mut every = tokio::time::interval(Duration::from_millis(1000 / STORM));
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = tokio::task::JoinSet::new();
    for (id, _) in keys {
        every.tick().await;
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let (app, actor) = (Arc::clone(&app), actor.clone());
        under_way.spawn(async move { app.revoke_key(&actor, id, Some(NAME)).await });
    }
    let mut revoked = 0;
    while let Some(done) = under_way.join_next().await {
        done??;
        revoked += 1;
    }
    Ok(revoked)
}

/// Answers a second, and the node's processor time for each in microseconds.
fn turn(node: &Child, address: &str, requests: &'static [Vec<u8>]) -> Result<(f64, f64)> {
    let before = node.cpu()?;
    let load = load::run(plan(address, requests), TURN)?;
    let cpu = node.cpu()?.saturating_sub(before);
    let answers = load.latencies.len() as f64;
    Ok((answers / load.took.as_secs_f64(), cpu.as_nanos() as f64 / 1e3 / answers))
}

fn plan<'a>(address: &'a str, requests: &'static [Vec<u8>]) -> Plan<'a> {
    Plan { address, requests, connections: CONNECTIONS, is_complete: load::has_head }
}

/// Each node alone, and both at once, each with a load of its own.
fn together(addresses: &[&str], requests: &'static [Vec<u8>]) -> Result<()> {
    let rate = |address: &str| -> Result<f64> {
        let load = load::run(plan(address, requests), TURN)?;
        Ok(load.latencies.len() as f64 / load.took.as_secs_f64())
    };
    let mut ratios = Vec::new();
    for _ in 0..TURNS {
        let mut alone = 0.0;
        for address in addresses {
            alone += rate(address)?;
        }
        let both = std::thread::scope(|scope| {
            let loads: Vec<_> = addresses.iter().map(|address| scope.spawn(|| rate(address))).collect();
            let mut both = 0.0;
            for load in loads {
                both += load.join().map_err(|_| anyhow::anyhow!("a load failed"))??;
            }
            anyhow::Ok(both)
        })?;
        ratios.push(both / alone);
    }
    let cores = std::thread::available_parallelism()?;
    println!(
        "| {} nodes at once / the sum of each alone, loads included, {cores} cores |\n|---|",
        addresses.len()
    );
    println!("| {} |\n", Spread::new(ratios, 2));
    Ok(())
}

/// How many changes another node is behind, while many are made.
async fn lag(app: &Arc<App>, actor: &Actor, url: &str) -> Result<()> {
    let mut looking = PgConnection::connect(url).await?;
    let start = Instant::now();
    let mut every = tokio::time::interval(Duration::from_micros(1_000_000 / CHANGES));
    every.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut behind, mut under_way, mut look_at) = (Vec::new(), tokio::task::JoinSet::new(), start);
    let mut took = Vec::new();
    while start.elapsed() < CHANGING {
        every.tick().await;
        let (own, actor) = (Arc::clone(app), actor.clone());
        under_way.spawn(async move {
            let start = Instant::now();
            own.create_key(&actor, &input()?).await?;
            Ok::<_, keystead_domain::Error>(start.elapsed().as_secs_f64() * 1e3)
        });
        if look_at <= Instant::now() {
            look_at = Instant::now() + Duration::from_millis(20);
            let row =
                sqlx::query("SELECT f.sequence - MIN(n.applied) FROM feed f, nodes n GROUP BY f.sequence");
            behind.push(row.fetch_one(&mut looking).await?.try_get::<i64, _>(0)?);
        }
        while let Some(done) = under_way.try_join_next() {
            took.push(done??);
        }
    }
    while let Some(done) = under_way.join_next().await {
        took.push(done??);
    }
    let rate = took.len() as f64 / start.elapsed().as_secs_f64();
    behind.sort_unstable();
    took.sort_unstable_by(f64::total_cmp);
    println!(
        "| creates a second, durable and on 2 nodes | changes behind p50 | p99 | a create ms p50 | p99 |\n|---|---|---|---|---|"
    );
    println!(
        "| {rate:.0} (asked for {CHANGES}) | {} | {} | {:.1} | {:.1} |\n",
        percentile(&behind, 50),
        percentile(&behind, 99),
        percentile(&took, 50),
        percentile(&took, 99)
    );
    Ok(())
}

/// A node that comes to many keys.
fn starts(postgres: &Postgres, url: &str, secret: &str, runtime: &Runtime) -> Result<()> {
    let token = fill::mint(1)?.pop().context("a token")?;
    let hash = fill::hex(token.hash().as_bytes());
    let others = KEYS_AT_START - 1;
    postgres.sql(
        url,
        &format!(
            "INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description, search_text,
             allow_impersonation, created_at) SELECT decode(lpad(to_hex(i), 32, '0'), 'hex'), u.organization_id, u.id,
             CASE i WHEN 0 THEN decode('{hash}', 'hex') ELSE sha256(convert_to(i::text, 'UTF8')) END, 'ks_' || i, 'service ' || i, '',
             'service ' || i, 0, 0 FROM users u, generate_series(0, {others}) i"
        ),
    );
    let mut rows = Vec::new();
    for _ in 0..STARTS {
        let mut child = Child::start(["node-open", url, secret, token.expose()])?;
        rows.push(runtime.block_on(async { tokio::task::block_in_place(|| child.figures()) })?);
    }
    let spread =
        |nth: usize, digits| Spread::new(rows.iter().filter_map(|row| row.get(nth)).copied(), digits);
    println!(
        "{KEYS_AT_START} keys; {STARTS} processes\n\n| until a node answers s | peak memory (RSS) MB |\n|---|---|"
    );
    println!("| {} | {} |", spread(0, 2), spread(1, 0));
    Ok(())
}

const NAME: &str = "deploy the web shop";

fn input() -> Result<KeyInput, keystead_domain::Error> {
    Ok(KeyInput {
        name: KeyName::parse(NAME)?,
        description: Description::parse("Used by the pipeline that deploys the web shop.")?,
        expiration: Expiration::default(),
        allow_impersonation: false,
        request_id: None,
    })
}

/// New keys, made many at once.
async fn keys(app: &Arc<App>, actor: &Actor, count: usize) -> Result<Vec<(KeyId, Token)>> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (app, actor) = (Arc::clone(app), actor.clone());
        tasks.spawn(async move { app.create_key(&actor, &input()?).await });
    }
    let mut keys = Vec::with_capacity(count);
    while let Some(made) = tasks.join_next().await {
        let made = made??;
        keys.push((made.key.id, made.token.context("a new key has a token")?));
    }
    Ok(keys)
}
