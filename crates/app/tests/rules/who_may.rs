//! Who may do what, by each permission alone, through a session and through a key: the table of the core.

use keystead_domain::audit::AuditFilter;
use keystead_domain::{Actor, Error, Field, KeyFilter, RoleId, UserFilter, View};

use crate::acts::{ACTS, Things, act};
use crate::world::{Somebody, World, blocking, roles};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Member,
    KeysReader,
    KeysRevoker,
    IamReader,
    IamWriter,
    Settings,
    Auditor,
    SiteAdministrator,
    Administrator,
    /// The administrator of another organization.
    Stranger,
}

use Who::{Administrator, Auditor, IamReader, IamWriter, KeysReader, Settings, SiteAdministrator, Stranger};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Forbidden,
    /// What is another organization's is not there, and nobody here has that address.
    NotThere,
}

use Outcome::{Done, Forbidden, NotThere};

fn outcome<T>(what: &str, result: Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Done,
        Err(Error::Forbidden(_)) => Forbidden,
        Err(Error::NotFound(_) | Error::Invalid { field: Field::Email, .. }) => NotThere,
        Err(other) => panic!("{what}: {other:?}"),
    }
}

impl Who {
    const ALL: [Self; 10] = [
        Self::Member,
        KeysReader,
        Self::KeysRevoker,
        IamReader,
        IamWriter,
        Settings,
        Auditor,
        SiteAdministrator,
        Administrator,
        Stranger,
    ];

    async fn appear(self, world: &World) -> Somebody {
        let permission = match self {
            Stranger => return world.organization("Second", "stranger@example.com").await,
            Self::Member => return world.person("who@example.com", roles([RoleId::MEMBER])).await,
            Administrator => return world.person("who@example.com", roles([RoleId::ADMINISTRATOR])).await,
            SiteAdministrator => {
                return world.person("who@example.com", roles([RoleId::SITE_ADMINISTRATOR])).await;
            }
            KeysReader => "keys:read_all",
            Self::KeysRevoker => "keys:revoke_all",
            IamReader => "iam:read",
            IamWriter => "iam:write",
            Settings => "settings:write",
            Auditor => "audit:read",
        };
        let role = world.role("One permission", &[permission]).await;
        world.person("who@example.com", roles([role.id])).await
    }

    /// What becomes of an act upon the first organization, in which the things are.
    fn expected(self, name: &str) -> Outcome {
        // These name nothing of the organization's: a stranger does them to their own.
        let of_own = ["invite_user", "create_users", "create_role", "create_group"];
        let settings = ["rename_organization", "set_key_policy", "set_email_access"];
        // Whoever may change users may not touch those who hold more, nor what gives more.
        let holds_nothing = ["invite_user", "create_users", "create_group", "update_group", "delete_group"];
        match self {
            Administrator => Done,
            Stranger if of_own.contains(&name) || settings.contains(&name) => Done,
            Stranger => NotThere,
            IamWriter if holds_nothing.contains(&name) => Done,
            Settings if settings.contains(&name) => Done,
            _ => Forbidden,
        }
    }
}

async fn things(world: &World) -> Things {
    let role = world.role("Reports", &["reports:read"]).await;
    let group = world.group_of(&world.root().await, "Group", keystead_domain::Assignments::default()).await;
    let target = world.person("target@example.com", roles([role.id.clone()])).await;
    Things { role, group, target }
}

async fn traces(world: &World) -> usize {
    let filter = AuditFilter::default();
    world.app.audit_events(&world.root().await, &filter, 100, None).await.unwrap().events.len()
}

async fn actor(world: &World, somebody: &Somebody, by_key: bool) -> Actor {
    if by_key { somebody.by_key(&world.app).unwrap() } else { somebody.session(&world.app).await.unwrap() }
}

#[tokio::test]
async fn every_change_is_made_by_those_who_hold_its_permission_and_leaves_no_trace_of_others() {
    for who in Who::ALL {
        let mut scene = scene(who).await;
        for (name, by_key) in ACTS.into_iter().flat_map(|name| [(name, false), (name, true)]) {
            let Scene { world, things, somebody } = &scene;
            let actor = actor(world, somebody, by_key).await;
            let before = traces(world).await;
            let case = format!("{name} by {who:?}, by a key: {by_key}");
            let outcome = outcome(&case, act(world, name, &actor, things).await);
            assert_eq!(outcome, who.expected(name), "{case}");
            let is_changed = traces(world).await != before;
            assert_eq!(is_changed, outcome == Done && who != Stranger, "{case}");
            if outcome == Done {
                scene = self::scene(who).await;
            }
        }
    }
}

struct Scene {
    world: World,
    things: Things,
    somebody: Somebody,
}

async fn scene(who: Who) -> Scene {
    let world = World::new().await;
    let things = things(&world).await;
    let somebody = who.appear(&world).await;
    Scene { world, things, somebody }
}

#[tokio::test]
async fn everything_is_seen_by_those_who_hold_its_permission() {
    for who in Who::ALL {
        for by_key in [false, true] {
            let Scene { world, things, somebody } = scene(who).await;
            let actor = &actor(&world, &somebody, by_key).await;
            let app = &world.app;
            let target = world.user(things.target.id).unwrap();
            let sees = |name: &str, outcome: Outcome, holders: &[Who]| {
                let expected = if holders.contains(&who) || who == Administrator { Done } else { Forbidden };
                assert_eq!(outcome, expected, "{name} by {who:?}, by a key: {by_key}");
            };
            let filter = UserFilter::default();
            sees("users", outcome("", app.users(actor, &filter, 50, None).await), &[IamReader, Stranger]);
            sees(
                "count_users",
                outcome("", app.count_users(actor, &filter, 9).await),
                &[IamReader, Stranger],
            );
            sees("roles_and_groups", outcome("", app.roles_and_groups(actor)), &[IamReader, Stranger]);
            let log = app.audit_events(actor, &AuditFilter::default(), 50, None).await;
            sees("audit_events", outcome("", log), &[Auditor, Stranger]);
            let all = app.keys(actor, View::All, &KeyFilter::default(), 50, None).await;
            sees("keys", outcome("", all), &[KeysReader, Stranger]);
            sees("excluded_by", outcome("", app.excluded_by(actor, &blocking(&[]))), &[Settings, Stranger]);
            let organizations = outcome("", app.organizations(actor));
            assert_eq!(organizations == Done, who == SiteAdministrator, "organizations by {who:?}");
            assert_eq!(app.check_may_read_metrics(actor).is_ok(), who == SiteAdministrator);

            // Of one user, one group, one key: a stranger learns of none.
            let one = |name: &str, outcome: Outcome, holders: &[Who]| {
                let expected = match who {
                    Stranger => NotThere,
                    who if holders.contains(&who) || who == Administrator => Done,
                    _ => Forbidden,
                };
                assert_eq!(outcome, expected, "{name} by {who:?}, by a key: {by_key}");
            };
            let user = app.user(actor, target.id).await;
            if who == Stranger {
                assert_eq!(user.map(drop), Err(Error::NotFound("user")));
            } else {
                one("user", outcome("", user), &[IamReader]);
            }
            one("group_members", outcome("", app.group_members(actor, things.group.id).await), &[IamReader]);
            one("keys_of", outcome("", app.keys_of(actor, &target, 50, None).await), &[KeysReader]);
            one("key_impact", outcome("", app.key_impact(actor, &target).await), &[KeysReader]);
            // Whoever may not see others' keys is not told that there is one.
            let key = outcome("", app.key(actor, things.target.key).await);
            assert_eq!(key == Done, matches!(who, KeysReader | Administrator), "key by {who:?}");
            assert_ne!(key, Forbidden, "key by {who:?}");
        }
    }
}
