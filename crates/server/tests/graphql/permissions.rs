//! Every operation on people and settings, for those who may not: members, and administrators of another organization.

use serde_json::json;

use crate::support::{ADA, BOB, Server};

/// What needs a permission, with the ids of a user, a group and a role of the first organization.
const OPERATIONS: &[&str] = &[
    "{ listUsers { id } }",
    "{ users { nodes { id } } }",
    "{ user(id: \"USER\") { email } }",
    "{ roles { id } }",
    "{ userGroups { id } }",
    "{ userGroup(id: \"GROUP\") { name memberCount } }",
    "{ usersExcludedBy(input: { allowedDomains: [], allowedAddresses: [], blockedDomains: [], blockedAddresses: [] }) { count } }",
    "mutation { createUsers(input: { emails: [\"x@example.com\"] }) { status { code } } }",
    "mutation { setUserAttributes(input: { userId: \"USER\", userAttributes: [] }) { status { code } } }",
    "mutation { deleteUsersFromWorkspace(input: { userIds: [\"USER\"] }) { status { code } } }",
    "mutation { inviteUser(input: { email: \"x@example.com\" }) { invitationUrl } }",
    "mutation { inviteUserAgain(userId: \"USER\") { invitationUrl } }",
    "mutation { updateUser(input: { id: \"USER\", name: \"Taken\" }) { name } }",
    "mutation { updateUser(input: { id: \"USER\", email: \"taken@example.com\" }) { name } }",
    "mutation { setRoleAssignments(userId: \"USER\", roleAssignments: []) { id } }",
    "mutation { setUserGroups(userId: \"USER\", userGroupIds: []) { id } }",
    "mutation { deactivateUser(userId: \"USER\") { id } }",
    "mutation { reactivateUser(userId: \"USER\") { id } }",
    "mutation { createRole(input: { name: \"n\", permissions: [] }) { id } }",
    "mutation { updateRole(input: { id: \"ROLE\", name: \"n\", description: \"\", permissions: [] }) { id } }",
    "mutation { deleteRole(id: \"ROLE\") { deletedId } }",
    "mutation { createUserGroup(input: { name: \"n\" }) { id } }",
    "mutation { updateUserGroup(input: { id: \"GROUP\", name: \"n\", roleAssignments: [] }) { id } }",
    "mutation { deleteUserGroup(id: \"GROUP\") { deletedId } }",
    "mutation { renameOrganization(name: \"n\") { id } }",
    "mutation { setKeyPolicy(input: { longestExpiration: DAYS_7, keysMayCreateKeys: false }) { id } }",
    "mutation { setEmailAccess(input: { allowedDomains: [], allowedAddresses: [], blockedDomains: [], blockedAddresses: [] }) { id } }",
];

const ALL: &str = "{ listUsers { id email name standing roleAssignments { roleId } groups { id } userAttributes { key } } \
                   roles { id name permissions } userGroups { id name roleAssignments { roleId } memberCount } \
                   organization { id name keyPolicy { longestExpiration keysMayCreateKeys } emailAccess { open blockedDomains } } }";

/// The ids of what another may not touch: a user, a group, a role.
async fn targets(server: &Server, admin: &str) -> [String; 3] {
    let made = "mutation { createUserGroup(input: { name: \"Support\" }) { id } \
                createRole(input: { name: \"Analyst\", permissions: [\"reports:read\"] }) { id } }";
    let made = server.data(admin, made, json!({})).await;
    let id = |name: &str| made[name]["id"].as_str().unwrap().to_owned();
    [server.id(admin).await, id("createUserGroup"), id("createRole")]
}

fn with(operation: &str, [user, group, role]: &[String; 3]) -> String {
    operation.replace("USER", user).replace("GROUP", group).replace("ROLE", role)
}

#[tokio::test]
async fn to_a_member_all_of_it_is_forbidden_whether_what_they_name_exists_or_not() {
    let server = Server::start().await;
    let (admin, bob) = (server.token(ADA).await, server.token(BOB).await);
    let targets = targets(&server, &admin).await;
    let nothing = ["x".to_owned(), "x".to_owned(), "x".to_owned()];
    let before = server.data(&admin, ALL, json!({})).await;
    for operation in OPERATIONS {
        for targets in [&targets, &nothing] {
            let operation = with(operation, targets);
            assert_eq!(server.refusal(&bob, &operation, json!({})).await.0, "FORBIDDEN", "{operation}");
        }
    }
    assert_eq!(server.data(&admin, ALL, json!({})).await, before);
}

#[tokio::test]
async fn what_another_organization_owns_looks_like_what_does_not_exist() {
    let server = Server::start().await;
    let eve = "eve@elsewhere.example";
    server.organization("Elsewhere", eve).await;
    let (admin, other) = (server.token(ADA).await, server.token(eve).await);
    let targets = targets(&server, &admin).await;
    let unknown = || "01900000-0000-7000-8000-000000000000".to_owned();
    let unknown = [unknown(), unknown(), unknown()];
    let before = server.data(&admin, ALL, json!({})).await;
    for operation in OPERATIONS
        .iter()
        .filter(|text| text.contains("USER") || text.contains("GROUP") || text.contains("ROLE"))
    {
        let foreign = server.query(&other, &with(operation, &targets), json!({})).await;
        let missing = server.query(&other, &with(operation, &unknown), json!({})).await;
        assert!(foreign.to_string().contains("NOT_FOUND"), "{operation}: {foreign}");
        // Where an error points to depends on how long the ids are, and they are equally long.
        assert_eq!(foreign, missing, "{operation}");
    }
    let assign = "mutation($role: ID!) { setRoleAssignments(userId: \"ME\", roleAssignments: [{ roleId: \"administrator\" }, \
                  { roleId: $role }]) { id } }";
    let join = "mutation($group: ID!) { setUserGroups(userId: \"ME\", userGroupIds: [$group]) { id } }";
    let own = server.id(&other).await;
    for (mutation, variables) in
        [(assign, json!({ "role": targets[2] })), (join, json!({ "group": targets[1] }))]
    {
        let refusal = server.refusal(&other, &mutation.replace("ME", &own), variables).await;
        assert_eq!(refusal.0, "NOT_FOUND", "{mutation}");
    }
    let (key, _) = server.key(ADA, "ada's", "30d").await;
    for arguments in [format!("userId: \"{}\"", targets[0]), format!("ids: [\"{key}\"]")] {
        let revoke = format!("mutation {{ revokeApiKeys({arguments}) {{ revokedIds }} }}");
        assert_eq!(server.refusal(&other, &revoke, json!({})).await.0, "NOT_FOUND");
    }
    assert_eq!(server.data(&admin, ALL, json!({})).await, before);
    let page = server.data(&admin, "{ users(first: 1) { pageInfo { endCursor } } }", json!({})).await;
    let next = "query($after: String) { users(after: $after) { nodes { id } } }";
    let after = json!({ "after": page["users"]["pageInfo"]["endCursor"] });
    assert_eq!(
        server.refusal(&other, next, after).await.1.as_deref(),
        Some("after"),
        "a cursor leads nowhere else"
    );
}

/// Mass assignment: what an input does not have cannot be sent along.
#[tokio::test]
async fn no_input_takes_a_field_that_it_does_not_have() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let [user, group, role] = targets(&server, &admin).await;
    let lists =
        json!({ "allowedDomains": [], "allowedAddresses": [], "blockedDomains": [], "blockedAddresses": [] });
    let before = server.data(&admin, ALL, json!({})).await;
    for (input, field, own) in [
        ("CreateUsersInput", "createUsers", json!({ "emails": ["x@example.com"] })),
        ("SetUserAttributesInput", "setUserAttributes", json!({ "userId": user, "userAttributes": [] })),
        ("DeleteUsersFromWorkspaceInput", "deleteUsersFromWorkspace", json!({ "userIds": [user] })),
        ("InviteUserInput", "inviteUser", json!({ "email": "x@example.com" })),
        ("UpdateUserInput", "updateUser", json!({ "id": user, "name": "Taken" })),
        ("CreateRoleInput", "createRole", json!({ "name": "n", "permissions": [] })),
        (
            "UpdateRoleInput",
            "updateRole",
            json!({ "id": role, "name": "n", "description": "", "permissions": [] }),
        ),
        ("CreateUserGroupInput", "createUserGroup", json!({ "name": "n" })),
        (
            "UpdateUserGroupInput",
            "updateUserGroup",
            json!({ "id": group, "name": "n", "roleAssignments": [] }),
        ),
        (
            "KeyPolicyInput",
            "setKeyPolicy",
            json!({ "longestExpiration": "DAYS_7", "keysMayCreateKeys": false }),
        ),
        ("EmailAccessInput", "setEmailAccess", lists),
    ] {
        for name in [
            "organizationId",
            "workspaceId",
            "password",
            "passwordHash",
            "active",
            "admin",
            "createdAt",
            "deletedAt",
            "origin",
            "lastSeenAt",
            "role",
            "roles",
            "isScimManaged",
            "members",
            "userIdS",
        ] {
            let query = format!("mutation($input: {input}!) {{ {field}(input: $input) {{ __typename }} }}");
            let mut sent = own.clone();
            sent[name] = json!("x");
            let refusal = server.refusal(&admin, &query, json!({ "input": sent })).await;
            assert_eq!(refusal, ("BAD_USER_INPUT".to_owned(), Some(name.to_owned())), "{field} {name}");
        }
    }
    assert_eq!(server.data(&admin, ALL, json!({})).await, before);
}

#[tokio::test]
async fn no_answer_has_a_secret() {
    let server = Server::start().await;
    let admin = server.token(ADA).await;
    let cookie = server.cookie(ADA).await;
    let cookie = cookie.split('=').nth(1).unwrap();
    let types = "{ __schema { types { name fields { name } inputFields { name } } } }";
    let schema = server.data(&admin, types, json!({})).await;
    let names: Vec<String> = schema["__schema"]["types"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|one| {
            one["fields"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|field| field["name"].as_str().unwrap().to_owned())
        })
        .collect();
    assert!(names.len() > 100, "{}", names.len());
    for hidden in ["password", "hash", "secret", "code_", "cookie", "session_"] {
        assert!(!names.iter().any(|name| name.to_lowercase().contains(hidden)), "{hidden}");
    }
    let seen = server.data(&admin, ALL, json!({})).await.to_string();
    for secret in
        [admin[..20].to_owned(), cookie.to_owned(), "argon2".to_owned(), "a few unrelated words".to_owned()]
    {
        assert!(!seen.contains(&secret), "{secret}");
    }
}
