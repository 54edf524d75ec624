//! From rows to the domain's types. A row that cannot be read is an error of its own, never a panic: the store's data is
//! treated as input.

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use keystead_domain::{
    ApiKey, Assignments, Description, Email, GroupId, KeyId, KeyName, OrganizationId, PersonName, UserId,
    UserRecord,
};
use keystead_token::{MaskedToken, TokenHash};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::StoreError;

/// Expiry of a key that never expires, in comparisons.
pub(crate) const NEVER: i64 = i64::MAX;

pub(crate) fn corrupt(table: &'static str, what: &'static str) -> StoreError {
    StoreError::Corrupt { table, what }
}

/// The rows that can be read. The driver refuses a row with a text that is none as a whole: it is left out, and logged.
pub(crate) async fn readable(
    table: &'static str,
    mut rows: impl Stream<Item = Result<AnyRow, sqlx::Error>> + Unpin,
) -> Result<Vec<AnyRow>, StoreError> {
    let mut readable = Vec::new();
    while let Some(row) = next_readable(table, &mut rows).await? {
        readable.push(row);
    }
    Ok(readable)
}

/// The next of them.
pub(crate) async fn next_readable(
    table: &'static str,
    rows: &mut (impl Stream<Item = Result<AnyRow, sqlx::Error>> + Unpin),
) -> Result<Option<AnyRow>, StoreError> {
    while let Some(row) = rows.next().await {
        match row.map_err(StoreError::from) {
            Ok(row) => return Ok(Some(row)),
            Err(error) if error.is_unreadable() => {
                tracing::error!(?error, table, "a row cannot be read; it is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

pub(crate) fn instant(table: &'static str, millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| corrupt(table, "an instant out of range"))
}

pub(crate) fn optional_instant(
    table: &'static str,
    millis: Option<i64>,
) -> Result<Option<Timestamp>, StoreError> {
    millis.map(|millis| instant(table, millis)).transpose()
}

pub(crate) fn id<Id>(
    table: &'static str,
    bytes: &[u8],
    read: fn(&[u8]) -> Option<Id>,
) -> Result<Id, StoreError> {
    read(bytes).ok_or_else(|| corrupt(table, "an id that is not 16 bytes"))
}

pub(crate) fn hash(table: &'static str, bytes: &[u8]) -> Result<TokenHash, StoreError> {
    <[u8; 32]>::try_from(bytes)
        .map(TokenHash::from)
        .map_err(|_| corrupt(table, "a hash that is not 32 bytes"))
}

pub(crate) fn flag(table: &'static str, number: i64) -> Result<bool, StoreError> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(corrupt(table, "a flag that is neither 0 nor 1")),
    }
}

/// How often a key's sessions were ended.
pub(crate) fn epoch(table: &'static str, number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| corrupt(table, "a number of ended sessions out of range"))
}

/// Columns: id, name, description, `masked_token`, `allow_impersonation`, `creator_id`, creator's name, `created_at`,
/// `expires_at`, `last_used_at`.
pub(crate) fn api_key(row: &AnyRow) -> Result<ApiKey, StoreError> {
    const TABLE: &str = "api_keys";
    Ok(ApiKey {
        id: id(TABLE, row.try_get::<&[u8], _>(0)?, KeyId::from_slice)?,
        name: KeyName::from_stored(row.try_get(1)?),
        description: Description::from_stored(row.try_get(2)?),
        masked: MaskedToken::from_stored(row.try_get(3)?),
        allow_impersonation: flag(TABLE, row.try_get(4)?)?,
        creator: id(TABLE, row.try_get::<&[u8], _>(5)?, UserId::from_slice)?,
        creator_name: row.try_get(6)?,
        created_at: instant(TABLE, row.try_get(7)?)?,
        expires_at: optional_instant(TABLE, row.try_get(8)?)?,
        last_used_at: optional_instant(TABLE, row.try_get(9)?)?,
    })
}

/// From the columns of a user.
#[expect(clippy::too_many_arguments, reason = "they are the columns")]
pub(crate) fn user(
    user_id: &[u8],
    organization: &[u8],
    email: String,
    name: String,
    active: i64,
    created_at: i64,
    assignments: Assignments,
    groups: Vec<GroupId>,
) -> Result<UserRecord, StoreError> {
    const TABLE: &str = "users";
    Ok(UserRecord {
        id: id(TABLE, user_id, UserId::from_slice)?,
        organization: id(TABLE, organization, OrganizationId::from_slice)?,
        email: Email::from_stored(email),
        name: PersonName::from_stored(name),
        active: flag(TABLE, active)?,
        created_at: instant(TABLE, created_at)?,
        assignments,
        groups,
    })
}
