//! What decides for all users of an organization at once: one change, whatever users and keys there are (promise 1).

use keystead_directory::{Directory, Refusal};
use keystead_domain::{
    Assignment, Assignments, Change, Description, EmailAccess, Group, GroupId, GroupName, OrganizationId,
    OrganizationRecord, OwnRoleId, Permission, Role, RoleId, RoleName, RoleOrigin, UserRecord,
};
use keystead_token::Token;

use crate::{
    at, change_of, directory_with, organization, organization_id, record, refusal, token, user, user_id,
};

/// What an organization decides, each a switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are switches")]
pub(crate) struct Settings {
    archived: bool,
    blocked: bool,
    /// Its own role permits `reports:read`.
    reports: bool,
    /// The members of its group are administrators.
    administrators: bool,
}

impl From<[bool; 4]> for Settings {
    fn from([archived, blocked, reports, administrators]: [bool; 4]) -> Self {
        Self { archived, blocked, reports, administrators }
    }
}

pub(crate) fn reports() -> Permission {
    Permission::parse("reports:read").unwrap()
}

fn own_role_id() -> OwnRoleId {
    OwnRoleId::from_u128(7)
}

/// An organization's own role.
pub(crate) fn own_role(permissions: impl IntoIterator<Item = Permission>) -> Role {
    Role {
        id: own_role_id().into(),
        name: RoleName::from_stored("Own".to_owned()),
        description: Description::from_stored(String::new()),
        permissions: permissions.into_iter().collect(),
        origin: RoleOrigin::Organization,
    }
}

/// An organization's group, without roles.
pub(crate) fn group(name: &str) -> Group {
    Group {
        id: GroupId::from_u128(8),
        name: GroupName::from_stored(name.to_owned()),
        assignments: Assignments::default(),
    }
}

/// The `n`-th organization with these settings.
pub(crate) fn record_of(n: u128, settings: Settings) -> OrganizationRecord {
    let mut record = organization(n);
    record.organization.archived_at = settings.archived.then(|| at(0));
    if settings.blocked {
        record.email_access = EmailAccess::parse(&[], &[], &["example.com".to_owned()], &[]).unwrap();
    }
    record.roles = vec![own_role(settings.reports.then(reports))];
    let roles = settings.administrators.then(|| Assignment::everywhere(RoleId::ADMINISTRATOR));
    record.groups = vec![Group { assignments: Assignments::from_iter(roles), ..group("Group") }];
    record
}

/// The user of another organization, as its administrator or with its own role, in its group or not.
pub(crate) fn assigned(
    user: UserRecord,
    organization: OrganizationId,
    administrator: bool,
    member: bool,
) -> UserRecord {
    let role = if administrator { RoleId::ADMINISTRATOR } else { own_role_id().into() };
    UserRecord {
        organization,
        assignments: Assignments::from_iter([Assignment::everywhere(role)]),
        groups: member.then(|| group("Group").id).into_iter().collect(),
        ..user
    }
}

const USERS: u128 = 40;
const KEYS: u64 = 3;

/// Two organizations; users with even numbers are of the second. Each holds its organization's own role, is in its group, and has
/// keys of the same number in the thousands.
fn two_organizations() -> (Directory, Vec<(UserRecord, Vec<Token>)>) {
    let directory = Directory::new([]);
    for n in [1, 2] {
        directory.apply(1, change_of(record_of(n, Settings::default())));
    }
    let mut people = Vec::new();
    for n in 1..=USERS {
        let organization = organization_id(2 - n % 2);
        let user = assigned(user(user_id(n), "Somebody", true, RoleId::MEMBER), organization, false, true);
        directory.apply(1, Change::User(user.clone()));
        let tokens: Vec<Token> =
            (0..KEYS).map(|key| token(u64::try_from(n).unwrap() * 1_000 + key)).collect();
        for token in &tokens {
            directory.apply(1, Change::Key(record(token, user.id)));
        }
        people.push((user, tokens));
    }
    (directory, people)
}

/// What a key tells of its creator: whether they may read reports and change users; or why it is refused.
fn told(directory: &Directory, token: &Token) -> Result<[bool; 2], Refusal> {
    let verified = directory.verify(token.checked(), at(0))?;
    Ok([&reports(), &Permission::IAM_WRITE].map(|permission| verified.user().may(permission)))
}

#[test]
fn one_change_of_an_organization_is_felt_by_every_key_of_every_user_of_it_and_by_no_other() {
    let off = Settings::default();
    let nothing = Ok([false, false]);
    for (settings, expected) in [
        (Settings { reports: true, ..off }, Ok([true, false])),
        (Settings { administrators: true, ..off }, Ok([true, true])),
        (Settings { blocked: true, ..off }, Err(Refusal::CreatorInactive)),
        (Settings { archived: true, ..off }, Err(Refusal::CreatorInactive)),
        (off, nothing),
    ] {
        let (directory, people) = two_organizations();
        // There, and back again.
        for (sequence, settings, expected) in [(2, settings, expected), (3, off, nothing)] {
            directory.apply(sequence, change_of(record_of(1, settings)));
            for (user, tokens) in &people {
                let expected = if user.organization == organization_id(1) { expected } else { nothing };
                for token in tokens {
                    assert_eq!(told(&directory, token), expected, "{settings:?} of {}", user.id);
                }
            }
        }
        assert_eq!(directory.keys(), people.len() * usize::try_from(KEYS).unwrap());
    }
}

#[test]
fn whoever_is_of_an_unknown_organization_is_refused_until_it_comes() {
    let token = token(1);
    let directory = directory_with([]);
    let stranger = UserRecord {
        organization: organization_id(9),
        ..user(user_id(9), "Stranger", true, RoleId::ADMINISTRATOR)
    };
    directory.apply(2, Change::User(stranger));
    directory.apply(3, Change::Key(record(&token, user_id(9))));
    directory.apply(4, change_of(organization(8)));
    assert_eq!(refusal(&directory, &token, at(0)), Some(Refusal::CreatorInactive));
    let unknown = directory.user(user_id(9)).unwrap();
    assert!(!unknown.may_act() && !unknown.permissions().is_everything());
    directory.apply(5, change_of(organization(9)));
    assert_eq!(refusal(&directory, &token, at(0)), None);
    assert!(directory.user(user_id(9)).unwrap().is_administrator());
}

#[test]
fn a_deleted_user_does_not_come_back_with_a_change_of_their_organization() {
    let token = token(1);
    let directory = directory_with([&token]);
    directory.apply(2, Change::UserGone(user_id(1)));
    directory.apply(3, change_of(organization(1)));
    assert_eq!(refusal(&directory, &token, at(0)), Some(Refusal::CreatorInactive));
    assert!(directory.user(user_id(1)).is_none() && directory.users_of(organization_id(1)).is_empty());
}

#[test]
fn the_roles_of_the_deployment_are_every_organizations() {
    let support = Role::of_deployment("support", "", &["reports:read".to_owned()]).unwrap();
    let id = support.id.clone();
    let directory = Directory::new([support]);
    for n in [1, 2] {
        directory.apply(1, change_of(organization(n)));
        let user = UserRecord { organization: organization_id(n), ..user(user_id(n), "", true, id.clone()) };
        directory.apply(1, Change::User(user));
        assert!(directory.user(user_id(n)).unwrap().may(&reports()));
    }
}

/// How much a change of the creator's role, then of what the role permits, allocates when they have so many keys.
fn allocations(keys: u64) -> [u64; 2] {
    let tokens: Vec<Token> = (0..keys).map(token).collect();
    let directory = directory_with(&tokens);
    let table = directory.memory_bytes();
    let promoted = assigned(user(user_id(1), "Ada", true, RoleId::MEMBER), organization_id(1), false, false);
    let mut changes = vec![
        change_of(record_of(1, Settings { reports: true, ..Settings::default() })),
        Change::User(promoted),
    ];
    let counted = [(); 2].map(|()| {
        let change = changes.pop().unwrap();
        allocation_counter::measure(|| directory.apply(2, change)).count_total
    });
    assert!(tokens.iter().all(|token| told(&directory, token) == Ok([true, false])));
    assert_eq!((directory.memory_bytes(), directory.keys()), (table, tokens.len()));
    counted
}

/// Permissions are found through the creator: were they copied to keys, 10,000 of these would cost more than one.
#[test]
fn a_change_of_a_role_touches_no_key_however_many_its_holder_has() {
    assert_eq!(allocations(10_000), allocations(1));
}
