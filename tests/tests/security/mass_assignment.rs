//! What only the server decides, sent by a client: it decides nothing.

use std::collections::BTreeSet;

use keystead_tests::{Form, Session, TestServer, TestUser};

/// The name of every column, and what programs call such things, each with a value that would help an attacker.
async fn hostile_fields(server: &TestServer, ada: &TestUser, taken: &[&str]) -> Vec<(String, String)> {
    let mut names: BTreeSet<String> = server.columns().await.into_iter().collect();
    for name in [
        "userId",
        "creatorId",
        "creator",
        "createdBy",
        "organizationId",
        "organization",
        "workspaceId",
        "role",
    ] {
        names.insert(name.to_owned());
    }
    for name in [
        "roles",
        "permissions",
        "scopes",
        "token",
        "status",
        "expires",
        "expiresAt",
        "admin",
        "is_admin",
        "limit",
    ] {
        names.insert(name.to_owned());
    }
    let value = |name: &str| match name {
        "role" | "roles" => "administrator".to_owned(),
        "permissions" | "scopes" => "*".to_owned(),
        name if name.ends_with("_at") || name.ends_with("At") => "4102444800000".to_owned(),
        name if name.contains("impersonation") || name == "active" || name.contains("admin") => {
            "1".to_owned()
        }
        name if name.contains("hash") => "00".repeat(32),
        _ => ada.id.clone(),
    };
    let names = names.into_iter().filter(|name| !taken.contains(&name.as_str()));
    names
        .map(|name| {
            let value = value(&name);
            (name, value)
        })
        .collect()
}

async fn submit(
    server: &TestServer,
    session: &Session,
    path: &str,
    own: &[(&str, &str)],
    hostile: &[(String, String)],
) -> u16 {
    let mut fields = own.to_vec();
    fields.extend(hostile.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    server.submit(session, path, &fields).await.status().as_u16()
}

#[tokio::test]
async fn no_field_of_a_form_decides_what_the_server_decides() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let mia = server.member("mia@example.com").await;
    let session = server.session(&mia).await;
    let page = server.visit(&session, "/settings/api-keys/new").await.text().await.unwrap();
    let request_id = Form::find(&page, "/settings/api-keys/new").fields["request_id"].clone();

    // The one field that the form itself has is refused to members (the table of authorizations); all others go along.
    let taken = ["name", "description", "expiration", "request_id", "csrf", "allow_impersonation"];
    let hostile = hostile_fields(&server, &ada, &taken).await;
    assert!(hostile.iter().any(|(name, _)| name == "creator_id") && hostile.len() > 30, "{hostile:?}");
    let own = [("name", "deploy"), ("expiration", "7d"), ("request_id", &request_id)];
    assert_eq!(submit(&server, &session, "/settings/api-keys/new", &own, &hostile).await, 200);
    let made = server.snapshot().await;
    let [key] = made.rows("api_keys") else { panic!("one key") };
    assert!(key.contains(&blob(&mia.id)), "its creator is who sent the form");
    assert!(!key.contains(&blob(&ada.id)));
    let expires = (server.now() + jiff::SignedDuration::from_hours(24 * 7)).as_millisecond().to_string();
    assert!(key.contains(&expires) && !key.contains("4102444800000"), "{key}");
    assert!(key.contains(" 0 "), "and it allows no impersonation");

    let page = server.visit(&session, "/settings/api-keys").await.text().await.unwrap();
    let (edit, revoke) = (Form::find_link(&page, "/edit"), Form::find_link(&page, "/revoke"));
    assert_eq!(
        submit(&server, &session, &edit, &[("name", "deploy"), ("description", "")], &hostile).await,
        303
    );
    let edited = server.snapshot().await;
    assert_eq!(
        edited.changed_since(&made),
        ["audit_events"],
        "an edit that changes nothing of its own changes nothing"
    );

    let hostile = hostile_fields(&server, &ada, &["confirm_name", "csrf"]).await;
    assert_eq!(submit(&server, &session, &revoke, &[("confirm_name", "deploy")], &hostile).await, 303);
    let revoked = server.snapshot().await;
    assert_eq!(revoked.rows("users"), made.rows("users"));
    assert_eq!(revoked.rows("user_roles"), made.rows("user_roles"));
    assert_eq!(revoked.rows("sessions"), made.rows("sessions"));
}

#[tokio::test]
async fn no_field_stands_in_for_a_missing_credential() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "30d").await;
    let before = server.snapshot().await;
    let hostile = hostile_fields(&server, &ada, &[]).await;
    for path in ["new".to_owned(), format!("{}/edit", key.id), format!("{}/revoke", key.id)] {
        let path = format!("/settings/api-keys/{path}");
        let request = server.post(&path).form(&hostile).query(&[("userId", &ada.id), ("user_id", &ada.id)]);
        assert_eq!(request.send().await.unwrap().status(), 303, "{path}");
        for (name, value) in &hostile {
            let answer = server.post(&path).form(&[(name, value)]).send().await.unwrap();
            assert!(answer.headers()["location"].to_str().unwrap().starts_with("/sign-in"), "{path} {name}");
        }
    }
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn a_field_that_is_sent_twice_is_refused_rather_than_chosen_from() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let key = server.key(&ada, "deploy", "30d").await;
    let session = server.session(&ada).await;
    let before = server.snapshot().await;
    let revoke = format!("/settings/api-keys/{}/revoke", key.id);
    let answer = server.submit(&session, &revoke, &[("confirm_name", "x"), ("confirm_name", "deploy")]).await;
    assert_eq!(answer.status(), 400);
    let answer = server.visit(&session, "/settings/api-keys?view=mine&view=all").await;
    assert_eq!(answer.status(), 400);
    assert_eq!(server.snapshot().await, before);
}

/// An id as the database quotes it.
fn blob(id: &str) -> String {
    format!("X'{}'", id.replace('-', "").to_uppercase())
}

/// Whom a form makes, where, and what they may do follows from who sends it and from the form's own fields.
#[tokio::test]
async fn no_field_of_a_form_about_people_decides_whose_they_are_or_what_else_they_may() {
    let server = TestServer::start().await;
    let ada = server.administrator("ada@example.com").await;
    let eve = server.organization("Elsewhere", "eve@elsewhere.example").await;
    let session = server.session(&eve).await;
    let first = server.snapshot().await;
    let own = [("email", "new@elsewhere.example"), ("name", "New"), ("role", "member")];
    let hostile = hostile_fields(&server, &ada, &["csrf", "email", "name", "role", "group"]).await;
    assert_eq!(submit(&server, &session, "/settings/users/invite", &own, &hostile).await, 200);
    let user = |email: &str| {
        let of = |somebody: &TestUser| {
            let user = server.app.directory().user(somebody.id.parse().unwrap()).unwrap();
            server.app.directory().users_of(user.organization)
        };
        let in_it = |somebody| of(somebody).into_iter().find(|user| user.email.as_str() == email);
        assert!(in_it(&ada).is_none(), "{email} is of whoever's organization sent the form");
        in_it(&eve).unwrap()
    };
    let made = user("new@elsewhere.example");
    assert!(made.permissions().iter().next().is_none() && made.groups().is_empty());
    assert_eq!(made.created_at, server.now());
    let edit = format!("/settings/users/{}/edit", made.id);
    let own = [("email", "renamed@elsewhere.example"), ("name", "New"), ("role", "member")];
    assert_eq!(submit(&server, &session, &edit, &own, &hostile).await, 303);
    let edited = user("renamed@elsewhere.example");
    assert!(edited.id == made.id && edited.permissions().iter().next().is_none() && edited.active);

    let hostile = hostile_fields(&server, &ada, &["csrf", "name"]).await;
    let hostile: Vec<_> =
        hostile.into_iter().filter(|(name, _)| !["role", "permission"].contains(&name.as_str())).collect();
    assert_eq!(
        submit(&server, &session, "/settings/organization", &[("name", "Renamed")], &hostile).await,
        303
    );
    let after = server.snapshot().await;
    let of_ada =
        |rows: &[String]| rows.iter().filter(|row| row.contains(&blob(&ada.id))).cloned().collect::<Vec<_>>();
    for table in ["users", "user_roles", "sessions", "api_keys"] {
        assert_eq!(of_ada(after.rows(table)), of_ada(first.rows(table)), "{table}");
    }
    let untouched = |snapshot: &keystead_tests::Snapshot| snapshot.rows("organizations")[0].clone();
    assert_eq!(untouched(&after), untouched(&first));
}
