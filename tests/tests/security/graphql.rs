//! Every operation of the schema, for every kind of caller: one table, as for the routes. And what GraphQL adds to the ways of
//! going wrong.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use keystead_tests::TestServer;
use serde_json::{Value, json};

use crate::authorization::Who::{self, All, EverybodyAlive};
use crate::authorization::{FORBIDDEN, MADE, NOT_FOUND, Outcome, SHOWN};
use crate::callers::{Caller, Credential, World};

const SCHEMA: &str = include_str!("../../../schema.graphql");

/// An operation that needs a permission which administrators have.
const ADMINISTRATORS: Who = All(FORBIDDEN, SHOWN, SHOWN, FORBIDDEN);
/// One that changes what belongs to whoever asks.
const OWN: Who = All(FORBIDDEN, MADE, MADE, FORBIDDEN);
/// One that changes what it names.
const NAMED: Who = All(FORBIDDEN, MADE, NOT_FOUND, FORBIDDEN);
/// The same, where a status says what came of it: that there is no such thing is no error.
const NAMED_WITH_STATUS: Who = All(FORBIDDEN, MADE, SHOWN, FORBIDDEN);
/// What is beyond an organization.
const BEYOND: Who = All(FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN);

/// `ID` is the member's key; `USER`, `GROUP` and `ROLE` are of their organization, too. By whom: member, administrator,
/// administrator of another organization, administrator in an impersonated session. `MINTER` is an impersonation key of the
/// administrator's, and `SECRET` the token of one.
pub(crate) const TABLE: &[(&str, &str, Who)] = &[
    ("Query.currentUser", "{ currentUser { id email permissions } }", All(SHOWN, SHOWN, SHOWN, SHOWN)),
    (
        "Query.apiKey",
        "{ apiKey(id: \"ID\") { id name createdBy { email } } }",
        All(SHOWN, SHOWN, NOT_FOUND, NOT_FOUND),
    ),
    ("Query.apiKeys", "{ apiKeys { totalCount nodes { id } } }", All(SHOWN, SHOWN, SHOWN, SHOWN)),
    (
        "Query.apiKeys",
        "{ apiKeys(view: ALL) { totalCount nodes { id } } }",
        All(FORBIDDEN, SHOWN, SHOWN, FORBIDDEN),
    ),
    ("Query.auditEvents", "{ auditEvents { nodes { action } } }", All(FORBIDDEN, SHOWN, SHOWN, FORBIDDEN)),
    (
        "Mutation.createApiKey",
        "mutation { createApiKey(input: { name: \"new\" }) { token } }",
        // A key of the administrator's could do what is off in the session.
        All(MADE, MADE, MADE, FORBIDDEN),
    ),
    (
        "Mutation.createApiKey",
        "mutation { createApiKey(input: { name: \"new\", allowImpersonation: true }) { token } }",
        All(FORBIDDEN, MADE, MADE, FORBIDDEN),
    ),
    (
        "Mutation.updateApiKey",
        "mutation { updateApiKey(input: { id: \"ID\", name: \"edited\" }) { apiKey { name } } }",
        All(MADE, FORBIDDEN, NOT_FOUND, NOT_FOUND),
    ),
    (
        "Mutation.revokeApiKey",
        "mutation { revokeApiKey(input: { id: \"ID\" }) { revokedId } }",
        All(MADE, MADE, NOT_FOUND, NOT_FOUND),
    ),
    ("Query.listUsers", "{ listUsers { id email userAttributes { value } } }", ADMINISTRATORS),
    ("Query.users", "{ users { nodes { id lastActiveSessionTimestamp } } }", ADMINISTRATORS),
    ("Query.user", "{ user(id: \"USER\") { id email } }", All(FORBIDDEN, SHOWN, NOT_FOUND, FORBIDDEN)),
    ("Query.roles", "{ roles { id permissions } }", ADMINISTRATORS),
    ("Query.userGroups", "{ userGroups { id memberCount } }", ADMINISTRATORS),
    (
        "Query.userGroup",
        "{ userGroup(id: \"GROUP\") { id members { email } } }",
        All(FORBIDDEN, SHOWN, NOT_FOUND, FORBIDDEN),
    ),
    (
        "Query.organization",
        "{ organization { id emailAccess { blockedDomains } } }",
        All(SHOWN, SHOWN, SHOWN, SHOWN),
    ),
    (
        "Query.usersExcludedBy",
        "{ usersExcludedBy(input: NO_RULES) { count users { email } } }",
        ADMINISTRATORS,
    ),
    ("Query.organizations", "{ organizations { id name } }", BEYOND),
    (
        "Mutation.createUsers",
        "mutation { createUsers(input: { emails: [\"c-ID@example.com\"] }) { status { code } } }",
        OWN,
    ),
    (
        "Mutation.setUserAttributes",
        "mutation { setUserAttributes(input: { userId: \"USER\", userAttributes: [{ key: \"k\", value: \"v\" }] }) { status { code } } }",
        NAMED_WITH_STATUS,
    ),
    (
        "Mutation.deleteUsersFromWorkspace",
        "mutation { deleteUsersFromWorkspace(input: { userIds: [\"USER\"] }) { status { code } } }",
        NAMED_WITH_STATUS,
    ),
    (
        "Mutation.inviteUser",
        "mutation { inviteUser(input: { email: \"i-ID@example.com\" }) { invitationUrl } }",
        OWN,
    ),
    ("Mutation.inviteUserAgain", "mutation { inviteUserAgain(userId: \"USER\") { invitationUrl } }", NAMED),
    ("Mutation.updateUser", "mutation { updateUser(input: { id: \"USER\", name: \"N\" }) { name } }", NAMED),
    (
        "Mutation.setRoleAssignments",
        "mutation { setRoleAssignments(userId: \"USER\", roleAssignments: [{ roleId: \"administrator\" }]) { id } }",
        NAMED,
    ),
    (
        "Mutation.setUserGroups",
        "mutation { setUserGroups(userId: \"USER\", userGroupIds: [\"GROUP\"]) { id } }",
        NAMED,
    ),
    ("Mutation.deactivateUser", "mutation { deactivateUser(userId: \"USER\") { active } }", NAMED),
    (
        "Mutation.reactivateUser",
        "mutation { reactivateUser(userId: \"USER\") { active } }",
        // They are active: there is nothing to change.
        All(FORBIDDEN, SHOWN, NOT_FOUND, FORBIDDEN),
    ),
    (
        "Mutation.revokeApiKeys",
        "mutation { revokeApiKeys(ids: [\"ID\"]) { revokedIds } }",
        All(MADE, MADE, NOT_FOUND, NOT_FOUND),
    ),
    // The key that it names is the credential.
    (
        "Mutation.impersonateUser",
        "mutation { impersonateUser(accessToken: \"SECRET\", userEmail: \"mia@example.com\") }",
        EverybodyAlive(MADE),
    ),
    (
        "Mutation.endImpersonatedSessions",
        "mutation { endImpersonatedSessions(input: { keyId: \"MINTER\" }) { apiKey { id } } }",
        // They see their own key, and only that.
        All(NOT_FOUND, MADE, NOT_FOUND, FORBIDDEN),
    ),
    (
        "Mutation.createRole",
        "mutation { createRole(input: { name: \"r-ID\", permissions: [\"reports:read\"] }) { id } }",
        OWN,
    ),
    (
        "Mutation.updateRole",
        "mutation { updateRole(input: { id: \"ROLE\", name: \"u-ID\", description: \"\", permissions: [] }) { id } }",
        NAMED,
    ),
    ("Mutation.deleteRole", "mutation { deleteRole(id: \"ROLE\") { deletedId } }", NAMED),
    ("Mutation.createUserGroup", "mutation { createUserGroup(input: { name: \"g-ID\" }) { id } }", OWN),
    (
        "Mutation.updateUserGroup",
        "mutation { updateUserGroup(input: { id: \"GROUP\", name: \"u-ID\", roleAssignments: [] }) { id } }",
        NAMED,
    ),
    ("Mutation.deleteUserGroup", "mutation { deleteUserGroup(id: \"GROUP\") { deletedId } }", NAMED),
    ("Mutation.renameOrganization", "mutation { renameOrganization(name: \"ID\") { name } }", OWN),
    (
        "Mutation.setKeyPolicy",
        "mutation { setKeyPolicy(input: { longestExpiration: YEAR_1, keysMayCreateKeys: true }) { id } }",
        OWN,
    ),
    ("Mutation.setEmailAccess", "mutation { setEmailAccess(input: NO_RULES) { id } }", OWN),
    (
        "Mutation.createOrganization",
        "mutation { createOrganization(name: \"N\", administratorEmail: \"o@example.com\") { invitationUrl } }",
        BEYOND,
    ),
    ("Mutation.archiveOrganization", "mutation { archiveOrganization(id: \"ID\") { id } }", BEYOND),
    ("Mutation.restoreOrganization", "mutation { restoreOrganization(id: \"ID\") { id } }", BEYOND),
];

/// E-mail access rules that admit everybody.
pub(crate) const NO_RULES: &str =
    "{ allowedDomains: [], allowedAddresses: [], blockedDomains: [], blockedAddresses: [] }";

/// An operation of the table, of targets that are made for the occasion.
async fn aimed(world: &World, query: &str) -> String {
    let mut query = query.replace("NO_RULES", NO_RULES).replace("SECRET", &world.minter.token);
    if query.contains("MINTER") {
        let minter = world.server.impersonation_key(&world.administrator, "target").await;
        query = query.replace("MINTER", &minter.id);
    }
    if query.contains("ID\"") || query.contains("ID@") {
        query = query.replace("ID", &world.server.key(&world.member, "target", "30d").await.id);
    }
    for (target, make) in [
        ("USER", "mutation { inviteUser(input: { email: \"NEW@example.com\" }) { made: user { id } } }"),
        ("GROUP", "mutation { made: createUserGroup(input: { name: \"NEW\" }) { id } }"),
        (
            "ROLE",
            "mutation { made: createRole(input: { name: \"NEW\", permissions: [\"reports:read\"] }) { id } }",
        ),
    ] {
        if query.contains(target) {
            let administrator = world.credential(Caller::AdministratorsKey).await;
            let unique = world.server.key(&world.member, "unique", "30d").await.id;
            let (status, body) = ask(&world.server, &administrator, &make.replace("NEW", &unique)).await;
            assert_eq!(status, 200, "{body}");
            let made = body["data"].pointer("/inviteUser/made").or_else(|| body["data"].get("made"));
            query = query.replace(target, made.unwrap()["id"].as_str().unwrap());
        }
    }
    query
}

/// The fields of `Query` and `Mutation`, as the schema has them.
pub(crate) fn operations() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for root in ["Query", "Mutation"] {
        let (_, fields) = SCHEMA.split_once(&format!("\ntype {root} {{\n")).expect("a root type");
        let fields = fields.split("\n}").next().unwrap().lines();
        let named =
            fields.filter(|line| line.starts_with("  ") && line[2..].starts_with(char::is_alphabetic));
        for line in named.collect::<Vec<_>>() {
            let name: String = line.trim().chars().take_while(char::is_ascii_alphanumeric).collect();
            // A description's lines are text; a field's name is followed by its arguments or its type.
            let rest = &line.trim()[name.len()..];
            if rest.starts_with(['(', ':']) && name.starts_with(char::is_lowercase) {
                found.insert(format!("{root}.{name}"));
            }
        }
    }
    found
}

#[test]
fn every_operation_has_a_row() {
    assert!(!SCHEMA.contains("\ntype Subscription") && !SCHEMA.contains("\nextend type"));
    let rows: BTreeSet<_> = TABLE.iter().map(|(field, _, _)| (*field).to_owned()).collect();
    assert_eq!(rows, operations());
}

/// The first error's code as the status that says the same, and the answer.
pub(crate) async fn ask(server: &TestServer, credential: &Credential, query: &str) -> (u16, Value) {
    let request = credential.on(server.post("/graphql")).header("sec-fetch-site", "same-origin");
    let answer = request.json(&json!({ "query": query })).send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    let code = match body["errors"][0]["extensions"]["code"].as_str() {
        None => status,
        Some("UNAUTHENTICATED") => 401,
        Some("FORBIDDEN") => 403,
        Some("NOT_FOUND") => 404,
        Some("CONFLICT") => 409,
        Some("BAD_USER_INPUT") => 422,
        Some(other) => panic!("{other}: {body}"),
    };
    // The one that is an argument is an answer about that argument.
    let is_argument = query.contains("impersonateUser") && status == 200;
    assert!((status == 401) == (code == 401) || is_argument, "a dead credential is HTTP 401: {body}");
    (code, body)
}

#[tokio::test]
async fn every_caller_gets_what_the_table_says_and_what_is_denied_changes_nothing() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for (field, query, who) in TABLE {
        for caller in Caller::ALL {
            let query = aimed(&world, query).await;
            let credential = world.credential(caller).await;
            let before = world.server.snapshot().await;
            let (status, body) = ask(&world.server, &credential, &query).await;
            let after = world.server.snapshot().await;
            let changed = after.changed_since(&before);
            let got = Outcome { status, to_sign_in: false, changes: !changed.is_empty() };
            // Promise 10: whatever changes leaves a trace.
            let traced = changed.is_empty() || changed.contains(&"audit_events");
            if got != who.expects(caller) || !traced {
                wrong.push(format!("{field} by {caller:?}: {got:?} {changed:?} {body}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn a_cookie_counts_only_for_requests_from_our_own_pages() {
    let world = World::new().await;
    let credential = world.credential(Caller::AdministratorsSession).await;
    let url = world.server.url.as_str();
    let mutation = json!({ "query": "mutation { createApiKey(input: { name: \"new\" }) { token } }" });
    let before = world.server.snapshot().await;
    let foreign: [&[(&str, &str)]; 7] = [
        &[],
        &[("sec-fetch-site", "cross-site"), ("origin", url)],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("referer", url)],
    ];
    for headers in foreign {
        let mut request = credential.on(world.server.post("/graphql")).json(&mutation);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403, "{headers:?}");
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
    // What a form of another site can send without asking first.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = credential.on(world.server.post("/graphql")).header("origin", url);
        let request = request.header("content-type", kind).body(mutation.to_string());
        assert_eq!(request.send().await.unwrap().status(), 415, "{kind}");
    }
    let query = "/graphql?query=mutation%7BcreateApiKey(input:%7Bname:%22n%22%7D)%7Btoken%7D%7D";
    let answer = credential.on(world.server.get(query)).send().await.unwrap();
    assert_eq!(answer.status(), 405);
    assert_eq!(world.server.snapshot().await, before);
}

/// A key in the header is what counts, dead or alive: a cookie beside it never stands in for it.
#[tokio::test]
async fn a_dead_key_beside_a_live_cookie_is_still_dead() {
    let world = World::new().await;
    let session = world.credential(Caller::AdministratorsSession).await;
    for caller in [Caller::JunkToken, Caller::UnknownToken, Caller::RevokedKey, Caller::ExpiredKey] {
        let mut both = world.credential(caller).await;
        both.cookie.clone_from(&session.cookie);
        assert_eq!(ask(&world.server, &both, "{ currentUser { id } }").await.0, 401, "{caller:?}");
    }
    let mut both = world.credential(Caller::MembersKey).await;
    both.cookie.clone_from(&session.cookie);
    let (_, body) = ask(&world.server, &both, "{ currentUser { email } }").await;
    assert_eq!(body["data"]["currentUser"]["email"], "mia@example.com");
}

#[tokio::test]
async fn refused_input_names_its_field_and_changes_nothing() {
    let world = World::new().await;
    let mine = world.server.key(&world.member, "deploy", "7d").await;
    let credential = world.credential(Caller::MembersKey).await;
    let update = |fields: &str| {
        format!(
            "mutation {{ updateApiKey(input: {{ id: \"{}\", {fields} }}) {{ apiKey {{ id }} }} }}",
            mine.id
        )
    };
    let create = |fields: &str| format!("mutation {{ createApiKey(input: {{ {fields} }}) {{ token }} }}");
    let huge = "x".repeat(50_000);
    let before = world.server.snapshot().await;
    for (query, field) in [
        (create("name: \"\""), "name"),
        (create(&format!("name: \"{}\"", "x".repeat(101))), "name"),
        (create(&format!("name: \"{huge}\"")), "name"),
        (create("name: \"a\\u0000b\""), "name"),
        (create("name: \"safe\\u202Egnp\""), "name"),
        (create(&format!("name: \"n\", description: \"{}\"", "x".repeat(501))), "description"),
        (create("name: \"n\", expiration: DAYS_31"), "expiration"),
        (update("name: \"\""), "name"),
        (update("description: \"a\\nb\""), "description"),
        ("{ apiKeys(view: EVERYTHING) { totalCount } }".to_owned(), "view"),
        ("{ apiKeys(status: REVOKED) { totalCount } }".to_owned(), "status"),
        ("{ apiKeys(first: 0) { totalCount } }".to_owned(), "first"),
        ("{ apiKeys(first: 101) { totalCount } }".to_owned(), "first"),
        ("{ apiKeys(after: \"0\") { totalCount } }".to_owned(), "after"),
    ] {
        let (status, body) = ask(&world.server, &credential, &query).await;
        assert_eq!(status, 422, "{query}: {body}");
        assert_eq!(body["errors"][0]["extensions"]["field"], field, "{query}: {body}");
    }
    assert_eq!(world.server.snapshot().await, before);

    world.server.advance(SignedDuration::from_hours(24 * 7));
    let before = world.server.snapshot().await;
    assert_eq!(ask(&world.server, &credential, &update("name: \"other\"")).await.0, 409, "it has expired");
    assert_eq!(world.server.snapshot().await, before);
}

/// No input takes what only the server decides: the schema has no such field, and what is not in it is refused.
#[tokio::test]
async fn a_field_that_an_input_does_not_have_is_refused() {
    let world = World::new().await;
    let mine = world.server.key(&world.member, "deploy", "30d").await;
    let credential = world.credential(Caller::AdministratorsKey).await;
    let mut names: BTreeSet<String> = world.server.columns().await.into_iter().collect();
    for name in
        ["creatorId", "createdBy", "userId", "organizationId", "expiresAt", "token", "permissions", "roles"]
    {
        names.insert(name.to_owned());
    }
    let before = world.server.snapshot().await;
    let user = &world.administrator.id;
    let by_id = format!("id: \"{}\"", mine.id);
    let inputs = [
        ("createApiKey", "name: \"n\"".to_owned(), &["description"][..]),
        ("updateApiKey", by_id.clone(), &["name", "description"]),
        ("revokeApiKey", by_id.clone(), &[]),
        ("createUsers", "emails: [\"x@example.com\"]".to_owned(), &[]),
        ("setUserAttributes", format!("userId: \"{user}\", userAttributes: []"), &[]),
        ("deleteUsersFromWorkspace", format!("userIds: [\"{user}\"]"), &[]),
        ("inviteUser", "email: \"x@example.com\"".to_owned(), &["name"]),
        ("updateUser", format!("id: \"{user}\""), &["name", "email"]),
        ("createRole", "name: \"n\", permissions: []".to_owned(), &["description"]),
        ("updateRole", format!("{by_id}, name: \"n\", description: \"\", permissions: []"), &[]),
        ("createUserGroup", "name: \"n\"".to_owned(), &[]),
        ("updateUserGroup", format!("{by_id}, name: \"n\", roleAssignments: []"), &[]),
        ("endImpersonatedSessions", format!("keyId: \"{}\"", mine.id), &[]),
        ("setKeyPolicy", "longestExpiration: NEVER, keysMayCreateKeys: true".to_owned(), &[]),
        ("setEmailAccess", NO_RULES.trim_matches(['{', '}']).to_owned(), &[]),
    ];
    let (_, mutations) = SCHEMA.split_once("\ntype Mutation {\n").unwrap();
    let mutations = mutations.split("\n}").next().unwrap();
    assert_eq!(inputs.len(), mutations.matches("\n    input: ").count(), "every input is tried");
    for name in &names {
        for (mutation, own, taken) in &inputs {
            if taken.contains(&&**name) || format!(" {own}").contains(&format!(" {name}: ")) {
                continue;
            }
            let query =
                format!("mutation {{ {mutation}(input: {{ {own}, {name}: \"{user}\" }}) {{ __typename }} }}");
            let (status, body) = ask(&world.server, &credential, &query).await;
            assert_eq!(status, 422, "{query}: {body}");
            assert!(
                body["errors"][0]["message"].as_str().unwrap().contains(&format!("\"{name}\"")),
                "{body}"
            );
        }
    }
    assert_eq!(world.server.snapshot().await, before);
}

#[tokio::test]
async fn what_nests_or_repeats_without_end_is_refused_before_it_is_run() {
    let world = World::new().await;
    let server = &world.server;
    let credential = world.credential(Caller::MembersKey).await;
    let bearer =
        |request: reqwest::RequestBuilder| credential.on(request).header("content-type", "application/json");
    for open in ["[", "{\"query\":", "{\"query\":\"{a}\",\"variables\":{\"a\":[[["] {
        let body = open.repeat(60_000 / open.len());
        let answer = bearer(server.post("/graphql")).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{open}");
        let answer = bearer(server.post("/graphql")).body(open.repeat(1_000_000)).send().await;
        assert!(answer.is_err() || answer.unwrap().status().is_client_error());
    }
    let before = server.snapshot().await;
    let aliases = |field: &str, count: usize| {
        let aliases: Vec<_> = (0..count).map(|number| format!("a{number}: {field}")).collect();
        aliases.join(" ")
    };
    for query in [
        format!("{{ {} }}", aliases("currentUser { id }", 2_000)),
        format!("{{ {} }}", aliases("apiKeys { totalCount }", 60)),
        format!("mutation {{ {} }}", aliases("createApiKey(input: { name: \"n\" }) { token }", 20)),
        "{ a".repeat(10_000),
        format!("{{ currentUser {} {{ id }} }}", "@skip(if: false) ".repeat(3_000)),
        "query { ...f } fragment f on Query { ...f }".to_owned(),
    ] {
        let (status, body) = ask(server, &credential, &query).await;
        assert_eq!(status, 422, "{}: {body}", &query[..60]);
    }
    let batch =
        bearer(server.post("/graphql")).body("[{\"query\":\"{currentUser{id}}\"}]").send().await.unwrap();
    assert_eq!(batch.status(), 400);
    assert_eq!(server.snapshot().await, before);
}

/// Over a real connection: a server that stops reading and closes would take its answer along.
#[tokio::test]
async fn a_request_that_is_too_large_is_told_so_and_not_cut_off() {
    let world = World::new().await;
    let credential = world.credential(Caller::AdministratorsKey).await;
    let before = world.server.snapshot().await;
    for count in [10_000, 100_000] {
        let emails: Vec<_> = (0..count).map(|n| format!("somebody-{n:06}@example.com")).collect();
        let query = "mutation($input: CreateUsersInput!) { createUsers(input: $input) { status { code } } }";
        let body = json!({ "query": query, "variables": { "input": { "emails": emails } } });
        let answer = credential.on(world.server.post("/graphql")).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 413, "{count}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["errors"][0]["message"], "The request is too large: 262144 bytes at most.");
    }
    assert_eq!(world.server.snapshot().await, before);
}
