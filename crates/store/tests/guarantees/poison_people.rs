//! What decides for many is input too: of roles, groups, assignments, rules and settings that cannot be read, less is given and never
//! more, and nobody of another organization notices.

use std::path::{Path, PathBuf};

use keystead_domain::{
    Expiration, KeyPolicy, OrganizationId, RoleId, User, UserAttributes, UserFilter, UserId,
};

use crate::harness::{Harness, blob as sql_blob, now};
use crate::known::Known;
use crate::people::{blocking, grant, limited, seeing_in, settings};

const BLOBS: [&str; 3] = ["x''", "x'00'", "zeroblob(100000)"];
const TEXTS: [&str; 4] = ["''", "' '", "CAST(x'fffe00c0' AS TEXT)", "CAST(zeroblob(100000) AS TEXT)"];
const INTEGERS: [&str; 4] = ["-9223372036854775808", "9223372036854775807", "2", "-1"];
/// Lists that are none, hold what cannot be one, or what no role of an organization may name.
/// The first four are no resources either.
const LISTS: [&str; 6] =
    ["'null'", "'{}'", "'[1]'", "'[\"a b\"]'", "'[\"*\"]'", "'[\"organizations:manage\",\"reports:read\"]'"];

/// Three organizations that are alike: an administrator, somebody with a role of the organization's, a member of a group that has
/// it, and somebody whose domain is blocked.
async fn three_organizations(path: &Path) -> [OrganizationId; 3] {
    let harness = Harness::in_folder(path).await;
    let mut ids = Vec::new();
    for name in ["One", "Two", "Three"] {
        let organization = harness.organization(name).await;
        let (_, role) = harness.role(&organization, "Analyst").await;
        let group = harness.group(&organization, "Readers", role.id.clone()).await;
        harness.user(&organization, "administrator@example.com", RoleId::ADMINISTRATOR).await;
        let holder = harness.user(&organization, "holder@example.com", RoleId::MEMBER).await;
        let member = harness.user(&organization, "member@example.com", RoleId::MEMBER).await;
        harness.user(&organization, "blocked@blocked.example", RoleId::ADMINISTRATOR).await;
        harness.join(&member, &group).await;
        let mut change = harness.begin().await;
        change
            .set_assignments(&grant(&holder), &holder.assignments, &limited(&role.id, &["a"]))
            .await
            .unwrap();
        let strict =
            KeyPolicy { longest: Expiration::Days30, keys_may_create_keys: false, ..KeyPolicy::default() };
        let settings = settings(&organization);
        change.set_key_policy(&settings, &KeyPolicy::default(), &strict).await.unwrap();
        let rules = blocking(&["blocked.example"]);
        change.set_email_access(&settings, &blocking(&[]), &rules).await.unwrap();
        change.set_attributes(&grant(&holder), &UserAttributes::parse([("a", "b")]).unwrap()).await.unwrap();
        change.commit().await.unwrap();
        ids.push(organization.id);
    }
    harness.store.close().await;
    ids.try_into().unwrap()
}

/// A copy of the store after somebody's tool ran.
async fn damaged(original: &Path, sql: &str) -> Harness {
    let harness = Harness::copy_of(original).await;
    harness.raw_unprotected(sql).await;
    harness.reopened().await
}

/// What somebody may do is no more than it was.
fn assert_no_more(before: &User, after: &User, case: &str) {
    assert!(before.may_act() || !after.may_act(), "{case}: {} may act", after.email);
    assert!(before.permissions().covers(after.permissions()), "{case}: {} holds more", after.email);
}

fn of(known: &Known, organization: OrganizationId) -> Vec<UserId> {
    known.users.values().filter(|user| user.organization == organization).map(|user| user.id).collect()
}

async fn assert_only_less(before: &Known, harness: &Harness, ids: [OrganizationId; 3], case: &str) {
    let (_, after) = harness.load().await;
    for untouched in [ids[0], ids[2]] {
        assert_eq!(after.organizations[&untouched], before.organizations[&untouched], "{case}");
        for user in of(before, untouched) {
            assert_eq!(after.users.get(&user), before.users.get(&user), "{case}");
        }
        let list =
            harness.store.users(&seeing_in(untouched), &UserFilter::default(), None, 100).await.unwrap();
        assert_eq!(list.len(), 4, "{case}");
    }
    let policy = |known: &Known| known.organizations.get(&ids[1]).map(|known| known.0.policy.clone());
    if let (Some(before), Some(after)) = (policy(before), policy(&after)) {
        for choice in Expiration::ALL {
            assert!(after.closed.is_some() || before.allows(choice) || !after.allows(choice), "{case}");
        }
        assert!(
            after.closed.is_some() || before.keys_may_create_keys || !after.keys_may_create_keys,
            "{case}"
        );
    }
    // As they are loaded, and as a change reads them.
    let mut change = harness.begin().await;
    let record = change.organization(ids[1]).await.unwrap();
    for (&id, user) in after.users.iter().filter(|(_, user)| !of(before, ids[0]).contains(&user.id)) {
        if !before.users.contains_key(&id) || !after.organizations.contains_key(&user.organization) {
            continue;
        }
        assert_no_more(&before.user(id), &after.user(id), case);
        if let (Some(record), Ok(Some(user))) = (&record, change.user(id).await)
            && user.organization == record.organization.id
        {
            let mut read = Known::default();
            read.apply(&keystead_domain::Change::Organization(Box::new(record.clone())));
            read.apply(&keystead_domain::Change::User(user));
            assert_no_more(&before.user(id), &read.user(id), case);
        }
    }
}

#[tokio::test]
async fn whatever_of_an_organization_cannot_be_read_gives_less_and_concerns_no_other() {
    let original = tempfile::tempdir().unwrap();
    let ids = three_organizations(original.path()).await;
    let before = known(original.path()).await;
    let organization = sql_blob(ids[1].as_bytes());
    let record = before.organization(ids[1]);
    let group = sql_blob(record.groups[0].id.as_bytes());
    let find = |email: &str| {
        let found = |id: &UserId| before.users[id].email.as_str() == email;
        sql_blob(of(&before, ids[1]).into_iter().find(found).unwrap().as_bytes())
    };
    let (holder, member) = (find("holder@example.com"), find("member@example.com"));
    let (blob, text, integer, list) = (&BLOBS[..], &TEXTS[..], &INTEGERS[..], &LISTS[..]);
    let of_organization = format!("organization_id = {organization}");
    for (table, place, column, garbage) in [
        ("organizations", format!("id = {organization}"), "id", blob),
        ("organizations", format!("id = {organization}"), "name", text),
        ("organizations", format!("id = {organization}"), "created_at", integer),
        ("organizations", format!("id = {organization}"), "archived_at", integer),
        ("organizations", format!("id = {organization}"), "longest_expiration", text),
        ("organizations", format!("id = {organization}"), "keys_may_create_keys", integer),
        ("organizations", format!("id = {organization}"), "creation_closed", text),
        ("roles", of_organization.clone(), "id", blob),
        ("roles", of_organization.clone(), "organization_id", blob),
        ("roles", of_organization.clone(), "name", text),
        ("roles", of_organization.clone(), "name_folded", text),
        ("roles", of_organization.clone(), "description", text),
        ("roles", of_organization.clone(), "permissions", text),
        ("roles", of_organization.clone(), "permissions", list),
        ("roles", of_organization.clone(), "created_at", integer),
        ("user_groups", of_organization.clone(), "id", blob),
        ("user_groups", of_organization.clone(), "organization_id", blob),
        ("user_groups", of_organization.clone(), "name", text),
        ("user_groups", of_organization.clone(), "name_folded", text),
        ("user_groups", of_organization.clone(), "created_at", integer),
        ("user_group_roles", format!("group_id = {group}"), "group_id", blob),
        ("user_group_roles", format!("group_id = {group}"), "role", text),
        ("user_group_roles", format!("group_id = {group}"), "scopes", text),
        ("user_group_roles", format!("group_id = {group}"), "scopes", &list[..4]),
        ("user_group_members", format!("group_id = {group}"), "group_id", blob),
        ("user_group_members", format!("group_id = {group}"), "user_id", blob),
        ("user_group_members", format!("group_id = {group}"), "organization_id", blob),
        // A rule that names another organization is as good as deleted, which no store could tell.
        ("email_rules", of_organization.clone(), "list", text),
        ("email_rules", of_organization.clone(), "kind", text),
        ("email_rules", of_organization.clone(), "pattern", text),
        // A rule that was not normalised would match nobody.
        ("email_rules", of_organization.clone(), "pattern", &["'BLOCKED.example'", "'blocked.example.'"][..]),
        ("user_roles", format!("user_id = {holder}"), "user_id", blob),
        ("user_roles", format!("user_id = {holder}"), "role", text),
        ("user_roles", format!("user_id = {holder}"), "scopes", text),
        ("user_roles", format!("user_id = {holder}"), "scopes", &list[..4]),
        ("users", format!("id = {member}"), "deleted_at", integer),
        ("users", format!("id = {member}"), "last_seen_at", integer),
        ("users", format!("id = {member}"), "attributes", text),
        ("users", format!("id = {member}"), "attributes", list),
        ("users", format!("id = {member}"), "search_text", text),
    ] {
        for garbage in garbage {
            let sql = format!("UPDATE {table} SET {column} = {garbage} WHERE {place}");
            let harness = damaged(original.path(), &sql).await;
            assert_only_less(&before, &harness, ids, &sql).await;
        }
    }
}

#[tokio::test]
async fn an_archived_organization_whose_row_is_damaged_does_not_come_back() {
    let original = tempfile::tempdir().unwrap();
    let ids = three_organizations(original.path()).await;
    for garbage in INTEGERS {
        let sql = format!("UPDATE organizations SET archived_at = {garbage} WHERE name = 'Two'");
        let harness = damaged(original.path(), &sql).await;
        let (_, known) = harness.load().await;
        let state = known.organizations.get(&ids[1]);
        assert!(state.is_none_or(|known| known.0.organization.archived_at.is_some()), "{garbage}");
    }
}

async fn known(path: &Path) -> Known {
    let path: PathBuf = path.to_owned();
    let harness = Harness::in_folder(&path).await;
    let (_, known) = harness.load().await;
    harness.store.close().await;
    assert_eq!(known.users.len(), 12, "as of {}", now());
    known
}
