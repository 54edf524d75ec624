//! `keystead organization …`, with and without a server.

use serde_json::Value;

use crate::support::{Place, err, get, out};

const ADA: &str = "ada@example.com";

fn create(place: &Place, name: &str, administrator: &str) -> String {
    place.ok(&["organization", "create", name, "--administrator", administrator])
}

fn listed(place: &Place) -> Vec<Value> {
    let listed: Value = serde_json::from_str(&place.ok(&["organization", "list", "--json"])).unwrap();
    listed.as_array().unwrap().clone()
}

#[test]
fn the_invitation_stands_alone_on_standard_output_and_is_a_page_of_the_server() {
    let place = Place::with_ada();
    let alone = create(&place, "Acme", "eve@acme.example");
    assert!(alone.starts_with("http://127.0.0.1:8080/invitation/") && alone.lines().count() == 1, "{alone}");
    let server = place.serve(&[]);
    let create = ["organization", "create", "Umbra", "--administrator", "mia@umbra.example"];
    let output = place.run(&[&create[..], &["--public-url", &server.url]].concat());
    let link = out(&output);
    assert!(link.starts_with(&format!("{}/invitation/", server.url)), "{link}");
    let code = link.trim_end().rsplit('/').next().unwrap();
    assert!(!err(&output).contains(code), "{}", err(&output));
    let (status, page) = get(&server.url, &format!("/invitation/{code}"), "");
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Umbra"), "{page}");
}

#[test]
fn an_empty_store_gets_its_first_organization_by_command() {
    let place = Place::new();
    create(&place, "Acme", "eve@acme.example");
    let organizations = listed(&place);
    assert_eq!(organizations.len(), 1);
    assert_eq!((&organizations[0]["name"], &organizations[0]["users"]), (&"Acme".into(), &1.into()));
    let (_, printed, _) = place.serve(&[]).stop();
    assert!(!printed.contains("setup"), "{printed}");
}

#[test]
fn the_list_has_a_stable_form_for_programs_and_a_table_for_people() {
    let place = Place::with_ada();
    create(&place, "Acme", "eve@acme.example");
    place.ok(&["organization", "archive", "acme"]);
    let organizations = listed(&place);
    for organization in &organizations {
        let mut keys: Vec<_> = organization.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["archivedAt", "createdAt", "id", "name", "users"]);
    }
    assert!(organizations[0]["archivedAt"].is_null() && organizations[1]["archivedAt"].is_string());
    let table = place.ok(&["organization", "list"]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[1].contains("My organization") && lines[1].contains("In use"), "{table}");
    assert!(lines[2].contains("Acme") && lines[2].contains("Archived"), "{table}");
}

#[test]
fn an_archived_organization_is_refused_at_once_and_its_neighbour_is_not() {
    let place = Place::with_ada();
    create(&place, "Acme", "eve@acme.example");
    let eves = place.ok(&["key", "create", "--user", "eve@acme.example", "--name", "ci"]);
    let adas = place.token();
    let server = place.serve(&[]);
    let both = |server: &crate::support::Server| {
        [server.get("/verify", eves.trim_end()), server.get("/verify", &adas)]
    };
    assert_eq!(both(&server), [200, 200]);
    place.ok(&["organization", "archive", "Acme"]);
    assert_eq!(both(&server), [401, 200]);
    place.ok(&["organization", "restore", "Acme"]);
    assert_eq!(both(&server), [200, 200]);
    drop(server);
    place.ok(&["organization", "archive", "Acme"]);
    assert_eq!(both(&place.serve(&[])), [401, 200], "without a server, too, and the next one knows");
}

#[test]
fn what_is_made_for_people_of_an_archived_organization_would_not_work_and_is_refused() {
    let place = Place::with_ada();
    place.ok(&["organization", "archive", "My organization"]);
    for args in [
        &["user", "sign-in-link", ADA][..],
        &["key", "create", "--user", ADA, "--name", "ci"],
        &["user", "add", "bob@example.com", "--role", "member"],
    ] {
        let error = place.fails(1, args);
        assert!(error.contains("archived") && error.contains("organization restore"), "{error}");
    }
}

#[test]
fn an_ambiguous_name_is_refused_with_the_ids_and_an_id_is_not() {
    let place = Place::with_ada();
    create(&place, "Acme", "eve@acme.example");
    create(&place, "ACME", "eve@other.example");
    let error = place.fails(1, &["organization", "archive", "acme"]);
    let ids: Vec<_> = listed(&place)[1..].iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| error.contains(id)), "{error}");
    place.ok(&["organization", "archive", &ids[1]]);
    let archived: Vec<_> = listed(&place).iter().map(|one| one["archivedAt"].is_string()).collect();
    assert_eq!(archived, [false, false, true]);
    let missing = place.fails(1, &["organization", "restore", "Nowhere"]);
    assert!(missing.contains("no such organization") && missing.contains("organization list"), "{missing}");
}

#[test]
fn what_cannot_be_a_name_or_an_address_makes_no_organization() {
    let place = Place::with_ada();
    for (name, administrator) in
        [("", "eve@acme.example"), ("Acme", "eve"), ("A\u{202e}cme", "eve@acme.example")]
    {
        place.fails(1, &["organization", "create", name, "--administrator", administrator]);
    }
    assert_eq!(listed(&place).len(), 1);
}
