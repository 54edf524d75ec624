//! Durable creates: each is on disk before it is answered (promise 8).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use keystead_app::{App, KeyInput};
use keystead_domain::{Actor, Description, Expiration, KeyName};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::fill;
use crate::report::Spread;

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// What a create writes, about: the key, its event in the audit log and its change in the feed.
const ROW_BYTES: usize = 800;

pub(crate) fn run() -> Result<()> {
    Runtime::new()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let app = Arc::new(fill::empty(folder.path()).await?);
        let (_, actor) = fill::sign_in(&app).await?;
        let mut bare = bare_sqlite(&folder.path().join("bare.db")).await?;
        let (mut inserts, mut alone, mut together) = (vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            inserts.push(insert(&mut bare).await?);
            alone.push(create(&app, &actor, 1).await?);
            together.push(create(&app, &actor, 32).await?);
        }
        println!("{ROUNDS} rounds of {ROUND:?} each, by turns; median (least to greatest)\n");
        println!("| | a second |\n|---|---|");
        println!("| `App::create_key`, 1 writer | {} |", Spread::new(alone, 0));
        println!("| `App::create_key`, 32 writers | {} |", Spread::new(together, 0));
        println!("| SQLite alone, a row of {ROW_BYTES} bytes a transaction | {} |", Spread::new(inserts, 0));
        Ok(())
    })
}

async fn create(app: &Arc<App>, actor: &Actor, writers: usize) -> Result<f64> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..writers {
        let (app, actor) = (Arc::clone(app), actor.clone());
        let input = KeyInput {
            name: KeyName::parse("deploy the web shop")?,
            description: Description::parse("Used by the pipeline that deploys the web shop.")?,
            expiration: Expiration::default(),
            allow_impersonation: false,
            request_id: None,
        };
        tasks.spawn(async move {
            let mut created = 0_u32;
            while start.elapsed() < ROUND {
                app.create_key(&actor, &input).await?;
                created += 1;
            }
            Ok::<_, keystead_domain::Error>(created)
        });
    }
    let mut created = 0;
    while let Some(done) = tasks.join_next().await {
        created += done??;
    }
    Ok(f64::from(created) / start.elapsed().as_secs_f64())
}

/// With the durability of Keystead's own connection.
async fn bare_sqlite(file: &Path) -> Result<SqliteConnection> {
    let mut database = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .connect()
        .await?;
    sqlx::query("CREATE TABLE rows (id BLOB PRIMARY KEY, content BLOB)").execute(&mut database).await?;
    Ok(database)
}

async fn insert(database: &mut SqliteConnection) -> Result<f64> {
    let start = Instant::now();
    let mut inserted = 0_u32;
    while start.elapsed() < ROUND {
        sqlx::query("INSERT INTO rows VALUES ($1, $2)")
            .bind(&fill::random::<16>()?[..])
            .bind(vec![7; ROW_BYTES])
            .execute(&mut *database)
            .await?;
        inserted += 1;
    }
    Ok(f64::from(inserted) / start.elapsed().as_secs_f64())
}
