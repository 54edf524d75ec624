//! `keystead user …`.

use keystead_domain::audit::Trace;
use keystead_domain::{
    Assignment, Assignments, Email, Error, Lifetimes, NewPassword, Operator, Organization, OrganizationName,
    OrganizationState, PersonName, Standing, User, UserAttributes, UserFilter,
};
use keystead_store::{LinkKind, NewUser, UserDetails};

use super::find::role_named;
use super::{Answer, ListedRole, ListedUser, Password};
use crate::change::Change;
use crate::open::fault;
use crate::{App, BrowserSecret};

/// Users that are read at a time.
const PAGE: i64 = 1_000;

/// Keeps a change. If it would take the last administrator away, the answer says how to make another.
async fn keep(change: Change<'_>) -> Result<(), Error> {
    change.commit().await.map_err(with_remedy)
}

fn with_remedy(error: Error) -> Error {
    match error {
        Error::Conflict(reason) => Error::Conflict(format!(
            "{reason} To make one: `keystead user set-roles EMAIL administrator`, or `keystead user add EMAIL --role administrator`."
        )),
        other => other,
    }
}

/// Refuses what would be of no use to a user who may not act.
pub(super) fn check_may_act(user: &User) -> Result<(), Error> {
    let email = &user.email;
    Err(Error::Conflict(match user.standing() {
        Standing::Active => return Ok(()),
        Standing::Deactivated => {
            format!("{email} is deactivated. `keystead user reactivate` lets them in again.")
        }
        Standing::NotAdmitted => {
            format!("The e-mail access rules of their organization do not admit {email}.")
        }
        Standing::Archived => {
            format!(
                "The organization of {email} is archived. `keystead organization restore` brings it back."
            )
        }
    }))
}

impl App {
    /// Adds a user; the first one to a new organization.
    pub(super) async fn add_user(
        &self,
        email: &str,
        organization: Option<&str>,
        name: Option<String>,
        role: &str,
        password: Option<Password>,
    ) -> Result<Answer, Error> {
        let email = Email::parse(email)?;
        let name = name.map_or_else(|| PersonName::of_address(&email), |name| PersonName::parse(&name))?;
        let organization = self.organization_or_only(organization)?;
        let password_hash = match password {
            Some(password) => {
                let password = NewPassword::parse(&password.0, email.as_str())?;
                Some(self.hash_password(&email, password).await?)
            }
            None => None,
        };
        let now = self.now();
        let mut change = match organization {
            Some(state) => self.begin_in(state.id(), Trace::operator(now)).await?,
            None => self.begin_first_organization().await?,
        };
        let grant = Operator.people_of(change.state.id());
        let role = role_named(role, &change.state.roles)?;
        let assignments = Assignments::from_iter([Assignment::everywhere(role)]);
        grant.check_assign(&assignments, &change.state.roles)?;
        change.state.check_admits(&email)?;
        let attributes = UserAttributes::default();
        let user = NewUser { id: self.next_id(now)?, email, name, password_hash, assignments, attributes };
        if !change.transaction.create_user(&grant, &user).await.map_err(fault)? {
            return Err(Error::Conflict(format!("There is a user with the address {} already.", user.email)));
        }
        change.commit().await?;
        Ok(Answer::User { id: user.id.to_string(), email: user.email.to_string() })
    }

    async fn begin_first_organization(&self) -> Result<Change<'_>, Error> {
        let now = self.now();
        let name = OrganizationName::parse("My organization")?;
        let organization = Organization { id: self.next_id(now)?, name, created_at: now, archived_at: None };
        self.begin_first(&organization, Trace::operator(now)).await
    }

    pub(super) async fn list_users(&self, organization: Option<&str>) -> Result<Answer, Error> {
        let organizations = match organization {
            Some(name) => vec![self.organization_named(name)?],
            None => self.all_organizations(&Operator.site()),
        };
        let mut listed = Vec::new();
        for state in organizations {
            let scope = Operator.readable_people_of(state.id());
            let mut after = None;
            loop {
                let page =
                    self.store.users(&scope, &UserFilter::default(), after, PAGE).await.map_err(fault)?;
                listed.extend(page.iter().filter_map(|details| self.listed_user(details, &state)));
                match page.last() {
                    Some(last) => after = Some(last.id),
                    None => break,
                }
            }
        }
        Ok(Answer::Users(listed))
    }

    /// Somebody who was deleted between the two reads is not there.
    fn listed_user(&self, details: &UserDetails, state: &OrganizationState) -> Option<ListedUser> {
        let user = self.directory.user(details.id)?;
        let pending = !details.has_password && details.last_seen_at.is_none();
        let status = match user.standing() {
            Standing::Active if pending => "pending",
            Standing::Active => "active",
            Standing::Deactivated => "deactivated",
            Standing::NotAdmitted => "not_admitted",
            Standing::Archived => "archived",
        };
        // A role that is gone gives nothing, and is not shown.
        let roles = user.assignments.iter().filter_map(|(id, scopes)| {
            state.roles.get(id).map(|role| ListedRole {
                id: id.to_string(),
                name: role.name.to_string(),
                scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            })
        });
        Some(ListedUser {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.to_string(),
            organization_id: user.organization.to_string(),
            organization: state.organization.name.to_string(),
            status: status.to_owned(),
            roles: roles.collect(),
            groups: user.groups().iter().map(|group| group.name.to_string()).collect(),
            created_at: user.created_at.to_string(),
            last_seen_at: details.last_seen_at.map(|at| at.to_string()),
        })
    }

    pub(super) async fn set_roles_of(
        &self,
        email: &str,
        organization: Option<&str>,
        roles: &[String],
    ) -> Result<Answer, Error> {
        let (mut change, user) = self.begin_with(email, organization).await?;
        let grant = Operator.people_of(user.organization);
        let roles =
            roles.iter().map(|name| role_named(name, &change.state.roles).map(Assignment::everywhere));
        let assignments: Assignments = roles.collect::<Result<_, _>>()?;
        grant.check_assign(&assignments, &change.state.roles)?;
        let one = grant.user(&user)?;
        change.transaction.set_assignments(&one, &user.assignments, &assignments).await.map_err(fault)?;
        keep(change).await?;
        Ok(Answer::User { id: user.id.to_string(), email: user.email.to_string() })
    }

    pub(super) async fn deactivate(&self, email: &str, organization: Option<&str>) -> Result<Answer, Error> {
        let user = self.operate_active(email, organization, false).await?;
        let scope = Operator.keys_of(&user);
        let keys = self.store.count_working_keys(&scope, self.now()).await.map_err(fault)?;
        Ok(Answer::Deactivated { email: user.email.to_string(), keys })
    }

    pub(super) async fn reactivate(&self, email: &str, organization: Option<&str>) -> Result<Answer, Error> {
        let user = self.operate_active(email, organization, true).await?;
        Ok(Answer::User { id: user.id.to_string(), email: user.email.to_string() })
    }

    async fn operate_active(
        &self,
        email: &str,
        organization: Option<&str>,
        active: bool,
    ) -> Result<User, Error> {
        let (mut change, user) = self.begin_with(email, organization).await?;
        if user.active != active {
            let one = Operator.people_of(user.organization).user(&user)?;
            change.transaction.set_active(&one, active).await.map_err(fault)?;
        }
        // Also if it is so already: it may have become so in the commit that is under way.
        keep(change).await?;
        Ok(user)
    }

    /// Deletes a user or, unless it is confirmed, goes as far as to know what that would do.
    pub(super) async fn delete_user_of(
        &self,
        email: &str,
        organization: Option<&str>,
        confirmed: bool,
    ) -> Result<Answer, Error> {
        let (mut change, user) = self.begin_with(email, organization).await?;
        let one = Operator.people_of(user.organization).user(&user)?;
        let deleted = change.transaction.delete_user(&one, user.record(), &one.keys()).await;
        let answer = Answer::Deleted {
            id: user.id.to_string(),
            email: user.email.to_string(),
            organization: change.state.organization.name.to_string(),
            keys: deleted.map_err(fault)?,
        };
        if confirmed {
            keep(change).await?;
        } else {
            change.check().await.map_err(with_remedy)?;
        }
        Ok(answer)
    }

    pub(super) async fn sign_in_link_of(
        &self,
        email: &str,
        organization: Option<&str>,
    ) -> Result<Answer, Error> {
        let user = self.user_by_email(email, organization).await?;
        check_may_act(&user)?;
        let code = self.create_sign_in_link(&user).await?;
        Ok(Answer::SignInLink { code: code.expose().to_owned() })
    }

    /// Makes a link that signs a user in, once, within a day.
    pub(crate) async fn create_sign_in_link(&self, user: &User) -> Result<BrowserSecret, Error> {
        let now = self.now();
        let code = BrowserSecret::new(&self.entropy)?;
        let mut change = self.store.begin(Trace::operator(now)).await.map_err(fault)?;
        let one = Operator.people_of(user.organization).user(user)?;
        let ends = now + Lifetimes::LINK;
        change.create_user_link(&one, LinkKind::SignIn, &code.hash(), ends).await.map_err(fault)?;
        change.commit().await.map_err(fault)?;
        Ok(code)
    }

    /// Begins a change of a user, and returns them as they are inside of it.
    async fn begin_with(&self, email: &str, organization: Option<&str>) -> Result<(Change<'_>, User), Error> {
        let user = self.user_by_email(email, organization).await?;
        let mut change = self.begin_in(user.organization, Trace::operator(self.now())).await?;
        let user = change.user(user.id).await?;
        Ok((change, user))
    }
}
