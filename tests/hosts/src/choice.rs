//! On which database a suite runs: on SQLite, or, where `KEYSTEAD_TEST_DATABASE` is `postgres`, on PostgreSQL.
//!
//! A test has a folder for its store. On PostgreSQL the folder only remembers which database takes its place, so that tests need not
//! know of it. A database goes when its folder has gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

use crate::Postgres;

/// The variable that chooses.
const VARIABLE: &str = "KEYSTEAD_TEST_DATABASE";

/// The file in which a folder remembers its database.
const REMEMBERED: &str = "database-of-this-test";

/// As the store has it: bringing each database up to it would take longer than most tests.
static SCHEMA: Migrator = sqlx::migrate!("../../crates/store/migrations/postgres");

/// Whether the suite runs on PostgreSQL.
///
/// # Panics
/// If another database is chosen than the two that there are.
pub fn is_on_postgres() -> bool {
    match std::env::var(VARIABLE).as_deref() {
        Ok("postgres") => true,
        Ok("sqlite" | "") | Err(_) => false,
        Ok(other) => panic!("{VARIABLE} is sqlite or postgres, and not {other}"),
    }
}

/// The URL of the database that takes the place of a store in this folder, the same whenever it is asked for; `None` on SQLite.
///
/// It has a store's tables and nothing in them.
pub fn database_of(folder: &Path) -> Option<String> {
    is_on_postgres().then(|| remembered(folder).unwrap_or_else(|| remember(folder, template())))
}

/// Puts the store of a folder on a database.
pub fn put_on(folder: &Path, url: &str) {
    fs::create_dir_all(folder).expect("the folder can be made");
    fs::write(folder.join(REMEMBERED), url).expect("the folder can be written to");
}

/// Makes a store what another one is, which nobody has open: it takes the place of what there was.
pub fn copy_store(from: &Path, to: &Path) {
    if let Some(original) = database_of(from) {
        // What was closed may have connections that have not ended yet.
        Postgres::shared_fast().disconnect(&original);
        remember(to, &original);
        return;
    }
    for journal in ["keystead.db-wal", "keystead.db-shm"] {
        // Most often there is none.
        _ = fs::remove_file(to.join(journal));
    }
    fs::create_dir_all(to).expect("the folder can be made");
    fs::copy(from.join("keystead.db"), to.join("keystead.db")).expect("copied");
}

fn remembered(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(REMEMBERED)).ok()
}

/// Gives a folder a database of its own, a copy of another one.
fn remember(folder: &Path, original: &str) -> String {
    static IN_USE: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());
    let postgres = Postgres::shared_fast();
    let url = postgres.copy_of(original);
    put_on(folder, &url);

    let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
    in_use.push((folder.to_owned(), url.clone()));
    let over: Vec<_> = in_use.extract_if(.., |(folder, _)| !folder.exists()).collect();
    drop(in_use);
    // It waits for whoever is logging in, which may be a client in this thread.
    thread::spawn(move || over.iter().for_each(|(_, url)| postgres.drop_database(url)));
    url
}

/// A database with the tables of a store, to which nobody is connected.
fn template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let url = Postgres::shared_fast().database();
        // Whoever asks may be a future of another runtime.
        thread::scope(|scope| {
            let filled = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(fill(&url));
            });
            filled.join().expect("a template");
        });
        url
    })
}

async fn fill(url: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    SCHEMA.run(&mut connection).await.expect("the schema");
    sqlx::raw_sql(crate::tool::FUNCTIONS).execute(&mut connection).await.expect("functions");
    connection.close().await.expect("closed");
}
