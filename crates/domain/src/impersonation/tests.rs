use std::collections::BTreeSet;

use super::*;
use crate::{
    ApiKey, Assignment, Assignments, Description, EmailAccess, Expiration, GroupId, KeyName, KeyPolicy,
    Organization, OrganizationName, OrganizationRecord, OrganizationState, OwnRoleId, PersonName, ResourceId,
    Role, RoleId, RoleName, RoleOrigin, UserId, UserRecord, View,
};

const GRANT: &str = "impersonation:grant";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn permission(name: &str) -> Permission {
    Permission::parse(name).unwrap()
}

/// A user of an organization, before either is resolved.
struct Person {
    record: UserRecord,
    organization: OrganizationRecord,
}

/// Somebody who holds these permissions by one role; `name@resource` holds there only.
fn person(n: u128, permissions: &[&str]) -> Person {
    let organization_id = OrganizationId::from_u128(1);
    let (mut roles, mut assignments) = (Vec::new(), Vec::new());
    for (at, name) in (1..).zip(permissions) {
        let (name, resource) = name.split_once('@').unwrap_or((name, ""));
        let id = OwnRoleId::from_u128(at);
        roles.push(Role {
            id: id.into(),
            name: RoleName::from_stored(format!("Role {at}")),
            description: Description::from_stored(String::new()),
            permissions: BTreeSet::from([permission(name)]),
            origin: RoleOrigin::Organization,
        });
        let scopes = ResourceId::parse(resource).into_iter().collect();
        assignments.push(Assignment { role: id.into(), scopes });
    }
    let record = UserRecord {
        id: UserId::from_u128(n),
        organization: organization_id,
        email: Email::parse(&format!("user{n}@example.com")).unwrap(),
        name: PersonName::from_stored(format!("User {n}")),
        active: true,
        created_at: at(0),
        assignments: assignments.into_iter().collect(),
        groups: Vec::<GroupId>::new(),
    };
    let organization = OrganizationRecord {
        organization: Organization {
            id: organization_id,
            name: OrganizationName::from_stored("One".to_owned()),
            created_at: at(0),
            archived_at: None,
        },
        policy: KeyPolicy::default(),
        email_access: EmailAccess::default(),
        roles,
        groups: Vec::new(),
    };
    Person { record, organization }
}

fn administrator(n: u128) -> Person {
    let mut person = person(n, &[]);
    person.record.assignments = Assignments::from_iter([Assignment::everywhere(RoleId::ADMINISTRATOR)]);
    person
}

impl Person {
    fn user(self) -> Arc<User> {
        Arc::new(User::new(self.record, &OrganizationState::new(self.organization, &[])))
    }

    fn deactivated(mut self) -> Self {
        self.record.active = false;
        self
    }

    fn not_admitted(mut self) -> Self {
        let address = self.record.email.to_string();
        self.organization.email_access = EmailAccess::parse(&[], &[], &[], &[address]).unwrap();
        self
    }

    fn archived(mut self) -> Self {
        self.organization.organization.archived_at = Some(at(0));
        self
    }

    fn elsewhere(mut self) -> Self {
        self.record.organization = OrganizationId::from_u128(2);
        self.organization.organization.id = OrganizationId::from_u128(2);
        self
    }
}

fn key_id() -> KeyId {
    KeyId::from_u128(100)
}

fn impersonator_of(creator: Arc<User>, epoch: u32) -> Impersonator {
    Impersonator::new(true, key_id(), true, creator, epoch).unwrap()
}

fn impersonator() -> Impersonator {
    impersonator_of(person(1, &[GRANT]).user(), 3)
}

fn target() -> Arc<User> {
    person(2, &["reports:read"]).user()
}

fn new_session(impersonator: Impersonator, user: Option<Arc<User>>) -> Result<NewImpersonation, Error> {
    let (none, stored) = (SessionAttributes::default(), UserAttributes::default());
    let moment = (at(0) + SignedDuration::from_millis(999), SessionLifetime::LONGEST);
    NewImpersonation::new(impersonator, user, &stored, &none, SessionId::from_u128(7), moment)
}

fn claims() -> SessionClaims {
    let session = new_session(impersonator(), Some(target())).unwrap();
    SessionClaims::of(&session, "https://keys.example.com", at(0))
}

/// The session that a key of `creator` has for `user`.
fn session(creator: Person, user: Person, administration: bool) -> Impersonation {
    let (impersonator, user) = (impersonator_of(creator.user(), 3), user.user());
    let minted = new_session(impersonator.clone(), Some(Arc::clone(&user))).unwrap();
    let claims = SessionClaims::of(&minted, "https://keys.example.com", at(0));
    Impersonation::new(claims, impersonator, user, administration).unwrap()
}

#[test]
fn a_key_impersonates_only_with_the_deployments_consent_its_flag_and_a_creator_who_may_grant_it() {
    let creators: [(fn() -> Person, bool); 7] = [
        (|| person(1, &[GRANT]), true),
        (|| administrator(1), true),
        (|| person(1, &["iam:write", "reports:read"]), false),
        // Held on some resource only, it is no permission to impersonate.
        (|| person(1, &["impersonation:grant@a"]), false),
        (|| person(1, &[GRANT]).deactivated(), false),
        (|| administrator(1).not_admitted(), false),
        (|| administrator(1).archived(), false),
    ];
    for (at, (creator, may)) in creators.into_iter().enumerate() {
        for (deployment, flag) in [(false, false), (false, true), (true, false), (true, true)] {
            let made = Impersonator::new(deployment, key_id(), flag, creator().user(), 0);
            assert_eq!(made.is_some(), may && deployment && flag, "{at}, {deployment}, {flag}");
        }
    }
}

#[test]
fn whoever_is_not_of_the_keys_organization_is_not_there_and_its_own_users_are_told_about() {
    let refusal = |user| new_session(impersonator(), user).unwrap_err();
    let nobody = Error::NotFound("user in the key's organization");
    assert_eq!(refusal(None), nobody);
    assert_eq!(refusal(Some(person(2, &[]).elsewhere().user())), nobody);
    assert_eq!(
        refusal(Some(person(2, &[]).deactivated().elsewhere().user())),
        nobody,
        "nor why they may not act"
    );
    assert_eq!(target_email("no address").unwrap_err(), nobody);
    let Error::Forbidden(deactivated) = refusal(Some(person(2, &[]).deactivated().user())) else { panic!() };
    assert!(deactivated.contains("deactivated"));
    let Error::Forbidden(blocked) = refusal(Some(person(2, &[]).not_admitted().user())) else { panic!() };
    assert!(blocked.contains("e-mail access rules"));
    assert_eq!(refusal(Some(person(2, &[]).archived().user())), Error::Unauthenticated);
}

#[test]
fn a_new_session_ends_a_lifetime_after_the_second_in_which_it_was_minted_and_its_token_says_so() {
    let session = new_session(impersonator(), Some(target())).unwrap();
    assert_eq!(session.expires_at, at(3_600), "no fraction of a second longer");
    let claims = claims();
    assert_eq!((claims.exp, claims.iat), (at(3_600).as_second(), at(0).as_second()));
    assert_eq!((&*claims.iss, &*claims.aud), ("https://keys.example.com", "https://keys.example.com"));
    assert_eq!((claims.sub, claims.impersonated_user_id), (UserId::from_u128(2), UserId::from_u128(2)));
    assert_eq!((claims.act.sub, claims.act.key_id), (UserId::from_u128(1), key_id()));
    assert_eq!((claims.jti, claims.session_epoch), (SessionId::from_u128(7), 3));
    assert_eq!(claims.organization_id, OrganizationId::from_u128(1));
}

#[test]
fn a_session_lasts_a_minute_to_an_hour_in_whole_seconds() {
    for (text, seconds) in
        [("1m", 60), ("60s", 60), ("15m", 900), (" 1h ", 3_600), ("PT30M", 1_800), ("59m 59s", 3_599)]
    {
        assert_eq!(SessionLifetime::parse(text).unwrap().as_duration().as_secs(), seconds, "{text}");
    }
    for text in
        ["", "59s", "1h 1s", "61m", "0", "60", "-15m", "1d", "24h", "90.5s", "9999999999999999999h", "soon"]
    {
        assert!(SessionLifetime::parse(text).is_err(), "{text:?}");
    }
    assert_eq!(SessionLifetime::default().as_duration(), SignedDuration::from_hours(1));
}

#[test]
fn in_a_session_the_products_permissions_stay_and_keysteads_own_are_off() {
    let resource = ResourceId::parse("a").unwrap();
    let all = Permission::OF_ORGANIZATION;
    let own: Vec<&str> = all.iter().map(Permission::as_str).collect();
    let held = [&own[..], &["reports:read", "reports:share@a", "iam:write@a"]].concat();
    let user = person(2, &held);
    let restricted = session(administrator(1), user, false);
    let user = restricted.user();
    assert!(user.may(&permission("reports:read")) && user.may_on(&permission("reports:share"), &resource));
    for own in &Permission::OF_ORGANIZATION {
        assert!(!user.may(own) && !user.may_on(own, &resource), "{own}");
    }
    assert_eq!(user.permissions().to_string(), "reports:read", "nor does the header list them");

    let restricted = session(administrator(1), administrator(2), false);
    let user = restricted.user();
    assert!(user.may(&permission("whatever:the:product:has")) && !user.is_administrator());
    assert!(Permission::OF_ORGANIZATION.iter().all(|own| !user.may(own)));
    assert!(Actor::impersonated(restricted, None).site().is_err());
}

#[test]
fn where_administration_is_on_a_session_has_what_the_keys_creator_holds_as_well_and_never_the_grant() {
    let resource = ResourceId::parse("a").unwrap();
    let off = |user: &User, own: &Permission| !user.may(own) && !user.may_on(own, &resource);
    // An administrator in the session of somebody who may but impersonate and read keys.
    let reader = person(1, &[GRANT, "keys:read_all", "audit:read@a"]);
    let restricted = session(reader, administrator(2), true);
    for own in &Permission::OF_ORGANIZATION {
        assert_eq!(restricted.user().may(own), *own == Permission::KEYS_READ_ALL, "{own}");
    }
    // Two administrators: all but the grant, and not the administrator's role itself.
    let restricted = session(administrator(1), administrator(2), true);
    for own in &Permission::OF_ORGANIZATION {
        assert_eq!(restricted.user().may(own), *own != Permission::IMPERSONATION_GRANT, "{own}");
    }
    assert!(!restricted.user().permissions().is_everything());
    // A creator who may everything gives the user nothing.
    let restricted =
        session(administrator(1), person(2, &["reports:read", "iam:read@a", "impersonation:grant@a"]), true);
    assert!(
        restricted.user().may_on(&Permission::IAM_READ, &resource)
            && !restricted.user().may(&Permission::IAM_READ)
    );
    assert!(off(restricted.user(), &Permission::IMPERSONATION_GRANT));
    // A site administrator's power stays outside, whoever the creator is.
    let both = || {
        let mut person = administrator(2);
        let roles = [RoleId::ADMINISTRATOR, RoleId::SITE_ADMINISTRATOR].map(Assignment::everywhere);
        person.record.assignments = roles.into_iter().collect();
        person
    };
    let restricted = session(administrator(1), both(), true);
    assert!(off(restricted.user(), &Permission::ORGANIZATIONS_MANAGE));
}

#[test]
fn a_session_counts_only_if_everything_that_its_token_says_is_so() {
    type Said = fn(&mut SessionClaims);
    type Somebody = fn() -> Arc<User>;
    let counts = |claims, impersonator, user: &User| {
        Impersonation::new(claims, impersonator, Arc::new(user.clone()), true).is_some()
    };
    assert!(counts(claims(), impersonator(), &target()));

    let changed: [(&str, Said); 7] = [
        ("another user", |claims| claims.sub = UserId::from_u128(3)),
        ("two users", |claims| claims.impersonated_user_id = UserId::from_u128(3)),
        ("another creator", |claims| claims.act.sub = UserId::from_u128(3)),
        ("another key", |claims| claims.act.key_id = KeyId::from_u128(3)),
        ("another organization", |claims| claims.organization_id = OrganizationId::from_u128(2)),
        ("ended", |claims| claims.session_epoch = 2),
        ("never minted yet", |claims| claims.session_epoch = 4),
    ];
    for (what, change) in changed {
        let mut claims = claims();
        change(&mut claims);
        assert!(!counts(claims, impersonator(), &target()), "{what}");
    }
    let users: [(&str, Somebody); 5] = [
        ("another user", || person(3, &["reports:read"]).user()),
        ("of another organization", || person(2, &[]).elsewhere().user()),
        ("deactivated", || person(2, &[]).deactivated().user()),
        ("not admitted", || person(2, &[]).not_admitted().user()),
        ("archived", || person(2, &[]).archived().user()),
    ];
    for (what, user) in users {
        assert!(!counts(claims(), impersonator(), &user()), "{what}");
    }
    let creator = || person(1, &[GRANT]);
    let impersonators: [(&str, Impersonator); 4] = [
        ("another key", Impersonator { key: KeyId::from_u128(3), ..impersonator() }),
        ("ended once more", impersonator_of(creator().user(), 4)),
        ("of another organization", impersonator_of(creator().elsewhere().user(), 3)),
        ("of another creator", impersonator_of(administrator(9).user(), 3)),
    ];
    for (what, impersonator) in impersonators {
        assert!(!counts(claims(), impersonator, &target()), "{what}");
    }
    // Key, creator and token of another organization, and the user of this one.
    let foreign = SessionClaims { organization_id: OrganizationId::from_u128(2), ..claims() };
    assert!(!counts(foreign, impersonator_of(creator().elsewhere().user(), 3), &target()));
}

#[test]
fn a_session_is_looked_at_again_with_everybody_as_they_are_then() {
    let session = session(administrator(1), administrator(2), true);
    assert!(session.user().may(&Permission::IAM_WRITE));
    let again = |impersonator, user: &User| session.again(impersonator, Arc::new(user.clone()));
    // What the creator or the user lost meanwhile, the session has lost.
    let less = again(impersonator(), &administrator(2).user()).unwrap();
    assert!(!less.user().may(&Permission::IAM_WRITE));
    let less = again(impersonator_of(administrator(1).user(), 3), &person(2, &["iam:read"]).user()).unwrap();
    assert!(less.user().may(&Permission::IAM_READ) && !less.user().may(&Permission::IAM_WRITE));
    assert_eq!((less.id(), less.expires_at()), (session.id(), session.expires_at()));

    let key = || impersonator_of(administrator(1).user(), 3);
    let cases = [
        ("another key", Impersonator { key: KeyId::from_u128(3), ..key() }, administrator(2)),
        ("its sessions were ended", impersonator_of(administrator(1).user(), 4), administrator(2)),
        ("another user", key(), administrator(3)),
        ("the user is deactivated", key(), administrator(2).deactivated()),
        ("the user is blocked", key(), administrator(2).not_admitted()),
        ("the user is elsewhere", key(), administrator(2).elsewhere()),
        ("the organization is archived", key(), administrator(2).archived()),
    ];
    for (what, impersonator, user) in cases {
        assert_eq!(again(impersonator, &user.user()).unwrap_err(), Error::Unauthenticated, "{what}");
    }
}

fn key_of(creator: u128, allow_impersonation: bool) -> ApiKey {
    ApiKey {
        id: key_id(),
        name: KeyName::from_stored("key".to_owned()),
        description: Description::from_stored(String::new()),
        masked: keystead_token::MaskedToken::from_stored("ks_aaaa…bbbb".to_owned()),
        allow_impersonation,
        creator: UserId::from_u128(creator),
        creator_name: "User".to_owned(),
        created_at: at(0),
        expires_at: None,
        last_used_at: None,
    }
}

#[test]
fn a_session_manages_its_users_keys_and_touches_no_impersonation_key() {
    // As much as a session can ever have.
    let session = session(administrator(1), administrator(2), true);
    let user = Arc::clone(session.user());
    let actor = Actor::impersonated(session, None);
    let person =
        Actor::authenticated(administrator(2).user(), Via::Session(SessionId::from_u128(1)), None).unwrap();
    let new_key = |actor: &Actor, impersonates| {
        actor.new_key(Expiration::Days30, impersonates, true, &KeyPolicy::default())
    };

    assert_eq!(new_key(&actor, false).unwrap().creator(), user.id);
    let Err(Error::Forbidden(why)) = new_key(&actor, true) else { panic!() };
    assert!(why.contains("impersonated session"), "not for want of a permission: {why}");
    assert!(new_key(&person, true).is_ok());
    assert!(!actor.may_grant_impersonation(true) && person.may_grant_impersonation(true));

    for creator in [2, 5] {
        let (plain, impersonates) = (key_of(creator, false), key_of(creator, true));
        assert!(actor.check_may_revoke(&plain).is_ok() && person.check_may_revoke(&impersonates).is_ok());
        let refused = actor.check_may_revoke(&impersonates).unwrap_err();
        assert!(refused.to_string().contains("impersonated session"), "it says why: {refused}");
    }
    assert!(actor.check_may_edit(&key_of(2, false), at(1)).is_ok());
    assert!(person.check_may_edit(&key_of(2, true), at(1)).is_ok());
    assert!(matches!(actor.check_may_edit(&key_of(2, true), at(1)), Err(Error::Forbidden(_))));

    // All of a user's keys at once would take those that impersonate with them.
    for of in [Arc::clone(&user), administrator(5).user()] {
        assert!(person.revocable_keys_of(&of).is_ok());
        assert!(matches!(actor.revocable_keys_of(&of), Err(Error::Forbidden(_))));
    }
    assert!(actor.keys(View::All).is_ok(), "it sees them");
}

#[test]
fn no_key_that_a_session_creates_could_do_more_than_the_session() {
    let creates = |creator, user, administration| {
        let actor = Actor::impersonated(session(creator, user, administration), None);
        let may = actor.check_may_create_keys(&KeyPolicy::default()).is_ok();
        assert_eq!(actor.new_key(Expiration::Days30, false, true, &KeyPolicy::default()).is_ok(), may);
        may
    };
    let creator = || person(1, &[GRANT, "iam:read"]);
    for administration in [false, true] {
        assert!(creates(creator(), person(2, &["reports:read", "reports:write@a"]), administration));
        assert!(creates(creator(), person(2, &[]), administration));
        assert!(!creates(creator(), administrator(2), administration), "more than the key's creator, too");
    }
    for user in [|| person(2, &["iam:read"]), || person(2, &[GRANT]), || person(2, &["iam:read@a"])] {
        assert!(!creates(creator(), user(), false));
        assert!(creates(creator(), user(), true), "left on, as far as the key's creator goes");
    }
    assert!(!creates(administrator(1), administrator(2), false));
}

#[test]
fn a_session_never_reaches_its_users_account_and_names_itself_and_its_key() {
    let manager = |n| person(n, &["iam:read", "iam:write"]);
    let session = session(administrator(1), manager(2), true);
    let id = session.id();
    let actor = Actor::impersonated(session, None);
    assert!(matches!(actor.own_account(), Err(Error::Forbidden(_))));
    let people = actor.manage_people().unwrap();
    assert!(people.user(&manager(3).user()).is_ok(), "others who may do no more");
    assert!(
        matches!(people.user(&manager(2).user()), Err(Error::Forbidden(_))),
        "nor as one of those whom they manage"
    );
    assert_eq!(actor.via(), Via::Impersonation { session: id, key: key_id() });
    assert_eq!(actor.user().id, UserId::from_u128(2));
}

#[test]
fn the_sessions_attributes_are_the_tokens_and_not_the_stored_ones() {
    let stored = UserAttributes::parse([("plan", "free"), ("team", "blue")]).unwrap();
    let given = SessionAttributes::parse([("plan", "pro")]).unwrap();
    let moment = (at(0), SessionLifetime::LONGEST);
    let minted = NewImpersonation::new(
        impersonator(),
        Some(target()),
        &stored,
        &given,
        SessionId::from_u128(7),
        moment,
    )
    .unwrap();
    let claims = SessionClaims::of(&minted, "https://keys.example.com", at(0));
    let session = Impersonation::new(claims, impersonator(), target(), false).unwrap();
    let actor = Actor::impersonated(session, None);
    let attributes: Vec<_> = actor.session_attributes().unwrap().iter().collect();
    assert_eq!(attributes, [("plan", "pro"), ("team", "blue")]);
}
