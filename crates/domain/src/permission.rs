//! Permissions and the roles that hold them.

use std::collections::BTreeSet;
use std::fmt;

use crate::{Error, Field};

/// A permission: Keystead's own (`keys:read_all`) or one that a product made up (`reports:read`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission(std::borrow::Cow<'static, str>);

impl Permission {
    /// See the keys of everyone in the organization.
    pub const KEYS_READ_ALL: Self = Self::own("keys:read_all");
    /// Revoke the keys of everyone in the organization.
    pub const KEYS_REVOKE_ALL: Self = Self::own("keys:revoke_all");
    /// Create impersonation keys, and have them work.
    pub const IMPERSONATION_GRANT: Self = Self::own("impersonation:grant");
    /// See users and their roles.
    pub const IAM_READ: Self = Self::own("iam:read");
    /// Change users and their roles.
    pub const IAM_WRITE: Self = Self::own("iam:write");
    /// Read the audit log.
    pub const AUDIT_READ: Self = Self::own("audit:read");
    /// Change the organization's settings.
    pub const SETTINGS_WRITE: Self = Self::own("settings:write");

    const fn own(name: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(name))
    }

    /// Checks a permission that a caller asks about: 1 to 100 of `a-z 0-9 _ . : - *`, so that it can stand in a header's list.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.:-*".contains(&byte);
        if (1..=100).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned().into()))
        } else {
            Err(Error::invalid(
                Field::Permission,
                "A permission is 1 to 100 of the characters a-z 0-9 _ . : - *.",
            ))
        }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A named set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Everything that Keystead can do in the organization.
    Administrator,
    /// One's own keys, which need no permission.
    Member,
}

static ADMINISTRATOR: [Permission; 7] = [
    Permission::KEYS_READ_ALL,
    Permission::KEYS_REVOKE_ALL,
    Permission::IMPERSONATION_GRANT,
    Permission::IAM_READ,
    Permission::IAM_WRITE,
    Permission::AUDIT_READ,
    Permission::SETTINGS_WRITE,
];

impl Role {
    /// Its name, which is also its id.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Member => "member",
        }
    }

    /// The inverse of [`Self::name`].
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "administrator" => Ok(Self::Administrator),
            "member" => Ok(Self::Member),
            _ => Err(Error::invalid(
                Field::Role,
                "There is no such role. The roles are administrator and member.",
            )),
        }
    }

    /// What it permits.
    #[must_use]
    pub fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Administrator => &ADMINISTRATOR,
            Self::Member => &[],
        }
    }
}

/// What a user may do: the union of their roles. Sorted, so that it prints the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionSet {
    held: BTreeSet<Permission>,
    /// Written once for each user, and read by each verification.
    text: Box<str>,
}

impl PermissionSet {
    /// The union of the roles' permissions.
    #[must_use]
    pub fn of_roles(roles: &[Role]) -> Self {
        let held: BTreeSet<_> = roles.iter().flat_map(|role| role.permissions()).cloned().collect();
        let text = held.iter().map(Permission::as_str).collect::<Vec<_>>().join(",").into();
        Self { held, text }
    }

    /// Whether it holds the permission.
    #[must_use]
    pub fn contains(&self, permission: &Permission) -> bool {
        self.held.contains(permission)
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.held.iter()
    }
}

/// The value of the `X-Keystead-Permissions` header: comma-separated.
impl fmt::Display for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_hold_every_permission_of_keysteads_and_members_none() {
        assert_eq!(
            PermissionSet::of_roles(&[Role::Member, Role::Administrator]).to_string(),
            "audit:read,iam:read,iam:write,impersonation:grant,keys:read_all,keys:revoke_all,settings:write"
        );
        assert_eq!(PermissionSet::of_roles(&[Role::Member]).to_string(), "");
    }

    #[test]
    fn a_permission_cannot_break_the_header_that_lists_it() {
        assert!(Permission::parse("reports:read").is_ok());
        for bad in ["", "a,b", "a b", "a\r\nx", "Ünï", &"x".repeat(101)] {
            assert!(Permission::parse(bad).is_err(), "{bad:?}");
        }
    }
}
