//! The roles that organizations made, and how assignments of roles are kept.

use std::collections::{BTreeSet, HashMap};

use keystead_domain::audit::Action;
use keystead_domain::{
    Assignment, Description, OrganizationId, OwnRoleId, PeopleGrant, Permission, ResourceId, Role, RoleId,
    RoleName, RoleOrigin,
};
use serde_json::{Value, json};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::keys::changed_one;
use crate::organizations::{bound, one_or_all};
use crate::rows::{self, corrupt};
use crate::{StoreError, Transaction};

const TABLE: &str = "roles";

/// The roles of one organization or of all, by organization. One that cannot be read gives nothing to those who hold it.
pub(crate) async fn read(
    connection: &mut AnyConnection,
    organization: Option<OrganizationId>,
) -> Result<HashMap<Vec<u8>, Vec<Role>>, StoreError> {
    let sql = one_or_all!(
        organization.is_some(),
        "SELECT id, name, description, permissions, organization_id FROM roles",
        "organization_id"
    );
    let rows = sqlx::query(sql).bind(bound(organization)).fetch(connection);
    let rows = rows::readable(TABLE, rows).await?;
    let mut all: HashMap<Vec<u8>, Vec<Role>> = HashMap::new();
    for row in &rows {
        match role(row) {
            Ok(role) => all.entry(row.try_get(4)?).or_default().push(role),
            Err(error) => tracing::error!(?error, "a role cannot be read; it gives nothing"),
        }
    }
    Ok(all)
}

fn role(row: &AnyRow) -> Result<Role, StoreError> {
    let permissions: Vec<String> = list(TABLE, row.try_get(3)?)?;
    Ok(Role {
        id: rows::id(TABLE, row.try_get::<&[u8], _>(0)?, OwnRoleId::from_slice)?.into(),
        name: RoleName::from_stored(row.try_get(1)?),
        description: Description::from_stored(row.try_get(2)?),
        permissions: Role::parse_permissions(&permissions)
            .map_err(|_| corrupt(TABLE, "a permission that cannot be one"))?,
        origin: RoleOrigin::Organization,
    })
}

/// A list of texts as the store keeps it.
pub(crate) fn list(table: &'static str, text: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(table, "a list that is not one"))
}

/// An assignment from its role and scopes. One that cannot be read gives nothing, and is no reason to refuse what others give.
pub(crate) fn assignment(
    table: &'static str,
    role: Option<String>,
    scopes: Option<&str>,
) -> Option<Assignment> {
    let read = || -> Result<Assignment, StoreError> {
        let role = role.ok_or_else(|| corrupt(table, "a role that is no text"))?;
        let scopes = list(table, scopes.ok_or_else(|| corrupt(table, "scopes that are no text"))?)?;
        let scopes: Result<BTreeSet<_>, _> = scopes.iter().map(|id| ResourceId::parse(id)).collect();
        let scopes = scopes.map_err(|_| corrupt(table, "a scope that cannot be one"))?;
        Ok(Assignment { role: RoleId::from_stored(role), scopes })
    };
    read()
        .inspect_err(|error| tracing::error!(?error, "a role assignment cannot be read; it gives nothing"))
        .ok()
}

/// Scopes as the store keeps them.
pub(crate) fn scopes(scopes: &BTreeSet<ResourceId>) -> String {
    scopes.iter().map(ResourceId::as_str).collect::<Value>().to_string()
}

/// Assignments as the audit log keeps them.
pub(crate) fn told(assignments: &keystead_domain::Assignments) -> Value {
    let one = |(role, scopes): (&RoleId, &BTreeSet<ResourceId>)| {
        if scopes.is_empty() {
            json!(role.as_str())
        } else {
            json!({ "role": role.as_str(), "scopes": scopes.iter().map(ResourceId::as_str).collect::<Vec<_>>() })
        }
    };
    assignments.iter().map(one).collect()
}

fn names(permissions: &BTreeSet<Permission>) -> Value {
    permissions.iter().map(Permission::as_str).collect()
}

impl Transaction {
    /// Writes a new role of the organization.
    pub async fn create_role(
        &mut self,
        grant: &PeopleGrant,
        id: OwnRoleId,
        role: &Role,
    ) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        sqlx::query(
            "INSERT INTO roles (id, organization_id, name, name_folded, description, permissions, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&id.as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .bind(role.name.as_str())
        .bind(role.name.folded())
        .bind(role.description.as_str())
        .bind(names(&role.permissions).to_string())
        .bind(now)
        .execute(self.connection()?)
        .await?;
        self.announce_organization(grant.organization()).await?;
        let details = json!({ "name": role.name.as_str(), "permissions": names(&role.permissions) });
        self.record(grant.organization(), Action::RoleCreated, *id.as_bytes(), details).await
    }

    /// Changes a role of the organization. It takes effect for all who hold it, and for all of their keys, in one step (promise 1).
    pub async fn update_role(
        &mut self,
        grant: &PeopleGrant,
        id: OwnRoleId,
        before: &Role,
        after: &Role,
    ) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "UPDATE roles SET name = $1, name_folded = $2, description = $3, permissions = $4 \
             WHERE id = $5 AND organization_id = $6",
        )
        .bind(after.name.as_str())
        .bind(after.name.folded())
        .bind(after.description.as_str())
        .bind(names(&after.permissions).to_string())
        .bind(&id.as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(self.connection()?)
        .await?
        .rows_affected();
        changed_one(rows)?;
        self.announce_organization(grant.organization()).await?;
        let told = |role: &Role| {
            json!({
                "name": role.name.as_str(),
                "description": role.description.as_str(),
                "permissions": names(&role.permissions),
            })
        };
        let details = json!({ "before": told(before), "after": told(after) });
        self.record(grant.organization(), Action::RoleUpdated, *id.as_bytes(), details).await
    }

    /// Deletes a role of the organization; whoever held it no longer does.
    pub async fn delete_role(
        &mut self,
        grant: &PeopleGrant,
        id: OwnRoleId,
        role: &Role,
    ) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let rows = sqlx::query("DELETE FROM roles WHERE id = $1 AND organization_id = $2")
            .bind(&id.as_bytes()[..])
            .bind(&grant.organization().as_bytes()[..])
            .execute(&mut *connection)
            .await?
            .rows_affected();
        changed_one(rows)?;
        // The id is never used again, so an assignment that is still in somebody's memory gives nothing.
        for sql in ["DELETE FROM user_roles WHERE role = $1", "DELETE FROM user_group_roles WHERE role = $1"]
        {
            sqlx::query(sql).bind(id.to_string()).execute(&mut *connection).await?;
        }
        self.announce_organization(grant.organization()).await?;
        let details = json!({ "name": role.name.as_str(), "permissions": names(&role.permissions) });
        self.record(grant.organization(), Action::RoleDeleted, *id.as_bytes(), details).await
    }
}
