//! A store in a folder of its own. The only file of these tests that knows which database it is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Event;
use keystead_domain::{Change, IdGenerator, Operator, Organization};
use keystead_store::{DatabaseUrl, Location, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;

use crate::known::Known;

/// The moment of these tests.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(1_790_000_000_123).unwrap()
}

/// A moment some seconds after (or before) [`now`], on a whole second as expiries are.
pub(crate) fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(now().as_second()).unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) struct Harness {
    pub(crate) store: Arc<Store>,
    told: Arc<Mutex<Vec<(u64, Change)>>>,
    pub(crate) ids: IdGenerator,
    pub(crate) secrets: AtomicU64,
    folder: Folder,
}

enum Folder {
    Own(TempDir),
    Given(PathBuf),
}

impl Harness {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self::open(folder.path().to_owned(), Folder::Own(folder), 0).await
    }

    /// A store that may have been there before, so its ids and tokens are others.
    pub(crate) async fn in_folder(path: &Path) -> Self {
        Self::open(path.to_owned(), Folder::Given(path.to_owned()), 1 << 32).await
    }

    async fn open(path: PathBuf, folder: Folder, secrets: u64) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let subscriber = {
            let told = Arc::clone(&told);
            keystead_store::Subscriber::Told(Box::new(move |sequence, change| {
                told.lock().unwrap().push((sequence, change));
            }))
        };
        let store = Arc::new(Store::open(location(&path), subscriber).await.unwrap());
        Self { store, told, ids: IdGenerator::default(), secrets: secrets.into(), folder }
    }

    pub(crate) fn path(&self) -> &Path {
        match &self.folder {
            Folder::Own(folder) => folder.path(),
            Folder::Given(path) => path,
        }
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopened(self) -> Self {
        let Self { store, folder, secrets, .. } = self;
        store.close().await;
        drop(store);
        let path = match &folder {
            Folder::Own(folder) => folder.path().to_owned(),
            Folder::Given(path) => path.clone(),
        };
        Self::open(path, folder, secrets.into_inner()).await
    }

    // What is in it, past the store.

    /// A connection that knows nothing of the store's settings.
    async fn database(&self) -> SqliteConnection {
        database(self.path()).await
    }

    /// Runs SQL as somebody with a database tool would.
    pub(crate) async fn raw(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let mut database = self.database().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await;
        database.close().await?;
        done.map(|done| done.rows_affected())
    }

    /// The same, with all that protects the rows switched off.
    pub(crate) async fn raw_unprotected(&self, sql: &str) {
        let mut database = self.database().await;
        let triggers: Vec<(String,)> =
            sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                .fetch_all(&mut database)
                .await
                .unwrap();
        for (name,) in triggers {
            let drop = AssertSqlSafe(format!("DROP TRIGGER {name}"));
            sqlx::query(drop).execute(&mut database).await.unwrap();
        }
        sqlx::query("PRAGMA ignore_check_constraints = ON").execute(&mut database).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut database = self.database().await;
        let (number,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut database).await.unwrap();
        number
    }

    /// Every byte that is on disk.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// The commits that the write-ahead log holds: frames of its present generation that carry a database size
    /// (<https://sqlite.org/fileformat2.html#walformat>).
    pub(crate) fn commits(&self) -> usize {
        let log = std::fs::read(self.path().join("keystead.db-wal")).unwrap();
        let word = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let page = usize::try_from(word(&log, 8)).unwrap();
        let (header, frames) = log.split_at(32);
        frames
            .chunks_exact(24 + page)
            .take_while(|frame| frame[8..16] == header[16..24])
            .filter(|frame| word(frame, 4) != 0)
            .count()
    }

    // What was told, recorded, known.

    pub(crate) fn told(&self) -> Vec<(u64, Change)> {
        self.told.lock().unwrap().clone()
    }

    /// What a directory would know that loads now.
    pub(crate) async fn load(&self) -> (u64, Known) {
        let known = Mutex::new(Known::default());
        let sequence = self.store.load(|_| (), |change| known.lock().unwrap().apply(&change)).await.unwrap();
        (sequence, known.into_inner().unwrap())
    }

    pub(crate) async fn audit(&self, organization: &Organization) -> Vec<(Event, [u8; 32])> {
        self.audit_page(organization, 0, i64::MAX).await
    }

    pub(crate) async fn audit_page(
        &self,
        organization: &Organization,
        after: i64,
        limit: i64,
    ) -> Vec<(Event, [u8; 32])> {
        self.store.audit_events(&Operator.audit_log_of(organization.id), after, limit).await.unwrap()
    }
}

fn location(folder: &Path) -> Location {
    match keystead_test_hosts::database_of(folder) {
        Some(url) => Location::Postgres(DatabaseUrl::new(url)),
        None => Location::from(folder),
    }
}

/// Bytes as SQL has them.
pub(crate) fn blob(bytes: &[u8]) -> String {
    let mut sql = String::from("x'");
    for byte in bytes {
        write!(sql, "{byte:02x}").unwrap();
    }
    sql + "'"
}

async fn database(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("keystead.db")).foreign_keys(false);
    options.create_if_missing(true).connect().await.unwrap()
}

/// Makes a store of what [`dump`] wrote.
pub(crate) async fn restore(folder: &Path, sql: &str) {
    let mut database = database(folder).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

/// A store as SQL: tables with their rows, then what would get in the way of inserting them.
pub(crate) async fn dump(folder: &Path) -> String {
    let mut database = database(folder).await;
    let mut sql = String::from("-- Made by tests/guarantees/schemas.rs. Never changed once released.\n");
    let things: Vec<(String, String, String)> =
        sqlx::query_as("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
            .fetch_all(&mut database)
            .await
            .unwrap();
    let (tables, others): (Vec<_>, Vec<_>) = things.into_iter().partition(|(kind, ..)| kind == "table");
    for (_, name, definition) in tables {
        writeln!(sql, "{definition};").unwrap();
        let columns: Vec<(String,)> = sqlx::query_as("SELECT name FROM pragma_table_info($1) ORDER BY cid")
            .bind(&name)
            .fetch_all(&mut database)
            .await
            .unwrap();
        let values: Vec<_> = columns.iter().map(|(column,)| format!("quote({column})")).collect();
        let rows = format!("SELECT concat_ws(', ', {}) FROM {name}", values.join(", "));
        let rows: Vec<(String,)> =
            sqlx::query_as(AssertSqlSafe(rows)).fetch_all(&mut database).await.unwrap();
        for (row,) in rows {
            writeln!(sql, "INSERT INTO {name} VALUES ({row});").unwrap();
        }
    }
    for (.., definition) in others {
        writeln!(sql, "{definition};").unwrap();
    }
    sql
}
