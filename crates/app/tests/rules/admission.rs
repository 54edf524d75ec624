//! Whoever the e-mail rules do not admit comes in by no way, and nobody is changed by being created again.

use keystead_app::{NewPerson, NewUsers};
use keystead_domain::{Assignments, EmailAccess, Error, Field, RoleId, UserAttributes};

use crate::world::{URL, World, email, is_conflict, is_forbidden, new_users, roles};

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

/// Company and its German branch, subdomains of a partner, but not of one department, and not Eve.
fn rules() -> EmailAccess {
    EmailAccess::parse(
        &texts(&["company.com", "bücher.example", "*.partner.example"]),
        &texts(&["root@example.com", "guest@elsewhere.example"]),
        &texts(&["legal.partner.example"]),
        &texts(&["eve@company.com"]),
    )
    .unwrap()
}

const ADMITTED: [&str; 9] = [
    "ada@company.com",
    "ADA2@COMPANY.com",
    "ada3@Company.COM",
    "eve+news@company.com",
    "otto@BÜCHER.example",
    "otto2@xn--bcher-kva.example",
    "guest@ELSEWHERE.example",
    "mia@sales.partner.example",
    "mia@deep.sales.partner.example",
];

const REFUSED: [&str; 14] = [
    "ada@sub.company.com",
    "ada@company.com.evil.example",
    "ada@evilcompany.com",
    "ada@company.co",
    // Cyrillic o and a, a dotless i, a soft hyphen's neighbour: domains that look like ours.
    "ada@cоmpany.com",
    "ada@compаny.com",
    "eve@company.com",
    "EVE@Company.COM",
    "otto@bucher.example",
    "otto@bu\u{308}cher.example.evil.example",
    "mia@partner.example",
    "mia@legal.partner.example",
    "mia@LEGAL.Partner.example",
    "other@elsewhere.example",
];

fn is_refused<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Invalid { field: Field::Email | Field::Emails, .. }))
}

fn person(address: &str) -> NewPerson {
    NewPerson { email: email(address), name: None, assignments: Assignments::default(), groups: Vec::new() }
}

async fn ruled() -> World {
    let world = World::new().await;
    let root = world.root().await;
    world.app.set_email_access(&root, rules(), None).await.unwrap();
    world
}

#[tokio::test]
async fn invitation_creation_and_a_change_of_address_admit_exactly_whom_the_rules_do() {
    for address in ADMITTED {
        let world = ruled().await;
        let root = world.root().await;
        world.app.invite_user(&root, person(address), URL).await.unwrap();
        world.app.delete_users(&root, &[newest(&world).await]).await.unwrap();
        let made = world.app.create_users(&root, new_users(&[address], Assignments::default()), URL).await;
        assert_eq!(made, Ok(1), "{address}");
    }
    let world = ruled().await;
    let root = world.root().await;
    let guest = world.person("guest@elsewhere.example", roles([RoleId::MEMBER])).await;
    let (users, events) = (world.count().await, trail(&world).await);
    for address in REFUSED {
        assert!(is_refused(&world.app.invite_user(&root, person(address), URL).await), "{address}");
        // Also when it is one of many.
        let many = new_users(&["ada@company.com", address, "bob@company.com"], Assignments::default());
        assert!(is_refused(&world.app.create_users(&root, many, URL).await), "{address}");
        let moved = world.app.update_user(&root, guest.id, None, Some(email(address))).await;
        assert!(is_refused(&moved), "{address}");
        assert_eq!((world.count().await, trail(&world).await), (users, events), "{address}");
    }
}

async fn newest(world: &World) -> keystead_domain::UserId {
    let filter = keystead_domain::UserFilter::default();
    world.app.users(&world.root().await, &filter, 1, None).await.unwrap().people[0].user.id
}

async fn trail(world: &World) -> usize {
    let filter = keystead_domain::audit::AuditFilter::default();
    world.app.audit_events(&world.root().await, &filter, 100, None).await.unwrap().events.len()
}

#[tokio::test]
async fn more_than_1000_users_at_once_or_none_are_refused_and_nothing_is_written() {
    let world = World::new().await;
    let root = world.root().await;
    let events = trail(&world).await;
    let many: Vec<String> = (0..1_001).map(|n| format!("user{n}@example.com")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for addresses in [&many[..], &[]] {
        let refused = world.app.create_users(&root, new_users(addresses, Assignments::default()), URL).await;
        assert!(matches!(refused, Err(Error::Invalid { field: Field::Emails, .. })));
    }
    assert_eq!((world.count().await, trail(&world).await), (1, events));
    let all = world.app.create_users(&root, new_users(&many[..1_000], Assignments::default()), URL).await;
    assert_eq!((all, world.count().await), (Ok(1_000), 1_001));
}

#[tokio::test]
async fn creating_somebody_who_exists_and_may_do_more_is_refused_and_nothing_of_the_call_is_written() {
    let world = World::new().await;
    let manager = world.role("Manager", &["iam:read", "iam:write"]).await;
    let eve = world.person("eve@example.com", roles([manager.id])).await;
    let eve = eve.session(&world.app).await.unwrap();
    let (users, events) = (world.count().await, trail(&world).await);
    for address in ["root@example.com", "ROOT@Example.com"] {
        for (assignments, attributes) in [
            (Some(Assignments::default()), None),
            (None, Some(UserAttributes::parse([("department", "Mine")]).unwrap())),
        ] {
            let users = NewUsers {
                assignments,
                attributes,
                ..new_users(&["new@example.com", address], Assignments::default())
            };
            assert!(is_forbidden(&world.app.create_users(&eve, users, URL).await), "{address}");
        }
    }
    assert_eq!((world.count().await, trail(&world).await), (users, events));
    assert!(world.root().await.user().is_administrator());
}

#[tokio::test]
async fn nobody_invites_or_creates_somebody_with_more_than_they_hold() {
    let world = World::new().await;
    let manager = world.role("Manager", &["iam:read", "iam:write"]).await;
    let reports = world.role("Reports", &["reports:read"]).await;
    let admins = world.group_of(&world.root().await, "Admins", roles([RoleId::ADMINISTRATOR])).await;
    let eve = world.person("eve@example.com", roles([manager.id.clone()])).await;
    let eve = eve.session(&world.app).await.unwrap();
    for higher in [RoleId::ADMINISTRATOR, RoleId::SITE_ADMINISTRATOR, reports.id] {
        let invited = NewPerson { assignments: roles([higher.clone()]), ..person("new@example.com") };
        assert!(is_forbidden(&world.app.invite_user(&eve, invited, URL).await), "{higher}");
        let made =
            world.app.create_users(&eve, new_users(&["new@example.com"], roles([higher.clone()])), URL);
        assert!(is_forbidden(&made.await), "{higher}");
    }
    let member = NewPerson { groups: vec![admins.id], ..person("new@example.com") };
    assert!(is_forbidden(&world.app.invite_user(&eve, member, URL).await));
    let grouped =
        NewUsers { groups: vec![admins.id], ..new_users(&["new@example.com"], Assignments::default()) };
    assert!(is_forbidden(&world.app.create_users(&eve, grouped, URL).await));
    assert_eq!(world.count().await, 2);
    // What they hold, they may give.
    let made = world.app.create_users(&eve, new_users(&["new@example.com"], roles([manager.id])), URL).await;
    assert_eq!(made, Ok(1));
}

#[tokio::test]
async fn an_address_is_one_user_whatever_its_case_and_plus_parts_are_others() {
    let world = World::new().await;
    let root = world.root().await;
    world.app.invite_user(&root, person("Ada@example.com"), URL).await.unwrap();
    assert!(is_conflict(&world.app.invite_user(&root, person("aDA@EXAMPLE.com"), URL).await));
    world.app.invite_user(&root, person("ada+keys@example.com"), URL).await.unwrap();
    let again = new_users(&["ADA@example.com", "ada@EXAMPLE.COM"], roles([RoleId::MEMBER]));
    assert_eq!(world.app.create_users(&root, again, URL).await, Ok(0));
    assert_eq!(world.count().await, 3);
}

#[tokio::test]
async fn a_role_or_a_group_of_another_organization_is_not_there() {
    let world = World::new().await;
    let role = world.role("Reports", &["reports:read"]).await;
    let group = world.group_of(&world.root().await, "Group", Assignments::default()).await;
    let ada = world.organization("Second", "ada@example.com").await;
    let ada = ada.session(&world.app).await.unwrap();
    let invited = NewPerson { assignments: roles([role.id]), ..person("new@example.com") };
    let refused = world.app.invite_user(&ada, invited, URL).await.map(drop);
    assert_eq!(refused, Err(Error::NotFound("role")));
    let invited = NewPerson { groups: vec![group.id], ..person("new@example.com") };
    let refused = world.app.invite_user(&ada, invited, URL).await.map(drop);
    assert_eq!(refused, Err(Error::NotFound("group")));
}
