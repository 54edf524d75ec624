//! Stores of every released schema open with this binary, and hold what they held.
//!
//! `tests/schemas/NNNN.sql` is a store of schema NNNN as SQL, made by [`the_newest_schema_has_its_store_on_file`] when its migration
//! is written and never changed once that migration is released. Its tokens come from fixed bytes; no deployment has them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use keystead_domain::audit::verify_chain;
use keystead_domain::{
    Email, Expiration, Issuing, KeyFilter, KeyPolicy, Operator, OrganizationId, PageRequest, Permission,
    PolicyMessage, RefreshStanding, ResourceId, RoleId, Standing, Status, StopReason, UserAttributes,
};
use keystead_store::{LinkKind, Purpose};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::harness::{Harness, now, seconds};
use crate::known::Known;
use crate::oauth::apps_of;
use crate::people::{blocking, grant, limited, own, permissions, seeing, settings};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The numbers that the files of a folder begin with.
fn versions(name: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder(name)).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()[..4].to_owned()).collect()
}

/// What schema 1 has a place for.
async fn populate(harness: &Harness) {
    let organization = harness.organization("Example").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::ADMINISTRATOR).await;
    let bob = harness.user(&organization, "Bob@Example.com", RoleId::MEMBER).await;
    for (name, expires_at) in
        [("never ends", None), ("ends soon", Some(seconds(3600))), ("has ended", Some(seconds(-3600)))]
    {
        harness.create(&ada, &harness.new_key(name, expires_at)).await.unwrap();
    }
    let revoked = harness.key(&bob, "revoked").await;
    assert!(harness.revoke(&own(&bob), revoked.id).await);
    let mut change = harness.begin().await;
    change.start_session(harness.id(), &ada, &[1; 32]).await.unwrap();
    change.create_user_link(&grant(&ada), LinkKind::SignIn, &[2; 32], seconds(60)).await.unwrap();
    change.set_active(&grant(&bob), false).await.unwrap();
    change.commit().await.unwrap();
}

/// What schema 2 has a place for besides, in an organization of its own.
async fn populate_people(harness: &Harness) {
    let organization = harness.organization("People").await;
    let (id, role) = harness.role(&organization, "Analyst").await;
    let group = harness.group(&organization, "Readers", role.id.clone()).await;
    let cleo = harness.user(&organization, "cleo@example.com", RoleId::ADMINISTRATOR).await;
    let dan = harness.user(&organization, "dan@example.com", RoleId::MEMBER).await;
    harness.join(&dan, &group).await;
    let eve = harness.user(&organization, "eve@blocked.example", id.into()).await;
    let gone = harness.user(&organization, "gone@example.com", RoleId::MEMBER).await;
    harness.key(&gone, "of somebody who is gone").await;
    let mut change = harness.begin().await;
    let attributes = UserAttributes::parse([("department", "R&D")]).unwrap();
    change.set_attributes(&grant(&dan), &attributes).await.unwrap();
    change.set_assignments(&grant(&eve), &eve.assignments, &limited(&role.id, &["a", "b"])).await.unwrap();
    change.delete_user(&grant(&gone), &gone, &grant(&gone).keys()).await.unwrap();
    let settings = settings(&organization);
    change.set_key_policy(&settings, &KeyPolicy::default(), &policy()).await.unwrap();
    let access = blocking(&["blocked.example"]);
    change.set_email_access(&settings, &blocking(&[]), &access).await.unwrap();
    for (kind, hash) in [(LinkKind::Invitation, [3; 32]), (LinkKind::PasswordReset, [4; 32])] {
        change.create_user_link(&grant(&cleo), kind, &hash, seconds(60)).await.unwrap();
    }
    change.commit().await.unwrap();

    let archived = harness.organization("Archived").await;
    harness.user(&archived, "fay@example.com", RoleId::ADMINISTRATOR).await;
    let mut change = harness.begin().await;
    change.set_archived(&Operator.site(), archived.id, true).await.unwrap();
    change.commit().await.unwrap();
}

/// What schema 3 has a place for besides, in an organization of its own.
async fn populate_sessions(harness: &Harness) {
    let organization = harness.organization("Sessions").await;
    let gil = harness.user(&organization, "gil@example.com", RoleId::ADMINISTRATOR).await;
    let hal = harness.user(&organization, "hal@example.com", RoleId::MEMBER).await;
    let key = harness.impersonation_key(&gil, "embed").await;
    harness.mint(&key, &gil, &hal, seconds(-60)).await;
    harness.end_sessions(&gil, &key).await;
    for at in [-7_200, -30, 0] {
        harness.mint(&key, &gil, &hal, seconds(at)).await;
    }
    harness.impersonation_key(&gil, "never used").await;
}

/// What schema 4 has a place for besides, in an organization of its own: an app in force with a used refresh token and the two that
/// replaced it, one that was ended, one whose code nobody has redeemed yet, and a client that nobody allowed anything.
async fn populate_apps(harness: &Harness) {
    let organization = harness.organization("Apps").await;
    let ida = harness.user(&organization, "ida@example.com", RoleId::MEMBER).await;
    let connected = harness.connect(&ida).await;
    let first = harness.refresh_token(&connected, seconds(86_400)).await;
    let record = harness.refresh_record(&first).await.unwrap();
    let mut change = harness.begin_at(seconds(30)).await;
    change.use_refresh_token(&record.client, &first.hash()).await.unwrap();
    for hash in [[11; 32], [12; 32]] {
        change.add_refresh_token(&record.client, &hash.into(), seconds(86_430)).await.unwrap();
    }
    change.commit().await.unwrap();
    let ended = harness.connect(&ida).await;
    harness.disconnect(&ida, ended.id).await;
    let client = harness.register("waiting", seconds(0), 100).await;
    harness.allow(&ida, client).await;
    harness.register("unused", seconds(0), 100).await;
}

/// What schema 5 has a place for besides.
async fn populate_issuing(harness: &Harness) {
    let mut change = harness.begin().await;
    let stopped = Issuing::default().stopped(now(), StopReason::parse("Stopped for a test.").unwrap());
    change.set_issuing(Operator, &stopped).await.unwrap();
    change.commit().await.unwrap();
}

fn policy() -> KeyPolicy {
    KeyPolicy {
        longest: Expiration::Days90,
        keys_may_create_keys: false,
        closed: Some(PolicyMessage::parse("Closed for a test.").unwrap()),
    }
}

/// The id of the one organization of a name.
fn organization(known: &Known, name: &str) -> OrganizationId {
    let mut named = known.organizations.values().filter(|known| known.0.organization.name.as_str() == name);
    named.next().unwrap().0.organization.id
}

async fn check(harness: &Harness) {
    let (sequence, known) = harness.load().await;
    assert_eq!(harness.number("SELECT sequence FROM feed").await.unsigned_abs(), sequence);
    let example = known.organization(organization(&known, "Example"));
    assert_eq!(harness.store.first_organization().await.unwrap(), Some(example.organization.id));
    assert_eq!((&example.policy, example.organization.archived_at), (&KeyPolicy::default(), None));
    let users = known.users.values().filter(|user| user.organization == example.organization.id);
    let users: Vec<_> = users.map(|user| known.user(user.id)).collect();
    let [ada, bob] = &users[..] else { panic!("{users:?}") };
    assert_eq!((ada.email.as_str(), ada.standing()), ("ada@example.com", Standing::Active));
    assert_eq!((bob.email.as_str(), bob.standing()), ("Bob@Example.com", Standing::Deactivated));
    assert!(ada.is_administrator() && !bob.permissions().is_everything());
    let everyone = Operator.keys_in(example.organization.id);
    let page = PageRequest { first: 100, after: None };
    let page = harness.store.keys(&everyone, &KeyFilter::default(), &page, now()).await.unwrap();
    let list: Vec<_> = page.keys.iter().map(|key| (key.name.as_str(), key.status(now()))).collect();
    assert_eq!(
        list,
        [("ends soon", Status::ExpiringSoon), ("never ends", Status::Active), ("has ended", Status::Expired)]
    );
    let log = harness.audit(&example.organization).await;
    assert_eq!(log.len(), 11);
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
    assert!(harness.store.session(&[1; 32]).await.unwrap().is_some());
    assert!(harness.store.link(&[2; 32], now()).await.unwrap().is_some());
    let email = Email::parse("bob@example.com").unwrap();
    assert_eq!(harness.store.credentials(&email).await.unwrap().len(), 1);
}

async fn check_people(harness: &Harness) {
    let (_, known) = harness.load().await;
    let people = known.organization(organization(&known, "People"));
    let [role] = &people.roles[..] else { panic!("{people:?}") };
    assert_eq!((role.name.as_str(), &role.permissions), ("Analyst", &permissions(&["reports:read"])));
    let [group] = &people.groups[..] else { panic!("{people:?}") };
    assert_eq!(group.name.as_str(), "Readers");
    assert_eq!(people.policy, policy());
    assert_eq!(people.email_access, blocking(&["blocked.example"]));
    let users = known.users.values().filter(|user| user.organization == people.organization.id);
    let users: Vec<_> = users.map(|user| known.user(user.id)).collect();
    let [cleo, dan, eve] = &users[..] else { panic!("whoever was deleted is gone: {users:?}") };
    assert!(cleo.is_administrator());
    let [reports] = &*permissions(&["reports:read"]).into_iter().collect::<Vec<Permission>>() else {
        panic!()
    };
    assert_eq!((dan.groups().len(), dan.may(reports)), (1, true));
    assert_eq!(eve.standing(), Standing::NotAdmitted);
    let holds_on = |id: &str| eve.permissions().contains_on(reports, &ResourceId::parse(id).unwrap());
    assert_eq!(["a", "b", "c"].map(holds_on), [true, true, false]);
    assert_eq!(known.keys.len() - known.epochs.len(), 3, "a deleted user's keys are revoked");
    let details = harness.store.user_details(&seeing(&people.organization), dan.id).await.unwrap().unwrap();
    assert_eq!(details.attributes.iter().collect::<Vec<_>>(), [("department", "R&D")]);
    for (kind, hash) in [(LinkKind::Invitation, [3; 32]), (LinkKind::PasswordReset, [4; 32])] {
        let purpose = Some(Purpose::User(kind, cleo.id));
        assert_eq!(harness.store.link(&hash, now()).await.unwrap(), purpose);
    }
    let archived = known.organization(organization(&known, "Archived"));
    assert_eq!(archived.organization.archived_at, Some(now()));
    let email = Email::parse("gone@example.com").unwrap();
    assert!(harness.store.credentials(&email).await.unwrap().is_empty());
    let log = harness.audit(&people.organization).await;
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
}

async fn check_sessions(harness: &Harness) {
    let (_, known) = harness.load().await;
    let sessions = organization(&known, "Sessions");
    let everyone = Operator.keys_in(sessions);
    let page = PageRequest { first: 100, after: None };
    let page = harness.store.keys(&everyone, &KeyFilter::default(), &page, now()).await.unwrap();
    let mut keys = Vec::new();
    for key in &page.keys {
        let minted = harness.store.key_sessions(&everyone, key.id, now(), 100).await.unwrap();
        keys.push((key.name.as_str(), known.epochs[&key.id], minted.live, minted.last_minted_at));
    }
    assert_eq!(keys, [("never used", 0, 0, None), ("embed", 1, 2, Some(seconds(0)))]);
    let log = harness.audit(&known.organization(sessions).organization).await;
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
    assert_eq!(log.iter().filter(|(event, _)| event.action == "session.minted").count(), 4);
}

async fn check_apps(harness: &Harness) {
    let (_, known) = harness.load().await;
    let apps = organization(&known, "Apps");
    let ida = known.users.values().find(|user| user.organization == apps).unwrap().id;
    let in_force: Vec<_> = known.connections.iter().collect();
    let [(id, user)] = in_force[..] else { panic!("{in_force:?}") };
    assert_eq!(*user, ida);
    let listed = harness.store.connections(&apps_of(&known.user(ida)), now()).await.unwrap();
    let [app] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((app.id, &*app.client_name, &*app.client_host), (*id, "An app", "app.example.com"));
    assert_eq!(app.last_used_at, seconds(30));
    let mut change = harness.begin().await;
    for hash in [[11; 32], [12; 32]] {
        let record = change.refresh_token(&hash.into()).await.unwrap().unwrap();
        let expected = RefreshStanding { generation: 1, latest: 1, siblings: 2, used_at: None };
        assert_eq!((record.client.connection, record.standing), (*id, expected));
        assert_eq!(record.expires_at, seconds(86_430));
    }
    drop(change);
    for (sql, count) in [
        ("SELECT COUNT(*) FROM connections WHERE ended_at IS NOT NULL", 1),
        ("SELECT COUNT(*) FROM connections WHERE redeemed_at IS NULL", 1),
        ("SELECT COUNT(*) FROM refresh_tokens WHERE used_at IS NOT NULL", 1),
        ("SELECT COUNT(*) FROM oauth_clients WHERE allowed_at IS NOT NULL", 3),
        ("SELECT COUNT(*) FROM oauth_clients WHERE allowed_at IS NULL", 1),
    ] {
        assert_eq!(harness.number(sql).await, count, "{sql}");
    }
    let log = harness.audit(&known.organization(apps).organization).await;
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
    let of = |action| log.iter().filter(|(event, _)| event.action == action).count();
    assert_eq!((of("app.connected"), of("app.disconnected")), (3, 1));
}

async fn check_issuing(harness: &Harness) {
    let (_, known) = harness.load().await;
    let stop = known.issuing.stop().unwrap();
    assert_eq!((stop.since, stop.why.as_str()), (now(), "Stopped for a test."));
}

#[tokio::test]
async fn a_store_of_every_schema_that_was_ever_released_opens_and_holds_what_it_held() {
    assert_eq!(versions("tests/schemas"), versions("migrations/sqlite"), "one store for each migration");
    for version in versions("tests/schemas") {
        let sql = std::fs::read_to_string(folder("tests/schemas").join(format!("{version}.sql"))).unwrap();
        let data = tempfile::tempdir().unwrap();
        restore(data.path(), &sql).await;
        let harness = Harness::on_sqlite(data.path()).await;
        check(&harness).await;
        // It opens again, now that it is of the newest schema, and takes what that has a place for.
        harness.store.close().await;
        drop(harness);
        let harness = Harness::on_sqlite(data.path()).await;
        check(&harness).await;
        if *version < *"0002" {
            populate_people(&harness).await;
        }
        check_people(&harness).await;
        if *version < *"0003" {
            populate_sessions(&harness).await;
        }
        check_sessions(&harness).await;
        if *version < *"0004" {
            populate_apps(&harness).await;
        }
        check_apps(&harness).await;
        if *version < *"0005" {
            populate_issuing(&harness).await;
        }
        check_issuing(&harness).await;
    }
}

/// Writes the store of a migration that has none yet, and fails: it is to be looked at, and committed with the migration.
#[tokio::test]
async fn the_newest_schema_has_its_store_on_file() {
    let data = tempfile::tempdir().unwrap();
    let harness = Harness::on_sqlite(data.path()).await;
    populate(&harness).await;
    populate_people(&harness).await;
    populate_sessions(&harness).await;
    populate_apps(&harness).await;
    populate_issuing(&harness).await;
    check(&harness).await;
    check_people(&harness).await;
    check_sessions(&harness).await;
    check_apps(&harness).await;
    check_issuing(&harness).await;
    let newest = versions("migrations/sqlite").pop_last().unwrap();
    let file = folder("tests/schemas").join(format!("{newest}.sql"));
    if !file.exists() {
        std::fs::write(&file, dump(harness.path()).await).unwrap();
        panic!("{} was not there. It is now: look at it and commit it", file.display());
    }
}

async fn database(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(folder.join("keystead.db")).foreign_keys(false);
    options.create_if_missing(true).connect().await.unwrap()
}

/// Makes a store of what [`dump`] wrote.
async fn restore(folder: &Path, sql: &str) {
    let mut database = database(folder).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

/// A store as SQL: tables with their rows, then what would get in the way of inserting them.
async fn dump(folder: &Path) -> String {
    let mut database = database(folder).await;
    let mut sql =
        String::from("-- Made by tests/guarantees/sqlite/schemas.rs. Never changed once released.\n");
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
