//! Changing users: create, edit, assign, deactivate, delete.

use std::sync::Arc;

use keystead_domain::{
    Actor, Assignments, Email, Error, Field, GroupId, PeopleGrant, PersonName, User, UserAttributes, UserId,
};
use keystead_store::NewUser;

use crate::App;
use crate::change::Change;
use crate::invitations::invitation_link;
use crate::mail::Mail;
use crate::open::fault;

/// Users to be created at once, all alike.
#[derive(Debug, Clone)]
pub struct NewUsers {
    /// Their addresses. Whoever has one already is given what follows instead of what they had.
    pub emails: Vec<Email>,
    /// The roles that they are assigned; `None` leaves those of users who exist.
    pub assignments: Option<Assignments>,
    /// The groups that they become members of.
    pub groups: Vec<GroupId>,
    /// Facts that a product keeps about them; `None` leaves those of users who exist.
    pub attributes: Option<UserAttributes>,
    /// Whether each new one is sent an invitation. Needs a mail server.
    pub welcome: bool,
}

/// Users that one call creates at most.
pub const NEW_USERS_MAX: usize = 1_000;

/// What somebody who edits a user can change of them, as it shall be.
#[derive(Debug, Clone)]
pub struct UserEdit {
    /// How others see them.
    pub name: PersonName,
    /// How they sign in.
    pub email: Email,
    /// The roles that they are assigned themselves.
    pub assignments: Assignments,
    /// The groups that they are a member of.
    pub groups: Vec<GroupId>,
}

impl App {
    /// Creates users, all or none. Whoever exists already is assigned the roles instead of those they had. How many are new.
    /// Needs `iam:write`, and all that the roles permit.
    pub async fn create_users(
        &self,
        actor: &Actor,
        users: NewUsers,
        public_url: &str,
    ) -> Result<usize, Error> {
        if users.emails.is_empty() || users.emails.len() > NEW_USERS_MAX {
            return Err(Error::invalid(
                Field::Emails,
                format!("Send 1 to {NEW_USERS_MAX} e-mail addresses at a time."),
            ));
        }
        if users.welcome && self.deployment.mailer.is_none() {
            return Err(Error::Conflict(
                "This deployment has no mail server, so it cannot send welcome mails. Create the users without, or configure smtp-url."
                    .into(),
            ));
        }
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let assignments = users.assignments.clone().unwrap_or_default();
        let mut mails = Vec::new();
        let mut created = 0;
        for email in &users.emails {
            let attributes = users.attributes.clone().unwrap_or_default();
            let written = self.write_user(&mut change, &grant, email, None, &assignments, attributes).await?;
            let Some(id) = written else {
                self.overwrite_user(&mut change, &grant, email, &users).await?;
                continue;
            };
            created += 1;
            self.write_groups(&mut change, &grant, id, &users.groups, false).await?;
            if users.welcome {
                let code = self.write_invitation(&mut change.transaction, &grant.new_user(id)).await?;
                let link = invitation_link(public_url, &code);
                let organization = &change.state.organization.name;
                mails.push(Mail::invitation(email.clone(), organization, Some(&actor.user().name), &link));
            }
        }
        change.commit().await?;
        if let Some(mailer) = &self.deployment.mailer {
            for mail in mails {
                mailer.send_in_background(mail);
            }
        }
        Ok(created)
    }

    /// Writes a user whom the organization admits. `None`: it has one with that address.
    pub(crate) async fn write_user(
        &self,
        change: &mut Change<'_>,
        grant: &PeopleGrant,
        email: &Email,
        name: Option<PersonName>,
        assignments: &Assignments,
        attributes: UserAttributes,
    ) -> Result<Option<UserId>, Error> {
        grant.check_assign(assignments, &change.state.roles)?;
        change.state.check_admits(email)?;
        let user = NewUser {
            id: self.next_id(self.now())?,
            name: name.map_or_else(|| PersonName::of_address(email), Ok)?,
            email: email.clone(),
            password_hash: None,
            assignments: assignments.clone(),
            attributes,
        };
        let written = change.transaction.create_user(grant, &user).await.map_err(fault)?;
        Ok(written.then_some(user.id))
    }

    async fn overwrite_user(
        &self,
        change: &mut Change<'_>,
        grant: &PeopleGrant,
        email: &Email,
        users: &NewUsers,
    ) -> Result<(), Error> {
        let record = change.transaction.user_by_email(grant.organization(), email).await.map_err(fault)?;
        let user = User::new(record.ok_or(Error::Internal)?, &change.state);
        let one = grant.user(&user)?;
        let transaction = &mut change.transaction;
        if let Some(assignments) = &users.assignments {
            transaction.set_assignments(&one, &user.assignments, assignments).await.map_err(fault)?;
        }
        if let Some(attributes) = &users.attributes {
            transaction.set_attributes(&one, attributes).await.map_err(fault)?;
        }
        self.write_groups(change, grant, user.id, &users.groups, false).await
    }

    /// Makes a user a member of groups; with `only`, of no others.
    pub(crate) async fn write_groups(
        &self,
        change: &mut Change<'_>,
        grant: &PeopleGrant,
        id: UserId,
        groups: &[GroupId],
        only: bool,
    ) -> Result<(), Error> {
        if groups.is_empty() && !only {
            return Ok(());
        }
        let user = change.user(id).await?;
        let one = grant.user(&user)?;
        for group in groups {
            let group = Arc::clone(change.state.find_group(*group)?);
            if !user.groups.contains(&group.id) {
                grant.check_member(&group, &change.state.roles)?;
                change.transaction.set_member(&one, &group, true).await.map_err(fault)?;
            }
        }
        for former in user.groups().iter().filter(|group| only && !groups.contains(&group.id)) {
            grant.check_member(former, &change.state.roles)?;
            change.transaction.set_member(&one, former, false).await.map_err(fault)?;
        }
        Ok(())
    }

    /// Changes a user's name, address or both: one's own name, or with `iam:write` those of others who may do no more. What is
    /// `None` stays.
    pub async fn update_user(
        &self,
        actor: &Actor,
        id: UserId,
        name: Option<PersonName>,
        email: Option<Email>,
    ) -> Result<Arc<User>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        // Everybody may change their own name; an address says who somebody is.
        let one = if id == actor.user().id && email.is_none() {
            actor.own_account()?
        } else {
            let grant = actor.manage_people()?;
            grant.user(&change.user(id).await?)?
        };
        let user = change.user(id).await?;
        let email = email.unwrap_or_else(|| user.email.clone());
        if email != user.email {
            change.state.check_admits(&email)?;
        }
        let name = name.unwrap_or_else(|| user.name.clone());
        let written = change.transaction.update_user(&one, user.record(), &name, &email).await;
        if !written.map_err(fault)? {
            return Err(Error::Conflict(format!("There is a user with the address {email} already.")));
        }
        change.commit().await?;
        self.directory.user(id).ok_or(Error::Internal)
    }

    /// Changes a user's name, address, roles and groups together, all or nothing: a change that is refused in part is not made at
    /// all. Needs `iam:write`.
    pub async fn edit_user(&self, actor: &Actor, id: UserId, edit: &UserEdit) -> Result<Arc<User>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let user = change.user(id).await?;
        let one = grant.user(&user)?;
        if edit.email != user.email {
            change.state.check_admits(&edit.email)?;
        }
        if edit.email != user.email || edit.name != user.name {
            let written = change.transaction.update_user(&one, user.record(), &edit.name, &edit.email).await;
            if !written.map_err(fault)? {
                let message = format!("There is a user with the address {} already.", edit.email);
                return Err(Error::invalid(Field::Email, message));
            }
        }
        if edit.assignments != user.assignments {
            grant.check_assign(&edit.assignments, &change.state.roles)?;
            let transaction = &mut change.transaction;
            transaction.set_assignments(&one, &user.assignments, &edit.assignments).await.map_err(fault)?;
        }
        self.write_groups(&mut change, &grant, id, &edit.groups, true).await?;
        change.commit().await?;
        self.directory.user(id).ok_or(Error::Internal)
    }

    /// Replaces the roles that a user was assigned themselves. For all of their keys it takes effect at once (promises 1 and 3).
    pub async fn set_role_assignments(
        &self,
        actor: &Actor,
        id: UserId,
        assignments: &Assignments,
    ) -> Result<Arc<User>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let user = change.user(id).await?;
        let one = grant.user(&user)?;
        grant.check_assign(assignments, &change.state.roles)?;
        change.transaction.set_assignments(&one, &user.assignments, assignments).await.map_err(fault)?;
        change.commit().await?;
        self.directory.user(id).ok_or(Error::Internal)
    }

    /// Makes a user a member of these groups and of no others.
    pub async fn set_groups(
        &self,
        actor: &Actor,
        id: UserId,
        groups: &[GroupId],
    ) -> Result<Arc<User>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        self.write_groups(&mut change, &grant, id, groups, true).await?;
        change.commit().await?;
        self.directory.user(id).ok_or(Error::Internal)
    }

    /// Replaces a user's attributes.
    pub async fn set_user_attributes(
        &self,
        actor: &Actor,
        id: UserId,
        attributes: &UserAttributes,
    ) -> Result<(), Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let one = grant.user(&change.user(id).await?)?;
        change.transaction.set_attributes(&one, attributes).await.map_err(fault)?;
        change.commit().await
    }

    /// Deactivates a user, whose sessions end and whose keys stop before this returns (promise 3), or reactivates them.
    pub async fn set_active(&self, actor: &Actor, id: UserId, active: bool) -> Result<Arc<User>, Error> {
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let user = change.user(id).await?;
        let one = grant.user(&user)?;
        if user.active == active {
            // It may have become so in the commit that is under way: said once that is done.
            change.commit().await?;
        } else {
            change.transaction.set_active(&one, active).await.map_err(fault)?;
            change.commit().await?;
        }
        self.directory.user(id).ok_or(Error::Internal)
    }

    /// Deletes users, for good, all or none: their keys are revoked and their sessions end before this returns. How many keys.
    pub async fn delete_users(&self, actor: &Actor, ids: &[UserId]) -> Result<usize, Error> {
        if ids.is_empty() || ids.len() > NEW_USERS_MAX {
            return Err(Error::invalid(Field::Users, format!("Name 1 to {NEW_USERS_MAX} users at a time.")));
        }
        let (mut change, actor) = self.begin_as(actor).await?;
        let grant = actor.manage_people()?;
        let mut revoked = 0;
        for id in ids {
            let user = change.user(*id).await?;
            let one = grant.user(&user)?;
            revoked +=
                change.transaction.delete_user(&one, user.record(), &one.keys()).await.map_err(fault)?;
        }
        change.commit().await?;
        Ok(revoked)
    }
}
