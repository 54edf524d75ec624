//! What ends with a user: deleted for good, deactivated until they are back.

use keystead_domain::{Change, KeyFilter, PageRequest, RoleId, User};
use keystead_store::LinkKind;

use crate::harness::{Harness, blob, now, seconds};
use crate::people::{grant, limited, own, people};

async fn delete(harness: &Harness, user: &User) -> usize {
    let mut change = harness.begin().await;
    let revoked = change.delete_user(&grant(user), user, &grant(user).keys()).await.unwrap();
    change.commit().await.unwrap();
    revoked
}

#[tokio::test]
async fn whoever_comes_back_with_a_deleted_users_address_is_somebody_new_without_their_keys() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let (_, role) = harness.role(&organization, "Analyst").await;
    let group = harness.group(&organization, "Readers", role.id.clone()).await;
    let before = harness.user(&organization, "Ada@example.com", role.id.clone()).await;
    harness.join(&before, &group).await;
    let keys = [harness.key(&before, "one").await, harness.key(&before, "two").await];
    assert_eq!(delete(&harness, &before).await, 2);

    let after = harness.user(&organization, "ada@EXAMPLE.com", RoleId::MEMBER).await;
    assert_ne!(after.id, before.id);
    let harness = harness.reopened().await;
    let (_, known) = harness.load().await;
    assert!(known.keys.is_empty() && !known.users.contains_key(&before.id));
    assert_eq!(known.user(after.id).permissions(), after.permissions());
    assert!(known.users[&after.id].groups.is_empty());
    let page = PageRequest { first: 100, after: None };
    for user in [&before, &after] {
        let page = harness.store.keys(&own(user), &KeyFilter::default(), &page, now()).await.unwrap();
        assert!(page.keys.is_empty());
        for key in &keys {
            assert!(!harness.revoke(&own(user), key.id).await);
        }
    }
    let found = harness.store.credentials(&before.email).await.unwrap();
    assert_eq!(found.iter().map(|found| found.user).collect::<Vec<_>>(), [after.id]);
}

#[tokio::test]
async fn a_deleted_user_is_not_there_for_any_change() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    delete(&harness, &user).await;
    let before = harness.load().await;
    let mut change = harness.begin().await;
    let one = grant(&user);
    assert!(change.user(user.id).await.unwrap().is_none());
    assert!(change.user_by_email(organization.id, &user.email).await.unwrap().is_none());
    assert!(change.set_active(&one, true).await.is_err());
    assert!(change.set_assignments(&one, &user.assignments, &limited(&RoleId::MEMBER, &[])).await.is_err());
    assert!(!change.update_user(&one, &user, &user.name, &user.email).await.unwrap());
    assert!(change.set_attributes(&one, &keystead_domain::UserAttributes::default()).await.is_err());
    assert!(change.create_user_link(&one, LinkKind::SignIn, &[1; 32], seconds(9)).await.is_err());
    assert!(change.delete_user(&one, &user, &one.keys()).await.is_err());
    change.commit().await.unwrap();
    assert_eq!(harness.load().await, before);
}

#[tokio::test]
async fn two_users_of_an_organization_never_have_one_address_also_after_a_change_of_it() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let ada = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let bob = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
    let taken = keystead_domain::Email::parse("BOB@example.com").unwrap();
    let mut change = harness.begin().await;
    assert!(!change.update_user(&grant(&ada), &ada, &ada.name, &taken).await.unwrap());
    change.commit().await.unwrap();
    delete(&harness, &bob).await;
    let mut change = harness.begin().await;
    assert!(change.update_user(&grant(&ada), &ada, &ada.name, &taken).await.unwrap());
    assert!(
        !change
            .create_user(&people(&organization), &harness.new_user("bob@example.com", RoleId::MEMBER))
            .await
            .unwrap()
    );
    change.commit().await.unwrap();
}

/// Sessions, rights to switch to them from another session, and links of every kind.
async fn ways_in(harness: &Harness, user: &User, colleague: &User) {
    let mut change = harness.begin().await;
    let links = [LinkKind::SignIn, LinkKind::Invitation, LinkKind::PasswordReset];
    for (kind, hash) in links.into_iter().zip([[1; 32], [2; 32], [3; 32]]) {
        change.create_user_link(&grant(user), kind, &hash, seconds(60)).await.unwrap();
    }
    change.commit().await.unwrap();
    let session = |id: u8, owner: &User| {
        format!(
            "INSERT INTO sessions (id, user_id, token_hash, created_at, last_seen_at) VALUES \
             ({}, {}, {}, 0, 0);",
            blob(&[id; 16]),
            blob(owner.id.as_bytes()),
            blob(&[id; 32])
        )
    };
    let switch = format!(
        "INSERT INTO session_users (session_id, user_id) VALUES ({}, {})",
        blob(&[2; 16]),
        blob(user.id.as_bytes())
    );
    harness.raw(&format!("{}{}{switch}", session(1, user), session(2, colleague))).await.unwrap();
}

#[tokio::test]
async fn deactivation_and_deletion_end_sessions_rights_to_switch_and_links_and_nobody_elses() {
    for deleted in [false, true] {
        let harness = Harness::new().await;
        let organization = harness.organization("One").await;
        let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
        let colleague = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
        ways_in(&harness, &user, &colleague).await;
        let key = harness.key(&user, "key").await;
        if deleted {
            delete(&harness, &user).await;
        } else {
            let mut change = harness.begin().await;
            change.set_active(&grant(&user), false).await.unwrap();
            change.set_active(&grant(&user), true).await.unwrap();
            change.commit().await.unwrap();
        }
        for table in ["session_users", "one_time_links"] {
            assert_eq!(harness.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        assert!(harness.store.session(&[1; 32]).await.unwrap().is_none());
        assert!(harness.store.session(&[2; 32]).await.unwrap().is_some());
        let (_, known) = harness.load().await;
        assert_eq!(known.keys.contains_key(key.hash.as_bytes()), !deleted, "a deactivated user's key waits");
    }
}

#[tokio::test]
async fn revoking_all_keys_of_a_user_takes_in_those_that_cannot_be_read_and_nobody_elses() {
    let harness = Harness::new().await;
    let organization = harness.organization("One").await;
    let user = harness.user(&organization, "ada@example.com", RoleId::MEMBER).await;
    let colleague = harness.user(&organization, "bob@example.com", RoleId::MEMBER).await;
    let [first, damaged, last] = [
        harness.key(&user, "first").await,
        harness.key(&user, "damaged").await,
        harness.key(&user, "last").await,
    ];
    let other = harness.key(&colleague, "other").await;
    harness
        .raw_unprotected(
            "UPDATE api_keys SET description = CAST(x'fffe' AS TEXT), created_at = -1 WHERE name = 'damaged'",
        )
        .await;
    let mut change = harness.begin().await;
    let mut revoked = change.revoke_all_keys(&own(&user)).await.unwrap();
    change.commit().await.unwrap();
    revoked.sort_unstable();
    assert_eq!(revoked, [first.id, damaged.id, last.id]);
    assert_eq!(harness.load().await.1.keys.into_values().collect::<Vec<_>>(), [other.id]);
    let told = harness.told();
    for key in [&first, &damaged, &last] {
        assert!(
            told.iter().any(|(_, change)| matches!(change, Change::KeyRevoked(hash) if *hash == key.hash))
        );
    }
}
