//! Groups of users, the roles that they carry, and their members.

use std::collections::HashMap;

use keystead_domain::audit::Action;
use keystead_domain::{
    Assignment, Assignments, Group, GroupId, GroupName, OrganizationId, PeopleGrant, PeopleScope, UserGrant,
    UserId,
};
use serde_json::json;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

use crate::keys::changed_one;
use crate::organizations::{bound, one_or_all};
use crate::rows::{id, readable};
use crate::{Store, StoreError, Transaction, roles};

const TABLE: &str = "user_groups";

/// The groups of one organization or of all, with their roles, by organization. One that cannot be read gives nothing.
pub(crate) async fn read(
    connection: &mut AnyConnection,
    organization: Option<OrganizationId>,
) -> Result<HashMap<Vec<u8>, Vec<Group>>, StoreError> {
    let sql = one_or_all!(
        organization.is_some(),
        "SELECT r.group_id, r.role, r.scopes FROM user_group_roles r JOIN user_groups g ON g.id = r.group_id",
        "g.organization_id"
    );
    let mut assignments: HashMap<Vec<u8>, Vec<Assignment>> = HashMap::new();
    let rows = sqlx::query(sql).bind(bound(organization)).fetch(&mut *connection);
    for row in readable("user_group_roles", rows).await? {
        let assignment = roles::assignment("user_group_roles", row.try_get(1).ok(), row.try_get(2).ok());
        if let (Ok(group), Some(assignment)) = (row.try_get(0), assignment) {
            assignments.entry(group).or_default().push(assignment);
        }
    }
    let sql = one_or_all!(
        organization.is_some(),
        "SELECT id, name, organization_id FROM user_groups",
        "organization_id"
    );
    let mut all: HashMap<Vec<u8>, Vec<Group>> = HashMap::new();
    let rows = sqlx::query(sql).bind(bound(organization)).fetch(connection);
    for row in readable(TABLE, rows).await? {
        match group(&row, &mut assignments) {
            Ok(group) => all.entry(row.try_get(2)?).or_default().push(group),
            Err(error) => tracing::error!(?error, "a group cannot be read; it gives nothing"),
        }
    }
    Ok(all)
}

fn group(row: &AnyRow, assignments: &mut HashMap<Vec<u8>, Vec<Assignment>>) -> Result<Group, StoreError> {
    let bytes: &[u8] = row.try_get(0)?;
    Ok(Group {
        id: id(TABLE, bytes, GroupId::from_slice)?,
        name: GroupName::from_stored(row.try_get(1)?),
        assignments: assignments.remove(bytes).unwrap_or_default().into_iter().collect(),
    })
}

impl Store {
    /// Up to `limit` members of a group, the newest first, and how many there are.
    pub async fn group_members(
        &self,
        scope: &PeopleScope,
        group: GroupId,
        limit: i64,
    ) -> Result<(Vec<UserId>, u64), StoreError> {
        let mut connection = self.readers.acquire().await?;
        let rows = sqlx::query(
            "SELECT user_id FROM user_group_members WHERE group_id = $1 AND organization_id = $2 \
             ORDER BY user_id DESC LIMIT $3",
        )
        .bind(&group.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
        let members = rows
            .iter()
            .map(|row| id("user_group_members", row.try_get::<&[u8], _>(0)?, UserId::from_slice))
            .collect::<Result<_, StoreError>>()?;
        let count: i64 = sqlx::query(
            "SELECT COUNT(*) FROM user_group_members WHERE group_id = $1 AND organization_id = $2",
        )
        .bind(&group.as_bytes()[..])
        .bind(&scope.organization().as_bytes()[..])
        .fetch_one(&mut *connection)
        .await?
        .try_get(0)?;
        Ok((members, count.unsigned_abs()))
    }
}

impl Transaction {
    /// Writes a new group.
    pub async fn create_group(&mut self, grant: &PeopleGrant, group: &Group) -> Result<(), StoreError> {
        let now = self.trace.at.as_millisecond();
        sqlx::query(
            "INSERT INTO user_groups (id, organization_id, name, name_folded, created_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&group.id.as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .bind(group.name.as_str())
        .bind(group.name.folded())
        .bind(now)
        .execute(self.connection()?)
        .await?;
        self.write_group_roles(group).await?;
        self.announce_organization(grant.organization()).await?;
        let details = json!({ "name": group.name.as_str(), "roles": roles::told(&group.assignments) });
        self.record(grant.organization(), Action::GroupCreated, *group.id.as_bytes(), details).await
    }

    /// Changes a group's name and roles. It takes effect for all of its members in one step (promise 1).
    pub async fn update_group(
        &mut self,
        grant: &PeopleGrant,
        before: &Group,
        after: &Group,
    ) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let rows = sqlx::query(
            "UPDATE user_groups SET name = $1, name_folded = $2 WHERE id = $3 AND organization_id = $4",
        )
        .bind(after.name.as_str())
        .bind(after.name.folded())
        .bind(&after.id.as_bytes()[..])
        .bind(&grant.organization().as_bytes()[..])
        .execute(&mut *connection)
        .await?
        .rows_affected();
        changed_one(rows)?;
        sqlx::query("DELETE FROM user_group_roles WHERE group_id = $1")
            .bind(&after.id.as_bytes()[..])
            .execute(connection)
            .await?;
        self.write_group_roles(after).await?;
        self.announce_organization(grant.organization()).await?;
        let told =
            |group: &Group| json!({ "name": group.name.as_str(), "roles": roles::told(&group.assignments) });
        let details = json!({ "before": told(before), "after": told(after) });
        self.record(grant.organization(), Action::GroupUpdated, *after.id.as_bytes(), details).await
    }

    /// Deletes a group; its members no longer hold its roles.
    pub async fn delete_group(&mut self, grant: &PeopleGrant, group: &Group) -> Result<(), StoreError> {
        let rows = sqlx::query("DELETE FROM user_groups WHERE id = $1 AND organization_id = $2")
            .bind(&group.id.as_bytes()[..])
            .bind(&grant.organization().as_bytes()[..])
            .execute(self.connection()?)
            .await?
            .rows_affected();
        changed_one(rows)?;
        self.announce_organization(grant.organization()).await?;
        let details = json!({ "name": group.name.as_str(), "roles": roles::told(&group.assignments) });
        self.record(grant.organization(), Action::GroupDeleted, *group.id.as_bytes(), details).await
    }

    /// Makes a user a member of a group, or ends it. What is so already stays so.
    pub async fn set_member(
        &mut self,
        grant: &UserGrant,
        group: &Group,
        member: bool,
    ) -> Result<(), StoreError> {
        let sql = if member {
            "INSERT INTO user_group_members (group_id, user_id, organization_id) VALUES ($1, $2, $3) \
             ON CONFLICT (group_id, user_id) DO NOTHING"
        } else {
            "DELETE FROM user_group_members WHERE group_id = $1 AND user_id = $2 AND organization_id = $3"
        };
        let rows = sqlx::query(sql)
            .bind(&group.id.as_bytes()[..])
            .bind(&grant.user().as_bytes()[..])
            .bind(&grant.organization().as_bytes()[..])
            .execute(self.connection()?)
            .await?
            .rows_affected();
        if rows == 0 {
            return Ok(());
        }
        self.announce_user(grant.user()).await?;
        let details = json!({ "group": group.name.as_str(), "user": grant.user(), "member": member });
        self.record(grant.organization(), Action::GroupMembersSet, *group.id.as_bytes(), details).await
    }

    async fn write_group_roles(&mut self, group: &Group) -> Result<(), StoreError> {
        for (role, scopes) in group.assignments.iter() {
            sqlx::query("INSERT INTO user_group_roles (group_id, role, scopes) VALUES ($1, $2, $3)")
                .bind(&group.id.as_bytes()[..])
                .bind(role.as_str())
                .bind(roles::scopes(scopes))
                .execute(self.connection()?)
                .await?;
        }
        Ok(())
    }

    /// The groups of a user.
    pub(crate) async fn groups_of(
        connection: &mut AnyConnection,
        user: &[u8],
    ) -> Result<Vec<GroupId>, StoreError> {
        let rows = sqlx::query("SELECT group_id FROM user_group_members WHERE user_id = $1")
            .bind(user)
            .fetch_all(connection)
            .await?;
        rows.iter()
            .map(|row| id("user_group_members", row.try_get::<&[u8], _>(0)?, GroupId::from_slice))
            .collect()
    }

    /// The roles that a user was assigned themselves.
    pub(crate) async fn assignments_of(
        connection: &mut AnyConnection,
        user: &[u8],
    ) -> Result<Assignments, StoreError> {
        let rows = sqlx::query("SELECT role, scopes FROM user_roles WHERE user_id = $1")
            .bind(user)
            .fetch(connection);
        let rows = readable("user_roles", rows).await?;
        let read = |row: &AnyRow| roles::assignment("user_roles", row.try_get(0).ok(), row.try_get(1).ok());
        Ok(rows.iter().filter_map(read).collect())
    }
}
