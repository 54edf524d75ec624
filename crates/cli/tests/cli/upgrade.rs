//! Two releases on one PostgreSQL: this one is the real program; the later one is in this process, with migrations that this one does
//! not know.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use keystead_app::operator::{Answer, Command};
use keystead_app::{
    App, Clock, DatabaseUrl, Deployment, Entropy, NodeSettings, OpenError, Passwords, Place as StorePlace,
    SharedStore, StoreSecret,
};
use sqlx::migrate::Migrator;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::nodes::Shared;
use crate::support::{PATIENCE, Place, Server, get, graphql};

const EXPAND: (&str, &str) =
    ("0005_expand_labels.sql", "ALTER TABLE api_keys ADD COLUMN label TEXT; CREATE TABLE labels (id BIGINT)");
/// This release writes it when it mints a session.
const CONTRACT: (&str, &str) =
    ("0006_contract_last_minted.sql", "ALTER TABLE api_keys DROP COLUMN last_minted_at");

/// A release that has these migrations besides.
async fn release(more: &[(&str, &str)]) -> &'static Migrator {
    let folder = tempfile::tempdir().unwrap();
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations/postgres");
    for file in std::fs::read_dir(ours).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    for (name, sql) in more {
        std::fs::write(folder.path().join(name), sql).unwrap();
    }
    Box::leak(Box::new(Migrator::new(folder.path()).await.unwrap()))
}

/// A node of a later release.
struct Later(App);

impl Later {
    async fn try_start(shared: &Shared, migrations: &'static Migrator) -> Result<Self, OpenError> {
        let node = NodeSettings { name: "later".into(), version: "later".into(), lease: None };
        let url = DatabaseUrl::new(shared.url.as_str()).with_migrations(migrations);
        let secret = StoreSecret::new(&shared.secret).unwrap();
        let place = StorePlace { folder: "/nowhere".into(), shared: Some(SharedStore { url, node, secret }) };
        let (clock, entropy) = (Clock::system(), Entropy::system());
        App::open(place, Deployment::default(), Passwords::default(), clock, entropy).await.map(Self)
    }

    async fn start(shared: &Shared, migrations: &'static Migrator) -> Self {
        Self::try_start(shared, migrations).await.unwrap()
    }

    async fn stop(self) {
        self.0.close().await.unwrap();
    }

    fn verify(&self, token: &str) -> bool {
        self.0.verify(token, self.0.now()).is_ok()
    }

    async fn create(&self) -> (String, String) {
        let user = "ada@example.com".to_owned();
        let (name, expires) = ("later".to_owned(), "never".to_owned());
        let create = Command::KeyCreate { user, organization: None, name, expires };
        let Answer::Token { id, token, .. } = self.0.operate(create).await else { panic!("no key") };
        (token, id)
    }

    async fn revoke(&self, id: &str) {
        let answer = self.0.operate(Command::KeyRevoke { id: id.to_owned() }).await;
        if let Answer::Refused { code, message } = answer {
            panic!("{code}: {message}");
        }
    }
}

/// What each makes and takes holds on the other when it returns, for several who do so at once.
fn traffic(older: &Server, later: &[&Later], ada: &str) {
    let (url, handle) = (&*older.url, Handle::current());
    block_in_place(|| {
        thread::scope(|scope| {
            for later in later.iter().chain(later) {
                let handle = handle.clone();
                scope.spawn(move || {
                    for _ in 0..4 {
                        turn(url, later, ada, &handle);
                    }
                });
            }
        });
    });
}

fn turn(older: &str, later: &Later, ada: &str, handle: &Handle) {
    let create = "mutation { createApiKey(input: {name: \"older\"}) { token apiKey { id } } }";
    let one = &graphql(older, ada, create)["createApiKey"];
    let (one, one_id) = (one["token"].as_str().unwrap(), one["apiKey"]["id"].as_str().unwrap());
    let (other, other_id) = handle.block_on(later.create());
    let verify = |token: &str| (get(older, "/verify", token).0, later.verify(token));
    assert_eq!([verify(one), verify(&other)], [(200, true); 2]);
    handle.block_on(later.revoke(one_id));
    assert_eq!(verify(one), (401, false));
    let revoke = format!("mutation {{ revokeApiKey(input: {{id: \"{other_id}\"}}) {{ revokedId }} }}");
    graphql(older, ada, &revoke);
    assert_eq!(verify(&other), (401, false));
}

/// Does something while a node answers all the time.
fn while_answering<T>(answers: impl Fn() -> bool + Sync, action: impl FnOnce() -> T) -> T {
    let (stop, asked, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let done = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                asked.fetch_add(1, Ordering::SeqCst);
                refused.fetch_add(usize::from(!answers()), Ordering::SeqCst);
            }
        });
        let done = catch_unwind(AssertUnwindSafe(action));
        stop.store(true, Ordering::SeqCst);
        done
    });
    let done = done.unwrap_or_else(|panic| resume_unwind(panic));
    assert!(asked.into_inner() > 0);
    assert_eq!(refused.into_inner(), 0);
    done
}

/// A node of this release, and the token of a key of Ada's.
fn started(shared: &Shared, place: &Place) -> (Server, String) {
    let older = shared.serve(place, "older");
    shared.ok(place, &["user", "add", "ada@example.com", "--role", "administrator"]);
    let ada = shared.ok(place, &["key", "create", "--user", "ada@example.com", "--name", "ada"]);
    (older, ada.trim_end().to_owned())
}

fn has_column(shared: &Shared, column: &str) -> bool {
    let count = format!(
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_name = 'api_keys' AND column_name = '{column}'"
    );
    shared.postgres.sql(&shared.url, &count).trim() == "1"
}

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_serve_side_by_side_and_are_restarted_one_after_the_other() {
    let (shared, place) = (Shared::new(), Place::new());
    let (older, ada) = started(&shared, &place);
    assert!(!has_column(&shared, "label"));
    let (migrations, url) = (release(&[EXPAND]).await, older.url.clone());
    let (later, too) = while_answering(
        || get(&url, "/verify", &ada).0 == 200,
        || {
            block_in_place(|| {
                let both = async {
                    tokio::join!(Later::start(&shared, migrations), Later::start(&shared, migrations))
                };
                Handle::current().block_on(both)
            })
        },
    );
    assert!(has_column(&shared, "label"));
    traffic(&older, &[&later, &too], &ada);

    // One of this release starts again on what is of the next.
    let older = block_in_place(|| {
        while_answering(
            || later.verify(&ada) && too.verify(&ada),
            || {
                older.stop();
                shared.serve(&place, "older")
            },
        )
    });
    traffic(&older, &[&later, &too], &ada);
    too.stop().await;
    later.stop().await;
    let url = older.url.clone();
    let later = while_answering(
        || get(&url, "/verify", &ada).0 == 200,
        || block_in_place(|| Handle::current().block_on(Later::start(&shared, migrations))),
    );
    traffic(&older, &[&later], &ada);
    while_answering(|| later.verify(&ada), || older.stop());
    let (token, id) = later.create().await;
    later.revoke(&id).await;
    assert!(!later.verify(&token));
    later.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_older_nodes_need_stays_until_they_are_gone_and_then_they_are_kept_out() {
    let (shared, place) = (Shared::new(), Place::new());
    let (older, ada) = started(&shared, &place);
    let migrations = release(&[EXPAND, CONTRACT]).await;
    let first = Later::start(&shared, migrations).await;
    assert!(has_column(&shared, "label") && has_column(&shared, "last_minted_at"));
    traffic(&older, &[&first], &ada);
    // Commands of this release are nodes of it.
    block_in_place(|| shared.ok(&place, &["user", "list"]));

    let more = [EXPAND, CONTRACT, ("0007_expand_more.sql", "CREATE TABLE more (id BIGINT)")];
    match Later::try_start(&shared, release(&more).await).await.map(drop) {
        Err(OpenError::OlderNodes(names)) => assert!(names.starts_with("older ("), "{names}"),
        other => panic!("{other:?}"),
    }
    block_in_place(|| older.stop());
    let second = Later::start(&shared, migrations).await;
    assert!(!has_column(&shared, "last_minted_at"));
    assert!(first.verify(&ada) && second.verify(&ada));
    let (token, id) = first.create().await;
    second.revoke(&id).await;
    assert!(!first.verify(&token) && !second.verify(&token));
    for command in [&["user", "list"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = block_in_place(|| shared.fails(&place, command));
        assert!(refused.contains("a newer Keystead (schema 6; this one knows up to 4)"), "{refused}");
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_too_old_for_what_the_store_becomes_has_no_lease_when_it_becomes_it() {
    let (shared, place) = (Shared::new(), Place::new());
    let (older, ada) = started(&shared, &place);
    assert_eq!(older.get("/verify", &ada), 200);
    older.signal("-STOP");
    // It asked just before another node decided, which then crashed.
    shared.postgres.sql(&shared.url, "UPDATE feed SET oldest_schema = 6");
    let later = Later::start(&shared, release(&[EXPAND, CONTRACT]).await).await;
    assert!(!has_column(&shared, "last_minted_at"));
    older.signal("-CONT");
    assert_eq!(block_in_place(|| older.get("/verify", &ada)), 503);
    // It goes, and nobody waits for it.
    let until = Instant::now() + PATIENCE;
    while shared.nodes() != "later" {
        assert!(Instant::now() < until, "{}", shared.nodes());
        thread::sleep(Duration::from_millis(50));
    }
    let (token, id) = later.create().await;
    later.revoke(&id).await;
    let asked = ["/verify", "/readyz"].map(|path| block_in_place(|| older.get(path, &token)));
    assert_eq!(asked, [503, 503]);
    let (_, _, log) = block_in_place(|| older.stop());
    assert!(log.contains("the store is too new for this Keystead"), "{log}");
    later.stop().await;
}
