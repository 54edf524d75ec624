use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    Assignment, Description, Email, EmailAccess, GroupId, GroupName, KeyId, KeyPolicy, Organization,
    OrganizationName, OrganizationRecord, OwnRoleId, PersonName, ResourceId, RoleId, RoleName, RoleOrigin,
    UserRecord, Via, View,
};

/// All of an organization that decides who may do what.
#[derive(Debug, Clone)]
struct World {
    roles: Vec<Role>,
    groups: Vec<Group>,
    users: Vec<UserRecord>,
}

const OWN_ROLES: u128 = 3;
const GROUPS: u128 = 2;
const USERS: usize = 4;

/// What roles are made of here.
fn pool() -> Vec<Permission> {
    let products = ["reports:read", "reports:write"].map(|name| Permission::parse(name).unwrap());
    [Permission::IAM_WRITE, Permission::IAM_READ, Permission::SETTINGS_WRITE, Permission::KEYS_READ_ALL]
        .into_iter()
        .chain(products)
        .collect()
}

fn picked(mask: u8) -> BTreeSet<Permission> {
    pool().into_iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, one)| one).collect()
}

fn own_role(n: u128, permissions: BTreeSet<Permission>) -> Role {
    Role {
        id: OwnRoleId::from_u128(n).into(),
        name: RoleName::from_stored(format!("Role {n}")),
        description: Description::from_stored(String::new()),
        permissions,
        origin: RoleOrigin::Organization,
    }
}

fn support() -> Role {
    Role::of_deployment("support", "", &["reports:read".to_owned(), "tickets:write".to_owned()]).unwrap()
}

/// Every role that can be named: also one that does not exist (any more).
fn role_ids() -> Vec<RoleId> {
    let own = (1..=OWN_ROLES + 1).map(|n| OwnRoleId::from_u128(n).into());
    [RoleId::ADMINISTRATOR, RoleId::MEMBER, RoleId::SITE_ADMINISTRATOR, support().id]
        .into_iter()
        .chain(own)
        .collect()
}

fn resource(id: &str) -> ResourceId {
    ResourceId::parse(id).unwrap()
}

fn assignments(chosen: &[(usize, u8)]) -> Assignments {
    let ids = role_ids();
    let scopes = |mask: u8| {
        let on = [("a", 1), ("b", 2)].into_iter().filter(|(_, bit)| mask & bit != 0);
        on.map(|(id, _)| resource(id)).collect()
    };
    chosen
        .iter()
        .map(|(at, mask)| Assignment { role: ids[at % ids.len()].clone(), scopes: scopes(*mask) })
        .collect()
}

fn group_id(n: usize) -> GroupId {
    GroupId::from_u128(n as u128 % GROUPS + 1)
}

fn groups_of(mask: u8) -> Vec<GroupId> {
    (0..GROUPS as usize).filter(|n| mask & (1 << n) != 0).map(group_id).collect()
}

fn organization_id() -> OrganizationId {
    OrganizationId::from_u128(1)
}

fn user(n: u128, assignments: Assignments, groups: Vec<GroupId>) -> UserRecord {
    UserRecord {
        id: UserId::from_u128(n),
        organization: organization_id(),
        email: Email::parse(&format!("user{n}@example.com")).unwrap(),
        name: PersonName::from_stored(format!("User {n}")),
        active: true,
        created_at: Timestamp::UNIX_EPOCH,
        assignments,
        groups,
    }
}

impl World {
    fn state(&self) -> OrganizationState {
        let record = OrganizationRecord {
            organization: Organization {
                id: organization_id(),
                name: OrganizationName::from_stored("One".to_owned()),
                created_at: Timestamp::UNIX_EPOCH,
                archived_at: None,
            },
            policy: KeyPolicy::default(),
            email_access: EmailAccess::default(),
            roles: self.roles.clone(),
            groups: self.groups.clone(),
        };
        OrganizationState::new(record, &[support()])
    }

    fn user(&self, at: usize) -> User {
        User::new(self.users[at].clone(), &self.state())
    }

    fn actor(&self, at: usize) -> Actor {
        actor(self.user(at))
    }
}

fn actor(user: User) -> Actor {
    Actor::authenticated(Arc::new(user), Via::Key(KeyId::from_u128(1)), None).unwrap()
}

/// A world in which the first user holds these roles, and the second those.
fn two(first: Assignments, second: Assignments) -> World {
    let users = vec![user(1, first, Vec::new()), user(2, second, Vec::new())];
    World { roles: vec![own_role(1, BTreeSet::from([Permission::IAM_WRITE]))], groups: Vec::new(), users }
}

fn only(role: RoleId) -> Assignments {
    Assignments::from_iter([Assignment::everywhere(role)])
}

fn iam_writer() -> Assignments {
    only(OwnRoleId::from_u128(1).into())
}

fn both(one: RoleId, other: RoleId) -> Assignments {
    Assignments::from_iter([one, other].map(Assignment::everywhere))
}

/// What somebody does to an organization.
#[derive(Debug, Clone)]
enum Act {
    Assign { target: usize, to: Vec<(usize, u8)> },
    Groups { target: usize, to: u8 },
    MakeRole { n: u128, permissions: u8 },
    DeleteRole { n: u128 },
    GroupRoles { group: usize, to: Vec<(usize, u8)> },
}

impl Act {
    /// The world after it, or why it is refused: in the order in which the core asks.
    fn by(&self, actor: &Actor, world: &World) -> Result<World, Error> {
        let grant = actor.manage_people()?;
        let state = world.state();
        let mut after = world.clone();
        match self {
            Self::Assign { target, to } => {
                let to = assignments(to);
                grant.user(&world.user(*target))?;
                grant.check_assign(&to, &state.roles)?;
                after.users[*target].assignments = to;
            }
            Self::Groups { target, to } => {
                let to = groups_of(*to);
                grant.user(&world.user(*target))?;
                let before = &world.users[*target].groups;
                for id in before.iter().chain(&to).filter(|id| before.contains(id) != to.contains(id)) {
                    grant.check_member(state.find_group(*id)?, &state.roles)?;
                }
                after.users[*target].groups = to;
            }
            Self::MakeRole { n, permissions } => {
                let role = own_role(*n, picked(*permissions));
                if let Some(before) = state.roles.get(&role.id) {
                    grant.check_role(before)?;
                }
                grant.check_role(&role)?;
                after.roles.retain(|other| other.id != role.id);
                after.roles.push(role);
            }
            Self::DeleteRole { n } => {
                let role = state.roles.find(&OwnRoleId::from_u128(*n).into())?;
                grant.check_role(role)?;
                after.roles.retain(|other| other.id != role.id);
            }
            Self::GroupRoles { group, to } => {
                let to = assignments(to);
                let before = state.find_group(group_id(*group))?;
                grant.check_member(before, &state.roles)?;
                grant.check_assign(&to, &state.roles)?;
                let group = after.groups.iter_mut().find(|group| group.id == before.id).unwrap();
                group.assignments = to;
            }
        }
        Ok(after)
    }
}

fn chosen() -> impl Strategy<Value = Vec<(usize, u8)>> {
    let scopes = prop_oneof![3 => Just(0_u8), 2 => 1_u8..4];
    prop::collection::vec((0_usize..8, scopes), 0..3)
}

fn world() -> impl Strategy<Value = World> {
    let roles = prop::collection::vec(any::<u8>(), OWN_ROLES as usize);
    let groups = prop::collection::vec(chosen(), GROUPS as usize);
    let users = prop::collection::vec((chosen(), any::<u8>()), USERS);
    (roles, groups, users).prop_map(|(roles, groups, users)| World {
        roles: (1..).zip(roles).map(|(n, mask)| own_role(n, picked(mask))).collect(),
        groups: groups
            .iter()
            .enumerate()
            .map(|(n, roles)| Group {
                id: group_id(n),
                name: GroupName::from_stored(format!("Group {n}")),
                assignments: assignments(roles),
            })
            .collect(),
        users: (1..)
            .zip(&users)
            .map(|(n, (roles, groups))| user(n, assignments(roles), groups_of(*groups)))
            .collect(),
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..USERS, chosen()).prop_map(|(target, to)| Act::Assign { target, to }),
        (0..USERS, any::<u8>()).prop_map(|(target, to)| Act::Groups { target, to }),
        (1..=OWN_ROLES + 1, any::<u8>()).prop_map(|(n, permissions)| Act::MakeRole { n, permissions }),
        (1..=OWN_ROLES + 1).prop_map(|n| Act::DeleteRole { n }),
        (0..GROUPS as usize, chosen()).prop_map(|(group, to)| Act::GroupRoles { group, to }),
    ]
}

/// Everything that can be told of a set, one power at a time: each permission everywhere, and on each resource.
fn powers(set: &PermissionSet) -> BTreeSet<String> {
    let never_named = Permission::parse("never:named").unwrap();
    let tickets = Permission::parse("tickets:write").unwrap();
    let all = pool().into_iter().chain([never_named, tickets, Permission::ORGANIZATIONS_MANAGE]);
    let mut powers = BTreeSet::new();
    for permission in all {
        if set.contains(&permission) {
            powers.insert(permission.to_string());
        }
        for on in ["a", "b", "elsewhere"] {
            if set.contains_on(&permission, &resource(on)) {
                powers.insert(format!("{permission} on {on}"));
            }
        }
    }
    powers
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// Nobody grants what they do not hold and nobody takes away what they do not hold, by whatever way round: roles, groups,
    /// what a role permits, what a group carries, to oneself or to others, one after another.
    #[test]
    fn whatever_is_permitted_gives_and_takes_only_what_whoever_did_it_held(
        world in world(),
        acts in prop::collection::vec((0..USERS, act()), 1..12),
    ) {
        let mut world = world;
        for (at, act) in acts {
            let actor = world.actor(at);
            let Ok(after) = act.by(&actor, &world) else { continue };
            let held = powers(actor.user().permissions());
            for n in 0..USERS {
                let (before, after) = (powers(world.user(n).permissions()), powers(after.user(n).permissions()));
                for power in after.symmetric_difference(&before) {
                    prop_assert!(held.contains(power), "{power} of user {n}, by user {at} with {act:?}");
                }
            }
            world = after;
        }
    }

    /// The rule on which all others rest, against each power by itself.
    #[test]
    fn a_set_covers_another_exactly_if_it_has_its_every_power(one in chosen(), other in chosen(), world in world()) {
        let state = world.state();
        let (one, other) = (assignments(&one).permissions(&state.roles), assignments(&other).permissions(&state.roles));
        prop_assert_eq!(one.covers(&other), powers(&one).is_superset(&powers(&other)));
    }

    /// Alone or in company, nobody without it ever comes to hold it.
    #[test]
    fn nobody_becomes_a_site_administrator_but_through_one(world in world(), acts in prop::collection::vec((0..USERS, act()), 1..12)) {
        let mut world = world;
        let holds = |user: User| user.permissions().contains(&Permission::ORGANIZATIONS_MANAGE);
        if (0..USERS).any(|n| holds(world.user(n))) {
            return Ok(());
        }
        for (at, act) in acts {
            if let Ok(after) = act.by(&world.actor(at), &world) {
                world = after;
            }
        }
        prop_assert!((0..USERS).all(|n| !holds(world.user(n))));
    }
}

#[test]
fn whoever_holds_less_manages_no_administrator_in_any_way() {
    let world = two(iam_writer(), only(RoleId::ADMINISTRATOR));
    let grant = world.actor(0).manage_people().unwrap();
    let roles = &world.state().roles;
    assert!(matches!(grant.user(&world.user(1)), Err(Error::Forbidden(_))));
    assert!(matches!(grant.check_assign(&only(RoleId::ADMINISTRATOR), roles), Err(Error::Forbidden(_))));
    let group = Group {
        id: group_id(0),
        name: GroupName::from_stored(String::new()),
        assignments: only(RoleId::ADMINISTRATOR),
    };
    assert!(matches!(grant.check_member(&group, roles), Err(Error::Forbidden(_))));
    let named_all =
        own_role(2, Permission::OF_ORGANIZATION.into_iter().chain(support().permissions).collect());
    assert!(matches!(grant.check_role(&named_all), Err(Error::Forbidden(_))));
    // Somebody with every permission that there is by name is no administrator either.
    let mut world = two(only(OwnRoleId::from_u128(2).into()), only(RoleId::ADMINISTRATOR));
    world.roles = vec![named_all];
    let grant = world.actor(0).manage_people().unwrap();
    assert!(grant.user(&world.user(1)).is_err());
    assert!(grant.check_assign(&only(RoleId::ADMINISTRATOR), &world.state().roles).is_err());
    // A deactivated administrator is still one.
    world.users[1].active = false;
    assert!(grant.user(&world.user(1)).is_err());
}

#[test]
fn an_organizations_administrator_neither_makes_nor_manages_a_site_administrator() {
    let site = both(RoleId::ADMINISTRATOR, RoleId::SITE_ADMINISTRATOR);
    let world = two(only(RoleId::ADMINISTRATOR), site.clone());
    let roles = &world.state().roles;
    let grant = world.actor(0).manage_people().unwrap();
    assert!(matches!(grant.user(&world.user(1)), Err(Error::Forbidden(_))));
    for granted in [&site, &only(RoleId::SITE_ADMINISTRATOR)] {
        assert!(matches!(grant.check_assign(granted, roles), Err(Error::Forbidden(_))));
    }
    let smuggled = own_role(2, BTreeSet::from([Permission::ORGANIZATIONS_MANAGE]));
    assert!(grant.check_role(&smuggled).is_err());
    assert!(matches!(world.actor(0).site(), Err(Error::Forbidden(_))));

    let grant = world.actor(1).manage_people().unwrap();
    assert!(grant.user(&world.user(0)).is_ok() && grant.check_assign(&site, roles).is_ok());
    assert!(world.actor(1).site().is_ok());
    // The role alone is no right over anybody.
    let world = two(only(RoleId::SITE_ADMINISTRATOR), only(RoleId::MEMBER));
    assert!(world.actor(0).manage_people().is_err() && world.actor(0).people().is_err());
}

#[test]
fn somebody_of_another_organization_is_not_there() {
    let world = two(only(RoleId::ADMINISTRATOR), only(RoleId::MEMBER));
    let stranger = UserRecord { organization: OrganizationId::from_u128(2), ..world.users[1].clone() };
    let stranger = User::of_unknown_organization(stranger);
    let actor = world.actor(0);
    assert_eq!(actor.manage_people().unwrap().user(&stranger).unwrap_err(), Error::NotFound("user"));
    assert_eq!(actor.keys_of(&stranger).unwrap_err(), Error::NotFound("user"));
    assert_eq!(actor.revocable_keys_of(&stranger).unwrap_err(), Error::NotFound("user"));
    assert_eq!(Operator.people_of(organization_id()).user(&stranger).unwrap_err(), Error::NotFound("user"));
}

#[test]
fn every_right_is_given_by_its_own_permission_and_by_no_other() {
    type Right = (Permission, fn(&Actor) -> bool);
    let rights: [Right; 7] = [
        (Permission::IAM_READ, |actor| actor.people().is_ok()),
        (Permission::IAM_WRITE, |actor| actor.manage_people().is_ok()),
        (Permission::SETTINGS_WRITE, |actor| actor.settings().is_ok()),
        (Permission::AUDIT_READ, |actor| actor.audit_log().is_ok()),
        (Permission::KEYS_READ_ALL, |actor| actor.keys(View::All).is_ok()),
        (Permission::KEYS_REVOKE_ALL, |actor| actor.revocable_keys().creator().is_none()),
        (Permission::IMPERSONATION_GRANT, |actor| actor.may_grant_impersonation(true)),
    ];
    let role = OwnRoleId::from_u128(1);
    for held in &Permission::OF_ORGANIZATION {
        let mut world = two(only(role.into()), only(RoleId::MEMBER));
        world.roles = vec![own_role(1, BTreeSet::from([held.clone()]))];
        for (permission, given) in &rights {
            assert_eq!(given(&world.actor(0)), permission == held, "{permission} by {held}");
        }
        assert!(world.actor(0).site().is_err());
        // Held on some resource only, it is no right over the organization.
        let limited = Assignment { role: role.into(), scopes: BTreeSet::from([resource("a")]) };
        world.users[0].assignments = Assignments::from_iter([limited]);
        assert!(rights.iter().all(|(_, given)| !given(&world.actor(0))), "{held} on a resource");
    }
}

#[test]
fn whoever_saves_a_rule_stays_in_and_nobody_archives_their_own_organization() {
    let world = two(only(RoleId::ADMINISTRATOR), only(RoleId::MEMBER));
    let settings = world.actor(0).settings().unwrap();
    let mut state = world.state();
    state.email_access = EmailAccess::parse(&["example.com".to_owned()], &[], &[], &[]).unwrap();
    assert_eq!(settings.check_keeps(&world.user(0), &state), Ok(()));
    for blocked in ["user1@example.com", "USER1@EXAMPLE.COM"] {
        state.email_access = EmailAccess::parse(&[], &[], &[], &[blocked.to_owned()]).unwrap();
        assert!(matches!(settings.check_keeps(&world.user(0), &state), Err(Error::Conflict(_))));
    }

    let site = two(both(RoleId::ADMINISTRATOR, RoleId::SITE_ADMINISTRATOR), only(RoleId::MEMBER));
    let grant = site.actor(0).site().unwrap();
    assert!(matches!(grant.check_may_archive(organization_id()), Err(Error::Conflict(_))));
    assert_eq!(grant.check_may_archive(OrganizationId::from_u128(2)), Ok(()));
    assert_eq!(Operator.site().check_may_archive(organization_id()), Ok(()));
}

#[test]
fn a_cursor_is_of_one_list_of_one_organization_and_pages_are_bounded() {
    let scope = PeopleScope { organization: organization_id() };
    let other = PeopleScope { organization: OrganizationId::from_u128(2) };
    let filter = UserFilter::default();
    let narrow = UserFilter { status: Some(UserStatus::Pending), ..UserFilter::default() };
    let id = UserId::from_u128(7);
    let cursor = filter.cursor_after(&scope, id);
    assert_eq!(UserPage::new(1, Some(&cursor), &scope, &filter).unwrap().after, Some(id));
    for (scope, filter, cursor) in [
        (&other, &filter, &*cursor),
        (&scope, &narrow, &*cursor),
        (&scope, &filter, "eA"),
        (&scope, &filter, &*format!("{cursor}A")),
    ] {
        let refused = UserPage::new(1, Some(cursor), scope, filter).unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: Field::After, .. }));
    }
    for first in [0, -1, i64::from(MAX_PAGE_SIZE) + 1, i64::MAX] {
        let refused = UserPage::new(first, None, &scope, &filter).unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: Field::First, .. }));
    }
}
