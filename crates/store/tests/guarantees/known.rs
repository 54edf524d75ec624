//! What verification knows: a directory as plain maps.

use std::collections::BTreeMap;

use keystead_domain::{
    Change, ConnectionId, Issuing, KeyId, OrganizationId, OrganizationRecord, OrganizationState, User,
    UserId, UserRecord,
};

/// The live keys by hash with their ids, how often the sessions of those that impersonate were ended, the users, the
/// organizations, and whose the connections in force are.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) keys: BTreeMap<[u8; 32], KeyId>,
    pub(crate) epochs: BTreeMap<KeyId, u32>,
    pub(crate) users: BTreeMap<UserId, UserRecord>,
    pub(crate) organizations: BTreeMap<OrganizationId, Organization>,
    pub(crate) connections: BTreeMap<ConnectionId, UserId>,
    pub(crate) issuing: Issuing,
}

/// An organization's record, to be compared.
#[derive(Debug, Clone)]
pub(crate) struct Organization(pub(crate) OrganizationRecord);

impl PartialEq for Organization {
    fn eq(&self, Self(other): &Self) -> bool {
        let Self(record) = self;
        let sorted = |record: &OrganizationRecord| {
            let (mut roles, mut groups) = (record.roles.clone(), record.groups.clone());
            roles.sort_by(|a, b| a.id.cmp(&b.id));
            groups.sort_by_key(|group| group.id);
            (roles, groups)
        };
        (&record.organization, &record.policy, &record.email_access)
            == (&other.organization, &other.policy, &other.email_access)
            && sorted(record) == sorted(other)
    }
}

impl Known {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Key(key) => {
                self.keys.insert(*key.hash.as_bytes(), key.id);
                if key.allow_impersonation {
                    self.epochs.insert(key.id, key.session_epoch);
                }
            }
            Change::KeyRevoked(hash) => {
                if let Some(id) = self.keys.remove(hash.as_bytes()) {
                    self.epochs.remove(&id);
                }
            }
            Change::User(user) => _ = self.users.insert(user.id, user.clone()),
            Change::UserGone(user) => _ = self.users.remove(user),
            Change::Connection(record) => _ = self.connections.insert(record.id, record.user),
            Change::ConnectionEnded(id) => _ = self.connections.remove(id),
            Change::Issuing(issuing) => self.issuing = issuing.clone(),
            Change::Organization(record) => {
                let record = (**record).clone();
                self.organizations.insert(record.organization.id, Organization(record));
            }
            Change::SigningKeys(_) => {}
        }
    }

    /// A user with what they may do.
    pub(crate) fn user(&self, id: UserId) -> User {
        let record = self.users[&id].clone();
        let state = OrganizationState::new(self.organization(record.organization).clone(), &[]);
        User::new(record, &state)
    }

    /// An organization with all that decides for its users.
    pub(crate) fn organization(&self, id: OrganizationId) -> &OrganizationRecord {
        &self.organizations[&id].0
    }
}
