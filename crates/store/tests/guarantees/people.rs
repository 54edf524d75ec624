//! People, roles, groups and keys to test with, and the rights to change them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, Assignment, Assignments, Description, Email, EmailAccess, Expiration, Group, GroupName, KeyId,
    KeyName, KeyPolicy, KeyScope, NewKeyGrant, Operator, Organization, OrganizationId, OrganizationName,
    OrganizationRecord, OrganizationState, OwnRoleId, PeopleGrant, PeopleScope, PersonName, Role, RoleId,
    RoleName, RoleOrigin, SessionId, SettingsGrant, User, UserAttributes, UserGrant, UserRecord, Via,
};
use keystead_store::{NewKey, NewUser, Recorded, StoreError, Transaction};
use keystead_token::{Prefix, Token};
use uuid::Uuid;

use crate::harness::{Harness, now};

impl Harness {
    pub(crate) fn id<Id: From<Uuid>>(&self) -> Id {
        self.ids.next(now(), self.fixed())
    }

    fn fixed(&self) -> [u8; 8] {
        self.secrets.fetch_add(1, Ordering::Relaxed).to_be_bytes()
    }

    pub(crate) fn token(&self) -> Token {
        let mut secret = [7; 32];
        secret[..8].copy_from_slice(&self.fixed());
        Token::mint(&Prefix::key_default(), &secret)
    }

    pub(crate) async fn begin(&self) -> Transaction {
        self.store.begin(Trace::operator(now())).await.unwrap()
    }

    pub(crate) async fn organization(&self, name: &str) -> Organization {
        let name = OrganizationName::parse(name).unwrap();
        let organization = Organization { id: self.id(), name, created_at: now(), archived_at: None };
        let mut change = self.begin().await;
        change.create_organization(&organization).await.unwrap();
        change.commit().await.unwrap();
        organization
    }

    pub(crate) fn new_user(&self, email: &str, role: RoleId) -> NewUser {
        NewUser {
            id: self.id(),
            email: Email::parse(email).unwrap(),
            name: PersonName::parse(email).unwrap(),
            password_hash: None,
            assignments: roles([role]),
            attributes: UserAttributes::default(),
        }
    }

    pub(crate) async fn user(&self, organization: &Organization, email: &str, role: RoleId) -> User {
        let new = self.new_user(email, role);
        let mut change = self.begin().await;
        assert!(change.create_user(&people(organization), &new).await.unwrap());
        change.commit().await.unwrap();
        user_in(organization.id, new)
    }

    /// A member of an organization of their own.
    pub(crate) async fn somebody(&self) -> User {
        let organization = self.organization("Somewhere").await;
        self.user(&organization, "ada@example.com", RoleId::MEMBER).await
    }

    /// A role of an organization that permits `reports:read`.
    pub(crate) async fn role(&self, organization: &Organization, name: &str) -> (OwnRoleId, Role) {
        let id: OwnRoleId = self.id();
        let role = Role {
            id: id.into(),
            name: RoleName::parse(name).unwrap(),
            description: Description::parse("").unwrap(),
            permissions: Role::parse_permissions(&["reports:read".to_owned()]).unwrap(),
            origin: RoleOrigin::Organization,
        };
        let mut change = self.begin().await;
        change.create_role(&people(organization), id, &role).await.unwrap();
        change.commit().await.unwrap();
        (id, role)
    }

    pub(crate) async fn group(&self, organization: &Organization, name: &str, role: RoleId) -> Group {
        let group =
            Group { id: self.id(), name: GroupName::parse(name).unwrap(), assignments: roles([role]) };
        let mut change = self.begin().await;
        change.create_group(&people(organization), &group).await.unwrap();
        change.commit().await.unwrap();
        group
    }

    pub(crate) async fn join(&self, user: &UserRecord, group: &Group) {
        let mut change = self.begin().await;
        change.set_member(&grant(user), group, true).await.unwrap();
        change.commit().await.unwrap();
    }

    pub(crate) fn new_key(&self, name: &str, expires_at: Option<Timestamp>) -> NewKey {
        let token = self.token();
        NewKey {
            id: self.id(),
            name: KeyName::parse(name).unwrap(),
            description: Description::parse("").unwrap(),
            hash: token.hash(),
            masked: token.masked(),
            request_id: None,
            expires_at,
        }
    }

    pub(crate) async fn create(&self, user: &User, key: &NewKey) -> Result<Recorded, StoreError> {
        let mut change = self.store.begin(Trace::operator(now())).await?;
        let recorded = change.create_key(&new_key_for(user), key).await?;
        change.commit().await?;
        Ok(recorded)
    }

    pub(crate) async fn key(&self, user: &User, name: &str) -> NewKey {
        let key = self.new_key(name, None);
        self.create(user, &key).await.unwrap();
        key
    }

    /// Whether the key was there to revoke.
    pub(crate) async fn revoke(&self, scope: &KeyScope, key: KeyId) -> bool {
        let mut change = self.begin().await;
        let Some(key) = change.key(scope, key).await.unwrap() else { return false };
        change.revoke_key(scope, &key).await.unwrap();
        change.commit().await.unwrap();
        true
    }
}

/// An organization of which only the id matters: the rights to change something are asked of it.
fn state(id: OrganizationId) -> OrganizationState {
    let name = OrganizationName::parse("Any").unwrap();
    let record = OrganizationRecord {
        organization: Organization { id, name, created_at: now(), archived_at: None },
        policy: KeyPolicy::default(),
        email_access: EmailAccess::default(),
        roles: Vec::new(),
        groups: Vec::new(),
    };
    OrganizationState::new(record, &[])
}

/// A user as an organization would name them, whether they are its or not.
pub(crate) fn user_in(organization: OrganizationId, new: NewUser) -> User {
    let record = UserRecord {
        id: new.id,
        organization,
        email: new.email,
        name: new.name,
        active: true,
        created_at: now(),
        assignments: new.assignments,
        groups: Vec::new(),
    };
    User::new(record, &state(organization))
}

/// The same user, named by an organization that is not theirs.
pub(crate) fn disguised(user: &User, organization: OrganizationId) -> User {
    User::new(UserRecord { organization, ..(**user).clone() }, &state(organization))
}

fn administrator_of(organization: OrganizationId) -> Actor {
    let record = UserRecord {
        id: keystead_domain::UserId::from_u128(1),
        organization,
        email: Email::parse("administrator@example.com").unwrap(),
        name: PersonName::parse("Administrator").unwrap(),
        active: true,
        created_at: now(),
        assignments: roles([RoleId::ADMINISTRATOR]),
        groups: Vec::new(),
    };
    let user = User::new(record, &state(organization));
    Actor::authenticated(Arc::new(user), Via::Key(KeyId::from_u128(1)), None).unwrap()
}

pub(crate) fn roles(roles: impl IntoIterator<Item = RoleId>) -> Assignments {
    roles.into_iter().map(Assignment::everywhere).collect()
}

/// A role on some resources.
pub(crate) fn limited(role: &RoleId, scopes: &[&str]) -> Assignments {
    let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
    Assignments::parse([(role.as_str(), &scopes[..])]).unwrap()
}

pub(crate) fn permissions(names: &[&str]) -> BTreeSet<keystead_domain::Permission> {
    names.iter().map(|name| keystead_domain::Permission::parse(name).unwrap()).collect()
}

/// Rules that block domains.
pub(crate) fn blocking(domains: &[&str]) -> EmailAccess {
    let domains: Vec<String> = domains.iter().map(|&domain| domain.to_owned()).collect();
    EmailAccess::parse(&[], &[], &domains, &[]).unwrap()
}

pub(crate) fn people(organization: &Organization) -> PeopleGrant {
    Operator.people_of(organization.id)
}

pub(crate) fn seeing(organization: &Organization) -> PeopleScope {
    seeing_in(organization.id)
}

pub(crate) fn seeing_in(organization: OrganizationId) -> PeopleScope {
    administrator_of(organization).people().unwrap()
}

pub(crate) fn settings(organization: &Organization) -> SettingsGrant {
    administrator_of(organization.id).settings().unwrap()
}

pub(crate) fn grant(user: &UserRecord) -> UserGrant {
    Operator.people_of(user.organization).new_user(user.id)
}

pub(crate) fn in_person(user: &User) -> Actor {
    Actor::authenticated(Arc::new(user.clone()), Via::Session(SessionId::from_u128(1)), None).unwrap()
}

pub(crate) fn new_key_for(user: &User) -> NewKeyGrant {
    Operator.new_key_for(user, Expiration::Never, &KeyPolicy::default()).unwrap()
}

pub(crate) fn own(user: &User) -> KeyScope {
    Operator.keys_of(user)
}

pub(crate) fn all(user: &User) -> KeyScope {
    Operator.keys_in(user.organization)
}
