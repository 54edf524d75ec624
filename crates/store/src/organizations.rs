//! Organizations: what decides for all users of one at once.

use std::collections::HashMap;

use keystead_domain::audit::Action;
use keystead_domain::{
    EmailAccess, EmailList, EmailRule, Expiration, KeyPolicy, Organization, OrganizationId, OrganizationName,
    OrganizationRecord, PolicyMessage, RuleKind, SettingsGrant, SiteGrant, UserId,
};
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::keys::changed_one;
use crate::rows::{self, corrupt};
use crate::{Store, StoreError, Transaction, groups, roles};

const TABLE: &str = "organizations";

impl Store {
    /// Whether there is any organization yet: if not, this is a first start.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query("SELECT id FROM organizations LIMIT 1").fetch_optional(&self.readers).await?.is_none())
    }

    /// The oldest organization: the one that set-up made.
    pub async fn first_organization(&self) -> Result<Option<OrganizationId>, StoreError> {
        let row = sqlx::query("SELECT id FROM organizations ORDER BY id LIMIT 1")
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| rows::id(TABLE, row.try_get::<&[u8], _>(0)?, OrganizationId::from_slice)).transpose()
    }
}

/// A query about one organization, `$1`, or about all of them: then `$1` is empty, and still used.
macro_rules! one_or_all {
    ($one:expr, $query:literal, $column:literal) => {
        if $one {
            concat!($query, " WHERE ", $column, " = $1")
        } else {
            concat!($query, " WHERE length($1) >= 0")
        }
    };
}
pub(crate) use one_or_all;

/// One organization.
pub(crate) async fn read(
    connection: &mut AnyConnection,
    id: OrganizationId,
) -> Result<Option<OrganizationRecord>, StoreError> {
    Ok(read_some(connection, Some(id)).await?.pop())
}

/// One organization or all of them, with their roles, groups and rules. What of it cannot be read gives less, never more: an
/// unreadable role gives nothing, an unreadable policy makes no keys, and an organization whose e-mail rules cannot be read is
/// left out, because nobody may be admitted by them.
pub(crate) async fn read_some(
    connection: &mut AnyConnection,
    id: Option<OrganizationId>,
) -> Result<Vec<OrganizationRecord>, StoreError> {
    let mut roles = roles::read(&mut *connection, id).await?;
    let mut groups = groups::read(&mut *connection, id).await?;
    let mut email_access = email_rules(&mut *connection, id).await?;
    let sql = one_or_all!(
        id.is_some(),
        "SELECT name, created_at, archived_at, longest_expiration, keys_may_create_keys, creation_closed, id FROM organizations",
        "id"
    );
    let rows = sqlx::query(sql).bind(bound(id)).fetch(connection);
    let rows = rows::readable(TABLE, rows).await?;
    let mut records = Vec::with_capacity(rows.len());
    for row in &rows {
        match organization(row) {
            Ok((organization, policy)) => {
                let key = organization.id.as_bytes();
                match email_access.remove(&key[..]).unwrap_or_else(|| Ok(Vec::new())) {
                    Ok(stored) => records.push(OrganizationRecord {
                        email_access: EmailAccess::from_stored(stored),
                        roles: roles.remove(&key[..]).unwrap_or_default(),
                        groups: groups.remove(&key[..]).unwrap_or_default(),
                        organization,
                        policy,
                    }),
                    Err(error) => {
                        tracing::error!(?error, organization = %organization.id, "its e-mail rules cannot be read; it is refused");
                    }
                }
            }
            Err(error) => tracing::error!(?error, "an organization cannot be read; it is refused"),
        }
    }
    Ok(records)
}

/// `$1` of [`one_or_all`].
pub(crate) fn bound(id: Option<OrganizationId>) -> Vec<u8> {
    id.map_or_else(Vec::new, |id| id.as_bytes().to_vec())
}

fn organization(row: &AnyRow) -> Result<(Organization, KeyPolicy), StoreError> {
    let organization = Organization {
        id: rows::id(TABLE, row.try_get::<&[u8], _>(6)?, OrganizationId::from_slice)?,
        name: OrganizationName::from_stored(row.try_get(0)?),
        created_at: rows::instant(TABLE, row.try_get(1)?)?,
        archived_at: rows::optional_instant(TABLE, row.try_get(2)?)?,
    };
    let policy = policy(row, 3);
    Ok((organization, policy))
}

/// The policy in three columns of a row. One that cannot be read lets nobody create a key.
fn policy(row: &AnyRow, first: usize) -> KeyPolicy {
    try_policy(row, first).unwrap_or_else(|error| {
        tracing::error!(?error, "an organization's policy cannot be read; no key can be created in it");
        let closed = PolicyMessage::from_stored("the organization's policy cannot be read.".to_owned());
        KeyPolicy { closed: Some(closed), ..KeyPolicy::default() }
    })
}

fn try_policy(row: &AnyRow, first: usize) -> Result<KeyPolicy, StoreError> {
    let longest: &str = row.try_get(first)?;
    Ok(KeyPolicy {
        longest: Expiration::parse(longest).map_err(|_| corrupt(TABLE, "an unknown expiration"))?,
        keys_may_create_keys: rows::flag(TABLE, row.try_get(first + 1)?)?,
        closed: row.try_get::<Option<String>, _>(first + 2)?.map(PolicyMessage::from_stored),
    })
}

type Rules = Vec<(EmailList, RuleKind, String)>;

/// The e-mail rules by organization; those of one that has an unreadable rule are an error.
async fn email_rules(
    connection: &mut AnyConnection,
    id: Option<OrganizationId>,
) -> Result<HashMap<Vec<u8>, Result<Rules, StoreError>>, StoreError> {
    let sql = one_or_all!(
        id.is_some(),
        "SELECT organization_id, list, kind, pattern FROM email_rules",
        "organization_id"
    );
    let mut all: HashMap<Vec<u8>, Result<Rules, StoreError>> = HashMap::new();
    let rows =
        match sqlx::query(sql).bind(bound(id)).fetch_all(&mut *connection).await.map_err(StoreError::from) {
            Ok(rows) => rows,
            Err(error) if error.is_unreadable() => {
                // The driver refuses all rows for one, and does not say whose that is.
                let Some(id) = id else { return email_rules_one_by_one(connection).await };
                all.insert(id.as_bytes().to_vec(), Err(error));
                return Ok(all);
            }
            Err(error) => return Err(error),
        };
    for row in &rows {
        let organization: Vec<u8> = row.try_get(0)?;
        let rules = all.entry(organization).or_insert_with(|| Ok(Vec::new()));
        match (&mut *rules, email_rule(row)) {
            (Ok(rules), Ok(rule)) => rules.push(rule),
            (_, Err(error)) => *rules = Err(error),
            (Err(_), Ok(_)) => {}
        }
    }
    Ok(all)
}

async fn email_rules_one_by_one(
    connection: &mut AnyConnection,
) -> Result<HashMap<Vec<u8>, Result<Rules, StoreError>>, StoreError> {
    let rows =
        sqlx::query("SELECT DISTINCT organization_id FROM email_rules").fetch_all(&mut *connection).await?;
    let mut all = HashMap::new();
    for row in &rows {
        // Those of an organization that has no id are nobody's.
        if let Some(id) = OrganizationId::from_slice(row.try_get(0)?) {
            all.extend(Box::pin(email_rules(&mut *connection, Some(id))).await?);
        }
    }
    Ok(all)
}

fn email_rule(row: &AnyRow) -> Result<(EmailList, RuleKind, String), StoreError> {
    let unknown = || corrupt("email_rules", "an unknown kind of rule");
    let list = EmailList::parse(row.try_get(1)?).ok_or_else(unknown)?;
    let kind = RuleKind::parse(row.try_get(2)?).ok_or_else(unknown)?;
    let pattern: String = row.try_get(3)?;
    // What is no rule any more would block nobody.
    let parsed =
        EmailRule::parse(list, kind, &pattern).map_err(|_| corrupt("email_rules", "what is no rule"))?;
    if parsed.as_str() != pattern {
        return Err(corrupt("email_rules", "a rule that is not normalised"));
    }
    Ok((list, kind, pattern))
}

impl Transaction {
    /// Whether there is any organization, as of this transaction: two set-ups at once make one.
    pub async fn is_empty(&mut self) -> Result<bool, StoreError> {
        Ok(sqlx::query("SELECT id FROM organizations LIMIT 1")
            .fetch_optional(self.connection()?)
            .await?
            .is_none())
    }

    /// An organization as it is inside this transaction.
    pub async fn organization(
        &mut self,
        id: OrganizationId,
    ) -> Result<Option<OrganizationRecord>, StoreError> {
        read(self.connection()?, id).await
    }

    /// What new keys of a user may be, as it is inside this transaction. `None`: they are deactivated or gone, or their
    /// organization is archived.
    pub async fn key_policy_for(
        &mut self,
        organization: OrganizationId,
        creator: UserId,
    ) -> Result<Option<KeyPolicy>, StoreError> {
        let row = sqlx::query(
            "SELECT o.longest_expiration, o.keys_may_create_keys, o.creation_closed \
             FROM users u JOIN organizations o ON o.id = u.organization_id \
             WHERE u.id = $1 AND o.id = $2 AND u.active = 1 AND u.deleted_at IS NULL AND o.archived_at IS NULL",
        )
        .bind(&creator.as_bytes()[..])
        .bind(&organization.as_bytes()[..])
        .fetch_optional(self.connection()?)
        .await?;
        Ok(row.as_ref().map(|row| policy(row, 0)))
    }

    /// Writes a new organization.
    pub async fn create_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, $3)")
            .bind(&organization.id.as_bytes()[..])
            .bind(organization.name.as_str())
            .bind(organization.created_at.as_millisecond())
            .execute(self.connection()?)
            .await?;
        self.announce_organization(organization.id).await?;
        let details = json!({ "name": organization.name.as_str() });
        self.record(organization.id, Action::OrganizationCreated, *organization.id.as_bytes(), details).await
    }

    /// Renames an organization that was read in this transaction.
    pub async fn rename_organization(
        &mut self,
        grant: &SettingsGrant,
        before: &Organization,
        name: &OrganizationName,
    ) -> Result<(), StoreError> {
        let id = grant.organization();
        let rows = sqlx::query("UPDATE organizations SET name = $1 WHERE id = $2")
            .bind(name.as_str())
            .bind(&id.as_bytes()[..])
            .execute(self.connection()?)
            .await?
            .rows_affected();
        changed_one(rows)?;
        self.announce_organization(id).await?;
        let details = json!({ "before": before.name.as_str(), "after": name.as_str() });
        self.record(id, Action::OrganizationRenamed, *id.as_bytes(), details).await
    }

    /// Archives an organization, which then refuses everything, or brings it back.
    pub async fn set_archived(
        &mut self,
        _: &SiteGrant,
        id: OrganizationId,
        archived: bool,
    ) -> Result<(), StoreError> {
        let at = archived.then(|| self.trace.at.as_millisecond());
        let rows = sqlx::query("UPDATE organizations SET archived_at = $1 WHERE id = $2")
            .bind(at)
            .bind(&id.as_bytes()[..])
            .execute(self.connection()?)
            .await?
            .rows_affected();
        changed_one(rows)?;
        self.announce_organization(id).await?;
        let action = if archived { Action::OrganizationArchived } else { Action::OrganizationRestored };
        self.record(id, action, *id.as_bytes(), json!({})).await
    }

    /// Replaces what new keys may be.
    pub async fn set_key_policy(
        &mut self,
        grant: &SettingsGrant,
        before: &KeyPolicy,
        after: &KeyPolicy,
    ) -> Result<(), StoreError> {
        let id = grant.organization();
        let rows = sqlx::query(
            "UPDATE organizations SET longest_expiration = $1, keys_may_create_keys = $2, creation_closed = $3 WHERE id = $4",
        )
        .bind(after.longest.code())
        .bind(i64::from(after.keys_may_create_keys))
        .bind(after.closed.as_ref().map(PolicyMessage::as_str))
        .bind(&id.as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        self.announce_organization(id).await?;
        let told = |policy: &KeyPolicy| {
            json!({
                "longest": policy.longest.code(),
                "keysMayCreateKeys": policy.keys_may_create_keys,
                "closed": policy.closed.as_ref().map(PolicyMessage::as_str),
            })
        };
        let details = json!({ "before": told(before), "after": told(after) });
        self.record(id, Action::KeyPolicySet, *id.as_bytes(), details).await
    }

    /// Replaces the rules of who may be a user.
    pub async fn set_email_access(
        &mut self,
        grant: &SettingsGrant,
        before: &EmailAccess,
        after: &EmailAccess,
    ) -> Result<(), StoreError> {
        let id = grant.organization();
        sqlx::query("DELETE FROM email_rules WHERE organization_id = $1")
            .bind(&id.as_bytes()[..])
            .execute(self.connection()?)
            .await?;
        for (list, kind) in lists() {
            for rule in after.rules(list, kind) {
                sqlx::query(
                    "INSERT INTO email_rules (organization_id, list, kind, pattern) VALUES ($1, $2, $3, $4)",
                )
                .bind(&id.as_bytes()[..])
                .bind(list.code())
                .bind(kind.code())
                .bind(rule.as_str())
                .execute(self.connection()?)
                .await?;
            }
        }
        self.announce_organization(id).await?;
        let patterns = |access: &EmailAccess, list, kind| -> Vec<String> {
            access.rules(list, kind).map(|rule| rule.as_str().to_owned()).collect()
        };
        let mut details = serde_json::Map::new();
        for (list, kind) in lists() {
            let (old, new) = (patterns(before, list, kind), patterns(after, list, kind));
            let missing = |from: &[String], in_: &[String]| -> Vec<String> {
                from.iter().filter(|pattern| !in_.contains(pattern)).cloned().collect()
            };
            let changes = json!({ "added": missing(&new, &old), "removed": missing(&old, &new) });
            details.insert(format!("{}_{}", list.code(), kind.code()), changes);
        }
        self.record(id, Action::EmailAccessSet, *id.as_bytes(), details.into()).await
    }
}

fn lists() -> [(EmailList, RuleKind); 4] {
    [
        (EmailList::Allow, RuleKind::Domain),
        (EmailList::Allow, RuleKind::Address),
        (EmailList::Block, RuleKind::Domain),
        (EmailList::Block, RuleKind::Address),
    ]
}
