//! Who may see whom, and how an organization comes to be.

use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{Actor, ApiKey, Email, Error, Organization, OrganizationName, PersonName, Role, User};
use keystead_store::NewUser;

use crate::App;
use crate::open::fault;

impl App {
    /// The creator of a key, for an actor who may see the key: the actor themselves, or anybody in the organization with
    /// `keys:read_all`. Somebody of another organization is not there (promise 6).
    pub fn creator(&self, actor: &Actor, key: &ApiKey) -> Result<Arc<User>, Error> {
        let scope = actor.readable_keys();
        let reachable = scope.creator().is_none_or(|own| own == key.creator);
        self.directory
            .user(key.creator)
            .filter(|user| reachable && user.organization == scope.organization())
            .ok_or(Error::NotFound("user"))
    }

    /// The operator's: makes a further organization with its first administrator, all or nothing. The administrator has no
    /// password; a sign-in link lets them in.
    pub async fn create_organization(&self, name: &str, administrator: &str) -> Result<Arc<User>, Error> {
        let name = OrganizationName::parse(name)?;
        let email = Email::parse(administrator)?;
        let local_part = email.as_str().split('@').next().unwrap_or_default();
        let now = self.now();
        let organization = Organization { id: self.next_id(now)?, name, created_at: now };
        let user = NewUser {
            id: self.next_id(now)?,
            name: PersonName::parse(local_part)?,
            email,
            password_hash: None,
            roles: vec![Role::Administrator],
        };
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        change.create_organization(&organization).await.map_err(fault)?;
        change.create_user(&organization, &user).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        self.directory.user(user.id).ok_or(Error::Internal)
    }
}
