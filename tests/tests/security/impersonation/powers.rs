//! What somebody may do in a session that a product signed them into, and what not.

use keystead_app::RoleInput;
use keystead_app::operator::Command;
use keystead_domain::{Description, Permission, RoleName};
use keystead_tests::TestUser;
use serde_json::{Value, json};

use super::{Product, ask, code};

impl Product {
    /// A user of the organization with these permissions and no others.
    async fn holder(&self, email: &str, permissions: &[&str]) -> TestUser {
        let user = self.server.member(email).await;
        let input = RoleInput {
            name: RoleName::parse(email).unwrap(),
            description: Description::parse("").unwrap(),
            permissions: permissions.iter().map(|name| Permission::parse(name).unwrap()).collect(),
        };
        let actor = self.server.actor(&self.ada).await;
        let role = self.server.app.create_role(&actor, input).await.unwrap().id.to_string();
        let (email, roles) = (email.to_owned(), vec![role]);
        self.server.operate(Command::UserSetRoles { email, organization: None, roles }).await;
        user
    }

    async fn holds(&self, token: &str, permission: &str) -> bool {
        let path = format!("/verify?permission={permission}");
        match self.server.get(&path).bearer_auth(token).send().await.unwrap().status().as_u16() {
            200 => true,
            403 => false,
            other => panic!("{permission}: {other}"),
        }
    }
}

const OWN: [&str; 8] = [
    "audit:read",
    "iam:read",
    "iam:write",
    "impersonation:grant",
    "keys:read_all",
    "keys:revoke_all",
    "organizations:manage",
    "settings:write",
];

#[tokio::test]
async fn a_session_does_with_its_users_plain_keys_what_they_could_do_themselves() {
    let product = Product::start().await;
    let (server, token) = (&product.server, product.session().await);
    let made = "mutation { createApiKey(input: { name: \"n\" }) { token apiKey { id createdBy { id } } } }";
    let made = ask(server, &token, made).await;
    let made = &made["data"]["createApiKey"];
    assert_eq!(made["apiKey"]["createdBy"]["id"], product.mia.id.as_str());
    assert_eq!(server.verify(made["token"].as_str().unwrap()).await.status(), 200);
    let id = made["apiKey"]["id"].as_str().unwrap();
    let edit = format!(
        "mutation {{ updateApiKey(input: {{ id: \"{id}\", name: \"o\" }}) {{ apiKey {{ name }} }} }}"
    );
    assert_eq!(ask(server, &token, &edit).await["data"]["updateApiKey"]["apiKey"]["name"], "o");
    let list = "{ apiKeys { nodes { id name } } currentUser { id email } }";
    let expected = json!({
        "apiKeys": { "nodes": [{ "id": id, "name": "o" }] },
        "currentUser": { "id": product.mia.id, "email": product.mia.email },
    });
    assert_eq!(ask(server, &token, list).await["data"], expected);
    let revoke = format!("mutation {{ revokeApiKey(input: {{ id: \"{id}\" }}) {{ revokedId }} }}");
    assert_eq!(code(&ask(server, &token, &revoke).await), "none");
    assert_eq!(server.verify(made["token"].as_str().unwrap()).await.status(), 401);
}

/// Promise 7: no session makes impersonation keys, and none touches one, by any door, whatever its user and its key could do.
#[tokio::test]
async fn no_session_makes_or_touches_impersonation_keys() {
    for deployment in [super::deployment(), super::with_administration()] {
        let product = Product::start_as(deployment).await;
        let (server, key) = (&product.server, &product.key);
        let plain = server.key(&product.ada, "plain", "30d").await.id;
        let token = server.mint(key, &product.ada.email).await;
        let id = &key.id;
        let before = server.snapshot().await;
        for (mutation, expected) in [
            (
                "createApiKey(input: { name: \"n\", allowImpersonation: true }) { token }".to_owned(),
                "FORBIDDEN",
            ),
            (
                format!("updateApiKey(input: {{ id: \"{id}\", name: \"n\" }}) {{ apiKey {{ id }} }}"),
                "FORBIDDEN",
            ),
            (
                format!("updateApiKey(input: {{ id: \"{id}\", description: \"n\" }}) {{ apiKey {{ id }} }}"),
                "FORBIDDEN",
            ),
            (format!("revokeApiKey(input: {{ id: \"{id}\" }}) {{ revokedId }}"), "FORBIDDEN"),
            (format!("revokeApiKeys(ids: [\"{id}\"]) {{ revokedIds }}"), "FORBIDDEN"),
            (format!("revokeApiKeys(ids: [\"{plain}\", \"{id}\"]) {{ revokedIds }}"), "FORBIDDEN"),
            (format!("revokeApiKeys(userId: \"{}\") {{ revokedIds }}", product.ada.id), "FORBIDDEN"),
            (
                format!("endImpersonatedSessions(input: {{ keyId: \"{id}\" }}) {{ apiKey {{ id }} }}"),
                "FORBIDDEN",
            ),
        ] {
            let answer = ask(server, &token, &format!("mutation {{ {mutation} }}")).await;
            assert_eq!(code(&answer), expected, "{mutation}: {answer}");
        }
        let at = |door: &str| server.post(&format!("/embed/keys/{door}")).bearer_auth(&token);
        let (edit, revoke, end) =
            (format!("{id}/edit"), format!("{id}/revoke"), format!("{id}/end-sessions"));
        let new = [
            ("name", "n"),
            ("expiration", "30d"),
            ("request_id", "00000000000000000000000000000000"),
            ("allow_impersonation", "on"),
        ];
        for (door, fields) in [
            ("new", &new[..]),
            (&edit, &[("name", "n"), ("description", "")]),
            (&revoke, &[("confirm_name", "embedding")]),
            (&end, &[]),
            ("revoke", &[("id", id.as_str()), ("confirm", "1")]),
            ("revoke", &[("id", id.as_str()), ("id", &plain), ("confirm", "2")]),
        ] {
            let status = at(door).form(fields).send().await.unwrap().status();
            assert_eq!(status, 403, "{door}");
        }
        assert_eq!(server.snapshot().await, before);
        assert_eq!(server.verify(&token).await.status(), 200, "and goes on");
    }
}

/// Threats: a session makes a credential that does what is off in it, and that outlives it.
#[tokio::test]
async fn no_session_makes_a_key_that_could_do_more_than_the_session() {
    let new = [("name", "n"), ("expiration", "30d"), ("request_id", "00000000000000000000000000000000")];
    for administration in [false, true] {
        let deployment = if administration { super::with_administration() } else { super::deployment() };
        let product = Product::start_as(deployment).await;
        let server = &product.server;
        let weak = product.holder("weak@example.com", &["impersonation:grant", "iam:read"]).await;
        let minter = server.impersonation_key(&weak, "weak").await;
        let reader = product.holder("reader@example.com", &["iam:read"]).await;
        let auditor = product.holder("auditor@example.com", &["audit:read"]).await;
        let analyst = product.holder("analyst@example.com", &["reports:read"]).await;
        for (user, may) in [
            (&product.ada, false),
            (&auditor, false),
            (&reader, administration),
            (&analyst, true),
            (&product.mia, true),
        ] {
            let token = server.mint(&minter, &user.email).await;
            let before = server.snapshot().await;
            let made =
                ask(server, &token, "mutation { createApiKey(input: { name: \"n\" }) { token } }").await;
            let expected = if may { "none" } else { "FORBIDDEN" };
            assert_eq!(code(&made), expected, "{} {administration}", user.email);
            let page = server.post("/embed/keys/new").bearer_auth(&token).form(&new).send().await.unwrap();
            assert_eq!(page.status(), if may { 200 } else { 403 }, "{} {administration}", user.email);
            assert_eq!(server.snapshot().await != before, may, "{} {administration}", user.email);
        }
    }
}

/// What a person does themselves, a product does not do in their name.
#[tokio::test]
async fn a_session_does_not_change_its_users_own_account() {
    for deployment in [super::deployment(), super::with_administration()] {
        let product = Product::start_as(deployment).await;
        let server = &product.server;
        for user in [&product.mia, &product.ada] {
            let token = server.mint(&product.key, &user.email).await;
            let before = server.snapshot().await;
            for change in ["name: \"N\"", "email: \"n@example.com\"", "name: \"N\", email: \"n@example.com\""]
            {
                let query =
                    format!("mutation {{ updateUser(input: {{ id: \"{}\", {change} }}) {{ id }} }}", user.id);
                let answer = ask(server, &token, &query).await;
                assert_eq!(code(&answer), "FORBIDDEN", "{change} of {}: {answer}", user.email);
            }
            for page in ["", "/password", "/sessions"] {
                let path = format!("/settings/account{page}");
                let fields = [("name", "N"), ("session", "all"), ("password", "a few unrelated words")];
                let posted = server.post(&path).bearer_auth(&token).form(&fields).send().await.unwrap();
                assert!([303, 400, 403].contains(&posted.status().as_u16()), "{path}: {}", posted.status());
            }
            assert_eq!(server.snapshot().await, before);
        }
    }
}

#[tokio::test]
async fn keysteads_own_permissions_are_off_and_the_products_are_the_users() {
    let product = Product::start().await;
    let server = &product.server;
    let everything =
        product.holder("all@example.com", &[&OWN[..6], &OWN[7..], &["reports:read"]].concat()).await;
    for (user, reports) in [(&product.ada, true), (&product.mia, false), (&everything, true)] {
        let token = server.mint(&product.key, &user.email).await;
        for permission in OWN {
            assert!(!product.holds(&token, permission).await, "{permission} of {}", user.email);
        }
        assert_eq!(product.holds(&token, "reports:read").await, reports, "{}", user.email);
        let listed =
            server.verify(&token).await.headers()["x-keystead-permissions"].to_str().unwrap().to_owned();
        assert!(OWN.iter().all(|own| !listed.contains(own)), "{listed}");
        let who: Value = ask(server, &token, "{ currentUser { permissions } }").await;
        let permissions = who["data"]["currentUser"]["permissions"].to_string();
        assert!(OWN.iter().all(|own| !permissions.contains(own)), "{permissions}");
    }
}

/// Threats: an impersonated token exceeds its impersonator. With administration on, what is left is what both hold.
#[tokio::test]
async fn with_administration_a_session_holds_of_keysteads_permissions_those_that_both_hold_and_never_the_grant()
 {
    let product = Product::start_as(super::with_administration()).await;
    let creator =
        product.holder("creator@example.com", &["impersonation:grant", "iam:read", "audit:read"]).await;
    let reader =
        product.holder("reader@example.com", &["impersonation:grant", "iam:read", "settings:write"]).await;
    let weak = product.server.impersonation_key(&creator, "weak").await;
    let cases: [(_, &TestUser, &[&str]); 5] = [
        (&weak, &product.ada, &["audit:read", "iam:read"]),
        (&weak, &reader, &["iam:read"]),
        (&weak, &product.mia, &[]),
        (&product.key, &reader, &["iam:read", "settings:write"]),
        (&product.key, &product.ada, &[&OWN[..3], &OWN[4..6], &OWN[7..]].concat()),
    ];
    for (key, user, expected) in cases {
        let token = product.server.mint(key, &user.email).await;
        for permission in OWN {
            let holds = product.holds(&token, permission).await;
            assert_eq!(holds, expected.contains(&permission), "{permission} of {}", user.email);
        }
    }
    // The moment the creator loses one, so does the session.
    let token = product.server.mint(&product.key, &product.ada.email).await;
    let max = product.server.administrator("max@example.com").await;
    let maxs = product.server.impersonation_key(&max, "his").await;
    let through_max = product.server.mint(&maxs, &product.ada.email).await;
    let (email, roles) = (max.email.clone(), vec![role_of(&product, &creator).await]);
    product.server.operate(Command::UserSetRoles { email, organization: None, roles }).await;
    assert!(!product.holds(&through_max, "settings:write").await);
    assert!(product.holds(&through_max, "iam:read").await && product.holds(&token, "settings:write").await);
}

async fn role_of(product: &Product, user: &TestUser) -> String {
    let user = product.server.app.directory().user(user.id.parse().unwrap()).unwrap();
    let admin = product.server.key(&product.ada, "reader", "30d").await.token;
    let query = format!("{{ user(id: \"{}\") {{ roleAssignments {{ roleId }} }} }}", user.id);
    let answer = ask(&product.server, &admin, &query).await;
    answer["data"]["user"]["roleAssignments"][0]["roleId"].as_str().unwrap().to_owned()
}

/// A session of an administrator's with administration on is less than the administrator, and makes nobody one.
#[tokio::test]
async fn with_administration_a_session_makes_nobody_an_administrator_and_reaches_none() {
    let product = Product::start_as(super::with_administration()).await;
    let server = &product.server;
    let token = server.mint(&product.key, &product.ada.email).await;
    let max = server.administrator("max@example.com").await;
    let admin = "roleAssignments: [{ roleId: \"administrator\" }]";
    let grant = "permissions: [\"impersonation:grant\"]";
    let before = server.snapshot().await;
    for mutation in [
        format!("inviteUser(input: {{ email: \"n@example.com\", {admin} }}) {{ invitationUrl }}"),
        format!("createUsers(input: {{ emails: [\"n@example.com\"], {admin} }}) {{ status {{ code }} }}"),
        format!("setRoleAssignments(userId: \"{}\", {admin}) {{ id }}", product.mia.id),
        format!("setRoleAssignments(userId: \"{}\", {admin}) {{ id }}", product.ada.id),
        format!("setRoleAssignments(userId: \"{}\", roleAssignments: []) {{ id }}", max.id),
        format!("deactivateUser(userId: \"{}\") {{ id }}", max.id),
        format!("updateUser(input: {{ id: \"{}\", email: \"n@example.com\" }}) {{ id }}", max.id),
        format!("createRole(input: {{ name: \"n\", {grant} }}) {{ id }}"),
        format!("createUserGroup(input: {{ name: \"n\", {admin} }}) {{ id }}"),
    ] {
        let answer = ask(server, &token, &format!("mutation {{ {mutation} }}")).await;
        assert_eq!(code(&answer), "FORBIDDEN", "{mutation}: {answer}");
    }
    assert_eq!(server.snapshot().await, before);
}

#[tokio::test]
async fn verify_names_the_key_behind_a_session_in_a_header_of_its_own() {
    let product = Product::start().await;
    let (server, token) = (&product.server, product.session().await);
    let answer = server.verify(&token).await;
    let headers = answer.headers();
    assert_eq!(headers["x-keystead-user-id"], product.mia.id.as_str());
    assert_eq!(headers["x-keystead-user-email"], product.mia.email.as_str());
    assert_eq!(headers["x-keystead-impersonator-key-id"], product.key.id.as_str());
    assert!(!headers.contains_key("x-keystead-key-id"), "the user has no such key");
    assert_eq!(headers["cache-control"], "no-store");
    let organization = server.actor(&product.mia).await.user().organization.to_string();
    assert_eq!(headers["x-keystead-organization-id"], organization.as_str());
    let plain = server.key(&product.mia, "plain", "30d").await;
    let forged = server.get("/verify").bearer_auth(&plain.token);
    let forged = forged.header("x-keystead-impersonator-key-id", &product.key.id).send().await.unwrap();
    assert!(!forged.headers().contains_key("x-keystead-impersonator-key-id"));
    assert_eq!(forged.headers()["x-keystead-key-id"], plain.id.as_str());
    for method in ["HEAD", "POST"] {
        let url = format!("{}/verify", server.url);
        let request = server.client.request(method.parse().unwrap(), url).bearer_auth(&token);
        assert_eq!(request.send().await.unwrap().status(), 200, "{method}");
    }
}

/// A session is a header and nothing else: not a cookie, not an address, not a form.
#[tokio::test]
async fn a_session_counts_in_the_authorization_header_only() {
    let product = Product::start().await;
    let server = &product.server;
    let token = server.mint(&product.key, &product.ada.email).await;
    let before = server.snapshot().await;
    for cookie in ["keystead", "__Host-keystead", "keystead-visitor", "token", "authorization"] {
        let cookie = format!("{cookie}={token}");
        for page in ["/settings", "/settings/api-keys", "/settings/users"] {
            let page = server.get(page).header("cookie", &cookie).send().await.unwrap();
            assert_eq!(page.status(), 303, "{cookie:.20}");
        }
        for (path, expected) in [("/embed/keys", 401), ("/verify", 401), ("/metrics", 401)] {
            let answer = server.get(path).header("cookie", &cookie).send().await.unwrap();
            assert_eq!(answer.status(), expected, "{path} {cookie:.20}");
        }
        let query = server.post("/graphql").header("cookie", &cookie).header("sec-fetch-site", "same-origin");
        let answer = query.json(&json!({ "query": "{ currentUser { id } }" })).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{cookie:.20}");
    }
    // Nor does a session open the console.
    for page in
        ["/settings", "/settings/api-keys", "/settings/users", "/settings/audit-log", "/settings/account"]
    {
        assert_eq!(server.get(page).bearer_auth(&token).send().await.unwrap().status(), 303, "{page}");
    }
    let query = json!({ "query": "{ currentUser { id } }" });
    for name in ["token", "access_token", "jwt", "authorization"] {
        let at = |path: &str| format!("{path}?{name}={token}");
        assert_eq!(server.post(&at("/graphql")).json(&query).send().await.unwrap().status(), 401, "{name}");
        assert_eq!(server.get(&at("/verify")).send().await.unwrap().status(), 422, "{name}");
        assert_eq!(server.get(&at("/embed/keys")).send().await.unwrap().status(), 401, "{name}");
        assert_eq!(server.get(&at("/settings/api-keys")).send().await.unwrap().status(), 303, "{name}");
        let posted = server.post("/embed/keys/new").form(&[(name, token.as_str()), ("name", "n")]);
        assert_eq!(posted.send().await.unwrap().status(), 401, "{name}");
    }
    for header in ["x-access-token", "x-api-key", "proxy-authorization"] {
        let request = server.get("/verify").header(header, format!("Bearer {token}"));
        assert_eq!(request.send().await.unwrap().status(), 401, "{header}");
    }
    assert_eq!(server.snapshot().await, before);
}
