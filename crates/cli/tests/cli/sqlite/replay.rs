//! `keystead restore --replay`: what was taken away after the backup is taken away again.

use std::fs;

use keystead_domain::audit::{Event, Line, event_line, parse_line};
use serde_json::{Value, json};

use crate::support::{Place, Server, err, get, graphql, out};

/// Somebody's key, and what it may be used for before somebody takes that away.
struct Holder {
    user: String,
    token: String,
    path: &'static str,
}

/// A deployment with somebody for every way in which something can be taken away.
struct World {
    place: Place,
    admin: String,
    server: Option<Server>,
    holders: Vec<(&'static str, Holder)>,
}

const REPORTS: &str = "/verify?permission=reports:read";

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

impl World {
    fn new() -> Self {
        let place = Place::with_ada_on_sqlite();
        let admin = place.token();
        let server = place.serve(&["--audit-log", "audit.jsonl"]);
        Self { place, admin, server: Some(server), holders: Vec::new() }
    }

    fn ask(&self, query: &str) -> Value {
        graphql(&self.server.as_ref().unwrap().url, &self.admin, query)
    }

    fn role(&self, name: &str) -> String {
        let query = format!(
            "mutation {{ createRole(input: {{name: {name:?}, permissions: [\"reports:read\", \"a:b\"]}}) {{ id }} }}"
        );
        id(&self.ask(&query)["createRole"]).to_owned()
    }

    fn group(&self, name: &str, role: &str, members: &[&str]) -> String {
        let query = format!(
            "mutation {{ createUserGroup(input: {{name: {name:?}, roleAssignments: [{{roleId: {role:?}}}]}}) {{ id }} }}"
        );
        let group = id(&self.ask(&query)["createUserGroup"]).to_owned();
        for member in members {
            let user = &self.holder(member).user;
            self.ask(&format!(
                "mutation {{ setUserGroups(userId: {user:?}, userGroupIds: [{group:?}]) {{ id }} }}"
            ));
        }
        group
    }

    fn holder(&self, name: &str) -> &Holder {
        &self.holders.iter().find(|(there, _)| *there == name).unwrap().1
    }

    fn add(&mut self, name: &'static str, role: &str, path: &'static str) {
        let email = format!("{name}@example.com");
        let output =
            self.place.run(&["user", "add", &email, "--role", role, "--organization", "My organization"]);
        assert!(output.status.success(), "{}", err(&output));
        let user = err(&output).split(['(', ')']).nth(1).unwrap().to_owned();
        let token = self.place.ok(&["key", "create", "--user", &email, "--name", name]).trim_end().to_owned();
        self.holders.push((name, Holder { user, token, path }));
    }

    /// Stops the server, which ships the end of the log.
    fn stop(&mut self) {
        self.server.take().unwrap().stop();
    }

    /// What each key is answered in a store.
    fn answers(&self, folder: &str) -> Vec<(&'static str, u16)> {
        let server = self.place.serve(&["--data-dir", folder]);
        self.holders.iter().map(|(name, holder)| (*name, server.get(holder.path, &holder.token))).collect()
    }
}

#[test]
fn everything_that_was_taken_away_after_the_backup_works_again_and_does_not_with_the_shipped_log() {
    let mut world = World::new();
    world.place.ok(&["organization", "create", "Other", "--administrator", "archived@example.com"]);
    let [narrowed, deleted_role, carried] = ["narrowed", "deleted", "carried"].map(|name| world.role(name));
    for name in ["revoked", "deactivated", "deleted", "blocked", "untouched"] {
        world.add(name, "member", "/verify");
    }
    world.add("demoted", &carried, REPORTS);
    world.add("narrowed-role", &narrowed, REPORTS);
    world.add("deleted-role", &deleted_role, REPORTS);
    for name in ["left", "group-narrowed", "group-deleted"] {
        world.add(name, "member", REPORTS);
    }
    let token = world.place.ok(&["key", "create", "--user", "archived@example.com", "--name", "x"]);
    let archived = Holder { user: String::new(), token: token.trim_end().to_owned(), path: "/verify" };
    world.holders.push(("archived", archived));
    world.group("left", &carried, &["left"]);
    let group_narrowed = world.group("group-narrowed", &carried, &["group-narrowed"]);
    let group_deleted = world.group("group-deleted", &carried, &["group-deleted"]);
    for (name, holder) in &world.holders {
        assert_eq!(world.server.as_ref().unwrap().get(holder.path, &holder.token), 200, "{name}");
    }

    world.place.ok(&["backup", "b"]);
    let listed = world.place.ok(&["key", "list", "--user", "revoked@example.com", "--json"]);
    let key = serde_json::from_str::<Value>(&listed).unwrap()[0]["id"].as_str().unwrap().to_owned();
    world.place.ok(&["key", "revoke", &key]);
    world.place.ok(&["user", "deactivate", "deactivated@example.com"]);
    world.place.ok(&["user", "delete", "deleted@example.com", "--yes"]);
    world.place.ok(&["user", "set-roles", "demoted@example.com", "member"]);
    world.place.ok(&["organization", "archive", "Other"]);
    let left = world.holder("left").user.clone();
    let renamed = world.holder("untouched").user.clone();
    for query in [
        format!("updateRole(input: {{id: {narrowed:?}, name: \"narrowed\", description: \"\", permissions: [\"a:b\"]}}) {{ id }}"),
        format!("deleteRole(id: {deleted_role:?}) {{ deletedId }}"),
        format!("setUserGroups(userId: {left:?}, userGroupIds: []) {{ id }}"),
        format!("updateUserGroup(input: {{id: {group_narrowed:?}, name: \"g\", roleAssignments: []}}) {{ id }}"),
        format!("deleteUserGroup(id: {group_deleted:?}) {{ deletedId }}"),
        "setEmailAccess(input: {allowedDomains: [], allowedAddresses: [], blockedDomains: [], blockedAddresses: \
         [\"blocked@example.com\"]}, excludeExistingUsers: 1) { id }"
            .to_owned(),
        format!("updateUser(input: {{id: {renamed:?}, email: \"new-address@example.com\"}}) {{ id }}"),
        "createApiKey(input: {name: \"after\"}) { token }".to_owned(),
        "setKeyPolicy(input: {longestExpiration: NEVER, keysMayCreateKeys: true, closedMessage: \"a leak\"}) { id }".to_owned(),
    ] {
        world.ask(&format!("mutation {{ {query} }}"));
    }
    world.stop();

    let output = world.place.run(&["restore", "b", "--data-dir", "blind"]);
    assert!(err(&output).contains("work again"), "{}", err(&output));
    assert!(world.answers("blind").iter().all(|(_, status)| *status == 200), "{:?}", world.answers("blind"));

    let output = world.place.run(&["restore", "b", "--replay", "audit.jsonl", "--data-dir", "new"]);
    assert!(output.status.success(), "{}", err(&output));
    let told = out(&output);
    for line in [
        "Again: revoked key \"revoked\"",
        "Again: deactivated user deactivated@example.com",
        "Again: deleted user deleted@example.com",
        "Again: took roles from user demoted@example.com",
        "Again: archived organization \"Other\"",
        "Again: took permissions from role \"narrowed\"",
        "Again: deleted role \"deleted\"",
        "Again: took 1 user out of group \"left\"",
        "Again: took roles from group \"group-narrowed\"",
        "Again: deleted group \"group-deleted\"",
        "Again: set the rules of e-mail access",
        "Again: gave user untouched@example.com",
        "Again: set the stricter policy for keys",
        "1 API keys were created after the backup: they are unknown, and refused.",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(
        err(&output).contains("user demoted@example.com") && err(&output).contains("was given roles"),
        "{}",
        err(&output)
    );
    for (name, status) in world.answers("new") {
        let expected = match (name, world.holder(name).path) {
            ("untouched", _) => 200,
            (_, REPORTS) => 403,
            _ => 401,
        };
        assert_eq!(status, expected, "{name}: {told}");
    }
    let people = world.place.ok(&["user", "list", "--data-dir", "new"]);
    assert!(
        people.contains("new-address@example.com") && !people.contains("untouched@example.com"),
        "{people}"
    );
    let create = ["key", "create", "--user", "ada@example.com", "--name", "x", "--data-dir", "new"];
    assert!(world.place.fails(1, &create).contains("a leak"));
    assert!(!world.place.ok(&["audit", "verify", "--data-dir", "new"]).contains("BAD "));
}

/// A backup with an organization's log, and what may be shipped of it later.
struct Shipped {
    place: Place,
    organization: keystead_domain::OrganizationId,
    user: [u8; 16],
    last: (i64, [u8; 32]),
    lines: Vec<String>,
}

impl Shipped {
    fn new() -> Self {
        let place = Place::with_ada_on_sqlite();
        place.ok(&["backup", "b"]);
        let organizations: Value =
            serde_json::from_str(&place.ok(&["organization", "list", "--json"])).unwrap();
        let organization = id(&organizations[0]);
        let users: Value = serde_json::from_str(&place.ok(&["user", "list", "--json"])).unwrap();
        let log = place.ok(&["audit", "export", "--organization", organization]);
        let mut events = log.lines().filter_map(|line| match parse_line(line) {
            Ok(Line::Event(event, link)) => Some((event.sequence, link)),
            _ => None,
        });
        // The export left an event of its own, after the backup.
        let last = events.find(|(sequence, _)| *sequence == 3).unwrap();
        let user = id(&users[0]).parse::<keystead_domain::UserId>().unwrap();
        let organization = organization.parse().unwrap();
        Self { place, organization, user: *user.as_bytes(), last, lines: Vec::new() }
    }

    /// The next event, as the log would have it.
    fn event(&mut self, action: &str, target: [u8; 16], details: &Value) {
        let event = Event {
            organization: self.organization,
            sequence: self.last.0 + 1,
            at: "2026-11-24T10:00:00Z".parse().unwrap(),
            user: None,
            via: "operator".to_owned(),
            via_id: None,
            address: None,
            action: action.to_owned(),
            target: Some(target),
            details: details.to_string(),
        };
        let link = event.link(&self.last.1);
        self.last = (event.sequence, link);
        self.lines.push(event_line(&event, &link));
    }

    fn restore(&self, folder: &str) -> (String, String) {
        fs::write(self.place.path().join("shipped.jsonl"), self.lines.join("\n")).unwrap();
        let output = self.place.run(&["restore", "b", "--replay", "shipped.jsonl", "--data-dir", folder]);
        assert!(output.status.success(), "{}", err(&output));
        (out(&output), err(&output))
    }
}

#[test]
fn what_an_event_does_not_say_is_taken_whole_and_told() {
    let mut shipped = Shipped::new();
    let user = shipped.user;
    shipped.event("user.roles_set", user, &json!({}));
    shipped.event("user.attributes_set", user, &json!({ "keys": ["team"] }));
    shipped.event("user.reactivated", user, &json!({}));
    shipped.event("key.melted", user, &json!({}));
    let (told, warned) = shipped.restore("new");
    assert!(told.contains("Again: took roles from user ada@example.com"), "{told}");
    for part in [
        "user.roles_set (event 4 of 2026-11-24T10:00:00Z) does not say enough",
        "user.attributes_set (event 5 of 2026-11-24T10:00:00Z) is as of the backup again: user ada@example.com",
        "user.reactivated (event 6 of 2026-11-24T10:00:00Z) gave back what a replay does not give",
        "key.melted (event 7 of 2026-11-24T10:00:00Z) is not known to this version",
    ] {
        assert!(warned.contains(part), "{part}: {warned}");
    }
}

#[tokio::test]
async fn a_password_that_was_changed_lets_nobody_in_by_the_one_before() {
    let mut shipped = Shipped::new();
    let db = shipped.place.store().join("keystead.db");
    super::backup::execute(&db, "UPDATE users SET password_hash = '$argon2id$x'").await;
    fs::remove_file(shipped.place.path().join("b")).unwrap();
    // With what the export added to the log.
    shipped.place.ok(&["backup", "b"]);
    let log = shipped.place.ok(&["audit", "export", "--organization", &shipped.organization.to_string()]);
    let Ok(Line::Event(event, link)) = parse_line(log.lines().nth(3).unwrap()) else { panic!("{log}") };
    shipped.last = (event.sequence, link);
    let user = shipped.user;
    shipped.event("password.changed", user, &json!({}));
    let (told, _) = shipped.restore("new");
    assert!(told.contains("Again: took the password of user ada@example.com"), "{told}");
    let people = shipped.place.ok(&["user", "list", "--json", "--data-dir", "new"]);
    assert!(people.contains("pending"), "no password, and never seen: {people}");
}

#[test]
fn a_shipped_log_with_a_gap_a_change_or_another_history_is_followed_as_far_as_it_goes_and_told() {
    let mut shipped = Shipped::new();
    let user = shipped.user;
    shipped.event("users.exported", user, &json!({}));
    shipped.event("user.deactivated", user, &json!({}));
    let whole = shipped.lines.clone();
    let (told, warned) = shipped.restore("whole");
    assert!(
        told.contains("followed from event 4 to event 5") && !warned.contains("warning"),
        "{told} {warned}"
    );
    // Twice, with a line that a crash left unfinished.
    shipped.lines = vec![whole[0].clone(), whole[1][..40].to_owned(), whole[0].clone(), whole[1].clone()];
    let (told, warned) = shipped.restore("twice");
    assert!(
        told.contains("Again: deactivated") && warned.contains("1 lines of the shipped logs"),
        "{warned}"
    );
    assert!(!warned.contains("not whole"), "{warned}");

    shipped.lines = vec![whole[1].clone()];
    let (told, warned) = shipped.restore("gap");
    assert!(told.contains("Again: deactivated user ada@example.com"), "{told}");
    assert!(warned.contains("its event 4 is missing"), "{warned}");

    shipped.lines = vec![whole[0].replace("users.exported", "key.updated"), whole[1].clone()];
    let (_, warned) = shipped.restore("changed");
    assert!(warned.contains("its event 4 was changed, or is of another history"), "{warned}");

    shipped.lines = Vec::new();
    shipped.last = (2, [7; 32]);
    shipped.event("users.exported", user, &json!({}));
    shipped.event("user.deactivated", user, &json!({}));
    let (told, warned) = shipped.restore("other");
    assert!(told.contains("Again: deactivated"), "what a file says was taken is taken: {told}");
    assert!(warned.contains("event 4") || warned.contains("event 3"), "{warned}");
}

#[test]
fn a_file_that_is_no_shipped_log_is_refused_before_anything_is_made() {
    let shipped = Shipped::new();
    for (name, text) in [("junk", "junk\n"), ("empty", "")] {
        fs::write(shipped.place.path().join(name), text).unwrap();
        let error = shipped.place.fails(1, &["restore", "b", "--replay", name, "--data-dir", "new"]);
        assert!(error.contains("holds no event of an audit log") && error.contains("hint: "), "{error}");
    }
    let error = shipped.place.fails(1, &["restore", "b", "--replay", "missing", "--data-dir", "new"]);
    assert!(error.contains("cannot use missing"), "{error}");
    assert!(!shipped.place.path().join("new").exists());
}

#[test]
fn a_session_that_was_minted_before_or_after_the_backup_never_counts_in_a_restored_store() {
    let place = Place::with_ada_on_sqlite();
    place.ok(&["user", "add", "grace@example.com", "--role", "member"]);
    let admin = place.token();
    let server = place.serve(&["--impersonation"]);
    let create =
        "mutation { createApiKey(input: {name: \"i\", allowImpersonation: true}) { token apiKey { id } } }";
    let made = graphql(&server.url, &admin, create);
    let key = made["createApiKey"]["token"].as_str().unwrap().to_owned();
    let mint = |server: &Server| {
        let query =
            format!("mutation {{ impersonateUser(accessToken: {key:?}, userEmail: \"grace@example.com\") }}");
        let query = json!({ "query": query }).to_string();
        let answer = crate::support::post(&server.url, "/graphql", "application/json", &query);
        answer["data"]["impersonateUser"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let before = mint(&server);
    place.ok(&["backup", "b"]);
    let between = mint(&server);
    // Its epoch is now what a restore that counted on from the backup would come to.
    place.ok(&["key", "end-sessions", id(&made["createApiKey"]["apiKey"])]);
    let after = mint(&server);
    assert_eq!(server.get("/verify", &after), 200);
    let url = server.url.clone();
    server.stop();
    place.ok(&["restore", "b", "--data-dir", "new"]);
    // At the same address, which is in the tokens.
    let listen = url.strip_prefix("http://").unwrap();
    let restored = Server::start(&mut place.command(&[
        "serve",
        "--listen",
        listen,
        "--impersonation",
        "--data-dir",
        "new",
    ]));
    for (when, session) in [("before", before), ("between", between), ("after", after)] {
        let (status, answer) = get(&restored.url, "/verify", &session);
        assert_eq!(status, 401, "{when}: {answer}");
    }
    assert_eq!(restored.get("/verify", &mint(&restored)), 200, "the key itself goes on");
}
