//! `keystead user …`: roles, organizations, and what happens to keys.

use std::fs;

use serde_json::Value;

use crate::support::{Place, err};

const ADA: &str = "ada@example.com";
const MIA: &str = "mia@example.com";

fn listed(place: &Place, more: &[&str]) -> Vec<Value> {
    let listed = place.ok(&[&["user", "list", "--json"], more].concat());
    serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().clone()
}

fn roles_of(place: &Place, email: &str) -> Vec<String> {
    let users = listed(place, &[]);
    let user = users.iter().find(|user| user["email"] == email).unwrap();
    let roles = user["roles"].as_array().unwrap().iter();
    roles.map(|role| role["id"].as_str().unwrap().to_owned()).collect()
}

fn permissions(server: &crate::support::Server, token: &str) -> String {
    let (_, answer) = crate::support::get(&server.url, "/verify", token);
    let line = answer.lines().find_map(|line| line.strip_prefix("x-keystead-permissions:"));
    line.unwrap_or_else(|| panic!("{answer}")).trim().to_owned()
}

#[test]
fn a_user_gets_any_role_that_there_is_and_no_other() {
    let place = Place::with_ada();
    fs::write(place.path().join("keystead.toml"), "[roles.support]\npermissions = [\"tickets:write\"]")
        .unwrap();
    place.ok(&["user", "add", MIA, "--role", "support"]);
    place.ok(&["user", "add", "site@example.com", "--role", "site_administrator"]);
    place.ok(&["user", "add", "capital@example.com", "--role", "Administrator"]);
    assert_eq!(roles_of(&place, MIA), ["support"]);
    assert_eq!(roles_of(&place, "site@example.com"), ["site_administrator"]);
    assert_eq!(roles_of(&place, "capital@example.com"), ["administrator"]);
    let error = place.fails(1, &["user", "add", "bob@example.com", "--role", "supporter"]);
    assert!(error.contains("administrator, member, site_administrator, support"), "{error}");
    let error = place.fails(1, &["user", "set-roles", MIA, "member", "nothing"]);
    assert!(error.contains("no role \"nothing\""), "{error}");
    assert_eq!(roles_of(&place, MIA), ["support"], "all or none");
    assert!(!listed(&place, &[]).iter().any(|user| user["email"] == "bob@example.com"));
}

#[test]
fn a_wrong_role_on_an_empty_store_makes_no_organization() {
    let place = Place::new();
    place.fails(1, &["user", "add", ADA, "--role", "supporter"]);
    assert_eq!(place.ok(&["organization", "list", "--json"]), "[]\n");
}

#[test]
fn roles_that_are_set_hold_for_the_keys_that_are_there_at_once() {
    let place = Place::with_ada();
    fs::write(place.path().join("keystead.toml"), "[roles.support]\npermissions = [\"tickets:write\"]")
        .unwrap();
    place.ok(&["user", "add", MIA, "--role", "member"]);
    let key = place.ok(&["key", "create", "--user", MIA, "--name", "ci"]);
    let token = key.trim_end();
    let server = place.serve(&[]);
    assert_eq!(permissions(&server, token), "");
    place.ok(&["user", "set-roles", MIA, "support", "site_administrator"]);
    assert_eq!(permissions(&server, token), "organizations:manage,tickets:write");
    assert_eq!(server.get("/verify?permission=tickets:write", token), 200);
    place.ok(&["user", "set-roles", MIA, "member"]);
    assert_eq!(permissions(&server, token), "");
    assert_eq!(server.get("/verify?permission=tickets:write", token), 403);
}

#[test]
fn with_several_organizations_the_command_asks_which_and_names_them() {
    let place = Place::with_ada();
    place.ok(&["organization", "create", "Acme", "--administrator", ADA]);
    for args in [
        &["user", "add", MIA, "--role", "member"][..],
        &["user", "deactivate", ADA],
        &["user", "reactivate", ADA],
        &["user", "sign-in-link", ADA],
        &["user", "set-roles", ADA, "member"],
        &["user", "delete", ADA, "--yes"],
        &["key", "create", "--user", ADA, "--name", "ci"],
        &["key", "list", "--user", ADA],
    ] {
        let error = place.fails(1, args);
        assert!(error.contains("--organization"), "{args:?}: {error}");
        assert!(error.contains("(My organization)") && error.contains("(Acme)"), "{args:?}: {error}");
    }
    place.ok(&["user", "add", MIA, "--role", "member", "--organization", "acme"]);
    place.ok(&["key", "create", "--user", ADA, "--name", "ci", "--organization", "Acme"]);
    let keys = |organization: &str| {
        let listed = place.ok(&["key", "list", "--user", ADA, "--json", "--organization", organization]);
        serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().len()
    };
    assert_eq!([keys("Acme"), keys("My organization")], [1, 0]);
    place.ok(&["user", "deactivate", MIA]);
    assert_eq!(listed(&place, &["--organization", "Acme"]).len(), 2);
    assert_eq!(listed(&place, &[]).len(), 3);
}

#[test]
fn where_only_one_organization_is_in_use_nobody_is_asked_which() {
    let place = Place::with_ada();
    place.ok(&["organization", "create", "Acme", "--administrator", ADA]);
    place.ok(&["organization", "archive", "Acme"]);
    place.ok(&["user", "add", MIA, "--role", "member"]);
    place.ok(&["user", "sign-in-link", ADA]);
    assert_eq!(listed(&place, &["--organization", "My organization"]).len(), 2);
}

#[test]
fn a_deactivation_says_how_many_keys_it_stopped() {
    let place = Place::with_ada();
    place.ok(&["user", "add", MIA, "--role", "member"]);
    place.ok(&["key", "create", "--user", MIA, "--name", "one"]);
    place.ok(&["key", "create", "--user", MIA, "--name", "two"]);
    let server = place.serve(&[]);
    assert!(err(&place.run(&["user", "deactivate", MIA])).contains("and 2 keys stopped"));
    place.ok(&["user", "reactivate", MIA]);
    drop(server);
    assert!(err(&place.run(&["user", "deactivate", MIA])).contains("and 2 keys stopped"));
    let error = place.fails(1, &["key", "create", "--user", MIA, "--name", "three"]);
    assert!(error.contains("deactivated") && error.contains("user reactivate"), "{error}");
}

#[test]
fn a_deletion_is_asked_for_twice_and_revokes_every_key() {
    let place = Place::with_ada();
    place.ok(&["user", "add", MIA, "--role", "member"]);
    let key = place.ok(&["key", "create", "--user", MIA, "--name", "ci"]);
    for served in [false, true] {
        let server = served.then(|| place.serve(&[]));
        let error = place.fails(2, &["user", "delete", MIA]);
        assert!(error.contains("nothing was done") && error.contains("1 key would be revoked"), "{error}");
        assert!(error.contains("hint: add --yes"), "{error}");
        assert_eq!(listed(&place, &[]).len(), 2, "and nothing was");
        drop(server);
    }
    let server = place.serve(&[]);
    assert_eq!(server.get("/verify", key.trim_end()), 200);
    let deleted = place.run(&["user", "delete", MIA, "--yes"]);
    assert!(deleted.status.success() && err(&deleted).contains("1 key revoked"), "{}", err(&deleted));
    assert_eq!(server.get("/verify", key.trim_end()), 401);
    assert_eq!(listed(&place, &[]).len(), 1);
    assert!(place.fails(1, &["user", "delete", MIA, "--yes"]).contains("no such user"));
}

#[test]
fn the_operator_keeps_the_last_administrator_and_is_told_how_to_make_another() {
    let place = Place::with_ada();
    place.ok(&["user", "add", MIA, "--role", "member"]);
    let takes_away: [&[&str]; 4] = [
        &["user", "deactivate", ADA],
        &["user", "set-roles", ADA, "member"],
        &["user", "delete", ADA, "--yes"],
        &["user", "delete", ADA],
    ];
    for args in takes_away {
        let error = place.fails(1, args);
        assert!(error.contains("at least one active administrator"), "{args:?}: {error}");
        assert!(error.contains("keystead user set-roles EMAIL administrator"), "{args:?}: {error}");
    }
    assert_eq!(roles_of(&place, ADA), ["administrator"]);
    place.ok(&["user", "set-roles", MIA, "administrator"]);
    place.ok(&["user", "deactivate", ADA]);
}

#[test]
fn users_are_listed_for_people_and_for_programs_in_a_stable_form() {
    let place = Place::with_ada();
    place.ok(&["user", "add", MIA, "--role", "member", "--name", "Mia Wallace"]);
    place.ok(&["user", "deactivate", MIA]);
    let server = place.serve(&[]);
    let users = listed(&place, &[]);
    assert_eq!(users.len(), 2);
    for user in &users {
        let mut keys: Vec<_> = user.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "createdAt",
                "email",
                "groups",
                "id",
                "lastSeenAt",
                "name",
                "organization",
                "organizationId",
                "roles",
                "status"
            ]
        );
    }
    let status = |email: &str| users.iter().find(|user| user["email"] == email).unwrap()["status"].clone();
    assert_eq!([status(ADA), status(MIA)], ["pending", "deactivated"]);
    let table = place.ok(&["user", "list"]);
    assert!(table.starts_with("EMAIL ") && !table.contains('\x1b'), "{table}");
    assert!(table.contains("Mia Wallace") && table.contains("Deactivated"), "{table}");
    drop(server);
    assert_eq!(listed(&place, &[]).len(), 2);
}
