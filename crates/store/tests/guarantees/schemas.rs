//! Stores of every released schema open with this binary, and hold what they held.
//!
//! `tests/schemas/NNNN.sql` is a store of schema NNNN as SQL, made by [`the_newest_schema_has_its_store_on_file`] when its migration
//! is written and never changed once that migration is released. Its tokens come from fixed bytes; no deployment has them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use keystead_domain::audit::verify_chain;
use keystead_domain::{
    Change, Email, KeyFilter, KeyScope, Operator, Organization, PageRequest, Role, Status,
};

use crate::harness::{Harness, dump, now, own, restore, seconds};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The numbers that the files of a folder begin with.
fn versions(name: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(folder(name)).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()[..4].to_owned()).collect()
}

async fn populate(harness: &Harness) {
    let organization = harness.organization("Example").await;
    let ada = harness.user(&organization, "ada@example.com", Role::Administrator).await;
    let bob = harness.user(&organization, "Bob@Example.com", Role::Member).await;
    for (name, expires_at) in
        [("never ends", None), ("ends soon", Some(seconds(3600))), ("has ended", Some(seconds(-3600)))]
    {
        harness.create(&ada, &harness.new_key(name, expires_at)).await.unwrap();
    }
    let revoked = harness.key(&bob, "revoked").await;
    assert!(harness.revoke(&own(&bob), revoked.id).await);
    let mut change = harness.begin().await;
    change.start_session(harness.id(), &ada, &[1; 32]).await.unwrap();
    change.create_sign_in_link(&[2; 32], &ada, seconds(60)).await.unwrap();
    change.set_active(&bob, false).await.unwrap();
    change.commit().await.unwrap();
}

async fn check(harness: &Harness) {
    let organization: Organization = harness.store.first_organization().await.unwrap().unwrap();
    assert_eq!(organization.name.as_str(), "Example");
    let users = std::sync::Mutex::new(Vec::new());
    let sink = |change| {
        if let Change::User(user) = change {
            users.lock().unwrap().push((user.email.to_string(), user.active, user.roles().to_vec()));
        }
    };
    assert_eq!(harness.store.load(|keys| assert_eq!(keys, 3), sink).await.unwrap(), 8);
    assert_eq!(
        users.into_inner().unwrap(),
        [
            ("ada@example.com".to_owned(), true, vec![Role::Administrator]),
            ("Bob@Example.com".to_owned(), false, vec![Role::Member])
        ]
    );
    let everyone: KeyScope = Operator.keys_in(organization.id);
    let page = PageRequest { first: 100, after: None };
    let page = harness.store.keys(&everyone, &KeyFilter::default(), &page, now()).await.unwrap();
    let list: Vec<_> = page.keys.iter().map(|key| (key.name.as_str(), key.status(now()))).collect();
    assert_eq!(
        list,
        [("ends soon", Status::ExpiringSoon), ("never ends", Status::Active), ("has ended", Status::Expired)]
    );
    let log = harness.audit(&organization).await;
    assert_eq!(log.len(), 11);
    assert_eq!(verify_chain(log.iter().map(|(event, link)| (event, *link))), Ok(()));
    assert!(harness.store.session(&[1; 32]).await.unwrap().is_some());
    assert!(harness.store.link(&[2; 32], now()).await.unwrap().is_some());
    let email = Email::parse("bob@example.com").unwrap();
    assert!(harness.store.credentials(&email).await.unwrap().is_some());
}

#[tokio::test]
async fn a_store_of_every_schema_that_was_ever_released_opens_and_holds_what_it_held() {
    assert_eq!(versions("tests/schemas"), versions("migrations/sqlite"), "one store for each migration");
    for version in versions("tests/schemas") {
        let sql = std::fs::read_to_string(folder("tests/schemas").join(format!("{version}.sql"))).unwrap();
        let data = tempfile::tempdir().unwrap();
        restore(data.path(), &sql).await;
        let harness = Harness::in_folder(data.path()).await;
        check(&harness).await;
        // It opens again, now that it is of the newest schema, and takes new keys.
        let harness = harness.reopened().await;
        check(&harness).await;
        harness.somebody().await;
    }
}

/// Writes the store of a migration that has none yet, and fails: it is to be looked at, and committed with the migration.
#[tokio::test]
async fn the_newest_schema_has_its_store_on_file() {
    let harness = Harness::new().await;
    populate(&harness).await;
    check(&harness).await;
    let newest = versions("migrations/sqlite").pop_last().unwrap();
    let file = folder("tests/schemas").join(format!("{newest}.sql"));
    if !file.exists() {
        std::fs::write(&file, dump(harness.path()).await).unwrap();
        panic!("{} was not there. It is now: look at it and commit it", file.display());
    }
}
