//! Measures a store of a million keys: how long [`Store::load`] takes, and pages and counts of lists.
//!
//! `cargo run --release -p keystead-store --example load [-- KEYS USERS]`

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use keystead_domain::{
    KeyFilter, KeyScope, Operator, OrganizationId, PageRequest, SearchText, Status, UserId,
};
use keystead_store::Store;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// Keys of the user whose list is measured, among those of everybody.
const OF_ONE_USER: i64 = 10_000;
const NOW: i64 = 1_790_000_000_000;
const ROUNDS: usize = 50;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "printing is what it is for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let keys: i64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let users: i64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;

    Store::open(folder.path(), keystead_store::Subscriber::Told(Box::new(|_, _| ()))).await?.close().await;
    fill(&folder.path().join("keystead.db"), keys, users).await?;

    let started = Instant::now();
    let store = Store::open(folder.path(), keystead_store::Subscriber::Told(Box::new(|_, _| ()))).await?;
    println!("open: {:?}", started.elapsed());
    for _ in 0..3 {
        let started = Instant::now();
        let told = AtomicUsize::new(0);
        store
            .load(
                |_| (),
                |_| {
                    told.fetch_add(1, Ordering::Relaxed);
                },
            )
            .await?;
        println!("load: {:?} for {} changes", started.elapsed(), told.into_inner());
    }

    let organization = OrganizationId::from_u128(1);
    let one = Operator.people_of(organization).new_user(UserId::from_u128(1 << 64)).keys();
    for (who, scope) in [("one user", one), ("all", Operator.keys_in(organization))] {
        for search in ["", "key number 77", "nothing has this"] {
            for status in [None, Some(Status::Active), Some(Status::Expired)] {
                measure(&store, who, &scope, search, status).await?;
            }
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "printing is what it is for")]
async fn measure(
    store: &Store,
    who: &str,
    scope: &KeyScope,
    search: &str,
    status: Option<Status>,
) -> Result<(), Box<dyn std::error::Error>> {
    let now = Timestamp::from_millisecond(NOW)?;
    let filter = KeyFilter { search: SearchText::parse(search)?, status };
    let page = PageRequest { first: 50, after: None };
    let (mut pages, mut counts) = (Vec::new(), Vec::new());
    let deadline = Instant::now() + Duration::from_secs(3);
    while pages.len() < ROUNDS && (pages.len() < 3 || Instant::now() < deadline) {
        let started = Instant::now();
        store.keys(scope, &filter, &page, now).await?;
        pages.push(started.elapsed());
        let started = Instant::now();
        store.count_keys(scope, &filter, now).await?;
        counts.push(started.elapsed());
    }
    println!(
        "{who:8} search={search:18?} status={status:?}: page p95 {:?}, count p95 {:?}",
        p95(&mut pages),
        p95(&mut counts)
    );
    Ok(())
}

fn p95(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 95 / 100).copied().unwrap_or_default()
}

/// Rows as the store would write them, by SQLite alone. Every twentieth key has expired; those of the measured user are spread
/// among the rest.
async fn fill(file: &Path, keys: i64, users: i64) -> Result<(), sqlx::Error> {
    let mut database = SqliteConnectOptions::new().filename(file).connect().await?;
    run(&mut database, "PRAGMA synchronous = OFF", 0, 0).await?;
    run(&mut database, "BEGIN", 0, 0).await?;
    run(
        &mut database,
        "INSERT INTO organizations (id, name, created_at) VALUES (unhex(printf('%032x', 1)), 'Bench', 0)",
        0,
        0,
    )
    .await?;
    run(
        &mut database,
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
         INSERT INTO users (id, organization_id, email, email_folded, name, password_hash, active, created_at, search_text)
         SELECT unhex(printf('%016x%016x', i + 1, 0)), unhex(printf('%032x', 1)), i || '@example.com',
         i || '@example.com', 'User ' || i, NULL, 1, 1790000000000,
         'user ' || i || char(10) || i || '@example.com' FROM n",
        users,
        0,
    )
    .await?;
    run(&mut database, "INSERT INTO user_roles (user_id, role) SELECT id, 'member' FROM users", 0, 0).await?;
    run(
        &mut database,
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
         INSERT INTO api_keys (id, organization_id, creator_id, token_hash, masked_token, name, description, search_text,
         allow_impersonation, created_at, expires_at)
         SELECT unhex(printf('%016x%016x', i + 1, 0)), unhex(printf('%032x', 1)),
         unhex(printf('%016x%016x', 1 + iif(i % ($1 / $3) = 0, 0, i % $2), 0)), randomblob(32), 'ks_abcd…wxyz',
         'Key number ' || i, 'What this key is for, in a sentence.',
         'key number ' || i || char(10) || 'what this key is for, in a sentence.' || char(10) || 'ks_abcd…wxyz',
         0, 1780000000000, iif(i % 20 = 7, 1785000000000, 1800000000000) FROM n",
        keys,
        users,
    )
    .await?;
    run(&mut database, "COMMIT", 0, 0).await?;
    database.close().await
}

async fn run(
    database: &mut SqliteConnection,
    sql: &'static str,
    first: i64,
    second: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql).bind(first).bind(second).bind(OF_ONE_USER).execute(database).await?;
    Ok(())
}
