//! Permissions: what one is called, and sets of them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Field};

/// A permission: Keystead's own (`keys:read_all`) or one that a product made up (`reports:read`). Compared whole: there are no
/// wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// See the keys of everyone in the organization.
    pub const KEYS_READ_ALL: Self = Self::own("keys:read_all");
    /// Revoke the keys of everyone in the organization.
    pub const KEYS_REVOKE_ALL: Self = Self::own("keys:revoke_all");
    /// Create impersonation keys, and have them work.
    pub const IMPERSONATION_GRANT: Self = Self::own("impersonation:grant");
    /// See users, groups and roles.
    pub const IAM_READ: Self = Self::own("iam:read");
    /// Change users, groups and roles, as far as one's own permissions go.
    pub const IAM_WRITE: Self = Self::own("iam:write");
    /// Read the audit log.
    pub const AUDIT_READ: Self = Self::own("audit:read");
    /// Change the organization's settings.
    pub const SETTINGS_WRITE: Self = Self::own("settings:write");
    /// Make and archive organizations of the deployment. Only the role *site administrator* has it.
    pub const ORGANIZATIONS_MANAGE: Self = Self::own("organizations:manage");

    /// Those of Keystead's that work inside one organization, in alphabetical order.
    pub const OF_ORGANIZATION: [Self; 7] = [
        Self::AUDIT_READ,
        Self::IAM_READ,
        Self::IAM_WRITE,
        Self::IMPERSONATION_GRANT,
        Self::KEYS_READ_ALL,
        Self::KEYS_REVOKE_ALL,
        Self::SETTINGS_WRITE,
    ];

    const fn own(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Whether it is one of Keystead's own, and not a product's.
    #[must_use]
    pub fn is_keysteads(&self) -> bool {
        Self::OF_ORGANIZATION.contains(self) || *self == Self::ORGANIZATIONS_MANAGE
    }

    /// Checks a permission's name: 1 to 100 of `a-z 0-9 _ . : -`, so that it can stand in a header's list.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.:-".contains(&byte);
        if (1..=100).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(Error::invalid(
                Field::Permission,
                "A permission is 1 to 100 of the characters a-z 0-9 _ . : - and has no wildcards.",
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

/// The id of something of the product's, to which a role assignment may be limited: 1 to 200 bytes, no blanks, commas or control
/// characters. Compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceId(Box<str>);

impl ResourceId {
    /// Checks an id that a caller sent.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |c: char| c.is_whitespace() || c.is_control() || c == ',';
        if (1..=200).contains(&text.len()) && !text.contains(refused) {
            Ok(Self(text.into()))
        } else {
            Err(Error::invalid(
                Field::Resource,
                "A resource is an id of 1 to 200 bytes without blanks or commas.",
            ))
        }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a set holds beyond the permissions that it names. Each holds what the one before it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Beyond {
    #[default]
    Nothing,
    /// All permissions of the product, also those not thought of yet: what an administrator keeps where Keystead's own are off.
    TheProducts,
    /// An administrator's: all permissions that work inside an organization.
    Everything,
}

/// What somebody may do, everywhere or on some resources only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionSet {
    beyond: Beyond,
    everywhere: BTreeSet<Permission>,
    limited: Vec<Limited>,
    /// Written once for each user, and read by each verification.
    text: Box<str>,
}

/// Permissions that hold on some resources.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Limited {
    permissions: BTreeSet<Permission>,
    resources: BTreeSet<ResourceId>,
}

impl PermissionSet {
    /// A set that holds everywhere.
    #[must_use]
    pub fn everywhere(permissions: impl IntoIterator<Item = Permission>) -> Self {
        let mut set = Self::default();
        set.add(permissions, &BTreeSet::new());
        set.written()
    }

    /// Everything that can be done inside an organization. `named` are the permissions that its roles name, for the list.
    pub(crate) fn add_everything(&mut self, named: impl IntoIterator<Item = Permission>) {
        self.beyond = Beyond::Everything;
        self.everywhere.extend(Permission::OF_ORGANIZATION);
        self.everywhere.extend(named);
    }

    /// Adds permissions that hold on these resources; on none is everywhere.
    pub(crate) fn add(
        &mut self,
        permissions: impl IntoIterator<Item = Permission>,
        resources: &BTreeSet<ResourceId>,
    ) {
        if resources.is_empty() {
            self.everywhere.extend(permissions);
        } else {
            let permissions = permissions.into_iter().collect();
            self.limited.push(Limited { permissions, resources: resources.clone() });
        }
    }

    /// All that either holds.
    pub(crate) fn union(mut self, other: Self) -> Self {
        if other == Self::default() {
            return self;
        }
        self.beyond = self.beyond.max(other.beyond);
        self.everywhere.extend(other.everywhere);
        self.limited.extend(other.limited);
        self.written()
    }

    /// The set with its text.
    pub(crate) fn written(mut self) -> Self {
        self.text = self.everywhere.iter().map(Permission::as_str).collect::<Vec<_>>().join(",").into();
        self
    }

    /// Whether it holds the permission everywhere.
    #[must_use]
    pub fn contains(&self, permission: &Permission) -> bool {
        let beyond = match self.beyond {
            Beyond::Nothing => false,
            Beyond::TheProducts => !permission.is_keysteads(),
            Beyond::Everything => *permission != Permission::ORGANIZATIONS_MANAGE,
        };
        beyond || self.everywhere.contains(permission)
    }

    /// Whether it holds the permission on a resource: everywhere, or there.
    #[must_use]
    pub fn contains_on(&self, permission: &Permission, resource: &ResourceId) -> bool {
        self.contains(permission)
            || self.limited.iter().any(|limited| {
                limited.permissions.contains(permission) && limited.resources.contains(resource)
            })
    }

    /// Whether it holds all that another does. Nobody grants what they do not hold, and nobody manages somebody who may do more
    /// than they themselves.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.beyond >= other.beyond
            && other.everywhere.iter().all(|permission| self.contains(permission))
            && other.limited.iter().all(|limited| {
                limited.permissions.iter().all(|permission| {
                    limited.resources.iter().all(|resource| self.contains_on(permission, resource))
                })
            })
    }

    /// Whether it is an administrator's.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.beyond == Beyond::Everything
    }

    /// What is left of it where Keystead's own permissions are off but those that `kept` says: the product's stay as they are.
    #[must_use]
    pub(crate) fn of_product_and(&self, kept: impl Fn(&Permission) -> bool) -> Self {
        let stays = |permission: &&Permission| !permission.is_keysteads() || kept(permission);
        let limited = self.limited.iter().map(|limited| Limited {
            permissions: limited.permissions.iter().filter(stays).cloned().collect(),
            resources: limited.resources.clone(),
        });
        let everywhere = self.everywhere.iter().filter(stays).cloned().collect();
        let beyond = self.beyond.min(Beyond::TheProducts);
        Self { beyond, everywhere, limited: limited.collect(), text: Box::default() }.written()
    }

    /// Those that hold everywhere, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.everywhere.iter()
    }
}

/// The value of the `X-Keystead-Permissions` header: those that hold everywhere, comma-separated.
impl fmt::Display for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(name: &str) -> Permission {
        Permission::parse(name).unwrap()
    }

    fn resource(id: &str) -> ResourceId {
        ResourceId::parse(id).unwrap()
    }

    fn limited(name: &str, resources: &[&str]) -> PermissionSet {
        let mut set = PermissionSet::default();
        set.add([permission(name)], &resources.iter().map(|id| resource(id)).collect());
        set.written()
    }

    #[test]
    fn a_permission_cannot_break_the_header_that_lists_it() {
        assert!(Permission::parse("reports:read").is_ok());
        for bad in ["", "a,b", "a b", "a\r\nx", "Ünï", "reports:*", &"x".repeat(101)] {
            assert!(Permission::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_resource_is_short_and_without_blanks() {
        assert!(ResourceId::parse("domain_456").is_ok());
        for bad in ["", "a b", "a,b", "a\nb", &"x".repeat(201)] {
            assert!(ResourceId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_limited_to_a_resource_holds_there_and_nowhere_else() {
        let set = limited("reports:read", &["a"]);
        assert!(set.contains_on(&permission("reports:read"), &resource("a")));
        assert!(!set.contains_on(&permission("reports:read"), &resource("b")));
        assert!(!set.contains(&permission("reports:read")));
        assert_eq!(set.to_string(), "", "the header lists what holds everywhere");
        let everywhere = PermissionSet::everywhere([permission("reports:read")]);
        assert!(everywhere.contains_on(&permission("reports:read"), &resource("b")));
    }

    #[test]
    fn where_keysteads_own_permissions_are_off_an_administrator_keeps_every_permission_of_the_product() {
        let mut everything = PermissionSet::default();
        everything.add_everything([permission("reports:read")]);
        everything.add([Permission::IAM_WRITE, permission("reports:share")], &[resource("a")].into());
        let product = everything.written().of_product_and(|_| false);
        assert_eq!(product.to_string(), "reports:read");
        assert!(product.contains(&permission("not:thought:of:yet")));
        for own in Permission::OF_ORGANIZATION.iter().chain([&Permission::ORGANIZATIONS_MANAGE]) {
            assert!(!product.contains(own) && !product.contains_on(own, &resource("a")), "{own}");
        }
        assert!(product.contains_on(&permission("reports:share"), &resource("a")));
        assert!(!product.is_everything());

        let mut administrator = PermissionSet::default();
        administrator.add_everything([]);
        let kept = administrator.of_product_and(|own| *own == Permission::IAM_READ);
        assert!(kept.contains(&Permission::IAM_READ) && !kept.contains(&Permission::IAM_WRITE));
        assert!(administrator.covers(&kept) && !kept.covers(&administrator));
    }

    #[test]
    fn a_set_covers_no_permission_and_no_resource_that_it_does_not_hold() {
        let read = PermissionSet::everywhere([permission("reports:read")]);
        let write = PermissionSet::everywhere([permission("reports:write")]);
        let on_a = limited("reports:read", &["a"]);
        let on_both = limited("reports:read", &["a", "b"]);
        let mut everything = PermissionSet::default();
        everything.add_everything([]);
        let site = PermissionSet::everywhere([Permission::ORGANIZATIONS_MANAGE]);
        assert!(read.covers(&read) && read.covers(&on_both) && on_both.covers(&on_a));
        assert!(!read.covers(&write) && !on_a.covers(&read) && !on_a.covers(&on_both));
        assert!(everything.covers(&read) && everything.covers(&on_both) && everything.covers(&everything));
        let all_named = PermissionSet::everywhere(Permission::OF_ORGANIZATION);
        assert!(!all_named.covers(&everything), "an administrator may do what nobody has thought of yet");
        assert!(!everything.covers(&site), "an organization's administrator does not reach beyond it");
    }
}
