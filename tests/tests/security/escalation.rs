//! Nobody gets further than they were let: every change of the API, tried upwards by everybody who holds a part of an
//! administrator's power, through a session and through a key.

use std::collections::BTreeSet;

use keystead_app::operator::{Answer, Command};
use keystead_app::{NewPerson, RoleInput};
use keystead_domain::{Assignment, Assignments, Description, Email, GroupName, Permission, RoleId, RoleName};
use keystead_tests::TestUser;

use crate::callers::{Credential, World};
use crate::graphql::{ask, operations};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Climber {
    Member,
    KeysReader,
    IamReader,
    /// The most dangerous one: sees and changes users, and holds nothing else.
    IamWriter,
    Settings,
    Auditor,
    SiteAdministrator,
    /// The administrator of another organization.
    Stranger,
}

use Climber::{Settings, SiteAdministrator, Stranger};

impl Climber {
    const ALL: [Self; 8] = [
        Self::Member,
        Self::KeysReader,
        Self::IamReader,
        Self::IamWriter,
        Settings,
        Self::Auditor,
        SiteAdministrator,
        Stranger,
    ];

    fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Member | SiteAdministrator | Stranger => &[],
            Self::KeysReader => &["keys:read_all"],
            Self::IamReader => &["iam:read"],
            Self::IamWriter => &["iam:read", "iam:write"],
            Settings => &["settings:write"],
            Self::Auditor => &["audit:read"],
        }
    }
}

/// Every mutation, as somebody would send it who wants more than they have. `SELF` is whoever sends it, `OWN` the role that they
/// hold; `ADMIN`, `PENDING`, `ADMINS`, `ROLE` and `KEY` are an administrator, one who has not come in yet, a group of
/// administrators, a role with a permission that they do not hold, and the administrator's key; `MINTER` and `MASKED` are the id and
/// the masked token of the administrator's impersonation key. Whoever is named may do it.
const UPWARDS: &[(&str, &str, &[Climber])] = &[
    ("createApiKey", "createApiKey(input: { name: \"n\", allowImpersonation: true }) { token }", &[Stranger]),
    ("updateApiKey", "updateApiKey(input: { id: \"KEY\", name: \"n\" }) { apiKey { id } }", &[]),
    ("revokeApiKey", "revokeApiKey(input: { id: \"KEY\" }) { revokedId }", &[]),
    ("revokeApiKeys", "revokeApiKeys(ids: [\"KEY\"]) { revokedIds }", &[]),
    ("revokeApiKeys", "revokeApiKeys(userId: \"ADMIN\") { revokedIds }", &[]),
    // Whoever sees an impersonation key does not hold it.
    ("impersonateUser", "impersonateUser(accessToken: \"MINTER\", userEmail: \"ada@example.com\")", &[]),
    ("impersonateUser", "impersonateUser(accessToken: \"MASKED\", userEmail: \"ada@example.com\")", &[]),
    ("revokeApiKey", "revokeApiKey(input: { id: \"MINTER\" }) { revokedId }", &[]),
    (
        "endImpersonatedSessions",
        "endImpersonatedSessions(input: { keyId: \"MINTER\" }) { apiKey { id } }",
        &[],
    ),
    (
        "createUsers",
        "createUsers(input: { emails: [\"new@example.com\"], roleAssignments: [{ roleId: \"administrator\" }] }) { status { code } }",
        &[Stranger],
    ),
    (
        "createUsers",
        "createUsers(input: { emails: [\"new@example.com\"], roleAssignments: [{ roleId: \"site_administrator\" }] }) { status { code } }",
        &[],
    ),
    (
        "createUsers",
        "createUsers(input: { emails: [\"new@example.com\"], roleAssignments: [{ roleId: \"ROLE\" }] }) { status { code } }",
        &[],
    ),
    (
        "createUsers",
        "createUsers(input: { emails: [\"new@example.com\"], roleAssignments: [{ roleId: \"ROLE\", scopes: [\"a\"] }] }) { status { code } }",
        &[],
    ),
    (
        "createUsers",
        "createUsers(input: { emails: [\"new@example.com\"], userGroupIds: [\"ADMINS\"] }) { status { code } }",
        &[],
    ),
    (
        "createUsers",
        "createUsers(input: { emails: [\"ADA@example.com\"], roleAssignments: [] }) { status { code } }",
        &[Stranger],
    ),
    (
        "setUserAttributes",
        "setUserAttributes(input: { userId: \"ADMIN\", userAttributes: [] }) { status { code } }",
        &[],
    ),
    (
        "deleteUsersFromWorkspace",
        "deleteUsersFromWorkspace(input: { userIds: [\"ADMIN\"] }) { status { code } }",
        &[],
    ),
    (
        "deleteUsersFromWorkspace",
        "deleteUsersFromWorkspace(input: { userIds: [\"SELF\", \"ADMIN\"] }) { status { code } }",
        &[],
    ),
    (
        "inviteUser",
        "inviteUser(input: { email: \"new@example.com\", roleAssignments: [{ roleId: \"administrator\" }] }) { invitationUrl }",
        &[Stranger],
    ),
    (
        "inviteUser",
        "inviteUser(input: { email: \"new@example.com\", userGroupIds: [\"ADMINS\"] }) { invitationUrl }",
        &[],
    ),
    ("inviteUserAgain", "inviteUserAgain(userId: \"PENDING\") { invitationUrl }", &[]),
    ("updateUser", "updateUser(input: { id: \"ADMIN\", email: \"mine@example.com\" }) { id }", &[]),
    ("updateUser", "updateUser(input: { id: \"PENDING\", name: \"N\" }) { id }", &[]),
    (
        "setRoleAssignments",
        "setRoleAssignments(userId: \"SELF\", roleAssignments: [{ roleId: \"administrator\" }]) { id }",
        &[Stranger],
    ),
    (
        "setRoleAssignments",
        "setRoleAssignments(userId: \"SELF\", roleAssignments: [{ roleId: \"site_administrator\" }]) { id }",
        &[],
    ),
    (
        "setRoleAssignments",
        "setRoleAssignments(userId: \"SELF\", roleAssignments: [{ roleId: \"ROLE\" }]) { id }",
        &[],
    ),
    ("setRoleAssignments", "setRoleAssignments(userId: \"ADMIN\", roleAssignments: []) { id }", &[]),
    ("setUserGroups", "setUserGroups(userId: \"SELF\", userGroupIds: [\"ADMINS\"]) { id }", &[]),
    ("setUserGroups", "setUserGroups(userId: \"ADMIN\", userGroupIds: []) { id }", &[]),
    ("deactivateUser", "deactivateUser(userId: \"ADMIN\") { id }", &[]),
    ("reactivateUser", "reactivateUser(userId: \"ADMIN\") { id }", &[]),
    (
        "createRole",
        "createRole(input: { name: \"N\", permissions: [\"impersonation:grant\"] }) { id }",
        &[Stranger],
    ),
    ("createRole", "createRole(input: { name: \"N\", permissions: [\"never:named\"] }) { id }", &[Stranger]),
    ("createRole", "createRole(input: { name: \"N\", permissions: [\"organizations:manage\"] }) { id }", &[]),
    (
        "updateRole",
        "updateRole(input: { id: \"OWN\", name: \"N\", description: \"\", permissions: [\"iam:read\", \"iam:write\", \"impersonation:grant\"] }) { id }",
        &[],
    ),
    (
        "updateRole",
        "updateRole(input: { id: \"ROLE\", name: \"N\", description: \"\", permissions: [] }) { id }",
        &[],
    ),
    (
        "updateRole",
        "updateRole(input: { id: \"administrator\", name: \"N\", description: \"\", permissions: [] }) { id }",
        &[],
    ),
    ("deleteRole", "deleteRole(id: \"ROLE\") { deletedId }", &[]),
    ("deleteRole", "deleteRole(id: \"administrator\") { deletedId }", &[]),
    (
        "createUserGroup",
        "createUserGroup(input: { name: \"N\", roleAssignments: [{ roleId: \"administrator\" }] }) { id }",
        &[Stranger],
    ),
    (
        "createUserGroup",
        "createUserGroup(input: { name: \"N\", roleAssignments: [{ roleId: \"ROLE\", scopes: [\"a\"] }] }) { id }",
        &[],
    ),
    (
        "updateUserGroup",
        "updateUserGroup(input: { id: \"ADMINS\", name: \"N\", roleAssignments: [] }) { id }",
        &[],
    ),
    ("deleteUserGroup", "deleteUserGroup(id: \"ADMINS\") { deletedId }", &[]),
    ("renameOrganization", "renameOrganization(name: \"N\") { id }", &[Settings, Stranger]),
    (
        "setKeyPolicy",
        "setKeyPolicy(input: { longestExpiration: DAYS_7, keysMayCreateKeys: false }) { id }",
        &[Settings, Stranger],
    ),
    (
        "setEmailAccess",
        "setEmailAccess(input: { allowedDomains: [], allowedAddresses: [], blockedDomains: [\"elsewhere.example\"], blockedAddresses: [\"ada@example.com\", \"pending@example.com\"] }, excludeExistingUsers: 9) { id }",
        &[],
    ),
    (
        "createOrganization",
        "createOrganization(name: \"N\", administratorEmail: \"n@example.com\") { invitationUrl }",
        &[SiteAdministrator],
    ),
    ("archiveOrganization", "archiveOrganization(id: \"ELSEWHERE\") { id }", &[SiteAdministrator]),
    ("archiveOrganization", "archiveOrganization(id: \"HERE\") { id }", &[]),
    ("restoreOrganization", "restoreOrganization(id: \"ELSEWHERE\") { id }", &[SiteAdministrator]),
];

#[test]
fn every_mutation_is_tried_upwards() {
    let tried: BTreeSet<String> = UPWARDS.iter().map(|(name, ..)| format!("Mutation.{name}")).collect();
    let all: BTreeSet<String> =
        operations().into_iter().filter(|name| name.starts_with("Mutation.")).collect();
    assert_eq!(tried, all);
}

/// A world with an administrator's things in it.
struct Heights {
    world: World,
    /// What stands for what in [`UPWARDS`].
    things: Vec<(&'static str, String)>,
}

fn roles(role: RoleId) -> Assignments {
    Assignments::from_iter([Assignment::everywhere(role)])
}

async fn role(world: &World, name: &str, permissions: &[&str]) -> RoleId {
    let actor = world.server.actor(&world.administrator).await;
    let input = RoleInput {
        name: RoleName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        permissions: permissions.iter().map(|name| Permission::parse(name).unwrap()).collect(),
    };
    world.server.app.create_role(&actor, input).await.unwrap().id
}

async fn heights() -> Heights {
    // Where sessions keep Keystead's own permissions, there is more to climb with.
    let world = World::with_administration_in_sessions().await;
    let actor = world.server.actor(&world.administrator).await;
    let app = &world.server.app;
    let pending = NewPerson {
        email: Email::parse("pending@example.com").unwrap(),
        name: None,
        assignments: roles(RoleId::ADMINISTRATOR),
        groups: Vec::new(),
    };
    let pending = app.invite_user(&actor, pending, &world.server.url).await.unwrap().user.id;
    let admins = GroupName::parse("Admins").unwrap();
    let admins = app.create_group(&actor, admins, roles(RoleId::ADMINISTRATOR)).await.unwrap().id;
    let elsewhere = world.server.actor(&world.outsider).await.user().organization;
    let things = vec![
        ("\"ADMINS\"", admins.to_string()),
        ("\"ADMIN\"", world.administrator.id.clone()),
        ("\"PENDING\"", pending.to_string()),
        ("\"ROLE\"", role(&world, "Reports", &["reports:read"]).await.to_string()),
        ("\"KEY\"", world.server.key(&world.administrator, "adas", "30d").await.id),
        ("\"MINTER\"", world.minter.id.clone()),
        ("\"MASKED\"", format!("{}…{}", &world.minter.token[..8], &world.minter.token[49..])),
        ("\"HERE\"", actor.user().organization.to_string()),
        ("\"ELSEWHERE\"", elsewhere.to_string()),
    ];
    Heights { world, things }
}

impl Heights {
    /// Somebody of a kind, and the role that they hold.
    async fn climber(&self, kind: Climber) -> (TestUser, RoleId) {
        if kind == Stranger {
            return (self.world.outsider.clone(), RoleId::MEMBER);
        }
        let held = match kind {
            Climber::Member => RoleId::MEMBER,
            SiteAdministrator => RoleId::SITE_ADMINISTRATOR,
            _ => role(&self.world, &format!("{kind:?}"), kind.permissions()).await,
        };
        let add = Command::UserAdd {
            email: format!("{kind:?}@example.com"),
            organization: Some(self.thing("\"HERE\"").to_owned()),
            name: None,
            role: held.to_string(),
            password: None,
        };
        let Answer::User { id, email } = self.world.server.operate(add).await else { panic!("no user") };
        (TestUser { id, email }, held)
    }

    fn thing(&self, name: &str) -> &str {
        &self.things.iter().find(|(thing, _)| *thing == name).unwrap().1
    }

    fn aimed(&self, query: &str, user: &TestUser, held: &RoleId) -> String {
        let query =
            query.replace("\"SELF\"", &format!("\"{}\"", user.id)).replace("\"OWN\"", &format!("\"{held}\""));
        let fill = |query: String, (name, id): &(&str, String)| query.replace(name, &format!("\"{id}\""));
        format!("mutation {{ {} }}", self.things.iter().fold(query, fill))
    }
}

/// A key, a session, and a session that an administrator's impersonation key minted.
async fn credentials(heights: &Heights, kind: Climber, user: &TestUser) -> [Credential; 3] {
    let server = &heights.world.server;
    let key = server.key(user, "climbing", "30d").await;
    let impersonated = if kind == Stranger {
        let minter = server.impersonation_key(user, "minter").await;
        Credential::bearer(&server.mint(&minter, &user.email).await)
    } else {
        heights.world.impersonated(user).await
    };
    [Credential::bearer(&key.token), Credential::session(server.session(user).await), impersonated]
}

#[tokio::test]
async fn no_mutation_takes_anybody_further_up() {
    let heights = heights().await;
    let server = &heights.world.server;
    let mut wrong = Vec::new();
    for kind in Climber::ALL {
        let (user, held) = heights.climber(kind).await;
        let credentials = credentials(&heights, kind, &user).await;
        let permissions = server.actor(&user).await.user().permissions().clone();
        for (name, query, allowed) in UPWARDS {
            if allowed.contains(&kind) {
                continue;
            }
            for (credential, through) in credentials.iter().zip(["key", "session", "impersonated session"]) {
                let before = server.snapshot().await;
                let (status, body) = ask(server, credential, &heights.aimed(query, &user, &held)).await;
                let after = server.snapshot().await;
                let changed = after.changed_since(&before);
                // A stranger is told of a status, or that there is no such thing; nobody else gets an answer.
                let refused = [403, 404, 409, 422].contains(&status) || kind == Stranger;
                // What is no key's token is refused as a credential.
                let refused = refused || *name == "impersonateUser" && status == 401;
                if !refused || !changed.is_empty() {
                    wrong.push(format!("{name} by {kind:?} with a {through}: {changed:?} {body}"));
                }
            }
        }
        assert_eq!(*server.actor(&user).await.user().permissions(), permissions, "{kind:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The refusals above are of the climber, not of how a request is written: somebody who holds everything is refused only what
/// nobody may do.
#[tokio::test]
async fn whoever_holds_everything_may_do_all_of_it_but_what_nobody_may() {
    let mut wrong = Vec::new();
    for (name, query, _) in UPWARDS {
        let heights = heights().await;
        let server = &heights.world.server;
        let (user, _) = heights.climber(SiteAdministrator).await;
        let top = Command::UserSetRoles {
            email: user.email.clone(),
            organization: None,
            roles: vec!["administrator".to_owned(), "site_administrator".to_owned()],
        };
        server.operate(top).await;
        let [credential, ..] = credentials(&heights, SiteAdministrator, &user).await;
        let own: RoleId = RoleId::parse(heights.thing("\"ROLE\"")).unwrap();
        let (status, body) = ask(server, &credential, &heights.aimed(query, &user, &own)).await;
        let expected = match *name {
            // Only its creator edits a key.
            "updateApiKey" => 403,
            // Not Keystead's own roles, not the permission that no role may name, not one's own organization.
            "updateRole" | "deleteRole" if query.contains("administrator") => 409,
            "createRole" if query.contains("organizations:manage") => 422,
            "archiveOrganization" if query.contains("\"HERE\"") => 409,
            // Neither an id nor what a list shows of a token is one.
            "impersonateUser" => 401,
            _ => 200,
        };
        if status != expected {
            wrong.push(format!("{query}: {body}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What only the console has: another's password, and the same by forms.
#[tokio::test]
async fn no_form_takes_anybody_further_up() {
    let heights = heights().await;
    let server = &heights.world.server;
    let (admin, pending) = (heights.thing("\"ADMIN\""), heights.thing("\"PENDING\""));
    let (reports, admins) = (heights.thing("\"ROLE\""), heights.thing("\"ADMINS\""));
    let user = |id: &str, door: &str| format!("/settings/users/{id}/{door}");
    let administrator: &[(&str, &str)] =
        &[("email", "new@example.com"), ("name", "N"), ("role", "administrator"), ("roles", "administrator")];
    let doors = [
        (user(admin, "reset-password"), administrator),
        (user(pending, "reset-password"), administrator),
        (user(pending, "invite-again"), administrator),
        (user(admin, "edit"), administrator),
        (user(admin, "deactivate"), administrator),
        (user(admin, "delete"), &[("confirm", "ada@example.com")][..]),
        (user(admin, "revoke-keys"), &[("confirm", "ada@example.com")][..]),
        ("/settings/users/invite".to_owned(), administrator),
        (format!("/settings/roles/{reports}/edit"), &[("name", "N")][..]),
        (format!("/settings/roles/{reports}/delete"), &[("confirm_name", "Reports")][..]),
        (format!("/settings/groups/{admins}/edit"), &[("name", "N")][..]),
        (format!("/settings/groups/{admins}/delete"), &[("confirm_name", "Admins")][..]),
        (format!("/settings/groups/{admins}/members"), &[("email", "iamwriter@example.com")][..]),
    ];
    let mut wrong = Vec::new();
    for kind in Climber::ALL.into_iter().filter(|kind| *kind != Stranger) {
        let (user, _) = heights.climber(kind).await;
        let session = server.session(&user).await;
        for (path, fields) in &doors {
            let before = server.snapshot().await;
            let status = server.submit(&session, path, fields).await.status().as_u16();
            let after = server.snapshot().await;
            let changed = after.changed_since(&before);
            // Whoever sees users is refused as such; nobody else finds the page.
            let refused = status == 403 || kind != Climber::IamWriter && [404, 422].contains(&status);
            if !refused || !changed.is_empty() {
                wrong.push(format!("{path} by {kind:?}: {status} {changed:?}"));
            }
        }
        let own = format!("/settings/users/{}/edit", user.id);
        let before = server.snapshot().await;
        server.submit(&session, &own, administrator).await;
        if server.snapshot().await != before {
            wrong.push(format!("{own} by {kind:?} made themselves an administrator"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
