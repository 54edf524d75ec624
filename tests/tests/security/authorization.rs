//! Every route, for every kind of caller: one table. A route that is not in it fails the test, and so does a denied call that
//! changed a byte of the store.

use std::collections::BTreeSet;

use keystead_app::operator::Command;
use keystead_tests::{Form, cookies};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::callers::{Caller, Credential, World};
use crate::{routes, targets};

/// What a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    /// The answer leads to the sign-in page.
    pub(crate) to_sign_in: bool,
    /// The store holds something else afterwards.
    pub(crate) changes: bool,
}

const fn outcome(status: u16) -> Outcome {
    Outcome { status, to_sign_in: false, changes: false }
}

pub(crate) const SHOWN: Outcome = outcome(200);
const LED_ON: Outcome = outcome(303);
const SENT_TO_SIGN_IN: Outcome = Outcome { to_sign_in: true, ..outcome(303) };
const UNAUTHENTICATED: Outcome = outcome(401);
pub(crate) const FORBIDDEN: Outcome = outcome(403);
pub(crate) const NOT_FOUND: Outcome = outcome(404);
const BAD_REQUEST: Outcome = outcome(400);
const NO_METHOD: Outcome = outcome(405);
const INVALID: Outcome = outcome(422);
const CONFLICT: Outcome = outcome(409);
pub(crate) const MADE: Outcome = Outcome { changes: true, ..outcome(200) };
const MADE_BY_NOBODY: Outcome = Outcome { changes: true, ..outcome(201) };
const DONE: Outcome = Outcome { changes: true, ..outcome(303) };
const SIGNED_OUT: Outcome = Outcome { to_sign_in: true, changes: true, ..outcome(303) };

/// Whose credential a door looks at, and what each of member, administrator and administrator of another organization gets.
/// The target of an operation is the member's key.
#[derive(Clone, Copy)]
pub(crate) enum Who {
    /// Everybody gets the same.
    Everybody(Outcome),
    /// Everybody whose credential, if they show one in the header, is not dead.
    EverybodyAlive(Outcome),
    /// Sessions; all others are sent to the sign-in page.
    Sessions(Outcome, Outcome, Outcome),
    /// Keys and impersonated sessions; all others are unauthenticated. The last is what the administrator gets in such a session;
    /// the member gets what they get by themselves.
    Bearers(Outcome, Outcome, Outcome, Outcome),
    /// Keys, sessions and impersonated sessions; all others are unauthenticated. The last as above.
    All(Outcome, Outcome, Outcome, Outcome),
    /// Keys, and no session of any kind; all others are unauthenticated.
    KeysAlone(Outcome, Outcome, Outcome),
    /// Impersonated sessions, of the member and of the administrator; all others are unauthenticated.
    Impersonated(Outcome, Outcome),
}
use Who::{All, Bearers, Everybody, EverybodyAlive, Impersonated, KeysAlone, Sessions};

impl Who {
    pub(crate) fn expects(self, caller: Caller) -> Outcome {
        // Of sessions, keys and impersonated sessions: member, administrator, administrator of another organization.
        let nobody = [UNAUTHENTICATED; 3];
        let [sessions, keys, impersonated] = match self {
            EverybodyAlive(_) if caller.is_dead_bearer() => return UNAUTHENTICATED,
            Everybody(outcome) | EverybodyAlive(outcome) => return outcome,
            Sessions(m, a, f) => [[m, a, f], [SENT_TO_SIGN_IN; 3], [SENT_TO_SIGN_IN; 3]],
            Bearers(m, a, f, i) => [nobody, [m, a, f], [m, i, UNAUTHENTICATED]],
            All(m, a, f, i) => [[m, a, f], [m, a, f], [m, i, UNAUTHENTICATED]],
            KeysAlone(m, a, f) => [nobody, [m, a, f], nobody],
            Impersonated(m, i) => [nobody, nobody, [m, i, UNAUTHENTICATED]],
        };
        match caller {
            Caller::MembersSession => sessions[0],
            Caller::AdministratorsSession => sessions[1],
            Caller::ForeignAdministratorsSession => sessions[2],
            Caller::MembersKey => keys[0],
            Caller::AdministratorsKey => keys[1],
            Caller::ForeignAdministratorsKey => keys[2],
            Caller::MemberImpersonated => impersonated[0],
            Caller::AdministratorImpersonated => impersonated[1],
            _ if matches!(self, Sessions(..)) => SENT_TO_SIGN_IN,
            _ => UNAUTHENTICATED,
        }
    }
}

/// Fields of a form besides its token.
type Fields = &'static [(&'static str, &'static str)];

struct Row {
    method: &'static str,
    route: &'static str,
    query: &'static str,
    fields: Fields,
    who: Who,
}

const fn get(route: &'static str, query: &'static str, who: Who) -> Row {
    Row { method: "GET", route, query, fields: &[], who }
}

const fn post(route: &'static str, query: &'static str, fields: Fields, who: Who) -> Row {
    Row { method: "POST", route, query, fields, who }
}

const fn asked_by(method: &'static str, route: &'static str, who: Who) -> Row {
    Row { method, route, query: "", fields: &[], who }
}

const NEW: &str = "/settings/api-keys/new";
const EDIT: &str = "/settings/api-keys/{id}/edit";
const REVOKE: &str = "/settings/api-keys/{id}/revoke";
const SEVERAL: &str = "/settings/api-keys/revoke";
const INVITE: &str = "/settings/users/invite";
const USER_EDIT: &str = "/settings/users/{user}/edit";
const DEACTIVATE: &str = "/settings/users/{user}/deactivate";
const REACTIVATE: &str = "/settings/users/{user}/reactivate";
const REVOKE_KEYS: &str = "/settings/users/{user}/revoke-keys";
const DELETE_USER: &str = "/settings/users/{user}/delete";
const INVITE_AGAIN: &str = "/settings/users/{user}/invite-again";
const RESET_PASSWORD: &str = "/settings/users/{user}/reset-password";
const INVITED: Fields = &[("email", "new-{request}@example.com"), ("name", "New"), ("role", "member")];
const TYPED_EMAIL: Fields = &[("confirm", "target-{request}@example.com")];
const SET_UP: Fields = &[
    ("organization", "O"),
    ("name", "N"),
    ("email", "n@example.com"),
    ("password", "a few unrelated words"),
];
const CREDENTIALS: Fields = &[("email", "mia@example.com"), ("password", "a few unrelated words")];
const ACCEPTANCE: Fields =
    &[("email", "invited@example.com"), ("name", "Ina"), ("password", "a few unrelated words")];
const PASSWORD: Fields = &[("password", "a few unrelated words")];
const NEW_PASSWORD: Fields =
    &[("current_password", "a few unrelated words"), ("password", "a few unrelated words")];
const ACCOUNT: &str = "/settings/account";
const OWN_PASSWORD: &str = "/settings/account/password";
const OWN_SESSIONS: &str = "/settings/account/sessions";
const KEY: Fields = &[("name", "new"), ("expiration", "30d"), ("request_id", "{request}")];
const IMPERSONATION_KEY: Fields =
    &[("name", "new"), ("expiration", "30d"), ("request_id", "{request}"), ("allow_impersonation", "on")];

const END_SESSIONS: &str = "/settings/api-keys/{id}/end-sessions";

const EMBEDDED: &str = "/embed/keys";
const EMBEDDED_NEW: &str = "/embed/keys/new";
const EMBEDDED_EDIT: &str = "/embed/keys/{id}/edit";
const EMBEDDED_REVOKE: &str = "/embed/keys/{id}/revoke";
const EMBEDDED_SEVERAL: &str = "/embed/keys/revoke";
const EMBEDDED_END_SESSIONS: &str = "/embed/keys/{id}/end-sessions";

const EXCHANGE: Fields = &[
    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ("subject_token", "mia@example.com"),
    ("subject_token_type", "urn:keystead:params:oauth:token-type:email"),
    ("actor_token", "{minter}"),
    ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
];

/// Whoever asks for a code: an app that the world has, for the person who is signed in.
const ASKED: &str = "?response_type=code&client_id={client}&code_challenge_method=S256\
                     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CONNECTED_APPS: &str = "/settings/connected-apps";
const DISCONNECT: &str = "/settings/connected-apps/{id}/disconnect";

const AUDIT_COPY: Fields = &[("format", "csv"), ("action", "key.created")];

const ROLE: &str = "/settings/roles/{role}/edit";
const DELETED_ROLE: &str = "/settings/roles/{role}/delete";
const GROUP: &str = "/settings/groups/{group}";
const EDITED_GROUP: &str = "/settings/groups/{group}/edit";
const DELETED_GROUP: &str = "/settings/groups/{group}/delete";
const MEMBERS: &str = "/settings/groups/{group}/members";
const NO_MEMBER: &str = "/settings/groups/{group}/members/{member}/remove";
const NODES: &str = "/settings/nodes";
const ORGANIZATIONS: &str = "/settings/organizations";
const NEW_ORGANIZATION: &str = "/settings/organizations/new";
const ARCHIVED: &str = "/settings/organizations/{organization}/archive";
const RESTORED: &str = "/settings/organizations/{organization}/restore";
const NAME: Fields = &[("name", "Name {request}")];
const TYPED: Fields = &[("confirm_name", "Target {request}")];
const NO_RULES: Fields = &[
    ("allowed_domains", ""),
    ("allowed_addresses", ""),
    ("blocked_domains", ""),
    ("blocked_addresses", "blocked-{request}@example.com"),
];
const NO_BOUND: Fields = &[("longest", "never"), ("keys_may_create_keys", "on")];

/// What is beyond an organization, and so beyond its administrator.
const BEYOND: Who = Sessions(FORBIDDEN, FORBIDDEN, FORBIDDEN);

/// The whole of what anybody may do. By whom: member, administrator, administrator of another organization.
const TABLE: &[Row] = &[
    get("/healthz", "", Everybody(SHOWN)),
    get("/readyz", "", Everybody(SHOWN)),
    get("/assets/{digest}/{name}", "", Everybody(SHOWN)),
    get("/graphql/assets/{digest}/{name}", "", Everybody(SHOWN)),
    get("/", "", Everybody(LED_ON)),
    // The figures are of the whole server: an organization's administrator has no part in them.
    get("/metrics", "", All(FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN)),
    get("/verify", "", Bearers(SHOWN, SHOWN, SHOWN, SHOWN)),
    post("/verify", "", &[], Bearers(SHOWN, SHOWN, SHOWN, SHOWN)),
    // Some proxies ask by the method that they were asked by.
    asked_by("PUT", "/verify", Bearers(SHOWN, SHOWN, SHOWN, SHOWN)),
    asked_by("PATCH", "/verify", Bearers(SHOWN, SHOWN, SHOWN, SHOWN)),
    asked_by("DELETE", "/verify", Bearers(SHOWN, SHOWN, SHOWN, SHOWN)),
    asked_by("OPTIONS", "/verify", Bearers(SHOWN, SHOWN, SHOWN, SHOWN)),
    get("/verify", "?permission=keys:read_all", Bearers(FORBIDDEN, SHOWN, SHOWN, FORBIDDEN)),
    // Administrators hold the product's permissions, too.
    get("/verify", "?permission=reports:read&resource=r1", Bearers(FORBIDDEN, SHOWN, SHOWN, SHOWN)),
    post("/verify/batch", "", &[("token", "junk")], KeysAlone(SHOWN, SHOWN, SHOWN)),
    // The code is the credential; there is an organization already, so the set-up code is of no use.
    get("/setup/{code}", "", Everybody(SHOWN)),
    post("/setup/{code}", "", SET_UP, Everybody(NOT_FOUND)),
    get("/sign-in", "", Everybody(SHOWN)),
    post("/sign-in", "", CREDENTIALS, Everybody(DONE)),
    get("/sign-in/link/{code}", "", Everybody(SHOWN)),
    post("/sign-in/link/{code}", "", &[], Everybody(DONE)),
    post("/sign-out", "", &[], Sessions(SIGNED_OUT, SIGNED_OUT, SIGNED_OUT)),
    // The code is the credential of these two.
    get("/invitation/{code}", "", Everybody(SHOWN)),
    post("/invitation/{code}", "", ACCEPTANCE, Everybody(DONE)),
    get("/reset-password/{code}", "", Everybody(SHOWN)),
    post("/reset-password/{code}", "", PASSWORD, Everybody(SIGNED_OUT)),
    // The deployment has no mail server.
    get("/forgot-password", "", Everybody(SHOWN)),
    post("/forgot-password", "", &[("email", "mia@example.com")], Everybody(CONFLICT)),
    // No session of these has proven anybody else.
    post("/switch", "", &[("user", "{member}")], Sessions(NOT_FOUND, NOT_FOUND, NOT_FOUND)),
    get(ACCOUNT, "", Sessions(SHOWN, SHOWN, SHOWN)),
    post(ACCOUNT, "", &[("name", "Another Name {request}")], Sessions(DONE, DONE, DONE)),
    get(OWN_PASSWORD, "", Sessions(SHOWN, SHOWN, SHOWN)),
    post(OWN_PASSWORD, "", NEW_PASSWORD, Sessions(DONE, DONE, DONE)),
    get(OWN_SESSIONS, "", Sessions(SHOWN, SHOWN, SHOWN)),
    post(OWN_SESSIONS, "", &[("session", "all")], Sessions(SIGNED_OUT, SIGNED_OUT, SIGNED_OUT)),
    get("/settings", "", Sessions(SHOWN, SHOWN, SHOWN)),
    get("/settings/api-keys", "", Sessions(SHOWN, SHOWN, SHOWN)),
    get("/settings/api-keys", "?view=all", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    get(NEW, "", Sessions(SHOWN, SHOWN, SHOWN)),
    get(NEW, "?view=all", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post(NEW, "", KEY, Sessions(MADE, MADE, MADE)),
    post(NEW, "", IMPERSONATION_KEY, Sessions(FORBIDDEN, MADE, MADE)),
    // An administrator is shown why not.
    get(EDIT, "", Sessions(SHOWN, SHOWN, NOT_FOUND)),
    post(EDIT, "", &[("name", "edited")], Sessions(DONE, FORBIDDEN, NOT_FOUND)),
    get("/graphql", "", Sessions(SHOWN, SHOWN, SHOWN)),
    // What each operation does for whom is in a table of its own.
    post("/graphql", "", &[("query", "{ currentUser { id } }")], All(SHOWN, SHOWN, SHOWN, SHOWN)),
    get(REVOKE, "", Sessions(SHOWN, SHOWN, NOT_FOUND)),
    post(REVOKE, "", &[("confirm_name", "target")], Sessions(DONE, DONE, NOT_FOUND)),
    get(SEVERAL, "", Sessions(INVALID, INVALID, INVALID)),
    get(SEVERAL, "?id={id}", Sessions(SHOWN, SHOWN, NOT_FOUND)),
    post(SEVERAL, "", &[("id", "{id}"), ("confirm", "1")], Sessions(DONE, DONE, NOT_FOUND)),
    // Of the administrator's impersonation key.
    get(END_SESSIONS, "", Sessions(NOT_FOUND, SHOWN, NOT_FOUND)),
    post(END_SESSIONS, "", &[], Sessions(NOT_FOUND, DONE, NOT_FOUND)),
    // The page is empty: its script shows what the session in its address may see.
    get("/embed/api-keys", "", Everybody(SHOWN)),
    get(EMBEDDED, "", Impersonated(SHOWN, SHOWN)),
    get(EMBEDDED, "?view=all", Impersonated(FORBIDDEN, FORBIDDEN)),
    get(EMBEDDED_NEW, "", Impersonated(SHOWN, SHOWN)),
    get(EMBEDDED_NEW, "?view=all", Impersonated(FORBIDDEN, FORBIDDEN)),
    // A key of the administrator's could do what is off in the session.
    post(EMBEDDED_NEW, "", KEY, Impersonated(MADE, FORBIDDEN)),
    post(EMBEDDED_NEW, "", IMPERSONATION_KEY, Impersonated(FORBIDDEN, FORBIDDEN)),
    get(EMBEDDED_EDIT, "", Impersonated(SHOWN, NOT_FOUND)),
    post(EMBEDDED_EDIT, "", &[("name", "edited")], Impersonated(DONE, NOT_FOUND)),
    get(EMBEDDED_REVOKE, "", Impersonated(SHOWN, NOT_FOUND)),
    post(EMBEDDED_REVOKE, "", &[("confirm_name", "target")], Impersonated(DONE, NOT_FOUND)),
    get(EMBEDDED_SEVERAL, "", Impersonated(INVALID, INVALID)),
    get(EMBEDDED_SEVERAL, "?id={id}", Impersonated(SHOWN, NOT_FOUND)),
    post(EMBEDDED_SEVERAL, "", &[("id", "{id}"), ("confirm", "1")], Impersonated(DONE, NOT_FOUND)),
    get(EMBEDDED_END_SESSIONS, "", Impersonated(NOT_FOUND, FORBIDDEN)),
    post(EMBEDDED_END_SESSIONS, "", &[], Impersonated(NOT_FOUND, FORBIDDEN)),
    // The actor's token is the credential.
    post("/oauth2/token", "", EXCHANGE, Everybody(MADE)),
    post("/oauth2/token", "", &[("grant_type", "client_credentials")], Everybody(BAD_REQUEST)),
    post("/oauth2/introspect", "", &[("token", "junk")], KeysAlone(SHOWN, SHOWN, SHOWN)),
    // A client that registered, and that nobody has allowed anything, is nobody's data.
    post(
        "/oauth2/register",
        "",
        &[("redirect_uris", "https://app.example/callback")],
        Everybody(MADE_BY_NOBODY),
    ),
    post("/oauth2/revoke", "", &[("token", "junk"), ("client_id", "{client}")], Everybody(SHOWN)),
    get("/oauth2/authorize", ASKED, Sessions(SHOWN, SHOWN, SHOWN)),
    get("/oauth2/authorize", "", Sessions(BAD_REQUEST, BAD_REQUEST, BAD_REQUEST)),
    post("/oauth2/authorize", ASKED, &[("decision", "allow")], Sessions(DONE, DONE, DONE)),
    post("/oauth2/authorize", ASKED, &[("decision", "deny")], Sessions(LED_ON, LED_ON, LED_ON)),
    get(CONNECTED_APPS, "", Sessions(SHOWN, SHOWN, SHOWN)),
    // Of an app that the member connected: an administrator has no say in it.
    get(DISCONNECT, "", Sessions(SHOWN, NOT_FOUND, NOT_FOUND)),
    post(DISCONNECT, "", &[], Sessions(DONE, NOT_FOUND, NOT_FOUND)),
    // What each tool does for whom is in a table of its own.
    get("/mcp", "", KeysAlone(NO_METHOD, NO_METHOD, NO_METHOD)),
    post("/mcp", "", &[], KeysAlone(SHOWN, SHOWN, SHOWN)),
    get("/.well-known/jwks.json", "", Everybody(SHOWN)),
    get("/.well-known/oauth-authorization-server", "", Everybody(SHOWN)),
    get("/.well-known/oauth-protected-resource", "", Everybody(SHOWN)),
    get("/.well-known/oauth-protected-resource/mcp", "", Everybody(SHOWN)),
    get("/settings/users", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post("/settings/users/export.csv", "", &[], Sessions(FORBIDDEN, MADE, MADE)),
    get(INVITE, "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post(INVITE, "", INVITED, Sessions(FORBIDDEN, MADE, MADE)),
    get("/settings/users/{user}", "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    get(USER_EDIT, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(USER_EDIT, "", INVITED, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(DEACTIVATE, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(DEACTIVATE, "", &[], Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(REACTIVATE, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(REACTIVATE, "", &[], Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(REVOKE_KEYS, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(REVOKE_KEYS, "", TYPED_EMAIL, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(DELETE_USER, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(DELETE_USER, "", TYPED_EMAIL, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(INVITE_AGAIN, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(INVITE_AGAIN, "", &[], Sessions(FORBIDDEN, MADE, NOT_FOUND)),
    get(RESET_PASSWORD, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(RESET_PASSWORD, "", &[], Sessions(FORBIDDEN, MADE, NOT_FOUND)),
    get("/settings/audit-log", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    get("/settings/audit-log", "?after=junk", Sessions(FORBIDDEN, INVALID, INVALID)),
    post("/settings/audit-log/export", "", AUDIT_COPY, Sessions(FORBIDDEN, MADE, MADE)),
    post("/settings/organization", "", NAME, Sessions(FORBIDDEN, DONE, DONE)),
    get("/settings/key-policy", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post("/settings/key-policy", "", NO_BOUND, Sessions(FORBIDDEN, DONE, DONE)),
    get("/settings/email-access", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post("/settings/email-access", "", NO_RULES, Sessions(FORBIDDEN, DONE, DONE)),
    get("/settings/roles", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    get("/settings/roles/new", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post("/settings/roles/new", "", NAME, Sessions(FORBIDDEN, DONE, DONE)),
    get(ROLE, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(ROLE, "", NAME, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(DELETED_ROLE, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(DELETED_ROLE, "", TYPED, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get("/settings/groups", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    get("/settings/groups/new", "", Sessions(FORBIDDEN, SHOWN, SHOWN)),
    post("/settings/groups/new", "", NAME, Sessions(FORBIDDEN, DONE, DONE)),
    get(GROUP, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    get(EDITED_GROUP, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(EDITED_GROUP, "", NAME, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    get(DELETED_GROUP, "", Sessions(FORBIDDEN, SHOWN, NOT_FOUND)),
    post(DELETED_GROUP, "", TYPED, Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    post(MEMBERS, "", &[("email", "ada@example.com")], Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    post(NO_MEMBER, "", &[], Sessions(FORBIDDEN, DONE, NOT_FOUND)),
    // What is beyond an organization: see below.
    get(NODES, "", BEYOND),
    get(ORGANIZATIONS, "", BEYOND),
    get(NEW_ORGANIZATION, "", BEYOND),
    post(
        NEW_ORGANIZATION,
        "",
        &[("id", "01900000-0000-7000-8000-000000000000"), ("name", "O"), ("email", "o@example.com")],
        BEYOND,
    ),
    get(ARCHIVED, "", BEYOND),
    post(ARCHIVED, "", TYPED, BEYOND),
    get(RESTORED, "", BEYOND),
    post(RESTORED, "", TYPED, BEYOND),
];

#[test]
fn every_route_has_a_row() {
    let rows: BTreeSet<_> = TABLE.iter().map(|row| (row.method.to_owned(), row.route.to_owned())).collect();
    assert_eq!(rows, routes::all());
}

#[tokio::test]
async fn every_caller_gets_what_the_table_says_and_what_is_denied_changes_nothing() {
    let mut wrong = Vec::new();
    // A world that grows with every row takes ever longer to compare.
    for rows in TABLE.chunks(15) {
        let world = World::new().await;
        for (row, caller) in rows.iter().flat_map(|row| Caller::ALL.map(|caller| (row, caller))) {
            let target = world.server.key(&world.member, "target", "30d").await;
            let credential = world.credential(caller).await;
            let request = request(&world, row, &target.id, &credential).await;
            let before = world.server.snapshot().await;
            let answer = request.send().await.unwrap();
            let location = answer.headers().get("location").and_then(|location| location.to_str().ok());
            let after = world.server.snapshot().await;
            let changed = after.changed_since(&before);
            let got = Outcome {
                status: answer.status().as_u16(),
                to_sign_in: location.is_some_and(|location| location.starts_with("/sign-in")),
                changes: !changed.is_empty(),
            };
            // Promise 10: whatever changes leaves a trace, if it is anybody's.
            let traced = matches!(&changed[..], [] | ["oauth_clients"]) || changed.contains(&"audit_events");
            if got != row.who.expects(caller) || !traced {
                wrong.push(format!(
                    "{} {}{} by {caller:?}: {got:?} {changed:?}",
                    row.method, row.route, row.query
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_is_beyond_an_organization_is_a_site_administrators() {
    let world = World::new().await;
    let roles = vec!["administrator".to_owned(), "site_administrator".to_owned()];
    let email = world.administrator.email.clone();
    world.server.operate(Command::UserSetRoles { email, organization: None, roles }).await;
    let beyond =
        |row: &&Row| ["/metrics", NODES].contains(&row.route) || row.route.starts_with(ORGANIZATIONS);
    let rows = TABLE.iter().filter(beyond);
    let mut seen = 0;
    for row in rows {
        let target = world.server.key(&world.member, "target", "30d").await;
        let credential = world.credential(Caller::AdministratorsSession).await;
        let request = request(&world, row, &target.id, &credential).await;
        let before = world.server.snapshot().await;
        let status = request.send().await.unwrap().status();
        assert!([200, 303].contains(&status.as_u16()), "{} {}: {status}", row.method, row.route);
        let changed = !world.server.snapshot().await.changed_since(&before).is_empty();
        assert_eq!(changed, row.method == "POST", "{} {}", row.method, row.route);
        seen += 1;
    }
    assert_eq!(seen, 9);
}

/// Whose forms are those of somebody who is not signed in, or not yet.
const VISITORS: [&str; 5] = ["/sign-in", "/setup", "/invitation", "/reset-password", "/forgot-password"];

async fn request(world: &World, row: &Row, target: &str, credential: &Credential) -> RequestBuilder {
    let server = &world.server;
    let code = match row.route {
        "/setup/{code}" => server.app.create_set_up_link().await.unwrap().expose().to_owned(),
        "/sign-in/link/{code}" => server.sign_in_code(&world.member).await,
        "/invitation/{code}" => world.invitation().await,
        "/reset-password/{code}" => world.password_link().await,
        _ => String::new(),
    };
    // Unique for the cell: a form that was sent before makes nothing.
    let request_id = target.replace('-', "");
    let path = targets::fill(world, row.route, &request_id).await;
    let path = path.replace("{id}", target).replace("{code}", &code);
    let path = path.replace("/graphql/assets/{digest}/{name}", &world.graphiql_asset);
    let path = path.replace("{digest}/{name}", "0/console.css");
    if row.method == "GET" {
        let query = row.query.replace("{id}", target).replace("{client}", &world.client.id);
        let request = server.get(&format!("{path}{query}"));
        return credential.on(request).header("accept", "text/html, text/plain");
    }
    if row.method != "POST" {
        let url = format!("{}{path}", server.url);
        return credential.on(server.client.request(row.method.parse().unwrap(), url));
    }
    if row.route == "/graphql" {
        let query = json!({ "query": row.fields[0].1 });
        return credential.on(server.post(&path)).header("sec-fetch-site", "same-origin").json(&query);
    }
    if row.route == "/mcp" {
        let call =
            json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "whoami" } });
        let request = server.post(&path).header("accept", "application/json, text/event-stream").json(&call);
        return credential.on(request.header("mcp-protocol-version", "2025-11-25"));
    }
    if row.route == "/verify/batch" {
        let checks = json!({ "checks": [{ "token": row.fields[0].1 }] });
        return credential.on(server.post(&path)).json(&checks);
    }
    if row.route == "/oauth2/register" {
        return credential.on(server.post(&path)).json(&json!({ "redirect_uris": [row.fields[0].1] }));
    }
    let mut credential = credential.clone();
    if VISITORS.iter().any(|start| row.route.starts_with(start)) {
        // A form of a visitor's, who may hold a session all the same.
        let page = server.get("/sign-in").send().await.unwrap();
        let visitor = cookies(&page).remove(0);
        credential.csrf.clone_from(&Form::find(&page.text().await.unwrap(), "/sign-in").fields["csrf"]);
        credential.cookie =
            Some(credential.cookie.map_or(visitor.clone(), |own| format!("{own}; {visitor}")));
    }
    let mut fields: Vec<(&str, String)> = Vec::new();
    if !row.route.starts_with("/oauth2/") || row.route == "/oauth2/authorize" {
        // The others are no forms of a page, and refuse what they do not know.
        fields.push(("csrf", credential.csrf.clone()));
    }
    let filled = |value: &str| {
        let value = value.replace("{request}", &request_id).replace("{member}", &world.member.id);
        value
            .replace("{id}", target)
            .replace("{minter}", &world.minter.token)
            .replace("{client}", &world.client.id)
    };
    fields.extend(row.fields.iter().map(|(name, value)| (*name, filled(value))));
    let query = row.query.replace("{client}", &world.client.id);
    credential.on(server.post(&format!("{path}{query}"))).form(&fields)
}

#[tokio::test]
async fn no_route_takes_a_method_that_the_table_does_not_have() {
    let world = World::new().await;
    let session = world.credential(Caller::AdministratorsSession).await;
    let key = world.credential(Caller::AdministratorsKey).await;
    let before = world.server.snapshot().await;
    for (_, route) in routes::all() {
        // There, only who may ask is told how.
        let credential = if route == "/mcp" { &key } else { &session };
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"] {
            if TABLE.iter().any(|row| row.method == method && row.route == route) {
                continue;
            }
            let url = format!("{}{route}", world.server.url);
            let request = world.server.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
            let answer = credential.on(request).send().await.unwrap();
            assert_eq!(answer.status(), 405, "{method} {route}");
        }
    }
    assert_eq!(world.server.snapshot().await, before);
}

/// The doors that stand open (promise 11). Whoever opens another has to write it down here.
#[test]
fn the_doors_that_need_no_credential_are_these() {
    let open: BTreeSet<_> = TABLE
        .iter()
        .filter(|row| !matches!(row.who.expects(Caller::Nobody), UNAUTHENTICATED | SENT_TO_SIGN_IN))
        .map(|row| format!("{} {}", row.method, row.route))
        .collect();
    let golden = [
        "GET /",
        "GET /.well-known/jwks.json",
        "GET /.well-known/oauth-authorization-server",
        "GET /.well-known/oauth-protected-resource",
        "GET /.well-known/oauth-protected-resource/mcp",
        "GET /assets/{digest}/{name}",
        "GET /embed/api-keys",
        "GET /forgot-password",
        "GET /graphql/assets/{digest}/{name}",
        "GET /healthz",
        "GET /invitation/{code}",
        "GET /readyz",
        "GET /reset-password/{code}",
        "GET /setup/{code}",
        "GET /sign-in",
        "GET /sign-in/link/{code}",
        "POST /forgot-password",
        "POST /invitation/{code}",
        "POST /oauth2/register",
        "POST /oauth2/revoke",
        "POST /oauth2/token",
        "POST /reset-password/{code}",
        "POST /setup/{code}",
        "POST /sign-in",
        "POST /sign-in/link/{code}",
    ];
    assert_eq!(open, golden.map(str::to_owned).into());
}
