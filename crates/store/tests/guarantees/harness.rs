//! A store in a folder of its own. The only file of these tests that knows which database it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use keystead_domain::audit::Event;
use keystead_domain::{Change, IdGenerator, Operator, Organization};
use keystead_store::{DatabaseUrl, Location, Store};
use keystead_test_hosts::{DatabaseTool, copy_store, database_of, is_on_postgres, kept_bytes};
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
    tool: DatabaseTool,
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

    /// A store in a file of SQLite's, whatever was chosen: for what is about that file.
    pub(crate) async fn on_sqlite(path: &Path) -> Self {
        let tool = DatabaseTool::on_sqlite(&path.join("keystead.db"));
        Self::open_at(Location::from(path), tool, Folder::Given(path.to_owned()), 1 << 32).await
    }

    /// A copy of a store that nobody has open.
    pub(crate) async fn copy_of(original: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        copy_store(original, folder.path());
        Self::open(folder.path().to_owned(), Folder::Own(folder), 1 << 40).await
    }

    /// What another process finds after a crash: the store as it is now, which nobody closed.
    pub(crate) async fn crashed(&self) -> Self {
        if is_on_postgres() {
            return Self::in_folder(self.path()).await;
        }
        let folder = TempDir::new().unwrap();
        for name in ["keystead.db", "keystead.db-wal"] {
            std::fs::copy(self.path().join(name), folder.path().join(name)).unwrap();
        }
        Self::open(folder.path().to_owned(), Folder::Own(folder), 1 << 32).await
    }

    async fn open(path: PathBuf, folder: Folder, secrets: u64) -> Self {
        Self::open_at(location(&path), DatabaseTool::of(&path), folder, secrets).await
    }

    async fn open_at(location: Location, tool: DatabaseTool, folder: Folder, secrets: u64) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let subscriber = {
            let told = Arc::clone(&told);
            keystead_store::Subscriber::Told(Box::new(move |sequence, change| {
                told.lock().unwrap().push((sequence, change));
            }))
        };
        let store = Arc::new(Store::open(location, subscriber).await.unwrap());
        Self { store, told, ids: IdGenerator::default(), secrets: secrets.into(), folder, tool }
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

    /// Runs SQL as somebody with a database tool would.
    pub(crate) async fn raw(&self, sql: &str) -> Result<u64, sqlx::Error> {
        self.tool.run(sql).await
    }

    /// The same, with all that protects the rows switched off.
    pub(crate) async fn raw_unprotected(&self, sql: &str) {
        self.tool.run_unprotected(sql).await;
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.tool.number(sql).await
    }

    /// Every row of every table.
    pub(crate) async fn rows(&self) -> BTreeMap<String, Vec<String>> {
        self.tool.rows().await
    }

    /// Every byte that is kept.
    pub(crate) async fn bytes(&self) -> Vec<u8> {
        kept_bytes(self.path()).await
    }

    /// The commits so far: of SQLite those that the write-ahead log holds, frames of its present generation that carry a database size
    /// (<https://sqlite.org/fileformat2.html#walformat>); of PostgreSQL those with an audit event since it was first asked.
    pub(crate) async fn commits(&self) -> usize {
        if is_on_postgres() {
            self.raw(COUNT_COMMITS).await.unwrap();
            return usize::try_from(self.number("SELECT COUNT(*) FROM counted_commits").await).unwrap();
        }
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

/// Notes the transaction of each event, which is that of its savepoint's, too.
const COUNT_COMMITS: &str = "CREATE TABLE IF NOT EXISTS counted_commits (id TEXT PRIMARY KEY); \
     CREATE OR REPLACE FUNCTION count_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
     INSERT INTO counted_commits VALUES (pg_current_xact_id()::text) ON CONFLICT DO NOTHING; RETURN NULL; END $$; \
     CREATE OR REPLACE TRIGGER count_commits AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION count_commit()";

/// Where the store of a folder is, on the database that was chosen.
pub(crate) fn location(folder: &Path) -> Location {
    match database_of(folder) {
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
