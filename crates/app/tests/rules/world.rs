//! A Keystead without doors, on a store of its own, with people in it.

use std::path::Path;
use std::sync::Arc;

use keystead_app::operator::{Answer, Command};
use keystead_app::{Acceptance, KeyInput};
use keystead_app::{
    App, BrowserSecret, Clock, Deployment, Entropy, NewUsers, Passwords, Place, Refusal, RequestOrigin,
    RoleInput, SetUp,
};
use keystead_domain::{
    Actor, Assignment, Assignments, Description, Email, EmailAccess, Error, Expiration, Group, GroupName,
    KeyId, KeyName, NewPassword, OrganizationId, OrganizationName, Permission, PersonName, Role, RoleId,
    RoleName, User, UserFilter, UserId,
};
use keystead_store::OpenError;
use keystead_test_hosts::database_of;
use tempfile::TempDir;

pub(crate) const URL: &str = "https://keys.example.com";

pub(crate) struct World {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    deployment: Deployment,
    place: Place,
    folder: TempDir,
    /// Administrator of the first organization, and site administrator.
    pub(crate) root: Somebody,
}

/// A person with a session and a key.
pub(crate) struct Somebody {
    pub(crate) id: UserId,
    pub(crate) organization: OrganizationId,
    pub(crate) email: String,
    pub(crate) cookie: BrowserSecret,
    pub(crate) token: String,
    pub(crate) key: KeyId,
}

pub(crate) async fn open_at(
    place: Place,
    deployment: &Deployment,
    clock: &Clock,
    seed: u64,
) -> Result<App, OpenError> {
    let passwords = Passwords::weak_for_tests();
    App::open(place, deployment.clone(), passwords, clock.clone(), Entropy::seeded(seed)).await
}

pub(crate) fn password() -> NewPassword {
    NewPassword::parse(PASSWORD, "nobody@example.com").unwrap()
}

pub(crate) const PASSWORD: &str = "a password for tests only";

pub(crate) fn person_name(name: &str) -> PersonName {
    PersonName::parse(name).unwrap()
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(crate) fn roles(roles: impl IntoIterator<Item = RoleId>) -> Assignments {
    roles.into_iter().map(Assignment::everywhere).collect()
}

pub(crate) fn key_input(name: &str, expiration: Expiration) -> KeyInput {
    KeyInput {
        name: KeyName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        expiration,
        allow_impersonation: false,
        request_id: None,
    }
}

pub(crate) fn permission(name: &str) -> Permission {
    Permission::parse(name).unwrap()
}

pub(crate) fn role_input(name: &str, permissions: &[&str]) -> RoleInput {
    RoleInput {
        name: RoleName::parse(name).unwrap(),
        description: Description::parse("").unwrap(),
        permissions: permissions.iter().map(|name| permission(name)).collect(),
    }
}

/// Rules that block these addresses.
pub(crate) fn blocking(addresses: &[&str]) -> EmailAccess {
    let addresses: Vec<String> = addresses.iter().map(|&address| address.to_owned()).collect();
    EmailAccess::parse(&[], &[], &[], &addresses).unwrap()
}

pub(crate) fn new_users(addresses: &[&str], assignments: Assignments) -> NewUsers {
    NewUsers {
        emails: addresses.iter().map(|address| email(address)).collect(),
        assignments: Some(assignments),
        groups: Vec::new(),
        attributes: None,
        welcome: false,
    }
}

pub(crate) fn is_forbidden<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(_)))
}

pub(crate) fn is_conflict<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict(_)))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::of(Deployment::default()).await
    }

    /// That of a deployment.
    pub(crate) async fn of(deployment: Deployment) -> Self {
        let folder = TempDir::new().unwrap();
        let place = Place::for_tests(folder.path(), database_of(folder.path()));
        Self::at(place, folder, deployment).await
    }

    /// On SQLite whatever was chosen: for what is about its folder.
    pub(crate) async fn on_sqlite(deployment: Deployment) -> Self {
        let folder = TempDir::new().unwrap();
        Self::at(Place::from(folder.path()), folder, deployment).await
    }

    async fn at(place: Place, folder: TempDir, deployment: Deployment) -> Self {
        let clock = Clock::manual_time_of_day("2026-11-23T10:00:00Z".parse().unwrap());
        let app = Arc::new(open_at(place.clone(), &deployment, &clock, 1).await.unwrap());
        let code = app.create_set_up_link().await.unwrap();
        let set_up = SetUp {
            organization: OrganizationName::parse("First").unwrap(),
            name: person_name("Root"),
            email: email("root@example.com"),
            password: password(),
        };
        let signed_in = app.set_up(code.expose(), set_up, RequestOrigin::default()).await.unwrap();
        let root = equip(&app, signed_in.actor, signed_in.cookie).await;
        Self { app, clock, deployment, place, folder, root }
    }

    /// The same store, in another process.
    pub(crate) async fn restarted(self) -> Self {
        let deployment = self.deployment.clone();
        self.restarted_as(deployment).await
    }

    /// The same, of another deployment.
    pub(crate) async fn restarted_as(self, deployment: Deployment) -> Self {
        let Self { app, clock, place, folder, root, .. } = self;
        app.close().await.unwrap();
        drop(app);
        let app = Arc::new(open_at(place.clone(), &deployment, &clock, 2).await.unwrap());
        Self { app, clock, deployment, place, folder, root }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn root(&self) -> Actor {
        self.root.session(&self.app).await.unwrap()
    }

    /// Adds somebody to the first organization.
    pub(crate) async fn person(&self, address: &str, assignments: Assignments) -> Somebody {
        self.person_of(&self.root().await, address, assignments).await
    }

    /// Somebody whom an administrator adds to their organization.
    pub(crate) async fn person_of(&self, by: &Actor, address: &str, assignments: Assignments) -> Somebody {
        self.app.create_users(by, new_users(&[address], assignments), URL).await.unwrap();
        let organization = by.user().organization;
        let link = Command::UserSignInLink {
            email: address.to_owned(),
            organization: Some(organization.to_string()),
        };
        let Answer::SignInLink { code } = self.app.operate(link).await else { panic!("no link") };
        let signed_in = self.app.use_sign_in_link(&code, RequestOrigin::default()).await.unwrap();
        equip(&self.app, signed_in.actor, signed_in.cookie).await
    }

    /// Another organization, and its administrator.
    pub(crate) async fn organization(&self, name: &str, administrator: &str) -> Somebody {
        let root = self.root().await;
        let name = OrganizationName::parse(name).unwrap();
        let id = self.app.new_organization_id().unwrap();
        let invited = self.app.create_organization(&root, id, name, email(administrator), URL).await.unwrap();
        let acceptance = Acceptance {
            email: administrator.to_owned(),
            name: person_name("Administrator"),
            password: password(),
        };
        let origin = RequestOrigin::default();
        let signed_in = self.app.accept_invitation(invited.code.expose(), acceptance, origin).await.unwrap();
        equip(&self.app, signed_in.actor, signed_in.cookie).await
    }

    /// A role of the first organization's own.
    pub(crate) async fn role(&self, name: &str, permissions: &[&str]) -> Role {
        self.app.create_role(&self.root().await, role_input(name, permissions)).await.unwrap()
    }

    pub(crate) async fn group_of(&self, by: &Actor, name: &str, assignments: Assignments) -> Arc<Group> {
        self.app.create_group(by, GroupName::parse(name).unwrap(), assignments).await.unwrap()
    }

    pub(crate) fn user(&self, id: UserId) -> Option<Arc<User>> {
        self.app.directory().user(id)
    }

    /// The administrators of an organization who may act.
    pub(crate) fn administrators(&self, organization: OrganizationId) -> usize {
        let users = self.app.directory().users_of(organization);
        users.iter().filter(|user| user.is_administrator()).count()
    }

    /// How many users the first organization has, in the store.
    pub(crate) async fn count(&self) -> u64 {
        self.app.count_users(&self.root().await, &UserFilter::default(), 10_000).await.unwrap()
    }
}

async fn equip(app: &App, actor: Actor, cookie: BrowserSecret) -> Somebody {
    let made = app.create_key(&actor, &key_input("key", Expiration::Never)).await.unwrap();
    Somebody {
        id: actor.user().id,
        organization: actor.user().organization,
        email: actor.user().email.to_string(),
        cookie,
        token: made.token.unwrap().expose().to_owned(),
        key: made.key.id,
    }
}

impl Somebody {
    /// Who their session's requests are from, if it still counts.
    pub(crate) async fn session(&self, app: &App) -> Option<Actor> {
        app.actor_of_session(&self.cookie, &RequestOrigin::default()).await.unwrap()
    }

    /// Who their key's requests are from.
    pub(crate) fn by_key(&self, app: &App) -> Result<Actor, Refusal> {
        app.actor_of_key(&self.token, &RequestOrigin::default())
    }

    /// Whether their session and their key work.
    pub(crate) async fn works(&self, app: &App) -> (bool, bool) {
        (self.session(app).await.is_some(), self.by_key(app).is_ok())
    }
}
