//! Roles, groups, scopes and what follows from them: promise 1 over GraphQL.

use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{ADA, BOB, Credential as _, Server};

const CREATE: &str = "mutation($input: CreateRoleInput!) { createRole(input: $input) \
                      { id name description permissions origin takesScopes } }";
const UPDATE: &str =
    "mutation($input: UpdateRoleInput!) { updateRole(input: $input) { id name permissions } }";
const DELETE: &str = "mutation($id: ID!) { deleteRole(id: $id) { deletedId } }";
const ASSIGN: &str = "mutation($id: ID!, $roles: [RoleAssignmentInput!]!) { setRoleAssignments(userId: $id, roleAssignments: $roles) \
                      { roleAssignments { roleId scopes } permissions } }";
const GROUP: &str = "mutation($input: CreateUserGroupInput!) { createUserGroup(input: $input) \
                     { id name roleAssignments { roleId scopes } memberCount members { email } } }";
const REGROUP: &str = "mutation($input: UpdateUserGroupInput!) { updateUserGroup(input: $input) \
                       { name roleAssignments { roleId } memberCount } }";
const UNGROUP: &str = "mutation($id: ID!) { deleteUserGroup(id: $id) { deletedId } }";
const GROUPS: &str = "mutation($id: ID!, $groups: [ID!]!) { setUserGroups(userId: $id, userGroupIds: $groups) { groups { name } } }";

/// What `/verify` says of a permission, perhaps on a resource.
async fn verify(server: &Server, token: &str, question: &str) -> StatusCode {
    server.send(Request::get(format!("/verify?permission={question}")).bearer(token), "").await.status
}

async fn role(server: &Server, admin: &str, name: &str, permissions: &[&str]) -> Value {
    let input = json!({ "input": { "name": name, "permissions": permissions } });
    server.data(admin, CREATE, input).await["createRole"]["id"].take()
}

#[tokio::test]
async fn a_role_is_made_changed_and_deleted_and_every_key_feels_it_at_once() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let input = json!({ "input": { "name": "Analyst", "permissions": ["reports:read", "reports:read", "audit:read"] } });
    let made = server.data(&admin, CREATE, input).await["createRole"].take();
    let id = &made["id"];
    assert_eq!(
        made,
        json!({ "id": id, "name": "Analyst", "description": "", "permissions": ["audit:read", "reports:read"],
                "origin": "ORGANIZATION", "takesScopes": true })
    );
    let assigned = json!({ "id": server.id(&bob).await, "roles": [{ "roleId": id }] });
    let assigned = server.data(&admin, ASSIGN, assigned).await["setRoleAssignments"].take();
    assert_eq!(
        assigned,
        json!({ "roleAssignments": [{ "roleId": id, "scopes": [] }], "permissions": ["audit:read", "reports:read"] })
    );
    assert_eq!(verify(&server, &bob, "reports:read").await, StatusCode::OK);

    let update = json!({ "input": { "id": id, "name": "Writer", "description": "d", "permissions": ["reports:write"] } });
    server.data(&admin, UPDATE, update).await;
    assert_eq!(verify(&server, &bob, "reports:read").await, StatusCode::FORBIDDEN);
    assert_eq!(verify(&server, &bob, "reports:write").await, StatusCode::OK);

    let deleted = server.data(&admin, DELETE, json!({ "id": id })).await;
    assert_eq!(&deleted["deleteRole"]["deletedId"], id);
    assert_eq!(verify(&server, &bob, "reports:write").await, StatusCode::FORBIDDEN);
    assert_eq!(server.refusal(&admin, DELETE, json!({ "id": id })).await.0, "NOT_FOUND");
    let roles = server.data(&admin, "{ roles { id origin takesScopes } }", json!({})).await;
    let built_in = |id: &str| json!({ "id": id, "origin": "BUILT_IN", "takesScopes": false });
    assert_eq!(
        roles["roles"],
        json!([built_in("administrator"), built_in("member"), built_in("site_administrator")])
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_role_or_a_group_is_said_with_its_field() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    role(&server, &admin, "Taken", &[]).await;
    server.data(&admin, GROUP, json!({ "input": { "name": "Support" } })).await;
    let many: Vec<_> = (0..51).map(|n| format!("p{n}")).collect();
    let bob = server.id(&server.token(BOB).await).await;
    for (mutation, variables, code, field) in [
        (CREATE, json!({ "name": "", "permissions": [] }), "BAD_USER_INPUT", Some("name")),
        (CREATE, json!({ "name": "n", "permissions": ["a b"] }), "BAD_USER_INPUT", Some("permissions")),
        (CREATE, json!({ "name": "n", "permissions": ["reports:*"] }), "BAD_USER_INPUT", Some("permissions")),
        (CREATE, json!({ "name": "n", "permissions": many }), "BAD_USER_INPUT", Some("permissions")),
        (
            CREATE,
            json!({ "name": "n", "permissions": ["organizations:manage"] }),
            "BAD_USER_INPUT",
            Some("permissions"),
        ),
        (
            CREATE,
            json!({ "name": "n", "permissions": [], "description": "x".repeat(501) }),
            "BAD_USER_INPUT",
            Some("description"),
        ),
        (CREATE, json!({ "name": "n", "permissions": [], "id": "x" }), "BAD_USER_INPUT", Some("id")),
        (CREATE, json!({ "name": "TAKEN", "permissions": [] }), "CONFLICT", None),
        (CREATE, json!({ "name": "Administrator", "permissions": [] }), "CONFLICT", None),
        (
            UPDATE,
            json!({ "id": "administrator", "name": "n", "description": "", "permissions": [] }),
            "CONFLICT",
            None,
        ),
        (
            UPDATE,
            json!({ "id": "x y", "name": "n", "description": "", "permissions": [] }),
            "NOT_FOUND",
            None,
        ),
        (GROUP, json!({ "name": " " }), "BAD_USER_INPUT", Some("name")),
        (GROUP, json!({ "name": "SUPPORT" }), "CONFLICT", None),
        (GROUP, json!({ "name": "n", "roleAssignments": [{ "roleId": "nothing" }] }), "NOT_FOUND", None),
        (
            GROUP,
            json!({ "name": "n", "roleAssignments": [{ "roleId": "member", "scopes": ["r"] }] }),
            "BAD_USER_INPUT",
            Some("scopes"),
        ),
        (REGROUP, json!({ "id": "x", "name": "n", "roleAssignments": [] }), "NOT_FOUND", None),
    ] {
        let refusal = server.refusal(&admin, mutation, json!({ "input": variables })).await;
        assert_eq!(refusal, (code.to_owned(), field.map(str::to_owned)), "{variables}");
    }
    let scopes: Vec<_> = (0..101).map(|n| format!("r{n}")).collect();
    let analyst = role(&server, &admin, "Analyst", &["reports:read"]).await;
    for (roles, code, field) in [
        (json!([{ "roleId": analyst, "scopes": scopes }]), "BAD_USER_INPUT", Some("scopes")),
        (json!([{ "roleId": analyst, "scopes": ["a,b"] }]), "BAD_USER_INPUT", Some("scopes")),
        (json!([{ "roleId": "nothing" }]), "NOT_FOUND", None),
        (json!([{ "roleId": "member", "permissions": ["x"] }]), "BAD_USER_INPUT", Some("permissions")),
    ] {
        let refusal = server.refusal(&admin, ASSIGN, json!({ "id": bob, "roles": roles })).await;
        assert_eq!(refusal, (code.to_owned(), field.map(str::to_owned)), "{roles}");
    }
    assert_eq!(server.refusal(&admin, DELETE, json!({ "id": "member" })).await.0, "CONFLICT");
    assert_eq!(server.refusal(&admin, UNGROUP, json!({ "id": "member" })).await.0, "NOT_FOUND");
}

#[tokio::test]
async fn a_role_that_is_limited_to_resources_holds_there_and_nowhere_else() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let analyst = role(&server, &admin, "Analyst", &["reports:read"]).await;
    let roles = json!([{ "roleId": analyst, "scopes": ["domain_456", "domain_123"] }]);
    let assigned = server.data(&admin, ASSIGN, json!({ "id": server.id(&bob).await, "roles": roles })).await;
    assert_eq!(
        assigned["setRoleAssignments"],
        json!({ "roleAssignments": [{ "roleId": analyst, "scopes": ["domain_123", "domain_456"] }], "permissions": [] })
    );
    assert_eq!(verify(&server, &bob, "reports:read&resource=domain_456").await, StatusCode::OK);
    assert_eq!(verify(&server, &bob, "reports:read&resource=domain_789").await, StatusCode::FORBIDDEN);
    assert_eq!(verify(&server, &bob, "reports:read").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn members_of_a_group_inherit_its_roles_and_are_shown_to() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let bob_id = server.id(&bob).await;
    let analyst = role(&server, &admin, "Analyst", &["reports:read"]).await;
    let group = json!({ "input": { "name": "Support", "roleAssignments": [{ "roleId": analyst, "scopes": ["r1"] }] } });
    let group = server.data(&admin, GROUP, group).await["createUserGroup"].take();
    assert_eq!((&group["memberCount"], &group["members"]), (&json!(0), &json!([])));
    let id = &group["id"];
    let joined = server.data(&admin, GROUPS, json!({ "id": bob_id, "groups": [id] })).await;
    assert_eq!(joined["setUserGroups"]["groups"], json!([{ "name": "Support" }]));
    assert_eq!(verify(&server, &bob, "reports:read&resource=r1").await, StatusCode::OK);
    let own = "{ currentUser { roleAssignments { roleId } inheritedRoleAssignments { roleId scopes group { id name } } } }";
    let own = server.data(&bob, own, json!({})).await;
    assert_eq!(
        own["currentUser"],
        json!({ "roleAssignments": [{ "roleId": "member" }],
                "inheritedRoleAssignments": [{ "roleId": analyst, "scopes": ["r1"], "group": { "id": id, "name": "Support" } }] })
    );
    for query in [
        "{ userGroups { name memberCount members { email } } }".to_owned(),
        format!("{{ g: userGroup(id: {id}) {{ name memberCount members {{ email }} }} }}"),
    ] {
        let seen = server.data(&admin, &query, json!({})).await;
        let seen = seen.get("g").unwrap_or(&seen["userGroups"][0]);
        assert_eq!(*seen, json!({ "name": "Support", "memberCount": 1, "members": [{ "email": BOB }] }));
        assert_eq!(server.refusal(&bob, &query, json!({})).await.0, "FORBIDDEN");
    }
    let everywhere =
        json!({ "input": { "id": id, "name": "Help", "roleAssignments": [{ "roleId": analyst }] } });
    server.data(&admin, REGROUP, everywhere).await;
    assert_eq!(verify(&server, &bob, "reports:read").await, StatusCode::OK);
    assert_eq!(server.data(&admin, UNGROUP, json!({ "id": id })).await["deleteUserGroup"]["deletedId"], *id);
    assert_eq!(verify(&server, &bob, "reports:read").await, StatusCode::FORBIDDEN);
    let left = server.data(&bob, "{ currentUser { groups { name } } }", json!({})).await;
    assert_eq!(left["currentUser"]["groups"], json!([]));
}

/// Nobody edits their own way up: not by a role, a group, an assignment, or somebody else.
#[tokio::test]
async fn no_mutation_leads_up() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let ada = server.id(&admin).await;
    let powerful = role(&server, &admin, "Powerful", &["settings:write"]).await;
    let strong = json!({ "input": { "name": "Strong", "roleAssignments": [{ "roleId": powerful }] } });
    let strong = server.data(&admin, GROUP, strong).await["createUserGroup"]["id"].take();
    let weak =
        server.data(&admin, GROUP, json!({ "input": { "name": "Weak" } })).await["createUserGroup"]["id"]
            .take();
    let writer = server.holder("iris@example.com", &["iam:read", "iam:write"]).await;
    let (iris, own) = {
        let me = server.data(&writer, "{ currentUser { id roleAssignments { roleId } } }", json!({})).await;
        (me["currentUser"]["id"].clone(), me["currentUser"]["roleAssignments"][0]["roleId"].clone())
    };
    let before = server
        .data(
            &admin,
            "{ roles { id name permissions } userGroups { id name roleAssignments { roleId } memberCount } \
                                      listUsers { id name permissions } }",
            json!({}),
        )
        .await;
    let assign = |roles: Value| json!([{ "roleId": roles }]);
    for (mutation, variables) in [
        (CREATE, json!({ "input": { "name": "n", "permissions": ["keys:read_all"] } })),
        (CREATE, json!({ "input": { "name": "n", "permissions": ["reports:read"] } })),
        (
            UPDATE,
            json!({ "input": { "id": own, "name": "n", "description": "", "permissions": ["iam:read", "iam:write", "audit:read"] } }),
        ),
        (UPDATE, json!({ "input": { "id": powerful, "name": "n", "description": "", "permissions": [] } })),
        (DELETE, json!({ "id": powerful })),
        (ASSIGN, json!({ "id": iris, "roles": assign(json!("administrator")) })),
        (ASSIGN, json!({ "id": iris, "roles": assign(json!("site_administrator")) })),
        (ASSIGN, json!({ "id": iris, "roles": assign(powerful.clone()) })),
        (ASSIGN, json!({ "id": ada, "roles": [] })),
        (GROUP, json!({ "input": { "name": "n", "roleAssignments": assign(powerful.clone()) } })),
        (
            REGROUP,
            json!({ "input": { "id": weak, "name": "n", "roleAssignments": assign(powerful.clone()) } }),
        ),
        (REGROUP, json!({ "input": { "id": strong, "name": "n", "roleAssignments": [] } })),
        (UNGROUP, json!({ "id": strong })),
        (GROUPS, json!({ "id": iris, "groups": [strong] })),
        (GROUPS, json!({ "id": ada, "groups": [weak] })),
        ("mutation($id: ID!) { deactivateUser(userId: $id) { id } }", json!({ "id": ada })),
        (
            "mutation($id: ID!) { updateUser(input: { id: $id, email: \"iris+2@example.com\" }) { id } }",
            json!({ "id": ada }),
        ),
        (
            "mutation($id: ID!) { inviteUser(input: { email: \"x@example.com\", userGroupIds: [$id] }) { invitationUrl } }",
            json!({ "id": strong }),
        ),
    ] {
        assert_eq!(
            server.refusal(&writer, mutation, variables.clone()).await.0,
            "FORBIDDEN",
            "{mutation} {variables}"
        );
    }
    // Not even the administrator of an organization reaches beyond it.
    let beyond =
        json!({ "id": ada, "roles": [{ "roleId": "administrator" }, { "roleId": "site_administrator" }] });
    let refusal = server.refusal(&admin, ASSIGN, beyond).await.0;
    let site = server.data(&admin, "{ currentUser { permissions } }", json!({})).await.to_string();
    assert!(refusal == "FORBIDDEN" && !site.contains("organizations:manage"), "{refusal} {site}");
    let after = server
        .data(
            &admin,
            "{ roles { id name permissions } userGroups { id name roleAssignments { roleId } memberCount } \
                                     listUsers { id name permissions } }",
            json!({}),
        )
        .await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let id = server.id(&admin).await;
    assert_eq!(server.refusal(&admin, ASSIGN, json!({ "id": id, "roles": [] })).await.0, "CONFLICT");
    let own = server.data(&admin, "{ currentUser { roleAssignments { roleId } } }", json!({})).await;
    assert!(own.to_string().contains("administrator"), "{own}");
}
