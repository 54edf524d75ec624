//! Who may see and change people, roles, groups and settings, and how far.
//!
//! Two rules hold for every door: nobody grants a permission that they do not hold, and nobody manages somebody who may do more
//! than they themselves. So nobody edits their own way up, not by a role, a group, or somebody else's password. Both are one
//! comparison of permission sets ([`PermissionSet::covers`]).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::cursor::List;
use crate::{
    Actor, Assignments, Error, Field, Group, KeyScope, MAX_PAGE_SIZE, Operator, OrganizationId,
    OrganizationState, Permission, PermissionSet, Role, RoleBook, SearchText, User, UserId,
};

/// The right to see users, groups and roles of an organization.
#[derive(Debug, Clone, Copy)]
pub struct PeopleScope {
    organization: OrganizationId,
}

/// The right to change users, groups and roles of an organization, as far as some permissions go.
#[derive(Debug, Clone)]
pub struct PeopleGrant {
    organization: OrganizationId,
    /// How far; `None` is the operator's: there is no bound.
    holds: Option<PermissionSet>,
    /// The user of an impersonated session: their account is theirs, whatever they may do to others'.
    not_themselves: Option<UserId>,
}

/// The right to change one user.
#[derive(Debug, Clone, Copy)]
pub struct UserGrant {
    organization: OrganizationId,
    user: UserId,
}

/// The right to change an organization's settings.
#[derive(Debug, Clone, Copy)]
pub struct SettingsGrant {
    organization: OrganizationId,
}

/// The right to make and archive organizations of the deployment.
#[derive(Debug, Clone, Copy)]
pub struct SiteGrant {
    own: Option<OrganizationId>,
}

impl Actor {
    /// Users, groups and roles, to read.
    pub fn people(&self) -> Result<PeopleScope, Error> {
        self.require(&Permission::IAM_READ, "see users and roles")?;
        Ok(PeopleScope { organization: self.user().organization })
    }

    /// Users, groups and roles, to change.
    pub fn manage_people(&self) -> Result<PeopleGrant, Error> {
        self.require(&Permission::IAM_WRITE, "change users and roles")?;
        Ok(PeopleGrant {
            organization: self.user().organization,
            holds: Some(self.user().permissions().clone()),
            not_themselves: self.impersonation().map(|session| session.user().id),
        })
    }

    /// Themselves: what everybody may change of their own account, in person.
    pub fn own_account(&self) -> Result<UserGrant, Error> {
        self.check_in_person("change the user's account")?;
        Ok(UserGrant { organization: self.user().organization, user: self.user().id })
    }

    /// The organization's settings.
    pub fn settings(&self) -> Result<SettingsGrant, Error> {
        self.require(&Permission::SETTINGS_WRITE, "change the organization's settings")?;
        Ok(SettingsGrant { organization: self.user().organization })
    }

    /// The deployment's organizations.
    pub fn site(&self) -> Result<SiteGrant, Error> {
        self.require(&Permission::ORGANIZATIONS_MANAGE, "manage the organizations of this deployment")?;
        Ok(SiteGrant { own: Some(self.user().organization) })
    }
}

impl Operator {
    /// Users, groups and roles of an organization, to read.
    #[must_use]
    pub fn readable_people_of(self, organization: OrganizationId) -> PeopleScope {
        PeopleScope { organization }
    }

    /// Users, groups and roles of an organization, to change.
    #[must_use]
    pub fn people_of(self, organization: OrganizationId) -> PeopleGrant {
        PeopleGrant { organization, holds: None, not_themselves: None }
    }

    /// An organization's settings.
    #[must_use]
    pub fn settings_of(self, organization: OrganizationId) -> SettingsGrant {
        SettingsGrant { organization }
    }

    /// The deployment's organizations.
    #[must_use]
    pub fn site(self) -> SiteGrant {
        SiteGrant { own: None }
    }
}

/// Which users are wanted. All parts must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// In name or address.
    pub search: Option<SearchText>,
    /// Only users of this kind.
    pub status: Option<UserStatus>,
}

/// A page of a list of users, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPage {
    /// How many, 1 to [`MAX_PAGE_SIZE`].
    pub first: u32,
    /// After whom; `None` is the beginning.
    pub after: Option<UserId>,
}

impl UserPage {
    /// Checks what a caller asked for. The cursor must be one that this list gave out.
    pub fn new(
        first: i64,
        after: Option<&str>,
        scope: &PeopleScope,
        filter: &UserFilter,
    ) -> Result<Self, Error> {
        let first = u32::try_from(first).ok().filter(|first| (1..=MAX_PAGE_SIZE).contains(first));
        let first = first.ok_or_else(|| {
            Error::invalid(Field::First, format!("Ask for 1 to {MAX_PAGE_SIZE} users at a time."))
        })?;
        let place = |text: &str| {
            let bytes: [u8; 16] = filter.with_list(scope, |list| list.decode(text))?;
            UserId::from_slice(&bytes)
        };
        let after = after.map(|text| {
            place(text).ok_or_else(|| {
                Error::invalid(
                    Field::After,
                    "That is not a place in this list. Start again from the first page.",
                )
            })
        });
        Ok(Self { first, after: after.transpose()? })
    }
}

impl UserFilter {
    /// The cursor after a user in the list of this filter.
    #[must_use]
    pub fn cursor_after(&self, scope: &PeopleScope, user: UserId) -> String {
        self.with_list(scope, |list| list.encode(user.as_bytes()))
    }

    fn with_list<T>(&self, scope: &PeopleScope, use_it: impl FnOnce(List<'_>) -> T) -> T {
        use_it(List {
            of: "users",
            parts: &[
                scope.organization.as_bytes(),
                self.status.map_or("", UserStatus::code).as_bytes(),
                self.search.as_ref().map_or("", SearchText::as_str).as_bytes(),
            ],
        })
    }
}

/// How far a user has come, as lists are filtered by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserStatus {
    /// They can sign in.
    Active,
    /// They were invited or created, and have neither a password nor ever used the console.
    Pending,
    /// They were deactivated.
    Deactivated,
}

impl UserStatus {
    /// In the order of the filter.
    pub const ALL: [Self; 3] = [Self::Active, Self::Pending, Self::Deactivated];

    /// The name of query strings.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Deactivated => "deactivated",
        }
    }

    /// The inverse of [`Self::code`].
    pub fn parse(code: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|status| status.code() == code).ok_or_else(|| {
            Error::invalid(Field::Status, "There is no such status. Choose active, pending or deactivated.")
        })
    }
}

impl PeopleScope {
    /// The organization.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }
}

impl PeopleGrant {
    /// The organization.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The right to change a user: not one who may do more than whoever changes them.
    pub fn user(&self, user: &User) -> Result<UserGrant, Error> {
        if user.organization != self.organization {
            return Err(Error::NotFound("user"));
        }
        if self.not_themselves == Some(user.id) {
            return Err(Error::Forbidden("An impersonated session cannot change the user's account.".into()));
        }
        if self.covers(user.permissions()) {
            return Ok(UserGrant { organization: self.organization, user: user.id });
        }
        Err(Error::Forbidden(format!(
            "{} may do more than you, so you cannot change them. Ask an administrator.",
            user.name
        )))
    }

    /// The right to change a user who is being made in the same transaction.
    #[must_use]
    pub fn new_user(&self, id: UserId) -> UserGrant {
        UserGrant { organization: self.organization, user: id }
    }

    /// Whether these roles can be assigned: all of them exist, and give nothing that whoever assigns them does not hold.
    pub fn check_assign(&self, assignments: &Assignments, book: &RoleBook) -> Result<(), Error> {
        assignments.check(book)?;
        self.check_grant(&assignments.permissions(book))
    }

    /// Whether a role may come to be like this: it names no permission that whoever makes it does not hold.
    pub fn check_role(&self, role: &Role) -> Result<(), Error> {
        self.check_grant(&PermissionSet::everywhere(role.permissions.iter().cloned()))
    }

    /// Whether somebody may become, or stop being, a member of a group.
    pub fn check_member(&self, group: &Group, book: &RoleBook) -> Result<(), Error> {
        self.check_grant(&group.assignments.permissions(book))
    }

    fn check_grant(&self, granted: &PermissionSet) -> Result<(), Error> {
        if self.covers(granted) {
            return Ok(());
        }
        Err(Error::Forbidden(
            "You cannot grant or take away permissions that you do not hold. Ask an administrator.".into(),
        ))
    }

    fn covers(&self, other: &PermissionSet) -> bool {
        self.holds.as_ref().is_none_or(|holds| holds.covers(other))
    }
}

impl UserGrant {
    /// Their organization.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Who may be changed.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.user
    }
}

impl UserGrant {
    /// Their keys, which end with them.
    #[must_use]
    pub fn keys(&self) -> KeyScope {
        KeyScope { organization: self.organization, creator: Some(self.user) }
    }
}

impl SettingsGrant {
    /// The organization.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Whether a new state leaves the one who saves it in: a rule that locks out whoever made it cannot be undone by them.
    pub fn check_keeps(&self, actor: &User, after: &OrganizationState) -> Result<(), Error> {
        if User::new(Arc::clone(actor.record()), after).may_act() {
            return Ok(());
        }
        Err(Error::Conflict(
            "With these rules you could not sign in yourself. Add your own address or domain to what is allowed.".into(),
        ))
    }
}

impl SiteGrant {
    /// Whether an organization can be archived: not the one of whoever does it, who could not undo it.
    pub fn check_may_archive(&self, organization: OrganizationId) -> Result<(), Error> {
        if self.own == Some(organization) {
            return Err(Error::Conflict(
                "This is your own organization: archiving it would lock you out. Ask whoever runs the server.".into(),
            ));
        }
        Ok(())
    }
}
