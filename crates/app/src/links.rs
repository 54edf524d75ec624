//! First set-up, and links that let somebody in once.

use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{
    Assignment, Assignments, Email, Error, Lifetimes, NewPassword, Operator, Organization, OrganizationName,
    PersonName, RoleId, User, UserAttributes, UserId,
};
use keystead_store::{LinkKind, NewUser, Purpose, Transaction};

use crate::open::fault;
use crate::sign_in::signed_in;
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
    /// Let this user choose a name and a first password.
    Invitation(Arc<User>),
    /// Let this user choose another password.
    PasswordReset(Arc<User>),
}

/// What an invited person typed.
#[derive(Debug)]
pub struct Acceptance {
    /// The address on the form, which must be the one that was invited.
    pub email: String,
    /// Their name.
    pub name: PersonName,
    /// Their password.
    pub password: NewPassword,
}

pub(crate) fn dead_link() -> Error {
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
        let purpose = self.store.link(&code.hash(), self.now()).await.map_err(fault)?;
        let (kind, user) = match purpose.ok_or_else(dead_link)? {
            Purpose::SetUp => return Ok(LinkTarget::SetUp),
            Purpose::User(kind, user) => (kind, user),
        };
        let user = self.directory.user(user).filter(|user| user.may_act()).ok_or_else(dead_link)?;
        Ok(match kind {
            LinkKind::SignIn => LinkTarget::SignIn(user),
            LinkKind::Invitation => LinkTarget::Invitation(user),
            LinkKind::PasswordReset => LinkTarget::PasswordReset(user),
        })
    }

    /// Uses a link of a user's, and returns them as they are inside the transaction. Whoever may not act does not get in.
    pub(crate) async fn use_user_link(
        &self,
        change: &mut Transaction,
        code: &BrowserSecret,
        kind: LinkKind,
    ) -> Result<User, Error> {
        let purpose = change.use_link(&code.hash()).await.map_err(fault)?;
        let Some(Purpose::User(found, user)) = purpose else { return Err(dead_link()) };
        let user = self.who_may_act(change, user).await?;
        user.filter(|_| found == kind).ok_or_else(dead_link)
    }

    /// A user as they are inside a transaction, if they may act.
    pub(crate) async fn who_may_act(
        &self,
        change: &mut Transaction,
        user: UserId,
    ) -> Result<Option<User>, Error> {
        let Some(record) = change.user(user).await.map_err(fault)? else { return Ok(None) };
        let state = self.state_in(change, record.organization).await?;
        Ok(Some(User::new(record, &state)).filter(User::may_act))
    }

    /// First set-up: makes the organization and its administrator, and signs them in, all or nothing. The link works once.
    pub async fn set_up(&self, code: &str, input: SetUp, origin: RequestOrigin) -> Result<SignedIn, Error> {
        let code = BrowserSecret::parse(code).ok_or_else(dead_link)?;
        if self.store.link(&code.hash(), self.now()).await.map_err(fault)?.is_none() {
            return Err(dead_link());
        }
        let password_hash = self.hash_password(&input.email, input.password).await?;
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
        self.start_session(&user, origin, &[]).await
    }

    /// Signs in by a link, once. It proves this one user only: the session may switch to nobody.
    pub async fn use_sign_in_link(&self, code: &str, origin: RequestOrigin) -> Result<SignedIn, Error> {
        let code = BrowserSecret::parse(code).ok_or_else(dead_link)?;
        let trace = Trace::visitor("sign_in", origin.address, self.now());
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        let user = Arc::new(self.use_user_link(&mut change, &code, LinkKind::SignIn).await?);
        let (session, cookie) = self.write_session(&mut change, &user, &origin, &[]).await?;
        change.commit().await.map_err(fault)?;
        signed_in(&user, session, cookie, &origin)
    }

    /// Accepts an invitation, once: sets the name and the password, and signs in. Refused with another address than the one that
    /// was invited, and for whoever may not act.
    pub async fn accept_invitation(
        &self,
        code: &str,
        input: Acceptance,
        origin: RequestOrigin,
    ) -> Result<SignedIn, Error> {
        let LinkTarget::Invitation(invited) = self.link_target(code).await? else { return Err(dead_link()) };
        let is_theirs =
            Email::parse(&input.email).is_ok_and(|typed| typed.folded() == invited.email.folded());
        let code = BrowserSecret::parse(code).filter(|_| is_theirs).ok_or_else(dead_link)?;
        let hash = self.hash_password(&invited.email, input.password).await?;
        let trace = Trace::visitor("invitation", origin.address, self.now());
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        let user = self.use_user_link(&mut change, &code, LinkKind::Invitation).await?;
        if user.email != invited.email {
            return Err(dead_link());
        }
        let account = Operator.people_of(user.organization).user(&user)?;
        change.accept_invitation(&account, user.record(), &input.name, &hash).await.map_err(fault)?;
        change.end_sessions_of(&account).await.map_err(fault)?;
        let (session, cookie) = self.write_session(&mut change, &user, &origin, &[]).await?;
        change.commit().await.map_err(fault)?;
        let user = self.directory.user(user.id).ok_or(Error::Internal)?;
        signed_in(&user, session, cookie, &origin)
    }
}
