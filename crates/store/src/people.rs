//! Lists of users.

use std::collections::BTreeMap;

use jiff::Timestamp;
use keystead_domain::audit::Action;
use keystead_domain::{
    Actor, OrganizationId, PeopleScope, SearchText, UserAttributes, UserFilter, UserId, UserStatus,
};
use serde_json::json;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::rows::{corrupt, id, optional_instant, readable};
use crate::{Store, StoreError, Transaction};

const TABLE: &str = "users";

/// What lists and pages show of a user beside what verification knows.
#[derive(Debug, Clone)]
pub struct UserDetails {
    /// Who.
    pub id: UserId,
    /// When they last used the console, at most a minute late.
    pub last_seen_at: Option<Timestamp>,
    /// Whether they have a password.
    pub has_password: bool,
    /// Facts that a product keeps about them.
    pub attributes: UserAttributes,
}

macro_rules! users {
    ($rest:expr) => {
        concat!(
            "SELECT u.id, u.last_seen_at, CASE WHEN u.password_hash IS NULL THEN 0 ELSE 1 END, u.attributes FROM users u \
             WHERE u.organization_id = $1 AND u.deleted_at IS NULL AND ",
            $rest
        )
    };
}
/// `$2` is the status or empty. The pattern is looked at last, and only if there is one.
macro_rules! filtered {
    ($rest:literal) => {
        concat!(
            "($2 = '' OR (CASE WHEN u.active = 0 THEN 'deactivated' WHEN u.password_hash IS NULL AND u.last_seen_at IS NULL \
             THEN 'pending' ELSE 'active' END) = $2) AND ($3 = '%' OR u.search_text LIKE $3 ESCAPE '\\')",
            $rest
        )
    };
}
const LIST: &str = users!(filtered!(" AND u.id < $4 ORDER BY u.id DESC LIMIT $5"));
const COUNT: &str = concat!(
    "SELECT COUNT(*) FROM (SELECT 1 AS one FROM users u WHERE u.organization_id = $1 AND u.deleted_at IS NULL AND ",
    filtered!(" LIMIT $4"),
    ") AS counted"
);
const ONE: &str = users!("u.id = $2");

fn status(filter: &UserFilter) -> &'static str {
    filter.status.map_or("", UserStatus::code)
}

fn pattern(filter: &UserFilter) -> String {
    filter.search.as_ref().map_or_else(|| "%".to_owned(), SearchText::like_pattern)
}

impl Store {
    /// Up to `limit` users, the newest first, after one.
    pub async fn users(
        &self,
        scope: &PeopleScope,
        filter: &UserFilter,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<UserDetails>, StoreError> {
        let rows = sqlx::query(LIST)
            .bind(&scope.organization().as_bytes()[..])
            .bind(status(filter))
            .bind(pattern(filter))
            .bind(after.map_or_else(|| vec![0xff; 16], |id| id.as_bytes().to_vec()))
            .bind(limit)
            .fetch(&self.readers);
        Ok(readable(TABLE, rows)
            .await?
            .iter()
            .filter_map(|row| {
                details(row)
                    .inspect_err(|error| {
                        tracing::error!(?error, "a user cannot be read; they are not listed");
                    })
                    .ok()
            })
            .collect())
    }

    /// How many users a filter lets through, counted up to a bound: more than that costs, and helps nobody.
    pub async fn count_users(
        &self,
        scope: &PeopleScope,
        filter: &UserFilter,
        at_most: i64,
    ) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query(COUNT)
            .bind(&scope.organization().as_bytes()[..])
            .bind(status(filter))
            .bind(pattern(filter))
            .bind(at_most)
            .fetch_one(&self.readers)
            .await?
            .try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// Whoever asks.
    pub async fn own_details(&self, actor: &Actor) -> Result<Option<UserDetails>, StoreError> {
        self.details_of(actor.user().organization, actor.user().id).await
    }

    /// One user.
    pub async fn user_details(
        &self,
        scope: &PeopleScope,
        user: UserId,
    ) -> Result<Option<UserDetails>, StoreError> {
        self.details_of(scope.organization(), user).await
    }

    async fn details_of(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Option<UserDetails>, StoreError> {
        let row = sqlx::query(ONE)
            .bind(&organization.as_bytes()[..])
            .bind(&user.as_bytes()[..])
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(details).transpose()
    }
}

impl Transaction {
    /// Appends to the log that somebody took a copy of the list of users along.
    pub async fn record_users_export(
        &mut self,
        scope: &PeopleScope,
        filter: &UserFilter,
    ) -> Result<(), StoreError> {
        let organization = scope.organization();
        let details = json!({
            "search": filter.search.as_ref().map(SearchText::as_str),
            "status": filter.status.map(UserStatus::code),
        });
        self.record(organization, Action::UsersExported, *organization.as_bytes(), details).await
    }
}

fn details(row: &AnyRow) -> Result<UserDetails, StoreError> {
    Ok(UserDetails {
        id: id(TABLE, row.try_get::<&[u8], _>(0)?, UserId::from_slice)?,
        last_seen_at: optional_instant(TABLE, row.try_get(1)?)?,
        has_password: row.try_get::<i64, _>(2)? != 0,
        attributes: attributes(row.try_get(3)?)?,
    })
}

/// A user's attributes, from the column.
pub(crate) fn attributes(json: &str) -> Result<UserAttributes, StoreError> {
    let attributes: BTreeMap<String, String> =
        serde_json::from_str(json).map_err(|_| corrupt(TABLE, "attributes that are no texts"))?;
    Ok(UserAttributes::from_stored(attributes))
}
