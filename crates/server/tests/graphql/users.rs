//! One user at a time: seen, invited, edited, deactivated, and their keys revoked.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server, post};

const INVITE: &str = "mutation($input: InviteUserInput!) { inviteUser(input: $input) \
                      { invitationUrl mailed user { id email name active roleAssignments { roleId } groups { name } } } }";
const DEACTIVATE: &str = "mutation($id: ID!) { deactivateUser(userId: $id) { email active standing } }";
const REACTIVATE: &str = "mutation($id: ID!) { reactivateUser(userId: $id) { email active standing } }";
const REVOKE: &str =
    "mutation($user: ID, $ids: [ID!]) { revokeApiKeys(userId: $user, ids: $ids) { revokedIds } }";

async fn works(server: &Server, token: &str) -> bool {
    let reply = server.send(post().bearer(token), json!({ "query": "{ __typename }" }).to_string()).await;
    reply.status == StatusCode::OK
}

#[tokio::test]
async fn pages_of_users_are_searched_filtered_and_turned() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let invite = json!({ "input": { "email": "cy@elsewhere.example", "name": "Cy Twombly" } });
    server.data(&admin, INVITE, invite).await;
    let bob = server.id(&server.token(BOB).await).await;
    server.data(&admin, DEACTIVATE, json!({ "id": bob })).await;
    let users = |arguments: &str| {
        format!("{{ users({arguments}) {{ nodes {{ email }} pageInfo {{ hasNextPage endCursor }} }} }}")
    };
    for (arguments, emails) in [
        ("first: 100", vec!["cy@elsewhere.example", BOB, ADA]),
        ("search: \"TWOM\"", vec!["cy@elsewhere.example"]),
        ("search: \"example.com\"", vec![BOB, ADA]),
        ("status: PENDING", vec!["cy@elsewhere.example"]),
        ("status: DEACTIVATED", vec![BOB]),
        ("status: ACTIVE, search: \"ada\"", vec![ADA]),
        ("status: ACTIVE, search: \"bob\"", vec![]),
    ] {
        let page = server.data(&admin, &users(arguments), json!({})).await;
        let nodes: Vec<_> = emails.iter().map(|email| json!({ "email": email })).collect();
        assert_eq!(page["users"]["nodes"], json!(nodes), "{arguments}");
    }
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = server.data(&admin, &users(&format!("first: 1{after}")), json!({})).await;
        seen.push(page["users"]["nodes"][0]["email"].as_str().unwrap().to_owned());
        if page["users"]["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = format!(", after: {}", page["users"]["pageInfo"]["endCursor"]);
    }
    assert_eq!(seen, ["cy@elsewhere.example", BOB, ADA]);
    for (arguments, field) in [
        ("first: 0", "first"),
        ("first: 101", "first"),
        ("after: \"0\"", "after"),
        ("status: GONE", "status"),
        (&format!("status: PENDING{after}"), "after"),
    ] {
        let refusal = server.refusal(&admin, &users(arguments), json!({})).await;
        assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(field.to_owned())), "{arguments}");
    }
}

#[tokio::test]
async fn an_invitation_has_a_link_that_is_shown_once_and_replaced_by_the_next() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let input = json!({ "input": {
        "email": "cy@example.com", "name": "Cy", "roleAssignments": [{ "roleId": "member" }],
    } });
    let body = json!({ "query": INVITE, "variables": input }).to_string();
    let reply = server.send(post().bearer(&admin).header("accept-encoding", "gzip"), body).await;
    assert_eq!((reply.header("cache-control"), reply.header("content-encoding")), ("no-store", ""));
    let mut invited = reply.json()["data"]["inviteUser"].take();
    let link = invited["invitationUrl"].as_str().unwrap().to_owned();
    let code = link.strip_prefix("http://keystead.test/invitation/").unwrap().to_owned();
    assert!(code.len() > 20);
    let id = invited["user"]["id"].take();
    assert_eq!(invited["mailed"], false, "there is no mail server");
    assert_eq!(
        invited["user"],
        json!({ "id": null, "email": "cy@example.com", "name": "Cy", "active": true,
                "roleAssignments": [{ "roleId": "member" }], "groups": [] })
    );
    let again = "mutation($id: ID!) { inviteUserAgain(userId: $id) { invitationUrl mailed user { id } } }";
    let second = server.data(&admin, again, json!({ "id": id })).await;
    assert_ne!(second["inviteUserAgain"]["invitationUrl"], json!(link));
    assert_eq!(second["inviteUserAgain"]["user"]["id"], id);
    // Neither is anywhere else.
    let all = "{ users { nodes { id email name standing userAttributes { key value } } } }";
    let all = server.data(&admin, all, json!({})).await.to_string();
    assert!(!all.contains(&code) && !all.contains("invitation"), "{all}");

    let taken = json!({ "input": { "email": "CY@example.com" } });
    assert_eq!(server.refusal(&admin, INVITE, taken).await.0, "CONFLICT");
    let ada = server.id(&admin).await;
    assert_eq!(server.refusal(&admin, again, json!({ "id": ada })).await.0, "CONFLICT", "she came in");
    for (input, code, field) in [
        (json!({ "email": "cy" }), "BAD_USER_INPUT", Some("email")),
        (json!({ "email": "x@example.com", "name": "" }), "BAD_USER_INPUT", Some("name")),
        (json!({ "email": "x@example.com", "password": "x" }), "BAD_USER_INPUT", Some("password")),
        (json!({ "email": "x@example.com", "userGroupIds": ["x"] }), "NOT_FOUND", None),
        (json!({ "email": "x@example.com", "roleAssignments": [{ "roleId": "x" }] }), "NOT_FOUND", None),
    ] {
        let refusal = server.refusal(&admin, INVITE, json!({ "input": input })).await;
        assert_eq!(refusal, (code.to_owned(), field.map(str::to_owned)), "{input}");
    }
}

#[tokio::test]
async fn a_deactivated_users_keys_stop_at_once_and_work_again_on_reactivation() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let id = json!({ "id": server.id(&bob).await });
    for _ in 0..2 {
        let answer = server.data(&admin, DEACTIVATE, id.clone()).await;
        assert_eq!(
            answer["deactivateUser"],
            json!({ "email": BOB, "active": false, "standing": "DEACTIVATED" })
        );
        assert!(!works(&server, &bob).await);
    }
    for _ in 0..2 {
        let answer = server.data(&admin, REACTIVATE, id.clone()).await;
        assert_eq!(answer["reactivateUser"], json!({ "email": BOB, "active": true, "standing": "ACTIVE" }));
        assert!(works(&server, &bob).await);
    }
    let last = json!({ "id": server.id(&admin).await });
    assert_eq!(server.refusal(&admin, DEACTIVATE, last).await.0, "CONFLICT", "the last administrator");
    for nobody in ["", "x", "01900000-0000-7000-8000-000000000000"] {
        for mutation in [DEACTIVATE, REACTIVATE] {
            assert_eq!(server.refusal(&admin, mutation, json!({ "id": nobody })).await.0, "NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn everybody_changes_their_own_name_and_only_managers_the_rest() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let (ada_id, bob_id) = (server.id(&admin).await, server.id(&bob).await);
    let update = "mutation($input: UpdateUserInput!) { updateUser(input: $input) { name email } }";
    let change = |input: Value| json!({ "input": input });
    let own = server.data(&bob, update, change(json!({ "id": bob_id, "name": " Bob B. " }))).await;
    assert_eq!(own["updateUser"], json!({ "name": "Bob B.", "email": BOB }));
    let moved = change(json!({ "id": bob_id, "email": "Robert@example.com" }));
    assert_eq!(server.refusal(&bob, update, moved.clone()).await.0, "FORBIDDEN");
    let theirs = change(json!({ "id": ada_id, "name": "Taken" }));
    assert_eq!(server.refusal(&bob, update, theirs).await.0, "FORBIDDEN");
    let changed = server.data(&admin, update, moved).await;
    assert_eq!(changed["updateUser"], json!({ "name": "Bob B.", "email": "Robert@example.com" }));
    for (input, code, field) in [
        (json!({ "id": bob_id, "email": ADA.to_uppercase() }), "CONFLICT", None),
        (json!({ "id": bob_id, "email": "no" }), "BAD_USER_INPUT", Some("email")),
        (json!({ "id": bob_id, "name": "a\u{0}b" }), "BAD_USER_INPUT", Some("name")),
        (json!({ "id": "x", "name": "n" }), "NOT_FOUND", None),
    ] {
        let refusal = server.refusal(&admin, update, change(input.clone())).await;
        assert_eq!(refusal, (code.to_owned(), field.map(str::to_owned)), "{input}");
    }
}

#[tokio::test]
async fn keys_are_revoked_by_user_or_by_id_all_or_none() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let bob_id = server.id(&bob).await;
    let (one, first) = server.key(BOB, "one", "30d").await;
    let (two, second) = server.key(BOB, "two", "30d").await;
    let (adas, hers) = server.key(ADA, "ada's", "30d").await;
    let nobody = "01900000-0000-7000-8000-000000000000";
    for (token, variables, code) in [
        (&admin, json!({}), "BAD_USER_INPUT"),
        (&admin, json!({ "user": bob_id, "ids": [one] }), "BAD_USER_INPUT"),
        (&admin, json!({ "ids": [] }), "BAD_USER_INPUT"),
        (&admin, json!({ "ids": vec![one.as_str(); 1_001] }), "BAD_USER_INPUT"),
        (&admin, json!({ "ids": [one, nobody] }), "NOT_FOUND"),
        (&admin, json!({ "user": nobody }), "NOT_FOUND"),
        (&admin, json!({ "user": "x" }), "NOT_FOUND"),
        // To a member others are not there.
        (&bob, json!({ "ids": [one, adas] }), "NOT_FOUND"),
        (&bob, json!({ "user": server.id(&admin).await }), "NOT_FOUND"),
    ] {
        assert_eq!(server.refusal(token, REVOKE, variables.clone()).await.0, code, "{variables}");
    }
    assert!(works(&server, &first).await && works(&server, &second).await && works(&server, &hers).await);
    let revoked = server.data(&bob, REVOKE, json!({ "ids": [one] })).await;
    assert_eq!(revoked["revokeApiKeys"]["revokedIds"], json!([one]));
    assert!(!works(&server, &first).await && works(&server, &second).await);
    let revoked = server.data(&admin, REVOKE, json!({ "user": bob_id })).await;
    let ids = revoked["revokeApiKeys"]["revokedIds"].as_array().unwrap();
    assert!(ids.len() == 2 && ids.contains(&json!(two)), "{ids:?}");
    assert!(!works(&server, &second).await && !works(&server, &bob).await && works(&server, &hers).await);
}

#[tokio::test]
async fn a_creator_is_seen_with_what_they_may_do_and_more_only_by_readers_of_users() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    server.cookie(BOB).await;
    let set = "mutation($id: ID!) { setUserAttributes(input: { userId: $id, userAttributes: [{ key: \"team\", value: \"blue\" }] }) \
               { status { code } } }";
    server.data(&admin, set, json!({ "id": server.id(&bob).await })).await;
    let auditor = server.holder("iris@example.com", &["keys:read_all"]).await;
    let keys = "{ apiKeys(view: ALL, search: \"own\") { nodes { createdBy { email name active roleAssignments { roleId } \
                userAttributes { value } lastActiveSessionTimestamp } } } }";
    let of_bob = |answer: Value| {
        let nodes = answer["apiKeys"]["nodes"].as_array().unwrap().clone();
        nodes.into_iter().map(|mut key| key["createdBy"].take()).find(|user| user["email"] == BOB).unwrap()
    };
    let seen = of_bob(server.data(&auditor, keys, json!({})).await);
    assert_eq!(
        seen,
        json!({ "email": BOB, "name": "bob", "active": true, "roleAssignments": [{ "roleId": "member" }],
                "userAttributes": [], "lastActiveSessionTimestamp": null })
    );
    let seen = of_bob(server.data(&admin, keys, json!({})).await);
    assert_eq!(seen["userAttributes"], json!([{ "value": "blue" }]));
    let one = "query($id: ID!) { user(id: $id) { email userAttributes { value } } }";
    let bob_id = server.id(&bob).await;
    let one_of = server.data(&admin, one, json!({ "id": bob_id })).await;
    assert_eq!(one_of["user"], json!({ "email": BOB, "userAttributes": [{ "value": "blue" }] }));
    for token in [&auditor, &bob] {
        let answer = server.query(token, one, json!({ "id": bob_id })).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(answer["data"], json!({ "user": null }), "and the rest of the query stays whole");
    }
}
