//! Rows as they are in any database: read in the order of their keys, written, and digested.

use futures_util::TryStreamExt as _;
use keystead_domain::hex;
use serde_json::{Map, Value as Json};
use sha2::{Digest as _, Sha256};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Row as _};

use super::CopyError;
use super::tables::{Kind, Table};

/// A value, which may be NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Bytes(Option<Vec<u8>>),
    Text(Option<String>),
    Number(Option<i64>),
}

/// The values of a row, in the order of the table's columns.
pub(super) type Values = Vec<Value>;

/// The rows behind one with this key, or the first ones.
pub(super) async fn page(
    connection: &mut AnyConnection,
    table: &Table,
    after: Option<&[Value]>,
) -> Result<Vec<Values>, CopyError> {
    let query = match after {
        None => sqlx::query(table.first),
        Some(key) => key.iter().cloned().fold(sqlx::query(table.after), bind),
    };
    let unreadable = |cause| CopyError::Unreadable { table: table.name, cause };
    query
        .fetch(connection)
        .map_err(unreadable)
        .and_then(async |row| values(&row, table, table.columns.len()).map_err(unreadable))
        .try_collect()
        .await
}

/// The key of the last row.
pub(super) async fn last_key(
    connection: &mut AnyConnection,
    table: &Table,
) -> Result<Option<Values>, CopyError> {
    let row = sqlx::query(table.last).fetch_optional(connection).await?;
    Ok(row.map(|row| values(&row, table, table.key)).transpose()?)
}

fn values(row: &AnyRow, table: &Table, count: usize) -> Result<Values, sqlx::Error> {
    let columns = table.columns[..count].iter().enumerate();
    let value = |(number, column): (usize, &super::tables::Column)| {
        Ok(match column.kind {
            Kind::Bytes => Value::Bytes(row.try_get(number)?),
            Kind::Text => Value::Text(row.try_get(number)?),
            Kind::Number => Value::Number(row.try_get(number)?),
        })
    };
    columns.map(value).collect()
}

fn bind(query: Query<'_, Any, AnyArguments>, value: Value) -> Query<'_, Any, AnyArguments> {
    match value {
        Value::Bytes(bytes) => query.bind(bytes),
        Value::Text(text) => query.bind(text),
        Value::Number(number) => query.bind(number),
    }
}

/// Rows as the text that [`Table::insert`] takes.
pub(super) fn to_json(table: &Table, rows: &[Values]) -> String {
    let object = |row: &Values| {
        let column = |(column, value): (&super::tables::Column, &Value)| {
            let value = match value {
                Value::Bytes(bytes) => bytes.as_deref().map(hex::encode).into(),
                Value::Text(text) => text.as_deref().into(),
                Value::Number(number) => (*number).into(),
            };
            (column.name.to_owned(), value)
        };
        Json::Object(table.columns.iter().zip(row).map(column).collect::<Map<_, _>>())
    };
    Json::Array(rows.iter().map(object).collect()).to_string()
}

/// A digest of rows in their order: no two sequences of rows are the same bytes.
pub(super) fn add(digest: &mut Sha256, row: &[Value]) {
    for value in row {
        let (kind, bytes) = match value {
            Value::Bytes(Some(bytes)) => (b'b', bytes.as_slice()),
            Value::Text(Some(text)) => (b't', text.as_bytes()),
            Value::Number(Some(number)) => (b'n', &number.to_be_bytes()[..]),
            Value::Bytes(None) | Value::Text(None) | Value::Number(None) => (b'0', &[][..]),
        };
        digest.update([kind]);
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    }
}

/// A key for people.
pub(super) fn told(key: &[Value]) -> String {
    let value = |value: &Value| match value {
        Value::Bytes(bytes) => hex::encode(bytes.as_deref().unwrap_or_default()),
        Value::Text(text) => text.clone().unwrap_or_default(),
        Value::Number(number) => number.unwrap_or_default().to_string(),
    };
    key.iter().map(value).collect::<Vec<_>>().join(" ")
}
