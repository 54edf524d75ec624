//! First set-up, and links that sign in once.

use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{
    Assignment, Assignments, Email, Error, Lifetimes, NewPassword, Operator, Organization, OrganizationName,
    PersonName, RoleId, User, UserAttributes,
};
use keystead_store::{LinkKind, NewUser, Purpose};

use crate::open::fault;
use crate::{App, BrowserSecret, RequestOrigin, SignedIn};

/// What the first administrator typed.
#[derive(Debug)]
pub struct SetUp {
    /// The organization's name.
    pub organization: OrganizationName,
    /// Their name.
    pub name: PersonName,
    /// Their address.
    pub email: Email,
    /// Their password.
    pub password: NewPassword,
}

/// What a one-time link would do.
#[derive(Debug)]
pub enum LinkTarget {
    /// Make the first organization and its administrator.
    SetUp,
    /// Sign in as this user.
    SignIn(Arc<User>),
}

fn dead_link() -> Error {
    Error::NotFound("link, or it was used or has run out")
}

impl App {
    /// Whether this is a first start: there is nobody yet.
    pub async fn needs_set_up(&self) -> Result<bool, Error> {
        self.store.is_empty().await.map_err(fault)
    }

    /// Makes the link by which the first administrator comes in; one made earlier no longer works.
    pub async fn create_set_up_link(&self) -> Result<BrowserSecret, Error> {
        let now = self.now();
        let code = BrowserSecret::new(&self.entropy)?;
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        change.create_set_up_link(&code.hash(), now + Lifetimes::LINK).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(code)
    }

    /// What a link would do, without using it: previews and scanners open links too.
    pub async fn link_target(&self, code: &str) -> Result<LinkTarget, Error> {
        let code = BrowserSecret::parse(code).ok_or_else(dead_link)?;
        match self.store.link(&code.hash(), self.now()).await.map_err(fault)? {
            Some(Purpose::SetUp) => Ok(LinkTarget::SetUp),
            Some(Purpose::User(LinkKind::SignIn, user)) => self
                .directory
                .user(user)
                .filter(|user| user.may_act())
                .map(LinkTarget::SignIn)
                .ok_or_else(dead_link),
            Some(Purpose::User(LinkKind::Invitation | LinkKind::PasswordReset, _)) | None => Err(dead_link()),
        }
    }

    /// First set-up: makes the organization and its administrator, and signs them in, all or nothing. The link works once.
    pub async fn set_up(&self, code: &str, input: SetUp, origin: RequestOrigin) -> Result<SignedIn, Error> {
        let code = BrowserSecret::parse(code).ok_or_else(dead_link)?;
        if self.store.link(&code.hash(), self.now()).await.map_err(fault)?.is_none() {
            return Err(dead_link());
        }
        let password_hash = self.passwords.hash(input.password, &self.entropy).await?;
        let now = self.now();
        let organization = Organization {
            id: self.next_id(now)?,
            name: input.organization,
            created_at: now,
            archived_at: None,
        };
        let administrator = NewUser {
            id: self.next_id(now)?,
            email: input.email,
            name: input.name,
            password_hash: Some(password_hash),
            assignments: Assignments::from_iter(
                [RoleId::ADMINISTRATOR, RoleId::SITE_ADMINISTRATOR].map(Assignment::everywhere),
            ),
            attributes: UserAttributes::default(),
        };
        let mut change =
            self.store.begin(Trace::visitor("set_up", origin.address, now)).await.map_err(fault)?;
        let usable = change.use_link(&code.hash()).await.map_err(fault)? == Some(Purpose::SetUp);
        if !usable || !change.is_empty().await.map_err(fault)? {
            return Err(dead_link());
        }
        change.create_organization(&organization).await.map_err(fault)?;
        change.create_user(&Operator.people_of(organization.id), &administrator).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        let user = self.directory.user(administrator.id).ok_or(Error::Internal)?;
        self.start_session(&user, origin).await
    }

    /// Signs in by a link, once.
    pub async fn use_sign_in_link(&self, code: &str, origin: RequestOrigin) -> Result<SignedIn, Error> {
        let code = BrowserSecret::parse(code).ok_or_else(dead_link)?;
        let mut change =
            self.store.begin(Trace::visitor("sign_in", origin.address, self.now())).await.map_err(fault)?;
        let Some(Purpose::User(LinkKind::SignIn, user)) =
            change.use_link(&code.hash()).await.map_err(fault)?
        else {
            return Err(dead_link());
        };
        let user = self.directory.user(user).filter(|user| user.may_act()).ok_or_else(dead_link)?;
        let (session, cookie) = self.write_session(&mut change, &user).await?;
        change.commit().await.map_err(fault)?;
        let via = keystead_domain::Via::Session(session);
        Ok(SignedIn { cookie, actor: keystead_domain::Actor::authenticated(user, via, origin.address)? })
    }
}
