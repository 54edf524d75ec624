//! Inviting people by a one-time link.

use std::sync::Arc;

use keystead_domain::{
    Actor, Assignments, Email, Error, GroupId, Lifetimes, PersonName, User, UserAttributes, UserGrant, UserId,
};
use keystead_store::{LinkKind, Transaction};

use crate::change::Change;
use crate::mail::Mail;
use crate::open::fault;
use crate::{App, BrowserSecret};

/// Somebody to let in.
#[derive(Debug, Clone)]
pub struct NewPerson {
    /// Their address.
    pub email: Email,
    /// How others see them; by default what stands before the `@`.
    pub name: Option<PersonName>,
    /// The roles that they are assigned.
    pub assignments: Assignments,
    /// The groups that they become a member of.
    pub groups: Vec<GroupId>,
}

/// Somebody who was invited.
#[derive(Debug)]
pub struct Invited {
    /// Who.
    pub user: Arc<User>,
    /// The code of the one-time link that lets them in.
    pub code: BrowserSecret,
    /// Whether the link was also sent to them.
    pub mailed: Mailed,
}

impl Invited {
    /// The one-time link, on the server that people reach at `public_url`.
    #[must_use]
    pub fn link(&self, public_url: &str) -> String {
        invitation_link(public_url, &self.code)
    }
}

/// What became of a mail that somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mailed {
    /// The deployment has no mail server.
    NoServer,
    /// The mail server took it.
    Sent,
    /// It did not; the log has the cause.
    Failed,
}

/// Where an invitation is accepted.
pub(crate) fn invitation_link(public_url: &str, code: &BrowserSecret) -> String {
    format!("{public_url}/invitation/{}", code.expose())
}

impl App {
    /// Invites somebody: makes the user and a one-time link by which they choose a password, and mails it if there is a mail
    /// server. Needs `iam:write`, and all that the roles permit.
    pub async fn invite_user(
        &self,
        actor: &Actor,
        person: NewPerson,
        public_url: &str,
    ) -> Result<Invited, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let NewPerson { email, name, assignments, groups } = person;
        let Some(id) = self
            .write_user(&mut change, &grant, &email, name, &assignments, UserAttributes::default())
            .await?
        else {
            return Err(Error::Conflict(format!("There is a user with the address {email} already.")));
        };
        self.write_groups(&mut change, &grant, id, &groups, false).await?;
        self.finish_invitation(change, &actor, &grant.new_user(id), public_url).await
    }

    /// A new invitation for somebody who has not come in yet: links that they were given before no longer work.
    pub async fn invite_again(&self, actor: &Actor, id: UserId, public_url: &str) -> Result<Invited, Error> {
        let person = self.user(actor, id).await?;
        if !person.is_pending() {
            return Err(Error::Conflict(
                "They have signed in already. Send them a password reset instead.".into(),
            ));
        }
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let user = change.user(id).await?;
        let one = grant.user(&user)?;
        self.finish_invitation(change, &actor, &one, public_url).await
    }

    /// Makes the link, keeps the change, and mails the link.
    async fn finish_invitation(
        &self,
        mut change: Change<'_>,
        actor: &Actor,
        grant: &UserGrant,
        public_url: &str,
    ) -> Result<Invited, Error> {
        let code = self.write_invitation(&mut change.transaction, grant).await?;
        let organization = change.state.organization.name.clone();
        change.commit().await?;
        let user = self.directory.user(grant.user()).ok_or(Error::Internal)?;
        let link = invitation_link(public_url, &code);
        let mail = Mail::invitation(user.email.clone(), &organization, Some(&actor.user().name), &link);
        Ok(Invited { mailed: self.mail_now(mail).await, user, code })
    }

    /// Links that they were given before no longer work.
    pub(crate) async fn write_invitation(
        &self,
        change: &mut Transaction,
        grant: &UserGrant,
    ) -> Result<BrowserSecret, Error> {
        let code = BrowserSecret::new(&self.entropy)?;
        let ends = self.now() + Lifetimes::INVITATION;
        change.create_user_link(grant, LinkKind::Invitation, &code.hash(), ends).await.map_err(fault)?;
        Ok(code)
    }

    pub(crate) async fn mail_now(&self, mail: Mail) -> Mailed {
        let Some(mailer) = &self.deployment.mailer else { return Mailed::NoServer };
        match mailer.send(mail).await {
            Ok(()) => Mailed::Sent,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a mail could not be sent");
                Mailed::Failed
            }
        }
    }
}
