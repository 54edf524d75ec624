//! Choosing another password by a one-time link: asked for by whoever forgot theirs, or made by an administrator.

use std::sync::Arc;

use keystead_domain::audit::Trace;
use keystead_domain::{
    Actor, Email, Error, Lifetimes, NewPassword, Operator, Subject, User, UserGrant, UserId,
};
use keystead_store::{LinkKind, Transaction};

use crate::account::subjects;
use crate::links::{LinkTarget, dead_link};
use crate::mail::Mail;
use crate::open::fault;
use crate::{App, BrowserSecret, Mailed, Mailer, RequestOrigin};

/// A link by which a user chooses another password, for an administrator to hand over.
#[derive(Debug)]
pub struct PasswordLink {
    /// Whose password.
    pub user: Arc<User>,
    /// The code of the one-time link.
    pub code: BrowserSecret,
    /// Whether the link was also sent to them.
    pub mailed: Mailed,
}

impl PasswordLink {
    /// The one-time link, on the server that people reach at `public_url`.
    #[must_use]
    pub fn link(&self, public_url: &str) -> String {
        reset_link(public_url, &self.code)
    }
}

fn reset_link(public_url: &str, code: &BrowserSecret) -> String {
    format!("{public_url}/reset-password/{}", code.expose())
}

impl App {
    /// Whether whoever forgot their password can be sent a link.
    #[must_use]
    pub fn sends_mail(&self) -> bool {
        self.deployment.mailer.is_some()
    }

    /// Sends a link by which to choose another password for each organization in which an address may act. All that depends on
    /// whether anybody has the address happens after this has returned: neither the answer nor its time tells. Slowed down per
    /// address and network, so that nobody's mailbox can be flooded.
    ///
    /// # Errors
    /// [`Error::RateLimited`], whether anybody has the address or not; [`Error::Conflict`] without a mail server;
    /// [`Error::Invalid`] if it cannot be an address.
    pub fn request_password_reset(
        self: &Arc<Self>,
        email: &str,
        origin: &RequestOrigin,
        public_url: &str,
    ) -> Result<(), Error> {
        let Some(mailer) = self.deployment.mailer.clone() else {
            return Err(Error::Conflict(
                "This server sends no mail. Ask an administrator for a link.".into(),
            ));
        };
        let email = Email::parse(email)?;
        let subjects = subjects(origin, Subject::Reset(email.folded()));
        self.lock_throttle().attempt(&subjects, self.now())?;
        let trace = Trace::visitor("password_reset", origin.address, self.now());
        let (app, public_url) = (Arc::clone(self), public_url.to_owned());
        tokio::spawn(async move {
            if let Err(error) = app.mail_reset_links(&mailer, &email, trace, &public_url).await {
                tracing::error!(%error, "links to reset a password could not be made");
            }
        });
        Ok(())
    }

    async fn mail_reset_links(
        &self,
        mailer: &Mailer,
        email: &Email,
        trace: Trace,
        public_url: &str,
    ) -> Result<(), Error> {
        let found = self.store.credentials(email).await.map_err(fault)?;
        for user in self.may_act(found.into_iter().map(|found| found.user)) {
            let mut change = self.store.begin(trace.clone()).await.map_err(fault)?;
            let account = Operator.people_of(user.organization).user(&user)?;
            let code = self.write_reset_link(&mut change, &account).await?;
            change.commit().await.map_err(fault)?;
            let organization = self.organization_of(&user)?;
            let link = reset_link(public_url, &code);
            mailer.send_in_background(Mail::password_reset(
                user.email.clone(),
                &organization.organization.name,
                &link,
            ));
        }
        Ok(())
    }

    async fn write_reset_link(
        &self,
        change: &mut Transaction,
        account: &UserGrant,
    ) -> Result<BrowserSecret, Error> {
        let code = BrowserSecret::new(&self.entropy)?;
        let ends = self.now() + Lifetimes::RESET;
        change.create_user_link(account, LinkKind::PasswordReset, &code.hash(), ends).await.map_err(fault)?;
        Ok(code)
    }

    /// Makes a link by which a user chooses another password, for an administrator to hand over, and mails it if there is a mail
    /// server. Needs `iam:write`, and all that the user may do: nobody gets in as somebody who may do more than they. Not for
    /// oneself: that would change a password without knowing it.
    pub async fn create_password_link(
        &self,
        actor: &Actor,
        id: UserId,
        public_url: &str,
    ) -> Result<PasswordLink, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let user = change.user(id).await?;
        let one = grant.user(&user)?;
        if id == actor.user().id {
            return Err(Error::Conflict("Change your own password on your account page.".into()));
        }
        if !user.may_act() {
            return Err(Error::Conflict(format!(
                "{} cannot sign in now, whatever their password.",
                user.name
            )));
        }
        let code = self.write_reset_link(&mut change.transaction, &one).await?;
        let organization = change.state.organization.name.clone();
        change.commit().await?;
        let mail = Mail::password_reset(user.email.clone(), &organization, &reset_link(public_url, &code));
        Ok(PasswordLink { mailed: self.mail_now(mail).await, user: Arc::new(user), code })
    }

    /// Chooses another password by a link, once. All of the user's sessions end, and nobody is signed in: whoever holds the new
    /// password can do that. Returns whose it is.
    pub async fn reset_password(
        &self,
        code: &str,
        password: NewPassword,
        origin: &RequestOrigin,
    ) -> Result<User, Error> {
        let LinkTarget::PasswordReset(found) = self.link_target(code).await? else { return Err(dead_link()) };
        let code = BrowserSecret::parse(code).ok_or_else(dead_link)?;
        let hash = self.hash_password(&found.email, password).await?;
        let trace = Trace::visitor("password_reset", origin.address, self.now());
        let mut change = self.store.begin(trace).await.map_err(fault)?;
        let user = self.use_user_link(&mut change, &code, LinkKind::PasswordReset).await?;
        let account = Operator.people_of(user.organization).user(&user)?;
        change.reset_password(&account, &hash).await.map_err(fault)?;
        change.end_sessions_of(&account).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        self.tell_of_new_password(&user);
        Ok(user)
    }
}
